"""The dashboard's numbers: brand-local days, the period before, a bounded number of queries."""

import re
from datetime import date, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from loyalty.analytics import selectors
from loyalty.analytics.selectors import Span
from loyalty.console import dashboard
from loyalty.lib import ids
from mall import services as mall
from members.models import Purchase
from points import services as points
from points.postings import Posting
from tenants import hosts
from tenants.models import Brand
from tests.console.pages import signed_in
from tests.support.brands import ANNA, BORIS

pytestmark = pytest.mark.django_db

SHANGHAI = ZoneInfo("Asia/Shanghai")
TODAY = date(2026, 11, 22)


def at(day: date, hour: int, minute: int = 0) -> datetime:
    """An instant by the clock in Shanghai."""
    return datetime(day.year, day.month, day.day, hour, minute, tzinfo=SHANGHAI)


def earn(member_id, count: int, when: datetime, reference: str) -> None:
    points.post(
        member_id=member_id,
        journal_id=ids.new(),
        entries=[
            Posting(
                kind="accrual",
                points=count,
                direction=1,
                system_account="issuance",
                source="order",
                reference=reference,
            )
        ],
        now=when,
    )


def buy(reference: str, when: datetime, amount: str = "10.00", status: str = "recorded") -> None:
    Purchase.objects.create(
        order_id=reference,
        member_id=ANNA,
        ordered_at=when,
        recorded_at=when,
        currency="CNY",
        amount=Decimal(amount),
        content_hash="x",
        status=status,
    )


@pytest.fixture
def history(in_acme: Brand) -> Brand:
    """A few days of Anna and Boris, among them two instants around a midnight in Shanghai."""
    earn(ANNA, 100, at(TODAY - timedelta(days=1), 23, 59), "o-1")
    earn(ANNA, 40, at(TODAY, 0, 1), "o-2")
    earn(BORIS, 60, at(TODAY, 9), "o-3")
    points.burn(member_id=ANNA, points=30, source="burn", reference="b-1", now=at(TODAY, 9, 30))
    earn(ANNA, 7, at(TODAY - timedelta(days=40), 12), "o-0")
    buy("o-1", at(TODAY - timedelta(days=1), 23, 59), "12.50")
    buy("o-2", at(TODAY, 0, 1), "7.50")
    buy("o-4", at(TODAY, 1), "99.00", "cancelled")
    buy("o-0", at(TODAY - timedelta(days=40), 12), "5.00")
    return in_acme


@pytest.fixture
def span(in_acme: Brand, now: datetime) -> Span:
    return Span.of(days=30, now=now)


def test_a_span_is_made_of_the_brands_days(span: Span) -> None:
    assert (span.first, span.last) == (date(2026, 10, 24), TODAY)
    assert (span.start, span.end) == (at(date(2026, 10, 24), 0), at(date(2026, 11, 23), 0))
    assert (span.before.first, span.before.last) == (date(2026, 9, 24), date(2026, 10, 23))
    assert len(span.dates) == 30


def test_points_stand_on_the_day_that_it_was_in_the_brand(history: Brand, span: Span) -> None:
    flows = selectors.flows(span)
    yesterday = TODAY - timedelta(days=1)
    assert flows["accrued"] == {yesterday: 100, TODAY: 100}
    assert flows["burned"] == {yesterday: 0, TODAY: 30}
    assert flows["net"] == {yesterday: 100, TODAY: 70}


def test_active_members_are_counted_once_a_day_and_once_a_period(history: Brand, span: Span) -> None:
    assert selectors.active_members(span) == {TODAY - timedelta(days=1): 1, TODAY: 2}
    assert selectors.active_members(span, weekly=True) == {date(2026, 11, 16): 2}
    assert selectors.active_total(span) == 2
    assert selectors.active_total(span.before) == 1


def test_orders_and_sales_leave_out_what_was_cancelled(history: Brand, span: Span) -> None:
    assert selectors.orders(span) == {
        TODAY - timedelta(days=1): (1, Decimal("12.50")),
        TODAY: (1, Decimal("7.50")),
    }


def test_redemptions_leave_out_what_was_cancelled(history: Brand, span: Span, now: datetime) -> None:
    values = {"name": {"en": "Mug"}, "points": 10, "status": "published", "kind": "virtual"}
    reward = mall.create_reward(values=values, actor="test", now=now)
    for number in (1, 2):
        placed = mall.place(
            member_id=ANNA, reward_id=reward.pk, quantity=1, reference=f"r-{number}", actor="test", now=now
        )
    mall.cancel(redemption_id=placed.redemption.pk, actor="test", now=now)
    assert selectors.redemptions(span) == {TODAY: 1}


def test_the_liability_is_what_members_hold_at_the_cost_of_a_point(history: Brand) -> None:
    owed = selectors.liability()
    assert (owed.points, owed.amount, owed.currency) == (177, Decimal("1.77"), "CNY")


def test_what_was_owed_each_day_is_reckoned_back_from_now(history: Brand, span: Span) -> None:
    levels = selectors.outstanding(177, selectors.flows(span)["net"], span)
    assert [levels[TODAY - timedelta(days=n)] for n in (0, 1, 2)] == [177, 107, 7]
    assert levels[span.first] == 7


def test_weeks_begin_on_monday_and_lose_no_day() -> None:
    days = [date(2026, 11, 14) + timedelta(days=n) for n in range(9)]  # Saturday to the Sunday of next week
    series = dict.fromkeys(days, 1)
    assert selectors.by_week(series, days) == {date(2026, 11, 14): 2, date(2026, 11, 16): 7}


def test_the_figures_compare_with_the_period_before(history: Brand, now: datetime) -> None:
    found = dashboard.brand_overview(days=30, weekly=False, now=now)
    figures = {figure.label: (figure.value, figure.change) for figure in found["figures"]}
    assert figures["Points accrued"] == ("200", "+2,757 %")  # 7 before
    assert figures["Active members"] == ("2", "+100 %")
    assert figures["Orders"] == ("2", "+100 %")
    assert figures["Sales"] == ("20 CNY", "+300 %")
    assert figures["Points expired"] == ("0", "")
    assert found["is_new"] is False


def test_a_new_brand_has_no_charts_but_steps(acme: Brand) -> None:
    page = signed_in(acme, "owner").get("").content.decode()
    assert (page.count('class="step'), "<canvas" in page) == (4, False)  # the list and its three steps


@pytest.mark.whole
def test_more_data_is_no_more_queries(
    history: Brand, acme: Brand, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hosts, "TTL_S", 600)  # on a busy machine the host would be looked up again
    owner = signed_in(acme, "owner")
    owner.get("")
    counts = []
    for round_ in (1, 2):
        for number in range(10):
            earn(ANNA, 5, now - timedelta(days=number), f"x-{round_}-{number}")
        for path in (
            "",
            "members/member/",
            f"members/member/{ANNA}/change/",
            "points/entry/",
            "campaigns/rule/",
        ):
            with CaptureQueriesContext(connection) as captured:
                assert owner.get(path).status_code == 200
            counts.append((path, len(captured)))
    assert counts[:5] == counts[5:]
    assert dict(counts)[""] <= 31


def test_a_period_that_does_not_exist_is_the_usual_one(history: Brand, acme: Brand) -> None:
    page = signed_in(acme, "owner").get("?days=3000&by=century").content.decode()
    assert re.search(r'href="\?days=30" aria-current="true"', page)
