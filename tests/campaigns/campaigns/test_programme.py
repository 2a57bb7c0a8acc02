"""The programme's budget: at its limit bonus rules and new campaigns stop; earning and spending go on."""

from collections.abc import Callable
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from campaigns.models import ProgrammeBudget
from campaigns.services import programme
from loyalty.analytics.tasks import reckon_programme
from loyalty.lib import clock
from loyalty.outbox.models import OutboxEvent
from tenants.context import in_brand
from tenants.models import Brand
from tests.campaigns.shapes import created, earned, started
from tests.orders.shapes import multiplier, priced
from tests.orders.test_activities import fixed
from tests.support.brands import ANNA
from tests.support.client import Api
from tests.tiers.shapes import GOLD, program

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("base_rule")]
AT = "2026-11-22T10:00:00+08:00"


def burn(api: Api, points: int, reference: str) -> None:
    answer = api.post(
        "/burns",
        {"member": {"member_id": str(ANNA)}, "points": points, "reference": reference, "reason": "till"},
    )
    assert answer.status_code == 201, answer.content


def events() -> list[str]:
    found = OutboxEvent.objects.filter(type__startswith="programme.").order_by("created_at", "id")
    return list(found.values_list("type", flat=True))


def plan(api: Api, amount: str | None, **more: Any) -> dict[str, Any]:
    answer = api.put("/programme-budget", {"period": "month", "amount": amount, **more})
    assert answer.status_code == 200, answer.content
    return answer.json()


def test_the_fifteen_per_cent_rule(api: Api, publish: Callable[..., None], in_acme: Brand) -> None:
    publish(
        multiplier("extra", "3"),
        fixed("gift", 7, "order.paid"),
        fixed("share", 5, "activity.share"),
    )
    started(api, starts_at="2026-11-22T00:00:00+08:00", ends_at="2026-11-24T00:00:00+08:00")
    # 15 % of 100.00 are 15.00: at 0.01 a point 1,500 points.
    assert plan(api, "100.00")["plan"] == {
        "period": "month",
        "amount": "100.00",
        "percent": 15,
        "limit": "15.00",
    }
    assert earned(api, "o1", AT, "1000") == 1000 + 2000 + 1000 + 7
    burn(api, 800, "till-1")
    assert api.get("/programme-budget").json() == {
        "plan": {"period": "month", "amount": "100.00", "percent": 15, "limit": "15.00"},
        "status": "within",
        "starts_at": "2026-10-31T16:00:00Z",
        "ends_at": "2026-11-30T16:00:00Z",
        "spent": "8.00",
        # 21 days and 10 hours of 30 days have passed.
        "forecast": "11.206226",
        "currency": "CNY",
    }
    burn(api, 400, "till-2")
    assert api.get("/programme-budget").json()["status"] == "alarm"
    assert events() == ["programme.budget_alarm"]
    burn(api, 299, "till-3")
    reckon_programme()
    assert earned(api, "o2", AT, "100") == 100 + 200 + 100 + 7
    burn(api, 1, "till-4")
    reckon_programme()
    reckon_programme()
    assert events() == ["programme.budget_alarm", "programme.budget_reached"]
    # Base earning goes on, by order and by activity; so does spending.
    assert earned(api, "o3", AT, "100") == 100
    answer = api.post(
        "/activities",
        {"activity_id": "a1", "member": {"member_id": str(ANNA)}, "type": "share", "occurred_at": AT},
    )
    assert answer.json()["points"]["accrued"] == 5
    burn(api, 100, "till-5")
    answer = api.post("/orders/preview", priced("p", "100", ordered_at=AT))
    lost = {e["rule"]: (e["reason"], e["path"]) for e in answer.json()["explanation"] if e["points"] == 0}
    assert lost == dict.fromkeys(("extra", "gift", "double-x"), ("cap", "/programme/budget"))
    # No new campaign begins, and nothing of it is written.
    created(api, code="late", starts_at="2026-11-23T00:00:00+08:00", ends_at="2026-11-24T00:00:00+08:00")
    answer = api.post("/campaigns/late/start")
    assert (answer.status_code, answer.json()["code"]) == (409, "programme_budget_used_up")
    assert api.get("/campaigns/late").json()["status"] == "draft"
    # A higher limit frees them at once.
    assert plan(api, "1000.00")["status"] == "within"
    assert events()[-1] == "programme.budget_freed"
    assert earned(api, "o4", AT, "100") == 100 + 200 + 100 + 7


def test_a_new_period_frees_and_no_limit_does_too(
    api: Api, publish: Callable[..., None], in_acme: Brand
) -> None:
    publish(multiplier("extra", "3"))
    plan(api, "10.00", percent=10)
    earned(api, "o1", AT, "1000")
    burn(api, 100, "till-1")
    reckon_programme()
    assert earned(api, "o2", AT, "100") == 100
    with clock.frozen(datetime.fromisoformat("2026-12-01T00:00:00+08:00")):
        reckon_programme()
    assert events() == ["programme.budget_reached", "programme.budget_freed"]
    assert earned(api, "o3", "2026-12-01T09:00:00+08:00", "100") == 300
    assert [b.status for b in ProgrammeBudget.objects.order_by("starts_at")] == ["reached", "within"]
    with clock.frozen(datetime.fromisoformat("2026-12-01T10:00:00+08:00")):
        burn(api, 100, "till-2")
        reckon_programme()
        assert plan(api, None)["status"] is None
    assert events()[-1] == "programme.budget_freed"
    assert earned(api, "o4", "2026-12-01T11:00:00+08:00", "100") == 300


def test_what_was_given_back_does_not_count(api: Api, in_acme: Brand) -> None:
    plan(api, "100.00")
    earned(api, "o1", AT, "1000")
    burn(api, 1000, "till-1")
    assert api.get("/programme-budget").json()["spent"] == "10.00"
    entry = next(e for e in api.get(f"/members/{ANNA}/entries").json()["items"] if e["points"] == -1000)
    answer = api.post(
        f"/entries/{entry['entry_id']}/reverse", {"reason": "mistake", "reference": "undo-till-1"}
    )
    assert answer.status_code in (200, 201), answer.content
    assert api.get("/programme-budget").json()["spent"] == "0.00"


def test_a_tier_s_multiplier_was_promised(api: Api, acme: Brand) -> None:
    assert api.put("/tiers", program(levels=[{**GOLD, "threshold": 0}])).status_code == 200
    plan(api, "10.00", percent=10)
    assert earned(api, "o1", AT, "1000") == 1200
    burn(api, 100, "till-1")
    with in_brand(acme):
        reckon_programme()
    assert earned(api, "o2", AT, "100") == 120


@pytest.mark.parametrize(
    ("body", "pointer", "code"),
    [
        ({"amount": "0"}, "/amount", "above"),
        ({"amount": "0.01", "percent": 1}, "/amount", "too_small"),
        ({"percent": 0}, "/percent", "min_value"),
        ({"percent": 101}, "/percent", "max_value"),
        ({"period": "week"}, "/period", "invalid_choice"),
    ],
)
def test_a_plan_that_makes_no_sense_writes_nothing(
    api: Api, row_counts: Callable[[], dict[str, int]], body: dict[str, Any], pointer: str, code: str
) -> None:
    before = row_counts()
    answer = api.put("/programme-budget", {"period": "month", "amount": "100.00"} | body)
    assert answer.status_code == 422
    assert [(e["pointer"], e["code"]) for e in answer.json()["errors"]] == [(pointer, code)]
    assert row_counts() == before


@pytest.mark.parametrize(
    ("period", "now", "start", "end"),
    [
        ("month", "2026-11-30T23:59:59+08:00", "2026-11-01T00:00:00+08:00", "2026-12-01T00:00:00+08:00"),
        ("month", "2026-12-01T00:00:00+08:00", "2026-12-01T00:00:00+08:00", "2027-01-01T00:00:00+08:00"),
        ("quarter", "2026-11-22T10:00:00+08:00", "2026-10-01T00:00:00+08:00", "2027-01-01T00:00:00+08:00"),
        ("year", "2026-11-22T10:00:00+08:00", "2026-01-01T00:00:00+08:00", "2027-01-01T00:00:00+08:00"),
    ],
)
def test_periods_are_the_brand_s(in_acme: Brand, period: str, now: str, start: str, end: str) -> None:
    made = programme.set_plan(
        period=period, amount=Decimal(100), actor="test", now=datetime.fromisoformat(now)
    )
    found = programme.period_at(made, datetime.fromisoformat(now))
    assert (found.start, found.end) == (datetime.fromisoformat(start), datetime.fromisoformat(end))
    half = found.start + (found.end - found.start) / 2
    assert programme.forecast(Decimal(7), found, half) == 14
    assert programme.forecast(Decimal(7), found, found.start + timedelta(hours=23)) == 7
