"""A tier that will fall is told of in time, once for each stage, with what is missing to keep it."""

from datetime import datetime
from typing import Any

import pytest
from django.db import transaction

from loyalty.lib import clock
from loyalty.outbox.models import OutboxEvent
from points.models import MemberTier, TierNotice
from points.services import tiernotices, tiers
from points.services.accounts import lock_account
from tenants.models import Brand
from tests.orders.shapes import priced
from tests.support.brands import ANNA, BORIS
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
    assert account["tier"]["keep"] == {
        "by": "2027-11-22T16:00:00Z",
        "points_missing": 300,
        "text": "300 more points by 22 Nov 2027 to keep Gold",
    }


def test_who_keeps_the_tier_is_not_told(api: Api, base_rule: None, in_acme: Brand) -> None:
    api.put("/tiers", program())
    bought(api, "1", "1000.00", "2026-11-22T10:00:00+08:00")
    bought(api, "2", "1000.00", "2027-06-01T10:00:00+08:00")
    assert tiernotices.announce_falls(now=at("2027-11-01T10:00:00+08:00")) == 1
    assert told() == []
    assert TierNotice.objects.get().told is False
    with clock.frozen(at("2027-11-01T10:00:00+08:00")):
        keep = api.get(f"/members/{ANNA}/account").json()["tier"]["keep"]
    assert (keep["points_missing"], keep["text"]) == (0, "Gold is kept after 22 Nov 2027")


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
    assert tier["next"] == {
        "code": "gold",
        "name": {"en": "Gold"},
        "points_missing": 380,
        "by": "2026-12-31T16:00:00Z",
        "text": "380 more points to Gold by 31 Dec 2026",
    }


@pytest.mark.parametrize(
    ("language", "program_said", "spent", "following", "keeping"),
    [
        ("en", {}, "999.00", "1 more point to Gold by 31 Dec 2026", None),
        ("zh-cn", {}, "620.00", "至2026年12月31日，再得380积分可升至金卡", None),
        ("en", {"qualify_by": "spend"}, "620.50", "CNY 379.50 more to Gold by 31 Dec 2026", None),
        ("zh-cn", {"qualify_by": "spend"}, "620.50", "至2026年12月31日，再消费379.50元可升至金卡", None),
        ("en", {"qualify_by": "visits"}, "1.00", "999 more visits to Gold by 31 Dec 2026", None),
        ("zh-cn", {"qualify_by": "visits"}, "1.00", "至2026年12月31日，再有999天消费可升至金卡", None),
        ("en", {}, "1000.00", None, "1,000 more points by 31 Dec 2027 to keep Gold"),
        ("zh-cn", {}, "1000.00", None, "至2027年12月31日，再得1,000积分可保留金卡"),
    ],
)
def test_progress_in_words(
    api: Api,
    base_rule: None,
    in_acme: Brand,
    language: str,
    program_said: Any,
    spent: str,
    following: Any,
    keeping: Any,
) -> None:
    gold = level("gold", 1000, name={"en": "Gold", "zh-hans": "金卡"})
    api.put("/tiers", program(**CALENDAR, **program_said, levels=[SILVER, gold]))
    bought(api, "1", spent, "2026-11-22T09:00:00+08:00")
    answer = api.get(f"/members/{ANNA}/account", headers={"Accept-Language": language})
    tier = answer.json()["tier"]
    assert (tier["next"] and tier["next"]["text"], tier["keep"] and tier["keep"]["text"]) == (
        following,
        keeping,
    )


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


def test_who_was_judged_by_an_older_programme_is_looked_at_after_the_review(
    api: Api, base_rule: None, in_acme: Brand
) -> None:
    api.put("/tiers", program())
    bought(api, "1", "1000.00", "2026-11-22T10:00:00+08:00")
    since, until = at("2026-11-23T00:00:00+08:00"), at("2028-06-01T00:00:00+08:00")
    with transaction.atomic():
        lock_account(member_id=ANNA, now=since)
        tiers.grant(member_id=ANNA, code="diamond", since=since, until=until, now=since, reference="vip")
    api.put("/tiers", program(levels=[SILVER, level("diamond", 5000)]))  # without gold, which she earned
    now = at("2028-05-30T10:00:00+08:00")
    assert tiernotices.announce_falls(now=now) == 0
    assert (told(), TierNotice.objects.count()) == ([], 0)
    assert tiers.review_due(now=now) == 1
    assert tiernotices.announce_falls(now=now) == 1
    assert [(e["from"], e["to"], e["missing"]) for e in told()] == [("diamond", "silver", 5000)]


def test_one_whose_row_cannot_be_read_holds_nobody_up(
    api: Api, base_rule: None, in_acme: Brand, caplog: pytest.LogCaptureFixture
) -> None:
    api.put("/tiers", program())
    for number, member in enumerate((ANNA, BORIS)):
        with clock.frozen(at("2026-11-22T10:00:00+08:00")):
            order = priced(
                str(number),
                "1000.00",
                ordered_at="2026-11-22T10:00:00+08:00",
                member={"member_id": str(member)},
            )
            assert api.post("/orders", order).status_code == 201
    MemberTier.objects.filter(member_id=ANNA).update(previous={"what": "is this"})
    assert tiernotices.announce_falls(now=at("2027-11-20T10:00:00+08:00")) == 1
    assert [each["member_id"] for each in told()] == [str(BORIS)]
    assert tiers.review_due(now=at("2027-11-24T10:00:00+08:00")) == 1
    assert tiers.review_due(now=at("2027-11-24T10:00:00+08:00")) == 0
    codes = dict(MemberTier.objects.values_list("member_id", "code"))
    assert codes == {ANNA: "gold", BORIS: "silver"}
    assert "tier_not_reviewed" in caplog.text
