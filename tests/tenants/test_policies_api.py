"""`/policies` and `/compliance`: with a key as in the console, and what no key decides."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest

from loyalty.lib.errors import Invalid
from tenants import hosts, policyrules
from tenants.context import in_brand
from tenants.models import Brand
from tenants.operators import compliancechanges, policychanges
from tenants.operators.models import PolicyChange
from tenants.policywords import WORDS
from tests.audiences.conftest import colleague
from tests.orders.shapes import set_policy
from tests.support.client import Api
from tests.tenants.test_compliance_changes import ANNA, BORIS, SHARE, asked, shared, staff

pytestmark = pytest.mark.django_db
__all__ = ["colleague"]


def in_force(brand: Brand, key: str) -> Any:
    """What the shared table says, which everybody reads."""
    hosts.forget()
    return Brand.objects.get(pk=brand.pk).setting(key)


def values(api: Api) -> dict[str, Any]:
    return {each["policy"]: each["value"] for each in api.get("/policies").json()["items"]}


def test_a_key_reads_and_changes_what_the_brand_runs_by(api: Api, acme: Brand) -> None:
    told = api.get("/policies").json()
    assert {each["policy"] for each in told["items"]} == set(policyrules.CHECKS) == set(WORDS)
    (claims,) = (each for each in told["items"] if each["policy"] == "claim_days")
    assert (claims["value"], claims["default"], told["waiting"]) == (30, 30, None)
    assert claims["name"] == "Days that a receipt may lie back"
    changed = api.patch(
        "/policies", {"policies": {"claim_days": 60, "rule_approval": "all"}, "note": "audit"}
    )
    assert changed.status_code == 200, changed.content
    change = changed.json()["change"]
    assert (change["status"], change["needs_approval"], change["note"]) == ("published", False, "audit")
    assert change["before"] == {"claim_days": 30, "rule_approval": "none"}
    assert (in_force(acme, "claim_days"), in_force(acme, "rule_approval")) == (60, "all")
    again = api.patch("/policies", {"policies": {"claim_days": 60}})
    assert (again.status_code, again.json()) == (200, {"change": None})
    assert [each["number"] for each in api.get("/policies/changes").json()["items"]] == [1]


def test_what_loosens_a_control_waits_for_another_key_or_an_operator(
    api: Api, colleague: Api, acme: Brand, now: datetime
) -> None:
    set_policy(acme, adjustment_approval_above=100)
    body = {"policies": {"adjustment_approval_above": 5000, "claim_days": 10}}
    asked_for = api.patch("/policies", body)
    assert (asked_for.status_code, asked_for.json()["change"]["status"]) == (202, "pending_approval")
    assert (in_force(acme, "adjustment_approval_above"), in_force(acme, "claim_days")) == (100, 30)
    assert api.get("/policies").json()["waiting"]["policies"] == body["policies"]
    other = api.patch("/policies", {"policies": {"verify_hour": 5}})
    assert (other.status_code, other.json()["code"]) == (409, "submission_open")
    for step, more in (("approve", {}), ("reject", {"reason": "no"})):
        answer = api.post(f"/policies/{step}", more)
        assert (answer.status_code, answer.json()["code"]) == (403, "same_operator")
    assert colleague.post("/policies/approve", {"number": 7}).json()["code"] == "submission_changed"
    done = colleague.post("/policies/approve", {"number": 1})
    assert (done.status_code, done.json()["status"]) == (200, "published")
    assert (in_force(acme, "adjustment_approval_above"), in_force(acme, "claim_days")) == (5000, 10)
    # Taken back by who asked, turned down by an operator in the console.
    api.patch("/policies", {"policies": {"adjustment_approval_above": None}})
    assert api.post("/policies/withdraw").json()["status"] == "withdrawn"
    api.patch("/policies", {"policies": {"adjustment_approval_above": None}})
    with in_brand(acme):
        policychanges.reject(actor=ANNA, now=now, reason="no")
    assert api.post("/policies/withdraw").json()["code"] == "nothing_submitted"
    assert values(api)["adjustment_approval_above"] == 5000


def test_the_phrases_of_law_are_taken_away_by_two_people_with_a_reason(
    api: Api, acme: Brand, now: datetime
) -> None:
    phrases = in_force(acme, "forbidden_phrases")
    answer = api.patch("/policies", {"policies": {"forbidden_phrases": []}, "note": "n"})
    assert (answer.status_code, answer.json()["code"]) == (403, "people_only")
    with in_brand(acme):
        changes = {"forbidden_phrases": phrases[1:]}
        with pytest.raises(Invalid) as refused:
            policychanges.change(changes=changes, actor=ANNA, now=now, note=" ")
        assert [fault.pointer for fault in refused.value.errors] == ["/note"]
        assert not PolicyChange.objects.exists()
        policychanges.change(changes=changes, actor=ANNA, now=now, note="counsel agrees")
    answer = api.post("/policies/approve")
    assert (answer.status_code, answer.json()["code"]) == (403, "people_only")
    assert in_force(acme, "forbidden_phrases") == phrases
    with in_brand(acme):
        policychanges.approve(actor=BORIS, now=now)
        policychanges.carry_over(acme)
    assert in_force(acme, "forbidden_phrases") == phrases[1:]
    # A key may add one.
    assert api.patch("/policies", {"policies": {"forbidden_phrases": phrases}}).status_code == 200


def test_a_value_that_cannot_be_is_refused_at_its_place(
    api: Api, acme: Brand, row_counts: Callable[[], Any]
) -> None:
    before = row_counts()
    for policies, pointer in (
        ({"claim_days": -1}, "/policies/claim_days"),
        ({"claim_days": 1.5}, "/policies/claim_days"),
        ({"compliance": "none"}, "/policies/compliance"),
        ({"webhook_hosts": []}, "/policies/webhook_hosts"),
        ([], "/policies"),
    ):
        answer = api.patch("/policies", {"policies": policies})
        assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, pointer)
    assert row_counts() == before


def test_policies_are_changed_with_every_scope_and_the_same_call_once(
    api: Api, reader: Api, acme: Brand
) -> None:
    assert reader.patch("/policies", {"policies": {"claim_days": 1}}).json()["code"] == "scope_missing"
    for _try in range(2):
        api.patch("/policies", {"policies": {"claim_days": 5}}, key="policies-of-today-1")
        set_policy(acme, claim_days=5)
    with in_brand(acme):
        assert PolicyChange.objects.count() == 1


def test_a_key_reads_the_matrix_and_locks_but_unlocks_nothing(api: Api, acme: Brand, now: datetime) -> None:
    def cell() -> Any:
        rows = {row["tag"]: row for row in api.get("/compliance").json()["rows"]}
        assert {each["state"] for each in rows["infant_0_6"]["cells"]} == {"never"}
        assert [each["state"] for each in rows["alcohol"]["cells"] if each["act"] == "push"] == ["blocked"]
        (found,) = (each for each in rows["wechat_share"]["cells"] if each["act"] == "bonus")
        return found["state"], found["asked_for"], found["unlocked_by"]

    with in_brand(acme):
        staff("marketing")
        asked(now)
    assert cell() == ("blocked", True, [])
    # No route asks for a cell or agrees to one.
    for path in ("/compliance", "/compliance/approve", "/compliance/cells/wechat_share/bonus/unlock"):
        assert api.post(path, {**SHARE, "number": 1}).status_code in (404, 405)
    with in_brand(acme):
        compliancechanges.approve(number=1, actor=BORIS, now=now)
        compliancechanges.carry_over(acme)
    assert cell() == ("unlocked", False, [ANNA, BORIS])
    locked = api.post("/compliance/cells/wechat_share/bonus/lock", {"reason": "the rules changed"})
    assert (locked.status_code, locked.json()["unlocks"]) == (200, False)
    assert (cell(), shared(acme)) == (("blocked", False, []), [])
    again = api.post("/compliance/cells/wechat_share/bonus/lock")
    assert (again.status_code, again.json()["code"]) == (409, "nothing_submitted")
    history = api.get("/compliance/changes").json()["items"]
    assert [(each["unlocks"], each["counsel"]) for each in history] == [
        (False, ""),
        (True, "Lawyer Li, 3 May"),
    ]
