"""`POST /me/claims`: a guest order becomes a member's as if it had come with them, once."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from campaigns.models import CapCounter, Claim, Moment
from campaigns.services import claims
from loyalty.lib import clock
from loyalty.outbox.models import OutboxEvent
from members.models import Purchase
from points.models import Entry
from tenants.context import in_brand
from tenants.models import Brand
from tests.claims.shapes import NUMBER, guest, receipt, seen
from tests.orders.shapes import line, multiplier, order, priced, set_policy
from tests.points.support import assert_sound, numbers
from tests.support.brands import ANNA, BORIS
from tests.support.client import Api
from tests.support.sessions import signed_in

pytestmark = pytest.mark.django_db
ACCEPTED = ("accepted", "order", 39, [])
OPEN = ("open", None, None, ["withdraw"])


def test_a_receipt_becomes_the_members_once(
    api: Api, anna: Api, boris: Api, base_rule: None, acme: Brand
) -> None:
    api.post("/orders", guest())
    first = anna.post("/me/claims", receipt())
    assert (first.status_code, seen(first.json())) == (201, ACCEPTED)
    again = anna.post("/me/claims", receipt(amount="1.00"))
    assert (again.status_code, again.json()) == (200, first.json())
    assert anna.get(f"/me/claims/{first.json()['claim_id']}").json() == first.json()
    assert anna.get("/me/claims").json() == {"items": [first.json()], "next_cursor": None}
    # Another member's claim of it looks like one of an order that nobody knows.
    late, unknown = boris.post("/me/claims", receipt()), boris.post("/me/claims", receipt("S01-none"))
    assert seen(late.json()) == seen(unknown.json()) == OPEN
    assert late.json().keys() == unknown.json().keys()
    with in_brand(acme):
        entry = Entry.objects.get()
        assert (entry.points, entry.rule, entry.source, entry.reference) == (39, "base", "order", NUMBER)
        assert entry.effective_at == Purchase.objects.get().ordered_at
        assert (numbers(ANNA), numbers(BORIS)) == ((39, 0, 0, 0), (0, 0, 0, 0))
        told = OutboxEvent.objects.get(type="order.claimed").payload
        assert (told["member_id"], told["points"]["accrued"]) == (str(ANNA), 39)
        kinds = list(Claim.objects.order_by("pk").values_list("finding", flat=True))
        assert sorted(kinds) == ["fits", "taken", "unknown"]
        assert_sound()


@pytest.mark.parametrize(
    ("said", "fits"),
    [
        ({"ordered_on": ..., "store_id": "S01"}, True),
        ({"store_id": "S01"}, True),
        ({"amount": 39.8, "store_id": "S01"}, True),
        ({"amount": "39.81"}, False),
        ({"ordered_on": "2026-11-21"}, False),
        ({"store_id": "S02"}, False),
        ({"ordered_on": ..., "store_id": "s01"}, False),
    ],
)
def test_all_that_the_receipt_says_must_be_so(
    api: Api, anna: Api, base_rule: None, acme: Brand, said: dict[str, Any], fits: bool
) -> None:
    api.post("/orders", guest())
    claim = anna.post("/me/claims", receipt(**said)).json()
    assert seen(claim) == (ACCEPTED if fits else OPEN)
    with in_brand(acme):
        assert Entry.objects.count() == int(fits)
        assert (Purchase.objects.get().member_id is not None) is fits


def test_what_is_no_receipt_is_refused(
    api: Api, anna: Api, boris: Api, acme: Brand, row_counts: Callable[[], Any]
) -> None:
    before = row_counts()
    for body, pointer in (
        (receipt(ordered_on=...), "/ordered_on"),
        (receipt(amount=...), "/amount"),
        (receipt(amount="-1"), "/amount"),
        (receipt(amount="1.001"), "/amount"),
        (receipt(ordered_on="2026-11-23"), "/ordered_on"),
        (receipt(ordered_on="2026-10-22"), "/ordered_on"),
        (receipt(""), "/order_id"),
        (receipt(colour="red"), "/colour"),
    ):
        answer = anna.post("/me/claims", body)
        assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, pointer), body
    assert row_counts() == before
    claim = anna.post("/me/claims", receipt()).json()["claim_id"]
    for method, path in (("GET", ""), ("POST", "/withdraw")):
        answer = boris.call(method, f"/me/claims/{claim}{path}", {})
        assert (answer.status_code, answer.json()["code"]) == (404, "claim_not_found")
    assert anna.get(f"/me/claims/{claim}").json()["status"] == "open"


def test_an_old_order_or_one_that_came_back_waits_for_an_operator(
    api: Api, anna: Api, base_rule: None, acme: Brand
) -> None:
    api.post("/orders", guest("old", ordered_at="2026-10-22T09:15:00+08:00"))
    api.post("/orders", guest("back"))
    api.post("/orders/back/cancel")
    api.post("/orders", guest("frozen"))
    for number in ("old", "back"):
        answer = anna.post("/me/claims", receipt(number, ordered_on=..., store_id="S01"))
        assert seen(answer.json()) == OPEN
    api.post(f"/members/{ANNA}/freeze", {"earn": True, "burn": False, "reason": "checked"})
    assert seen(anna.post("/me/claims", receipt("frozen")).json()) == OPEN
    with in_brand(acme):
        found = dict(Claim.objects.values_list("order_id", "finding"))
        assert found == {"old": "too_old", "back": "returned", "frozen": "frozen"}
        assert Entry.objects.count() == 0


def test_a_member_guesses_seldom_and_all_together_not_often(
    api: Api, anna: Api, base_rule: None, acme: Brand
) -> None:
    api.post("/orders", guest())
    for guess in range(5):
        claim = anna.post("/me/claims", receipt(amount=f"{guess}.00")).json()
        assert seen(claim) == OPEN
        withdrawn = anna.post(f"/me/claims/{claim['claim_id']}/withdraw")
        assert (withdrawn.status_code, withdrawn.json()["status"]) == (200, "withdrawn")
        assert anna.post(f"/me/claims/{claim['claim_id']}/withdraw").json() == withdrawn.json()
    answer = anna.post("/me/claims", receipt())
    assert (answer.status_code, answer.json()["code"], answer.json()["limit"]) == (
        409,
        "claim_limit_reached",
        5,
    )
    set_policy(acme, claims_per_month=6)
    assert seen(anna.post("/me/claims", receipt()).json()) == OPEN
    with in_brand(acme):
        assert Claim.objects.latest("filed_at", "pk").finding == "guessed"
        assert Entry.objects.count() == 0


def test_it_is_judged_as_at_the_purchase_without_what_came_back(
    api: Api, anna: Api, publish: Callable[..., None], base_rule: None, acme: Brand, now: datetime
) -> None:
    publish(
        multiplier("first", "2", when={"all": [{"fact": "member.first_order", "op": "eq", "value": True}]}),
        multiplier("day", "3", caps={"per_member": {"day": 30}}),
    )
    lines = [line("50", line_id="a"), line("20", "2", line_id="b")]
    api.post("/orders", guest(lines=lines, ordered_at="2026-11-20T09:15:00+08:00"))
    api.post(f"/orders/{NUMBER}/returns", {"return_id": "R-1", "lines": [{"line_id": "b", "quantity": "2"}]})
    api.post("/orders", priced("later", "10", ordered_at="2026-11-21T09:15:00+08:00"))
    claim = anna.post("/me/claims", receipt(amount="90", ordered_on="2026-11-20")).json()
    # 50 of the base, and what the cap of its own day leaves. The first order was the one known first.
    assert seen(claim) == ("accepted", "order", 80, [])
    with in_brand(acme):
        given = dict(Entry.objects.filter(reference=NUMBER).values_list("rule", "points"))
        assert given == {"base": 50, "day": 30}
        assert sorted(CapCounter.objects.filter(rule="day").values_list("used", flat=True)) == [20, 30]
    # A return after the claim goes on from there.
    back = {"return_id": "R-2", "lines": [{"line_id": "a", "quantity": "1"}]}
    answer = api.post(f"/orders/{NUMBER}/returns", back).json()
    assert answer["points"] == {"taken_back": 80, "debt": 0}
    with in_brand(acme):
        assert_sound()


def test_tiers_count_it_and_completion_gives_what_it_gives(
    api: Api, anna: Api, publish: Callable[..., None], acme: Brand
) -> None:
    publish(
        {
            "code": "done",
            "name": {"en": "Done"},
            "trigger": "order.completed",
            "effect": {"type": "per_amount", "points": "1", "per": "1"},
        },
        {
            "code": "base",
            "name": {"en": "Base"},
            "trigger": "order.paid",
            "effect": {"type": "per_amount", "points": "2", "per": "1"},
            "points": {"pending": {"until": "order.completed"}},
        },
    )
    levels = [{"code": "silver", "threshold": 0}, {"code": "gold", "threshold": 100}]
    period = {"type": "rolling_months", "months": 12}
    tiers = {"qualify_by": "spend", "period": period, "downgrade": "never", "levels": levels}
    assert api.put("/tiers", tiers).status_code == 200
    api.post("/orders", guest("early", lines=[line("60")]))
    api.post("/orders", guest("done", lines=[line("50")]))
    api.post("/orders/done/complete")
    assert seen(anna.post("/me/claims", receipt("early", amount="60")).json())[2] == 120
    account = api.get(f"/members/{ANNA}/account").json()
    assert (account["pending"], account["tier"]["code"]) == (120, "silver")
    assert seen(anna.post("/me/claims", receipt("done", amount="50")).json())[2] == 150
    account = api.get(f"/members/{ANNA}/account").json()
    assert (account["available"], account["pending"], account["tier"]["code"]) == (150, 120, "gold")
    api.post("/orders/early/complete")
    account = api.get(f"/members/{ANNA}/account").json()
    assert (account["available"], account["pending"]) == (330, 0)
    with in_brand(acme):
        assert_sound()


def test_the_till_goes_on_calling_it_a_guests(api: Api, anna: Api, base_rule: None, acme: Brand) -> None:
    api.post("/orders", guest())
    anna.post("/me/claims", receipt())
    again = api.post("/orders", guest())
    assert (again.status_code, again.json()["member_id"], again.json()["points"]["accrued"]) == (
        200,
        str(ANNA),
        39,
    )
    assert api.post("/orders", order(member={"external_id": "C-boris"})).json()["code"] == "order_conflict"
    more = api.put(f"/orders/{NUMBER}", {**guest(lines=[line("100")]), "revision": 2})
    assert (more.status_code, more.json()["points"]["accrued"]) == (200, 100)
    with in_brand(acme):
        assert numbers(ANNA) == (100, 0, 0, 0)
        assert_sound()


def test_a_claim_waits_for_its_order(
    api: Api, anna: Api, boris: Api, base_rule: None, acme: Brand, now: datetime
) -> None:
    set_policy(acme, claim_wait_days=7)
    claim = anna.post("/me/claims", receipt()).json()
    doubled = boris.post("/me/claims", receipt()).json()
    wrong = anna.post("/me/claims", receipt("other", amount="5")).json()
    own = anna.post("/me/claims", receipt("own")).json()
    with in_brand(acme):
        assert claims.settle_due(now=now) == 0
    api.post("/orders", guest())
    api.post("/orders", guest("other"))
    api.post("/orders", order("own"))
    with in_brand(acme), clock.frozen(now + timedelta(days=1)):
        # Each is looked at once; those that did not fit are the operators'.
        assert claims.settle_due(now=clock.now()) == 4
        assert claims.settle_due(now=clock.now()) == 0
    assert seen(anna.get(f"/me/claims/{claim['claim_id']}").json()) == ACCEPTED
    assert seen(anna.get(f"/me/claims/{own['claim_id']}").json()) == ACCEPTED
    assert seen(boris.get(f"/me/claims/{doubled['claim_id']}").json()) == OPEN
    assert seen(anna.get(f"/me/claims/{wrong['claim_id']}").json()) == OPEN
    with in_brand(acme):
        assert (numbers(ANNA), numbers(BORIS)) == ((78, 0, 0, 0), (0, 0, 0, 0))


def test_a_claim_waits_no_longer_than_the_brand_says(
    api: Api, anna: Api, base_rule: None, acme: Brand, now: datetime
) -> None:
    anna.post("/me/claims", receipt())
    with in_brand(acme):
        claims.settle_due(now=now + timedelta(days=7))
        assert Claim.objects.get().waits_until is None
    api.post("/orders", guest())
    with in_brand(acme):
        assert claims.settle_due(now=now + timedelta(days=7)) == 0
        assert Claim.objects.get().status == "open"


def test_one_order_is_the_first_in_whichever_order_receipts_are_claimed(
    api: Api, anna: Api, publish: Callable[..., Any], acme: Brand
) -> None:
    first = {"all": [{"fact": "member.first_order", "op": "eq", "value": True}]}
    publish(
        {
            "code": "welcome",
            "name": {"en": "Welcome"},
            "trigger": "order.paid",
            "effect": {"type": "fixed", "points": 500},
            "when": first,
        }
    )
    for day in (20, 21, 22):
        api.post("/orders", guest(f"o-{day}", ordered_at=f"2026-11-{day}T09:15:00+08:00"))
    given = [
        anna.post("/me/claims", receipt(f"o-{day}", ordered_on=f"2026-11-{day}")).json()["points"]
        for day in (22, 21, 20)
    ]
    assert given == [500, 0, 0]
    with in_brand(acme):
        assert numbers(ANNA) == (500, 0, 0, 0)


def test_a_receipt_from_before_joining_is_no_order_of_somebody_who_was_brought(
    api: Api, base_rule: None, publish: Callable[..., Any], acme: Brand
) -> None:
    publish(
        {
            "code": "friend",
            "name": {"en": "Friend"},
            "trigger": "referral.first_order",
            "effect": {"type": "fixed", "points": 300},
            "to": "both",
        }
    )
    code = signed_in("acme", ANNA).get("/me/referral").json()["code"]
    friend = api.post("/members", {"external_id": "friend", "referrer_code": code}).json()["member_id"]
    api.post("/orders", guest())
    claimed = signed_in("acme", UUID(friend)).post("/me/claims", receipt())
    assert seen(claimed.json()) == ACCEPTED
    with in_brand(acme):
        assert not Moment.objects.filter(trigger="referral.first_order").exists()
        assert [entry.account.member_id for entry in Entry.objects.all()] == [UUID(friend)]
