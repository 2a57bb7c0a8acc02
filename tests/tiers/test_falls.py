"""A tier that will fall is told of in time, once for each stage, with what is missing to keep it."""

from datetime import datetime
from typing import Any

import pytest

from loyalty.lib import clock
from loyalty.outbox.models import OutboxEvent
from points.models import TierNotice
from points.services import tiernotices
from tenants.models import Brand
from tests.orders.shapes import priced
from tests.support.brands import ANNA
from tests.support.client import Api
from tests.tiers.shapes import SILVER, level, program

pytestmark = pytest.mark.django_db
CALENDAR = {"period": {"type": "calendar_year"}}


def at(text: str) -> datetime:
    return datetime.fromisoformat(text)


def told() -> list[dict[str, Any]]:
    return [e.payload for e in OutboxEvent.objects.filter(type="tier.downgrade_upcoming").order_by("id")]


def bought(api: Api, order_id: str, price: str, day: str) -> None:
    with clock.frozen(at(day)):
        answer = api.post("/orders", priced(order_id, price, ordered_at=day))
        assert answer.status_code == 201, answer.content


def test_told_at_each_stage_with_what_is_missing(api: Api, base_rule: None, in_acme: Brand) -> None:
    api.put("/tiers", program(levels=[SILVER, level("gold", 1000)]))
    bought(api, "1", "1000.00", "2026-11-22T10:00:00+08:00")
    # Held until the end of 22 November 2027; most of what justified it is out of the window by then.
    bought(api, "2", "620.00", "2027-06-01T10:00:00+08:00")
    assert tiernotices.announce_falls(now=at("2027-10-23T23:59:00+08:00")) == 0
    first = at("2027-10-24T00:00:00+08:00")
    assert tiernotices.announce_falls(now=first) == 1
    assert tiernotices.announce_falls(now=first) == 0
    expected = {
        "member_id": str(ANNA),
        "from": "gold",
        "to": "silver",
        "at": "2027-11-22T16:00:00Z",
        "qualify_by": "points",
        "missing": 380,
    }
    assert told() == [expected]
    bought(api, "3", "80.00", "2027-11-01T10:00:00+08:00")
    assert tiernotices.announce_falls(now=at("2027-11-16T10:00:00+08:00")) == 1
    assert told() == [expected, expected | {"missing": 300}]
    with clock.frozen(at("2027-11-16T10:00:00+08:00")):
        account = api.get(f"/members/{ANNA}/account").json()
    assert account["tier"]["keep"] == {"by": "2027-11-22T16:00:00Z", "points_missing": 300}


def test_who_keeps_the_tier_is_not_told(api: Api, base_rule: None, in_acme: Brand) -> None:
    api.put("/tiers", program())
    bought(api, "1", "1000.00", "2026-11-22T10:00:00+08:00")
    bought(api, "2", "1000.00", "2027-06-01T10:00:00+08:00")
    assert tiernotices.announce_falls(now=at("2027-11-01T10:00:00+08:00")) == 1
    assert told() == []
    assert TierNotice.objects.get().told is False


def test_the_nearest_stage_alone(api: Api, base_rule: None, in_acme: Brand) -> None:
    api.put("/tiers", program())
    bought(api, "1", "1000.00", "2026-11-22T10:00:00+08:00")
    now = at("2027-11-20T10:00:00+08:00")
    assert tiernotices.announce_falls(now=now) == 1
    assert tiernotices.announce_falls(now=now) == 0
    assert [each["to"] for each in told()] == ["silver"]


def test_grace_puts_the_fall_off(api: Api, base_rule: None, in_acme: Brand) -> None:
    api.put("/tiers", program(grace_days=20))
    bought(api, "1", "1000.00", "2026-11-22T10:00:00+08:00")
    # The period ends within 7 days, the fall comes 20 days later.
    tiernotices.announce_falls(now=at("2027-11-20T10:00:00+08:00"))
    assert told() == []
    tiernotices.announce_falls(now=at("2027-11-20T10:00:00+08:00"), stages=[7, 30])
    assert [each["at"] for each in told()] == []


def test_a_calendar_year_says_by_when(api: Api, base_rule: None, in_acme: Brand, now: datetime) -> None:
    api.put("/tiers", program(**CALENDAR))
    bought(api, "1", "620.00", "2026-11-22T09:00:00+08:00")
    tier = api.get(f"/members/{ANNA}/account").json()["tier"]
    assert tier["next"]["points_missing"] == 380
    assert tier["next"]["by"] == "2026-12-31T16:00:00Z"


def test_never_lost_is_never_announced(api: Api, base_rule: None, in_acme: Brand) -> None:
    api.put("/tiers", program(downgrade="never"))
    bought(api, "1", "1000.00", "2026-11-22T10:00:00+08:00")
    assert tiernotices.announce_falls(now=at("2027-11-20T10:00:00+08:00")) == 0
    assert told() == []


def test_a_tier_that_the_programme_has_lost_holds_nobody_elses_notice_up(
    api: Api, base_rule: None, in_acme: Brand
) -> None:
    api.put("/tiers", program())
    bought(api, "1", "1000.00", "2026-11-22T10:00:00+08:00")
    levels = [SILVER, level("bronze", 500), level("diamond", 5000)]
    api.put("/tiers", program(levels=levels))
    now = at("2027-11-20T10:00:00+08:00")
    tiernotices.announce_falls(now=now)
    assert (told(), TierNotice.objects.count()) == ([], 0)
