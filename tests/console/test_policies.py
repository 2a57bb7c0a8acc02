"""The brand's policies in the console: changed by owners, kept with who and why, loosened by two."""

import re
from typing import Any

import pytest
from django.db import DatabaseError, transaction

from campaigns.models import Rule, TierSubmission
from loyalty.console.policypages.form import initial
from tenants import hosts, policies, policyrules
from tenants.context import in_brand
from tenants.models import Brand
from tenants.operators import policychanges
from tenants.operators.models import Operator, PolicyChange
from tenants.provisioning import create_operator
from tenants.tasks import carry_policies
from tests.console.pages import PASSWORD, Browser, signed_in
from tests.console.test_tiers import GOLD, SILVER
from tests.console.test_tiers import form as tier_form
from tests.orders.shapes import BASE
from tests.support.client import Api

pytestmark = pytest.mark.django_db
ANNA = "operator:anna@acme.example"


def fresh(brand: Brand) -> Brand:
    """The brand as the shared table has it."""
    hosts.forget()
    return Brand.objects.get(pk=brand.pk)


def form(brand: Brand, **changes: Any) -> dict[str, Any]:
    """What a browser sends: everything that the form holds, and what was typed."""
    with in_brand(fresh(brand)):
        held = initial(policychanges.in_force())
    sent = {name: value for name, value in held.items() if value is not None and value is not False} | changes
    return {name: "on" if value is True else value for name, value in sent.items() if value is not ...}


def second_owner(brand: Brand) -> Browser:
    """Another owner, signed in."""
    with in_brand(brand):
        create_operator(email="boris@acme.example", role="owner", password=PASSWORD, name="Boris")
    browser = Browser(f"{brand.slug}.localhost")
    browser.client.cookies["django_language"] = "en"
    assert browser.sign_in("boris@acme.example").status_code == 302
    return browser


def changes(brand: Brand) -> list[PolicyChange]:
    with in_brand(brand):
        return list(PolicyChange.objects.order_by("number"))


def test_every_policy_has_a_default_that_its_own_check_accepts() -> None:
    assert set(policyrules.CHECKS) <= set(policies.DEFAULTS)
    assert [policyrules.fault(key, policies.DEFAULTS[key]) for key in policyrules.CHECKS if key != "x"] == [
        None
    ] * len(policyrules.CHECKS)


def test_an_owner_changes_policies_and_the_brand_goes_by_them(acme: Brand, api: Api) -> None:
    owner = signed_in(acme, "owner")
    second_owner(acme)
    assert "Who has to agree" in owner.get("policies/").content.decode()
    sent = form(acme, rule_approval="all", referral_link="https://acme.example/i?c={code}", note="audit")
    assert owner.post("policies/", sent).status_code == 302
    brand = fresh(acme)
    assert brand.setting("rule_approval") == "all"
    assert brand.setting("referral_link") == "https://acme.example/i?c={code}"
    assert brand.setting("tier_notices") == [30, 7]
    (change,) = changes(acme)
    assert (change.submitted_by, change.note, change.status) == (
        "operator:owner@acme.example", "audit", "published",
    )  # fmt: skip
    assert change.before == {"rule_approval": "none", "referral_link": ""}
    assert change.body == {"rule_approval": "all", "referral_link": "https://acme.example/i?c={code}"}
    page = owner.get("policies/").content.decode()
    assert "https://acme.example/i?c={code}" in page.split('id="history"')[1]
    # At once, for the API too.
    api.post("/earning-rules", BASE)
    assert api.post("/earning-rules/base/publish").json()["code"] == "approval_required"
    with in_brand(brand):
        assert Rule.objects.get().current_version is None


@pytest.mark.parametrize("active", [True, False])
def test_four_eyes_are_not_switched_on_where_nobody_else_may_agree(acme: Brand, active: bool) -> None:
    owner = signed_in(acme, "owner")
    signed_in(acme, "marketing")
    if active:
        second_owner(acme)
    else:
        with in_brand(acme):
            create_operator(email="boris@acme.example", role="owner", password=PASSWORD, name="Boris")
            Operator.objects.filter(username="boris@acme.example").update(is_active=False)
    page = owner.post("policies/", form(acme, rule_approval="console"))
    assert page.status_code == (302 if active else 200)
    assert fresh(acme).setting("rule_approval") == ("console" if active else "none")
    assert len(changes(acme)) == active
    if not active:
        told = "Fewer than two active operators may agree to it: add an owner first."
        assert page.context["form"].errors == {"rule_approval": [told]}


def test_each_kind_of_field_becomes_data(acme: Brand) -> None:
    owner = signed_in(acme, "owner")
    sent = form(
        acme, expiry_policy="fixed", expiry_on="2027-12-31", expiry_notices="14, 3",
        adjustment_approval_above="500",
        quiet_from="21:30", quiet_until="09:00", caps_all_day="1", caps_all_week="", caps_sms_month="",
        points_currencies="stars\n\nhearts\n", auto_complete_days="7", transfer_monthly_limit="",
        rounding="carry", enrol_by_order=..., message_link_hosts="shop.acme.example",
        forbidden_phrases="替代母乳\n人乳化\n母乳化\n接近母乳\n媲美母乳\n最好",
    )  # fmt: skip
    assert owner.post("policies/", sent).status_code == 302
    brand = fresh(acme)
    assert {key: brand.setting(key) for key in changes(acme)[0].body} == {
        "expiry": {"policy": "fixed", "on": "2027-12-31"},
        "expiry_notices": [14, 3],
        "adjustment_approval_above": 500,
        "quiet_hours": {"from": "21:30", "until": "09:00"},
        "message_caps": {"all": {"day": 1}, "sms": {"day": 1, "week": 2}},
        "points_currencies": ["stars", "hearts"],
        "auto_complete_days": 7,
        "transfer_monthly_limit": None,
        "rounding": "carry",
        "enrol_by_order": False,
        "message_link_hosts": ["shop.acme.example"],
        "forbidden_phrases": ["替代母乳", "人乳化", "母乳化", "接近母乳", "媲美母乳", "最好"],
    }
    # The same again changes nothing.
    assert owner.post("policies/", form(acme)).status_code == 302
    assert len(changes(acme)) == 1


@pytest.mark.sampled(3)
@pytest.mark.parametrize(
    ("sent", "fault"),
    [
        ({"verify_hour": "24"}, "Must be a whole number from 0 to 23."),
        ({"tier_notices": "30, soon"}, "At most ten whole numbers of days"),
        ({"tier_notices": "7, 7"}, "No number may come twice."),
        ({"referral_link": "http://acme.example/{code}"}, "with {code} in it once"),
        ({"referral_link": "https://acme.example/"}, "with {code} in it once"),
        ({"expiry_policy": "months"}, "A whole number is needed."),
        ({"expiry_policy": "fixed", "expiry_on": "soon"}, "Must be a day such as 2026-11-28."),
        ({"quiet_from": "22:00", "quiet_until": "22:00"}, "The two hours must differ."),
        ({"quiet_from": "22:00", "quiet_until": ""}, "Two hours of the brand&#x27;s clock"),
        ({"points_currencies": "Stars!"}, "Each line is a code"),
        ({"message_link_hosts": "https://shop.example"}, "Each line is a host"),
        ({"rule_approval": "some"}, "Select a valid choice."),
        ({"restore_grace_days": ""}, "This field is required."),
        ({"caps_sms_day": "-1"}, "Whole numbers from 0 to 1,000"),
    ],
)
def test_what_is_wrong_is_said_and_nothing_is_written(acme: Brand, sent: dict[str, str], fault: str) -> None:
    answer = signed_in(acme, "owner").post("policies/", form(acme, **sent))
    assert answer.status_code == 200
    assert fault in answer.content.decode()
    assert changes(acme) == []
    assert fresh(acme).settings == acme.settings


def test_each_cap_that_is_wrong_says_so_itself(acme: Brand) -> None:
    page = signed_in(acme, "owner").post("policies/", form(acme, caps_sms_day="-1", caps_all_week="1001"))
    told = ["Whole numbers from 0 to 1,000 for a day, a week and a month."]
    assert page.context["form"].errors == {"caps_sms_day": told, "caps_all_week": told}
    assert changes(acme) == []


def test_what_cannot_be_read_hides_nothing_that_is_out_of_range(acme: Brand) -> None:
    wrong = {
        "claim_days": "soon", "verify_hour": "24", "caps_sms_day": "x", "caps_all_week": "1001",
        "quiet_from": "7",
        "points_currencies": "Stars!", "expiry_policy": "months", "expiry_number": "0", "expiry_on": "soon",
        "tier_notices": "7, 7", "rule_approval": "all", "wakeup_approval": "some",
    }  # fmt: skip
    page = signed_in(acme, "owner").post("policies/", form(acme, **wrong))
    errors = page.context["form"].errors
    assert set(errors) == set(wrong) - {"expiry_policy"}
    assert all(len(told) == 1 for told in errors.values())
    assert errors["verify_hour"] == ["Must be a whole number from 0 to 23."]
    assert errors["caps_all_week"] == ["Whole numbers from 0 to 1,000 for a day, a week and a month."]
    assert changes(acme) == []


def test_the_menu_says_that_a_change_waits_to_those_who_decide(acme: Brand, now: Any) -> None:
    Brand.objects.filter(pk=acme.pk).update(settings={"rule_approval": "all"})
    hosts.forget()

    def badge(browser: Browser) -> str:
        return browser.get("").content.decode().split('href="/console/policies/"')[1].split("</a>")[0]

    owner, marketing = signed_in(acme, "owner"), signed_in(acme, "marketing")
    before = badge(owner), badge(marketing)
    assert owner.post("policies/", form(acme, rule_approval="none")).status_code == 302
    assert re.search(r">\s*1\s*<", badge(owner))
    assert badge(marketing) == before[1]
    assert not re.search(r">\s*1\s*<", before[0])


@pytest.mark.parametrize(
    ("key", "before", "after"),
    [
        ("rule_approval", "all", "console"),
        ("rule_approval", "console", "none"),
        ("audience_grant_approval", "all", "none"),
        ("adjustment_approval_above", 100, 101),
        ("adjustment_approval_above", 100, None),
        ("forbidden_phrases", ["a", "b"], ["a", "c"]),
    ],
)
def test_what_takes_away_a_control_waits(acme: Brand, now: Any, key: str, before: Any, after: Any) -> None:
    Brand.objects.filter(pk=acme.pk).update(settings={key: before})
    with in_brand(fresh(acme)) as brand:
        made = policychanges.change(changes={key: after}, actor=ANNA, now=now, note="so be it")
        assert made is not None
        assert (made.status, made.needs_approval) == ("pending_approval", True)
        assert policychanges.carry_over(brand) == 0
    assert fresh(acme).setting(key) == before
    with in_brand(fresh(acme)):
        policychanges.withdraw(actor=ANNA, now=now)
        tightened = policychanges.change(changes={key: before}, actor=ANNA, now=now)
        assert tightened is None


def test_a_control_is_taken_away_by_two(acme: Brand) -> None:
    Brand.objects.filter(pk=acme.pk).update(settings={"rule_approval": "all"})
    hosts.forget()
    owner = signed_in(acme, "owner")
    assert owner.post("policies/", form(acme, rule_approval="none", note="alone")).status_code == 302
    assert fresh(acme).setting("rule_approval") == "all"
    # Neither by the same person, nor by somebody who looked at another change, nor by marketing.
    assert (
        "second operator must decide"
        in owner.post("policies/approve/", {"number": "1"}, follow=True).content.decode()
    )
    assert signed_in(acme, "marketing").post("policies/approve/", {"number": "1"}).status_code == 403
    boris = second_owner(acme)
    boris.post("policies/approve/", {"number": "9"})
    assert fresh(acme).setting("rule_approval") == "all"
    page = boris.get("policies/").content.decode()
    assert "alone" in page.split('id="opened"')[1]
    boris.post("policies/approve/", {"number": "1"})
    assert fresh(acme).setting("rule_approval") == "none"
    (change,) = changes(acme)
    assert (change.submitted_by, change.approved_by) == (
        "operator:owner@acme.example",
        "operator:boris@acme.example",
    )


def test_rejected_with_a_reason(acme: Brand) -> None:
    owner = signed_in(acme, "owner")
    owner.post("policies/", form(acme, audience_grant_approval="none"))
    boris = second_owner(acme)
    boris.post("policies/reject/", {"number": "1", "reason": " "})
    assert changes(acme)[0].status == "pending_approval"
    boris.post("policies/reject/", {"number": "1", "reason": "no"})
    assert (changes(acme)[0].status, changes(acme)[0].reason) == ("rejected", "no")
    assert fresh(acme).setting("audience_grant_approval") == "all"


def test_what_was_cut_off_is_carried_over_once_and_in_order(acme: Brand, now: Any) -> None:
    with in_brand(acme) as brand:
        policychanges.change(changes={"verify_hour": 5}, actor=ANNA, now=now)
        stale = policychanges._behind(brand)
        policychanges.change(changes={"verify_hour": 6}, actor=ANNA, now=now)
        assert policychanges.in_force()["verify_hour"] == 6
    assert fresh(acme).setting("verify_hour") == 4
    with in_brand(fresh(acme)):
        assert carry_policies() == 2
        assert carry_policies() == 0
    assert fresh(acme).setting("verify_hour") == 6
    # A process that still has the first change in its hands does not bring it back.
    with in_brand(acme) as brand:
        assert [number for number, _body in stale] == [1]
        assert policychanges.carry_over(brand) == 0
    assert fresh(acme).setting("verify_hour") == 6


def test_the_history_is_never_rewritten(acme: Brand, now: Any) -> None:
    with in_brand(acme):
        policychanges.change(changes={"verify_hour": 5}, actor=ANNA, now=now)
        for work in (
            lambda: PolicyChange.objects.update(submitted_by="somebody"),
            lambda: PolicyChange.objects.update(body={"verify_hour": 7}),
            lambda: PolicyChange.objects.all().delete(),
        ):
            with pytest.raises(DatabaseError), transaction.atomic():
                work()


def test_marketing_looks_and_others_do_not(acme: Brand, globex: Brand) -> None:
    marketing = signed_in(acme, "marketing")
    page = marketing.get("policies/").content.decode()
    assert "Change the policies" not in page
    assert marketing.post("policies/", form(acme, verify_hour="5")).status_code == 403
    assert signed_in(acme, "care").get("policies/").status_code == 403
    assert Browser("acme.localhost").get("policies/").status_code == 302
    signed_in(acme, "owner").post("policies/", form(acme, verify_hour="5"))
    assert (fresh(acme).setting("verify_hour"), fresh(globex).setting("verify_hour")) == (5, 4)


def test_what_nobody_else_could_agree_to_says_what_to_do(acme: Brand) -> None:
    owner, boris = signed_in(acme, "owner"), second_owner(acme)
    assert owner.post("policies/", form(acme, rule_approval="all")).status_code == 302
    assert owner.post("policies/", form(acme, rule_approval="none")).status_code == 302
    owner.post("tiers/", tier_form(SILVER, GOLD, note="", at=""))
    with in_brand(acme):
        waiting = TierSubmission.objects.get()
        other = Operator.objects.get(username="boris@acme.example")
    pages = ("policies/", f"campaigns/tiersubmission/{waiting.pk}/change/")
    assert not any('id="dead-end"' in owner.get(page).content.decode() for page in pages)
    changed = {"name": "Boris", "role": "care", "language": "en", "active": "on"}
    assert owner.post(f"operators/operator/{other.pk}/change/", changed).status_code == 302
    told = owner.get("operators/operator/").content.decode()
    assert "may now agree to: rules and tiers, audience grants, policies that take away a control." in told
    for page in pages:
        assert "add an owner, or open the account of one who left" in owner.get(page).content.decode()
    # Another name changes nothing of that, and a further owner ends it.
    owner.post(f"operators/operator/{other.pk}/change/", {**changed, "name": "Boris B."})
    assert "may now agree to" not in owner.get("").content.decode()
    assert (
        owner.post(f"operators/operator/{other.pk}/change/", {**changed, "role": "owner"}).status_code == 302
    )
    assert "may now agree to" not in owner.get("").content.decode()
    assert not any('id="dead-end"' in owner.get(page).content.decode() for page in pages)
    assert boris.post("policies/approve/", {"number": "2"}).status_code == 302
