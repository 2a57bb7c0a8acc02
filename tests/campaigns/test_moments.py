"""What members earn without buying: enrolment, birthdays, anniversaries."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from campaigns.models import CapTotal, Moment
from campaigns.services import days, moments
from loyalty.lib import clock
from loyalty.outbox import handling, registry, relay
from members import services as members
from members.identities import Key
from members.models import Member
from tenants.models import Brand
from tests.orders.shapes import BASE, order
from tests.orders.test_activities import fixed
from tests.support.brands import ANNA, BORIS, CHEN
from tests.support.client import Api

pytestmark = pytest.mark.django_db


def held(api: Api, member_id: Any) -> int:
    return int(api.get(f"/members/{member_id}/account").json()["available"])


def test_registration_earns_once_and_at_once(api: Api, publish: Callable[..., None], in_acme: Brand) -> None:
    publish(fixed("welcome", 500, "member.enrolled"))
    first = api.post("/members", {"external_id": "C-new", "source": "store"})
    assert first.status_code == 201, first.content
    member_id = first.json()["member_id"]
    assert held(api, member_id) == 500
    assert api.post("/members", {"external_id": "C-new"}).status_code == 200
    entries = api.get(f"/members/{member_id}/entries").json()["items"]
    assert [(e["points"], e["rule"], e["kind"]) for e in entries] == [(500, "welcome", "accrual")]
    moment = Moment.objects.get()
    assert (moment.trigger, moment.status, moment.due_at) == ("member.enrolled", "given", None)


def test_an_order_that_enrols_gives_both(api: Api, publish: Callable[..., None]) -> None:
    publish(BASE, fixed("welcome", 500, "member.enrolled"))
    answer = api.post("/orders", order(member={"external_id": "C-new"}))
    assert answer.json()["account"]["available"] == 539
    assert answer.json()["points"]["accrued"] == 39


def test_who_was_enrolled_elsewhere_is_welcomed_by_the_event(
    api: Api, publish: Callable[..., None], in_acme: Brand, now: datetime
) -> None:
    publish(fixed("welcome", 500, "member.enrolled"))
    member, _created = members.enrol(keys=[Key("external_id", "C-new")], now=now)
    old, _created = members.enrol(keys=[Key("external_id", "C-old")], now=now - timedelta(days=31))
    assert held(api, member.pk) == 0
    relay.run()
    wanted = [h for h in registry.handlers() if h.name == "campaigns.welcome"]
    assert handling.run(only=wanted) == 2
    assert (held(api, member.pk), held(api, old.pk)) == (500, 0)
    assert handling.run(only=wanted) == 0


def test_nothing_is_written_where_no_rule_waits(api: Api, in_acme: Brand, now: datetime) -> None:
    api.post("/members", {"external_id": "C-new", "birthday": "1990-11-22"})
    assert days.note_days(now=now) == 0
    assert Moment.objects.count() == 0


@pytest.mark.parametrize(
    ("at", "earns"),
    [
        # 22 November begins in Shanghai at 16:00 UTC of the 21st.
        ("2026-11-21T15:59:00+00:00", []),
        ("2026-11-21T16:00:00+00:00", [ANNA]),
        # Nobody looked on the day: it is made up for, and then no more.
        ("2026-11-25T10:00:00+00:00", [ANNA]),
        ("2026-11-26T10:00:00+00:00", []),
    ],
)
def test_a_birthday_in_the_brand_s_zone(
    api: Api, publish: Callable[..., None], in_acme: Brand, at: str, earns: list[Any]
) -> None:
    publish(fixed("birthday", 88, "member.birthday"))
    Member.objects.filter(pk=ANNA).update(birthday="1990-11-22")
    Member.objects.filter(pk=BORIS).update(birthday="1990-11-28")
    now = datetime.fromisoformat(at)
    assert days.note_days(now=now) == len(earns)
    assert days.note_days(now=now) == 0
    moments.settle_due(now=now)
    moments.settle_due(now=now)
    with clock.frozen(now):
        assert [m for m in (ANNA, BORIS) if held(api, m) == 88] == earns
        for entry in [e for m in earns for e in api.get(f"/members/{m}/entries").json()["items"]]:
            assert (entry["points"], entry["effective_at"]) == (88, "2026-11-21T16:00:00Z")


def test_it_comes_again_next_year_and_29_february_on_the_28th(
    api: Api, publish: Callable[..., None], in_acme: Brand
) -> None:
    publish(fixed("birthday", 88, "member.birthday"))
    Member.objects.filter(pk=ANNA).update(birthday="1992-02-29")
    given = []
    for day in ("2027-02-28", "2027-03-01", "2028-02-28", "2028-02-29"):
        now = datetime.fromisoformat(f"{day}T04:00:00+00:00")
        days.note_days(now=now)
        moments.settle_due(now=now)
        with clock.frozen(now):
            given.append(held(api, ANNA))
    assert given == [88, 88, 88, 176]


def test_who_may_not_earn_uses_up_no_total(
    api: Api, publish: Callable[..., None], in_acme: Brand, now: datetime
) -> None:
    publish(fixed("birthday", 88, "member.birthday", caps={"total": 100}))
    Member.objects.filter(pk__in=[ANNA, BORIS]).update(birthday="1990-11-22")
    api.post(f"/members/{ANNA}/freeze", {"earn": True, "burn": False, "reason": "checked"})
    days.note_days(now=now)
    assert moments.settle_due(now=now) == 2
    assert [held(api, each) for each in (ANNA, BORIS)] == [0, 88]
    assert CapTotal.objects.get(rule="birthday").used == 88


def test_an_anniversary(api: Api, publish: Callable[..., None], in_acme: Brand) -> None:
    publish(fixed("anniversary", 100, "member.anniversary"))
    joined = {
        ANNA: datetime(2024, 11, 21, 16, 0, tzinfo=UTC),  # the 22nd in Shanghai
        BORIS: datetime(2025, 11, 22, 15, 59, tzinfo=UTC),
        CHEN: datetime(2026, 11, 22, 0, 0, tzinfo=UTC),  # today: no anniversary
    }
    for member_id, at in joined.items():
        Member.objects.filter(pk=member_id).update(enrolled_at=at)
    now = datetime(2026, 11, 22, 2, 0, tzinfo=UTC)
    assert days.note_days(now=now) == 2
    assert moments.settle_due(now=now) == 2
    assert [held(api, member_id) for member_id in joined] == [100, 100, 0]


def test_frozen_earning_and_a_closed_account_get_nothing(
    api: Api, publish: Callable[..., None], in_acme: Brand, now: datetime
) -> None:
    publish(fixed("birthday", 88, "member.birthday", caps={"times": {"lifetime": 1}}))
    Member.objects.filter(pk__in=[ANNA, BORIS]).update(birthday="1990-11-22")
    api.post(f"/members/{ANNA}/freeze", {"earn": True, "burn": False, "reason": "checked"})
    days.note_days(now=now)
    Member.objects.filter(pk=BORIS).update(status="closed")
    assert moments.settle_due(now=now) == 2
    assert [held(api, m) for m in (ANNA, BORIS)] == [0, 0]
    told = dict(Moment.objects.values_list("member_id", "refused_for"))
    assert told == {ANNA: "", BORIS: "member_closed"}
    # The cap was not used up by what was never given.
    api.post(f"/members/{ANNA}/unfreeze")
    later = now.replace(year=2027)
    days.note_days(now=later)
    moments.settle_due(now=later)
    with clock.frozen(later):
        assert held(api, ANNA) == 88
