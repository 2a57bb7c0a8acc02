"""Operators decide what does not fit by itself: `/claims` and the console's page."""

from __future__ import annotations

from datetime import datetime

import pytest
from django.db import IntegrityError, transaction

from campaigns.models import Claim, Message
from campaigns.services import claims
from campaigns.services.merging import merge_members
from campaigns.services.messages import inbox, standard
from loyalty.outbox import handling, relay
from members.models import Member, Purchase
from points import services as points
from points.models import AdjustmentRequest, Entry
from tenants.context import in_brand
from tenants.models import Brand
from tests.claims.shapes import NUMBER, guest, receipt, seen
from tests.console.pages import signed_in as operator
from tests.messages import support
from tests.orders.shapes import set_policy
from tests.points.support import assert_sound, numbers
from tests.support.brands import ANNA, BORIS
from tests.support.client import Api

pytestmark = pytest.mark.django_db


def test_an_operator_links_the_order_that_it_was(
    api: Api, anna: Api, boris: Api, base_rule: None, acme: Brand
) -> None:
    api.post("/orders", guest(ordered_at="2026-09-01T09:15:00+08:00"))
    claim = anna.post("/me/claims", receipt("S01-2026-7")).json()["claim_id"]
    told = api.get("/claims?status=open").json()["items"]
    assert [(each["claim_id"], each["finding"], each["order"]) for each in told] == [(claim, "unknown", None)]
    answer = api.post(f"/claims/{claim}/accept")
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
    done = api.post(f"/claims/{claim}/accept", {"order_id": NUMBER, "reason": "a typing error"})
    assert (done.status_code, done.json()["outcome"], done.json()["points"]) == (200, "order", 39)
    assert api.post(f"/claims/{claim}/accept", {"order_id": NUMBER}).json() == done.json()
    own = anna.get(f"/me/claims/{claim}").json()
    assert (*seen(own), own["reason"]) == ("accepted", "order", 39, [], "a typing error")
    # It is given once: neither to somebody else nor to the same member by another claim.
    for member in (boris, anna):
        other = member.post("/me/claims", receipt()).json()["claim_id"]
        answer = api.post(f"/claims/{other}/accept")
        assert (answer.status_code, answer.json()["code"]) == (409, "order_not_claimable")
    answer = api.post(f"/claims/{claim}/reject", {"reason": "no"})
    assert (answer.status_code, answer.json()["code"]) == (409, "claim_decided")
    with in_brand(acme):
        assert (numbers(ANNA), Entry.objects.count()) == ((39, 0, 0, 0), 1)


def test_points_by_hand_above_the_threshold_wait_for_a_second_operator(
    api: Api, anna: Api, acme: Brand, now: datetime
) -> None:
    set_policy(acme, adjustment_approval_above=100)
    claim = anna.post("/me/claims", receipt()).json()["claim_id"]
    path = f"/claims/{claim}/accept"
    assert api.post(path, {"points": 5}).json()["errors"][0]["pointer"] == "/reason"
    assert api.post(path, {"points": 5, "order_id": "x"}).status_code == 422
    asked = api.post(path, {"points": 500, "reason": "offline"})
    assert (asked.status_code, asked.json()["status"], asked.json()["actions"]) == (202, "open", [])
    own = anna.get(f"/me/claims/{claim}").json()
    assert (*seen(own), own["reason"]) == ("open", None, None, [], "")
    for body, where in (({"reason": "no"}, f"/claims/{claim}/reject"), ({}, path)):
        assert api.post(where, body).json()["code"] == "claim_pending"
    assert anna.post(f"/me/claims/{claim}/withdraw").json()["code"] == "claim_pending"
    with in_brand(acme):
        waiting = AdjustmentRequest.objects.get().pk
        points.reject_adjustment(request_id=waiting, actor="operator:b", now=now)
        assert claims.settle_due(now=now) == 1
    # Turned down, the claim is open as before, and may be decided anew.
    assert seen(anna.get(f"/me/claims/{claim}").json()) == ("open", None, None, ["withdraw"])
    assert api.post(path, {"points": 300, "reason": "offline"}).status_code == 202
    with in_brand(acme):
        waiting = AdjustmentRequest.objects.get(status="pending_approval").pk
        points.approve_adjustment(request_id=waiting, actor="operator:b", now=now)
        assert claims.settle_due(now=now) == 1
        assert numbers(ANNA) == (300, 0, 0, 0)
    own = anna.get(f"/me/claims/{claim}").json()
    assert (*seen(own), own["reason"]) == ("accepted", "adjustment", 300, [], "offline")


def test_while_points_by_hand_wait_the_order_is_not_given_too(
    api: Api, anna: Api, base_rule: None, acme: Brand, now: datetime
) -> None:
    set_policy(acme, adjustment_approval_above=100)
    claim = anna.post("/me/claims", receipt()).json()["claim_id"]
    assert api.post(f"/claims/{claim}/accept", {"points": 500, "reason": "offline"}).status_code == 202
    api.post("/orders", guest())
    with in_brand(acme):
        assert (claims.settle_due(now=now), numbers(ANNA)) == (0, (0, 0, 0, 0))
        waiting = AdjustmentRequest.objects.get().pk
        points.approve_adjustment(request_id=waiting, actor="operator:b", now=now)
        assert claims.settle_due(now=now) == 1
        assert numbers(ANNA) == (500, 0, 0, 0)
        assert Purchase.objects.get().member_id is None
    assert seen(anna.get(f"/me/claims/{claim}").json()) == ("accepted", "adjustment", 500, [])
    assert anna.post("/me/claims", receipt()).json()["claim_id"] == claim


def test_an_order_that_the_receipt_does_not_say_gives_no_more_than_one_operator_may(
    api: Api, anna: Api, base_rule: None, acme: Brand
) -> None:
    set_policy(acme, adjustment_approval_above=30)
    api.post("/orders", guest())
    claim = anna.post("/me/claims", receipt("another")).json()["claim_id"]
    answer = api.post(f"/claims/{claim}/accept", {"order_id": NUMBER})
    told = answer.json()
    assert (answer.status_code, told["code"], told["points"], told["limit"]) == (
        409, "approval_needed", 39, 30,
    )  # fmt: skip
    with in_brand(acme):
        assert (numbers(ANNA), Entry.objects.count()) == ((0, 0, 0, 0), 0)
        assert Purchase.objects.get().member_id is None
    set_policy(acme, adjustment_approval_above=39)
    assert api.post(f"/claims/{claim}/accept", {"order_id": NUMBER}).json()["points"] == 39
    answer = api.post(f"/claims/{claim}/accept", {"order_id": "a third"})
    assert (answer.status_code, answer.json()["code"]) == (409, "claim_decided")


def test_what_another_claim_brought_is_for_an_operator_and_not_looked_at_again(
    api: Api, anna: Api, base_rule: None, acme: Brand, now: datetime
) -> None:
    mistyped, right = (anna.post("/me/claims", receipt(n)).json()["claim_id"] for n in ("TYPO", NUMBER))
    api.post("/orders", guest())
    assert api.post(f"/claims/{mistyped}/accept", {"order_id": NUMBER}).status_code == 200
    with in_brand(acme):
        assert [claims.settle_due(now=now) for _time in range(2)] == [1, 0]
        assert numbers(ANNA) == (39, 0, 0, 0)
    assert api.get(f"/claims/{right}").json()["finding"] == "own"


def test_care_decides_in_the_console(api: Api, anna: Api, base_rule: None, acme: Brand) -> None:
    api.post("/orders", guest())
    api.post("/orders", guest("b", store_id="S09"))
    first, second, third = (
        anna.post("/me/claims", receipt(number, amount="39.08")).json()["claim_id"]
        for number in (NUMBER, "b", "c")
    )
    care = operator(acme, "care")
    page = care.get(f"campaigns/claim/{first}/accept/").content.decode()
    assert "39.08 CNY" in page
    assert "39.80 CNY" in page
    assert NUMBER in care.get("campaigns/claim/").content.decode()
    assert care.post(f"campaigns/claim/{first}/accept/", {"order_id": ""}).status_code == 302
    gift = {"points": "12", "reason": "for the trouble"}
    assert care.post(f"campaigns/claim/{second}/give/", gift).status_code == 302
    assert care.post(f"campaigns/claim/{third}/reject/", {"reason": "another shop"}).status_code == 302
    told = {each["order_id"]: each for each in anna.get("/me/claims").json()["items"]}
    assert {n: (c["status"], c["points"], c["reason"]) for n, c in told.items()} == {
        NUMBER: ("accepted", 39, ""),
        "b": ("accepted", 12, "for the trouble"),
        "c": ("rejected", None, "another shop"),
    }
    # What was rejected is not filed again; marketing and shops do not see claims.
    assert anna.post("/me/claims", receipt("c")).json() == told["c"]
    assert operator(acme, "shop").get(f"campaigns/claim/{first}/change/").status_code in (302, 403)
    with in_brand(acme):
        assert numbers(ANNA) == (51, 0, 0, 0)
        assert Claim.objects.get(pk=third).decided_by == "operator:care@acme.example"
        assert_sound()


def test_claims_go_along_when_two_members_are_one(
    api: Api, anna: Api, boris: Api, base_rule: None, acme: Brand, now: datetime
) -> None:
    for member, number in ((anna, "a"), (anna, "both"), (boris, "both"), (boris, "b")):
        member.post("/me/claims", receipt(number))
    with in_brand(acme):
        merge_members(member_id=BORIS, into_id=ANNA, actor="t", now=now)
        found = sorted(Claim.objects.values_list("order_id", "status", "member_id"))
        assert found == [
            ("a", "open", ANNA),
            ("b", "open", ANNA),
            ("both", "open", ANNA),
            ("both", "withdrawn", ANNA),
        ]
    api.post("/orders", guest("b"))
    with in_brand(acme):
        assert claims.settle_due(now=now) == 1
        assert Purchase.objects.get().member_id == ANNA
        assert numbers(ANNA) == (39, 0, 0, 0)


def test_of_two_claims_that_become_one_the_points_that_wait_are_turned_down(
    api: Api, anna: Api, boris: Api, acme: Brand, now: datetime
) -> None:
    set_policy(acme, adjustment_approval_above=100)
    for member in (anna, boris):
        claim = member.post("/me/claims", receipt()).json()["claim_id"]
    assert api.post(f"/claims/{claim}/accept", {"points": 500, "reason": "offline"}).status_code == 202
    with in_brand(acme):
        merge_members(member_id=BORIS, into_id=ANNA, actor="t", now=now)
        assert AdjustmentRequest.objects.get().status == AdjustmentRequest.Status.REJECTED
        assert sorted(Claim.objects.values_list("status", "points")) == [("open", None), ("withdrawn", None)]
        assert (claims.settle_due(now=now), numbers(ANNA)) == (0, (0, 0, 0, 0))


def test_a_key_that_reads_does_not_decide(api: Api, reader: Api, anna: Api, acme: Brand) -> None:
    claim = anna.post("/me/claims", receipt()).json()["claim_id"]
    assert reader.get(f"/claims/{claim}").json()["member_id"] == str(ANNA)
    assert reader.get(f"/claims?member_id={BORIS}").json()["items"] == []
    assert reader.get("/claims?status=new").status_code == 422
    for step, body in (("accept", {}), ("reject", {"reason": "no"})):
        answer = reader.post(f"/claims/{claim}/{step}", body)
        assert (answer.status_code, answer.json()["code"]) == (403, "scope_missing")
    assert api.get(f"/claims/{claim}").json()["status"] == "open"


def test_the_database_itself_gives_an_order_once_and_wants_a_reason(
    api: Api, anna: Api, base_rule: None, acme: Brand, now: datetime
) -> None:
    api.post("/orders", guest())
    anna.post("/me/claims", receipt())
    with in_brand(acme):
        first = Claim.objects.get()
        decided = {"status": "accepted", "outcome": "order", "purchase_id": first.purchase_id, "points": 1}
        for wrong, name in (
            (decided, "claim_order_given_once"),
            ({"status": "accepted", "outcome": "adjustment", "points": 0}, "claim_outcome"),
            ({"status": "rejected", "reason": ""}, "claim_says_why"),
            ({"status": "open"}, "claim_decided"),
            ({"status": "withdrawn", "waits_until": now}, "claim_waits_while_open"),
            ({"status": "withdrawn", "ordered_on": None}, "claim_says_when_or_where"),
        ):
            row = {"member_id": BORIS, "order_id": NUMBER, "amount": 1, "ordered_on": now.date()}
            with pytest.raises(IntegrityError, match=name), transaction.atomic():
                Claim.objects.create(**{**row, "filed_at": now, "decided_at": now, **wrong})
        assert Claim.objects.count() == 1


def test_the_member_is_told_of_the_decision_once(
    api: Api, anna: Api, base_rule: None, acme: Brand, now: datetime
) -> None:
    with in_brand(acme):
        standard.install(now=now)
        support.channel("email", now=now, settings={"from": "hello@acme.example"})
        support.known_by(ANNA, "email", "anna@example.com", now)
    api.post("/orders", guest("S-9"))
    decisions = {
        "S-1": ("accept", {"order_id": "S-9"}),
        "S-2": ("accept", {"points": 1, "reason": "sorry"}),
        "S-3": ("reject", {"reason": "Another shop's receipt"}),
        "S-4": ("withdraw", {}),
    }
    for number, (step, body) in decisions.items():
        claim = anna.post("/me/claims", receipt(number)).json()["claim_id"]
        path, caller = (f"/me/claims/{claim}", anna) if step == "withdraw" else (f"/claims/{claim}", api)
        assert caller.post(f"{path}/{step}", body).status_code == 200
    accepted = "Your claim for order {} was accepted: {}."
    told = [
        ("claim-accepted", "Accepted: 39 points", accepted.format("S-1", "39 points")),
        ("claim-accepted", "Accepted: 1 point", accepted.format("S-2", "1 point")),
        (
            "claim-rejected",
            "Your claim was not accepted",
            "Your claim for order S-3 was not accepted: Another shop's receipt",
        ),
    ]
    with in_brand(acme):
        for language in ("en", "zh-hans"):
            Member.objects.filter(pk=ANNA).update(locale=language)
            member = Member.objects.get(pk=ANNA)
            relay.run()
            handling.run()
            sent = Message.objects.filter(template__event__startswith="claim.").order_by("queued_at", "id")
            found = [(each.template.code, *inbox.written(each, member)) for each in sent]
            assert found == told
            told = [
                ("claim-accepted", "补登通过：39积分", "您对订单S-1的补登申请已通过：39积分。"),
                ("claim-accepted", "补登通过：1积分", "您对订单S-2的补登申请已通过：1积分。"),
                ("claim-rejected", "补登申请未通过", "您对订单S-3的补登申请未通过：Another shop's receipt"),
            ]
