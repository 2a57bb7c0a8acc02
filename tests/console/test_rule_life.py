"""Submitting, approving, rejecting and withdrawing a rule in the console."""

import pytest

from campaigns.models import Rule, RuleStep, RuleSubmission, RuleVersion
from campaigns.services import rules
from tenants import hosts
from tenants.context import in_brand
from tenants.models import Brand
from tests.console.pages import Browser, operator_of, signed_in
from tests.orders.shapes import BASE

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
