"""What rules give besides points: real records with validity, taken back with what earned them."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from campaigns.services import gifts, moments
from loyalty.outbox.models import OutboxEvent
from mall.models import Grant
from members.models import Member
from tenants.models import Brand
from tests.orders.shapes import BASE, line, multiplier, order
from tests.orders.test_activities import activity, fixed
from tests.support.brands import ANNA
from tests.support.client import Api
from tests.support.sessions import signed_in

pytestmark = pytest.mark.django_db


def granting(code: str, kind: str, what: str, trigger: str = "order.paid", **more: Any) -> dict[str, Any]:
    effect = {"type": "grant", "kind": kind, "code": what, **more.pop("effect", {})}
    return {"code": code, "name": {"en": code}, "trigger": trigger, "effect": effect, **more}


CARD = granting(
    "double-card",
    "benefit",
    "double-7",
    effect={"valid_days": 7},
    when={"all": [{"fact": "order.amount", "op": "gte", "value": "100"}]},
)
DOUBLE = multiplier(
    "card-doubles", "2", when={"all": [{"fact": "member.benefits", "op": "has", "value": "double-7"}]}
)


def grants(api: Api) -> list[tuple[str, str, str]]:
    items = api.get(f"/members/{ANNA}/grants").json()["items"]
    return [(each["kind"], each["code"], each["status"]) for each in items]


def buy(api: Api, order_id: str, price: str, day: str) -> int:
    sent = order(order_id, lines=[line(price)], ordered_at=f"2026-11-{day}+08:00")
    answer = api.post("/orders", sent)
    assert answer.status_code == 201, answer.content
    return int(answer.json()["points"]["accrued"])


def test_a_seven_day_double_card(api: Api, publish: Callable[..., None], acme: Brand, in_acme: Brand) -> None:
    publish(BASE, CARD, DOUBLE)
    # The order that earns the card is not doubled by it.
    assert buy(api, "O-1", "100.00", "14T10:00:00") == 100
    assert buy(api, "O-2", "10.00", "15T10:00:00") == 20
    # Late: bought before the card was there.
    assert buy(api, "O-3", "10.00", "13T10:00:00") == 10
    # Seven full days after the day it was given: until the end of the 21st, brand time.
    assert buy(api, "O-4", "10.00", "21T23:59:59") == 20
    assert buy(api, "O-5", "10.00", "22T00:00:00") == 10
    row = Grant.objects.get()
    assert (row.rule, row.rule_version, row.reference, row.source) == ("double-card", 1, "O-1", "order")
    told = api.get(f"/members/{ANNA}/grants").json()["items"][0]
    assert (told["valid_from"], told["valid_until"]) == ("2026-11-14T02:00:00Z", "2026-11-21T16:00:00Z")
    assert told["status"] == "expired"


def test_sent_twice_it_is_given_once_and_the_member_sees_it(
    api: Api, publish: Callable[..., None], acme: Brand
) -> None:
    publish(CARD)
    for _time in range(2):
        api.post("/orders", order("O-1", lines=[line("100.00")]))
    assert grants(api) == [("benefit", "double-7", "active")]
    mine = signed_in("acme", ANNA).get("/me/grants").json()["items"]
    assert [each["code"] for each in mine] == ["double-7"]


def test_a_return_takes_back_what_is_no_longer_deserved(
    api: Api, publish: Callable[..., None], in_acme: Brand
) -> None:
    publish(BASE, CARD)
    api.post("/orders", order("O-1", lines=[line("60.00", "2")]))
    assert grants(api) == [("benefit", "double-7", "active")]
    api.post("/orders/O-1/returns", {"return_id": "R-1", "lines": [{"line_id": "1", "quantity": "1"}]})
    assert grants(api) == [("benefit", "double-7", "revoked")]
    events = (
        OutboxEvent.objects.filter(type__startswith="grant.").order_by("id").values_list("type", flat=True)
    )
    assert list(events) == ["grant.given", "grant.taken_back"]


def test_what_was_used_stays(api: Api, publish: Callable[..., None], in_acme: Brand) -> None:
    publish(granting("milk", "coupon", "MILK5"))
    api.post("/orders", order("O-1"))
    Grant.objects.update(used=1)
    api.post("/orders/O-1/cancel")
    assert grants(api) == [("coupon", "MILK5", "used")]


@pytest.mark.parametrize("caps", [{}, {"caps": {"times": {"lifetime": 1}}}])
def test_a_correction_takes_and_gives_again(
    api: Api, publish: Callable[..., None], in_acme: Brand, caps: dict[str, Any]
) -> None:
    publish(CARD | caps)
    seen = []
    for revision, price in enumerate(("100.00", "110.00", "50.00", "120.00"), 1):
        body = order("O-1", lines=[line(price)])
        answer = (
            api.post("/orders", body)
            if revision == 1
            else api.put("/orders/O-1", body | {"revision": revision})
        )
        assert answer.status_code in (200, 201), answer.content
        seen += grants(api)
    assert [status for _kind, _code, status in seen] == ["active", "active", "revoked", "active"]


def test_a_correction_does_not_give_again_what_a_return_took_back(
    api: Api, publish: Callable[..., None], in_acme: Brand
) -> None:
    publish(BASE, CARD)
    body = order("O-1", lines=[line("60.00", "2")])
    api.post("/orders", body)
    api.post("/orders/O-1/returns", {"return_id": "R-1", "lines": [{"line_id": "1", "quantity": "1"}]})
    corrected = api.put("/orders/O-1", body | {"revision": 2, "store_id": "S09"})
    assert corrected.status_code == 200, corrected.content
    assert grants(api) == [("benefit", "double-7", "revoked")]
    api.put("/orders/O-1", body | {"revision": 3, "lines": [line("60.00", "3")]})
    assert grants(api)[0] == ("benefit", "double-7", "active")


def test_a_tag_comes_and_goes_with_its_order(api: Api, publish: Callable[..., None], in_acme: Brand) -> None:
    publish(granting("big", "tag", "big-spender"))
    Member.objects.filter(pk=ANNA).update(tags=["vip"])
    api.post("/orders", order("O-1"))
    api.post("/orders", order("O-2"))
    assert Member.objects.get(pk=ANNA).tags == ["vip", "big-spender"]
    # The second order did not put it there.
    api.post("/orders/O-2/cancel")
    assert Member.objects.get(pk=ANNA).tags == ["vip", "big-spender"]
    api.post("/orders/O-1/cancel")
    assert Member.objects.get(pk=ANNA).tags == ["vip"]


def tags() -> list[str]:
    return list(Member.objects.get(pk=ANNA).tags)


def test_a_tag_stays_as_long_as_any_grant_gives_it(
    api: Api, publish: Callable[..., None], in_acme: Brand
) -> None:
    publish(granting("one", "tag", "vip"), granting("two", "tag", "vip"))
    Member.objects.filter(pk=ANNA).update(tags=[])
    api.post("/orders", order("O-1"))
    api.post("/orders", order("O-2"))
    api.post("/orders/O-1/cancel")
    assert tags() == ["vip"]
    api.post("/orders/O-2/cancel")
    assert tags() == []


def test_a_tag_ends_at_its_time(
    api: Api, publish: Callable[..., None], in_acme: Brand, now: datetime
) -> None:
    publish(granting("short", "tag", "vip", effect={"valid_days": 7}))
    Member.objects.filter(pk=ANNA).update(tags=["staff"])
    api.post("/orders", order("O-1", ordered_at="2026-11-20T10:00:00+08:00"))
    api.post("/orders", order("O-2", ordered_at="2026-11-21T10:00:00+08:00"))
    # The first ends with the 27th, the second with the 28th, brand time.
    first, second = (datetime(2026, 11, day, 16, tzinfo=UTC) for day in (27, 28))
    assert gifts.end_due(now=first - timedelta(seconds=1)) == 0
    assert gifts.end_due(now=first) == 1
    assert tags() == ["staff", "vip"]
    assert gifts.end_due(now=second) == 1
    assert tags() == ["staff"]
    assert gifts.end_due(now=second) == 0


def test_a_tag_whose_time_was_over_before_is_not_given(
    api: Api, publish: Callable[..., None], in_acme: Brand
) -> None:
    publish(granting("short", "tag", "vip", effect={"valid_days": 7}))
    Member.objects.filter(pk=ANNA).update(tags=[])
    api.post("/orders", order("O-1", ordered_at="2026-11-10T10:00:00+08:00"))
    assert tags() == []
    assert grants(api) == [("tag", "vip", "expired")]


def test_an_activity_and_an_enrolment_grant_too(
    api: Api, publish: Callable[..., None], in_acme: Brand
) -> None:
    publish(
        granting("draw", "draw", "wheel", "activity.check-in", effect={"quantity": 3}),
        granting("welcome", "coupon", "WELCOME", "member.enrolled", effect={"valid_days": 30}),
        fixed("hello", 10, "member.enrolled"),
    )
    api.post("/activities", activity())
    assert grants(api) == [("draw", "wheel", "active")]
    new = api.post("/members", {"external_id": "C-new"}).json()["member_id"]
    items = api.get(f"/members/{new}/grants").json()["items"]
    assert [(each["code"], each["valid_until"]) for each in items] == [("WELCOME", "2026-12-22T16:00:00Z")]


def test_an_unknown_member_has_no_grants(api: Api, foreign: Api, publish: Callable[..., None]) -> None:
    assert api.get("/members/01900000-0000-7000-8000-0000000000ff/grants").status_code == 404
    publish(granting("milk", "coupon", "MILK5"))
    api.post("/orders", order("O-1"))
    assert foreign.get(f"/members/{ANNA}/grants").json()["items"] == []


def test_a_referral_s_grants_go_with_its_first_order(
    api: Api, publish: Callable[..., None], in_acme: Brand, now: Any
) -> None:
    publish(granting("both", "coupon", "FRIEND", "referral.first_order", to="both"))
    code = api.get(f"/members/{ANNA}").json()["referral_code"]
    api.post("/members", {"external_id": "C-friend", "referrer_code": code})
    api.post("/orders", order("O-1", member={"external_id": "C-friend"}))
    moments.settle_due(now=now)
    assert grants(api) == [("coupon", "FRIEND", "active")]
    api.post("/orders/O-1/cancel")
    moments.settle_due(now=now)
    assert Grant.objects.count() == 2
    assert Grant.objects.filter(revoked_at__isnull=True).count() == 0
