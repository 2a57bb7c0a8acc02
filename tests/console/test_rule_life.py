"""Submitting, approving, rejecting and withdrawing a rule in the console."""

import re

import pytest

from campaigns.models import Rule, RuleStep, RuleSubmission, RuleVersion, Segment
from campaigns.services import rules
from tenants import hosts
from tenants.context import in_brand
from tenants.models import Brand
from tests.console.pages import Browser, operator_of, signed_in
from tests.orders.shapes import BASE, set_policy
from tests.support.client import Api
from tests.tiers.shapes import GOLD, program

pytestmark = pytest.mark.django_db


@pytest.fixture
def drafted(acme: Brand, now) -> Rule:
    """A draft, in a brand whose operators need a second one."""
    Brand.objects.filter(pk=acme.pk).update(settings={"rule_approval": "console"})
    hosts.forget()
    with in_brand(acme):
        return rules.create_draft(body=BASE, actor="operator:marketing@acme.example", now=now).rule


def page(browser: Browser, path: str = "") -> str:
    """What the operator sees, with the messages on it."""
    return browser.get(path).content.decode()


def test_marketing_submits_and_the_owner_approves_what_was_submitted(acme: Brand, drafted: Rule) -> None:
    marketing, owner = signed_in(acme, "marketing"), signed_in(acme, "owner")
    path = f"campaigns/rule/{drafted.pk}/"
    buttons = page(marketing, f"{path}change/")
    assert (f"{path}submit/" in buttons, f"{path}publish/" in buttons) == (True, False)
    form = {"at": "2026-11-28T00:00", "note": "weekend"}
    assert marketing.post(f"{path}submit/", form).status_code == 302
    with in_brand(acme):
        waiting = RuleSubmission.objects.get()
    decide = f"campaigns/rulesubmission/{waiting.pk}/"
    assert marketing.post(f"{decide}approve/", {"at": "", "note": ""}).status_code == 403
    shown = page(owner, f"{decide}change/")
    assert "When an order is paid: 1 point per CNY." in shown
    asked = page(owner, f"{decide}approve/")
    facts = (
        "When an order is paid: 1 point per CNY.",
        "28 Nov 2026, 00:00",
        "marketing@acme.example",
        "weekend",
    )
    assert [fact for fact in facts if f"<dd>{fact}</dd>" not in asked] == []
    assert owner.post(f"{decide}approve/", {"at": "", "note": "fine"}).status_code == 302
    assert "It will be published at" in page(owner)
    with in_brand(acme):
        waiting.refresh_from_db()
        assert (waiting.status, waiting.publish_at.isoformat()) == ("scheduled", "2026-11-27T16:00:00+00:00")
        assert (waiting.submitted_by, waiting.approved_by) == (
            "operator:marketing@acme.example",
            "operator:owner@acme.example",
        )


def test_an_owner_needs_another_owner(acme: Brand, drafted: Rule) -> None:
    owner = signed_in(acme, "owner")
    owner.post(f"campaigns/rule/{drafted.pk}/submit/", {"at": "", "note": ""})
    with in_brand(acme):
        waiting = RuleSubmission.objects.get()
    answer = owner.post(f"campaigns/rulesubmission/{waiting.pk}/approve/", {"at": "", "note": ""})
    assert (answer.status_code, "second operator must decide" in answer.content.decode()) == (200, True)
    with in_brand(acme):
        assert RuleVersion.objects.count() == 0


def test_a_rejection_needs_a_reason_and_a_replaced_one_cannot_be_approved(
    acme: Brand, drafted: Rule, now
) -> None:
    marketing, owner = signed_in(acme, "marketing"), signed_in(acme, "owner")
    marketing.post(f"campaigns/rule/{drafted.pk}/submit/", {"at": "", "note": ""})
    with in_brand(acme):
        first = RuleSubmission.objects.get()
        rules.update_draft(code="base", changes={"priority": 3}, now=now)
    assert owner.post(f"campaigns/rulesubmission/{first.pk}/reject/", {"reason": ""}).status_code == 200
    marketing.post(f"campaigns/rule/{drafted.pk}/submit/", {"at": "", "note": ""})
    owner.post(f"campaigns/rulesubmission/{first.pk}/approve/", {"at": "", "note": ""})
    assert "not possible in the present state" in page(owner)
    with in_brand(acme):
        second = RuleSubmission.objects.get(number=2)
    answer = owner.post(f"campaigns/rulesubmission/{second.pk}/reject/", {"reason": "too dear"})
    assert answer.status_code == 302
    with in_brand(acme):
        assert RuleSubmission.objects.get(number=2).reason == "too dear"
        assert RuleStep.objects.filter(kind="rejected").get().actor == "operator:owner@acme.example"
        assert RuleVersion.objects.count() == 0


def test_what_waits_is_counted_for_those_who_decide(acme: Brand, drafted: Rule) -> None:
    marketing = signed_in(acme, "marketing")
    marketing.post(f"campaigns/rule/{drafted.pk}/submit/", {"at": "", "note": ""})
    with in_brand(acme):
        waiting = RuleSubmission.objects.get()
    assert f"campaigns/rulesubmission/{waiting.pk}/withdraw/" in page(
        marketing, f"campaigns/rulesubmission/{waiting.pk}/change/"
    )
    owner = page(signed_in(acme, "owner"))
    assert f"campaigns/rulesubmission/{waiting.pk}/change/" in owner.split('id="rules-to-approve"')[1]
    assert 'id="rules-to-approve"' not in page(marketing)
    care = Browser("acme.localhost")
    care.sign_in(operator_of(acme, "care"))
    assert care.get(f"campaigns/rulesubmission/{waiting.pk}/change/").status_code == 403
    form = {"reason": "wrong month"}
    assert marketing.post(f"campaigns/rulesubmission/{waiting.pk}/withdraw/", form).status_code == 302
    with in_brand(acme):
        assert RuleSubmission.objects.get().status == "withdrawn"


def test_the_end_of_a_rule_is_submitted_and_decided_too(acme: Brand, drafted: Rule, now) -> None:
    with in_brand(acme):
        rules.publish(code="base", actor="key:x", now=now, by_api=True)
    marketing, owner = signed_in(acme, "marketing"), signed_in(acme, "owner")
    path = f"campaigns/rule/{drafted.pk}/"
    buttons = page(marketing, f"{path}change/")
    assert (f"{path}submit-end/" in buttons, f"{path}retire/" in buttons) == (True, False)
    marketing.post(f"{path}retire/", {})
    with in_brand(acme):
        assert Rule.objects.get().status == "published"
    assert marketing.post(f"{path}submit-end/", {"at": "", "note": "too dear"}).status_code == 302
    with in_brand(acme):
        waiting = RuleSubmission.objects.get()
        assert (waiting.retires, Rule.objects.get().status) == (True, "published")
    decide = f"campaigns/rulesubmission/{waiting.pk}/"
    assert "The rule ends for ever." in page(owner, f"{decide}change/")
    assert owner.post(f"{decide}approve/", {"at": "", "note": ""}).status_code == 302
    with in_brand(acme):
        rule = Rule.objects.get()
        assert (rule.status, rule.retired_by) == ("retired", "operator:owner@acme.example")


def test_a_rule_that_names_what_is_gone_says_so(acme: Brand, api: Api) -> None:
    """In the list and on its page; publishing refuses it as saving does, and what is retired is over."""

    def when(fact: str, op: str, value: object) -> dict[str, object]:
        return {"all": [{"any": [{"fact": fact, "op": op, "value": value}]}]}

    assert api.put("/tiers", program()).status_code == 200
    everybody = {"all": [{"fact": "member.enrolled_days", "op": "gte", "value": 0}]}
    segment = {"code": "fresh-buyers", "name": {"en": "Fresh"}, "definition": everybody}
    assert api.post("/segments", segment).status_code == 201
    assert api.put("/activity-types/tasting", {"name": {"en": "Tasting"}}).status_code in (200, 201)
    fixed = {"effect": {"type": "fixed", "points": 5}}
    bodies = {
        "gold-only": {"when": when("member.tier", "in", ["silver", "gold"])},
        "gold-draft": {"when": when("member.tier", "eq", "gold")},
        "buyers": {"audience": {"segment": "fresh-buyers"}},
        "tasting": {"trigger": "activity.tasting", **fixed},
        "stars": {"points": {"currency": "stars"}},
        "fine": {"when": when("member.tier", "eq", "silver")},
        "over": {"when": when("member.tier", "eq", "gold")},
    }
    for code, parts in bodies.items():
        assert api.post("/earning-rules", {**BASE, "code": code, **parts}).status_code == 201
        if code != "gold-draft":
            assert api.post(f"/earning-rules/{code}/publish").status_code == 200
    api.post("/earning-rules/over/retire")
    owner = signed_in(acme, "owner")
    assert 'class="lapsed"' not in page(owner, "campaigns/rule/")
    others = [level for level in program()["levels"] if level != GOLD]
    assert api.put("/tiers", program(levels=others)).status_code == 200
    api.put("/activity-types/tasting", {"name": {"en": "Tasting"}, "enabled": False})
    set_policy(acme, points_currencies=["hearts"])
    with in_brand(acme):
        Segment.objects.update(archived=True)
    rows = page(owner, "campaigns/rule/").split("<tr")
    said = {
        code: re.findall('class="lapsed">([^<]+)<', row)
        for code in bodies
        for row in rows
        if f">{code}</code>" in row
    }
    gold = ["names the tier “gold”, which no longer exists"]
    assert said == {
        "gold-only": gold,
        "gold-draft": gold,
        "buyers": ["names the segment “fresh-buyers”, which no longer exists: nobody is in it"],
        "tasting": ["waits for activities “tasting”, which the brand does not take any more"],
        "stars": ["gives points in “stars”, which the brand no longer has"],
        "fine": [],
        "over": [],
    }
    with in_brand(acme):
        draft = Rule.objects.get(code="gold-draft")
    assert "this rule names the tier “gold”" in page(owner, f"campaigns/rule/{draft.pk}/change/")
    answer = api.post("/earning-rules/gold-draft/publish")
    assert (answer.status_code, answer.json()["errors"][0]["code"]) == (422, "unknown_tier")
    with in_brand(acme):
        draft.refresh_from_db()
        assert (draft.status, draft.current_version) == ("draft", None)
