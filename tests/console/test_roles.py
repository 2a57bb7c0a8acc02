"""Who may open and do what: every role against every page and every operation."""

import pytest
from django.contrib.auth.models import Group, Permission

from loyalty.console import roles
from points import services as points
from points.models import Account, Entry
from tenants.context import in_brand
from tenants.models import Brand
from tenants.operators.models import Operator
from tests.console.pages import PASSWORD, ROLES, Browser, operator_of, signed_in
from tests.support.brands import ANNA

pytestmark = pytest.mark.django_db

OWNER, MARKETING, CARE, SHOP = "owner", "marketing", "care", "shop"
LISTS = {
    "members/member/": {OWNER, MARKETING, CARE},
    "members/purchase/": {OWNER, MARKETING, CARE, SHOP},
    "members/parkedreturn/": {OWNER, MARKETING, CARE},
    "campaigns/moment/": {OWNER, MARKETING, CARE},
    "members/activity/": {OWNER, MARKETING, CARE},
    "points/account/": {OWNER, MARKETING, CARE},
    "points/entry/": {OWNER, MARKETING, CARE},
    "points/adjustmentrequest/": {OWNER, MARKETING, CARE},
    "campaigns/rule/": {OWNER, MARKETING, CARE},
    "campaigns/rule/add/": {OWNER, MARKETING},
    "campaigns/segment/": {OWNER, MARKETING},
    "campaigns/segment/add/": {OWNER, MARKETING},
    "campaigns/wakeup/": {OWNER, MARKETING},
    "campaigns/wakeup/add/": {OWNER, MARKETING},
    "campaigns/audiencegrant/": {OWNER, MARKETING},
    "campaigns/audiencegrant/add/": {OWNER, MARKETING},
    "campaigns/rulesubmission/": {OWNER, MARKETING},
    "campaigns/tiersubmission/": {OWNER, MARKETING},
    "policies/": {OWNER, MARKETING},
    "compliance/": {OWNER, MARKETING},
    "mall/reward/": {OWNER, MARKETING, CARE, SHOP},
    "mall/reward/add/": {OWNER, MARKETING},
    "mall/redemption/": {OWNER, MARKETING, CARE, SHOP},
    "mall/stockitem/": {OWNER, MARKETING, SHOP},
    "finance/liability/": {OWNER, MARKETING},
    "finance/roll-forward/": {OWNER, MARKETING},
    "finance/breakage/": {OWNER, MARKETING},
    "finance/costs/": {OWNER, MARKETING},
    "partners/apikey/": {OWNER},
    "partners/apikey/add/": {OWNER},
    "partners/webhookendpoint/": {OWNER},
    "partners/webhookendpoint/add/": {OWNER},
    "partners/webhookdelivery/": {OWNER},
    "outbox/outboxevent/": {OWNER},
    "operators/operator/": {OWNER},
    "operators/operator/add/": {OWNER},
    "analytics/verification/": {OWNER},
}
LEDGER = ("points/account/", "points/entry/", "mall/redemption/", "members/purchase/", "outbox/outboxevent/")


@pytest.mark.whole
@pytest.mark.parametrize("role", ROLES)
def test_each_role_opens_its_pages_and_no_other(acme: Brand, role: str) -> None:
    browser = signed_in(acme, role)
    assert browser.get("").status_code == 200
    answers = {path: browser.get(path).status_code for path in LISTS}
    assert answers == {path: 200 if role in allowed else 403 for path, allowed in LISTS.items()}


@pytest.mark.parametrize("role", ROLES)
def test_the_menu_shows_what_the_role_may_open(acme: Brand, role: str) -> None:
    page = signed_in(acme, role).get("").content.decode()
    in_menu = {path for path in LISTS if not path.endswith("add/") and f'href="/console/{path}"' in page}
    # Parked returns are reached from nowhere: they are looked for by number.
    assert in_menu == {
        path
        for path, allowed in LISTS.items()
        if role in allowed and not path.endswith("add/") and path != "members/parkedreturn/"
    }


@pytest.mark.whole
def test_only_owner_and_marketing_see_what_the_brand_owes(acme: Brand) -> None:
    seen = {role: "chart-liability" in signed_in(acme, role).get("").content.decode() for role in ROLES}
    assert seen == dict.fromkeys(ROLES, False)  # nothing has happened yet
    with in_brand(acme):
        points.adjust(member_id=ANNA, points=5, reference="x", reason="x", actor="x", now=acme.created_at)
    pages = {}
    for role in ROLES:
        browser = Browser("acme.localhost")
        browser.sign_in(f"{role}@acme.example")
        pages[role] = "chart-liability" in browser.get("").content.decode()
    assert pages == {OWNER: True, MARKETING: True, CARE: False, SHOP: False}


@pytest.mark.parametrize("path", LEDGER)
def test_nobody_adds_to_the_ledger_by_hand(acme: Brand, path: str) -> None:
    assert signed_in(acme, OWNER).get(f"{path}add/").status_code == 403


def test_nobody_changes_or_deletes_an_entry(acme: Brand, now) -> None:
    with in_brand(acme):
        points.adjust(member_id=ANNA, points=50, reference="a-1", reason="gift", actor="test", now=now)
        entry, account = Entry.objects.get(reference="a-1"), Account.objects.get(member_id=ANNA)
    owner = signed_in(acme, OWNER)
    for path in (f"points/entry/{entry.pk}/", f"points/account/{account.pk}/"):
        page = owner.get(f"{path}change/")
        assert page.status_code == 200
        assert "_save" not in page.content.decode()
        assert owner.post(f"{path}change/", {"points": "99"}).status_code == 403
        assert owner.post(f"{path}delete/", {"post": "yes"}).status_code == 403
    with in_brand(acme):
        assert Entry.objects.get(reference="a-1").points == 50


@pytest.mark.parametrize("role", ROLES)
def test_adjusting_is_for_owner_and_care(acme: Brand, now, role: str) -> None:
    with in_brand(acme):
        account = points.open_account(member_id=ANNA, now=now)
    browser = signed_in(acme, role)
    path = f"points/account/{account}/adjust/"
    form = {"points": "30", "reason": "lost parcel", "reference": "console-1"}
    allowed = role in (OWNER, CARE)
    assert browser.get(path).status_code == (200 if allowed else 403)
    assert browser.post(path, form).status_code == (302 if allowed else 403)
    with in_brand(acme):
        entries = list(Entry.objects.values_list("points", "reason", "actor"))
        assert entries == ([(30, "lost parcel", f"operator:{role}@acme.example")] if allowed else [])


def test_the_roles_are_installed_again_without_a_trace(acme: Brand) -> None:
    with in_brand(acme):
        before = {g.name: set(g.permissions.values_list("codename", flat=True)) for g in Group.objects.all()}
        count = Permission.objects.count()
        roles.after_migration()
        after = {g.name: set(g.permissions.values_list("codename", flat=True)) for g in Group.objects.all()}
        assert set(after) == set(ROLES)
        assert (after, Permission.objects.count()) == (before, count)


def test_every_grant_names_a_permission_that_exists(acme: Brand) -> None:
    with in_brand(acme):
        known = {
            f"{app}.{codename}"
            for app, codename in Permission.objects.values_list("content_type__app_label", "codename")
        }
    granted = {name for grants in roles.GRANTS.values() for name in roles.spelled_out(grants)}
    assert granted - known == set()


def test_no_role_may_touch_the_ledger(acme: Brand) -> None:
    granted = {name for grants in roles.GRANTS.values() for name in roles.spelled_out(grants)}
    tables = ("entry", "lot", "consumption", "account", "hold", "redemption", "purchase", "outboxevent")
    assert {
        n for n in granted for t in tables if n.split(".")[1] in (f"add_{t}", f"change_{t}", f"delete_{t}")
    } == set()
    assert {name for name in granted if ".delete_" in name} == set()


def test_a_closed_account_signs_in_no_more(acme: Brand) -> None:
    name = operator_of(acme, CARE)
    with in_brand(acme):
        Operator.objects.filter(username=name).update(is_active=False)
    answer = Browser("acme.localhost").sign_in(name, PASSWORD)
    assert (answer.status_code, "sessionid" in answer.cookies) == (200, False)
