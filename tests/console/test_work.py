"""What operators do in the console: each button calls its service, and a refusal is told in words."""

import re

import pytest
from django.contrib.admin.models import LogEntry
from django.db import connection

from campaigns.models import Rule
from mall import services as mall
from mall.models import Redemption, Reward, StockItem
from partners.models import ApiKey, WebhookDelivery, WebhookEndpoint
from points import services as points
from points.models import Account, AdjustmentRequest, Entry
from tenants import hosts
from tenants.context import in_brand
from tenants.models import Brand, Domain
from tenants.operators.models import Operator
from tests.console.pages import PASSWORD, Browser, operator_of, platform_operator, signed_in
from tests.support.brands import ANNA, BORIS
from tests.support.client import Api

pytestmark = pytest.mark.django_db

SECRET = re.compile(r'<span class="secret">([^<]+)</span>')
RULE = """{"code": "base", "name": {"zh-hans": "基础积分", "en": "Base"}, "trigger": "order.paid",
           "effect": {"type": "per_amount", "points": "1", "per": "1"}}"""


def told(browser: Browser, path: str = "") -> str:
    """The next page that the operator sees, with the messages on it."""
    return browser.get(path).content.decode()


def test_a_key_is_shown_once_and_works(acme: Brand) -> None:
    owner = signed_in(acme, "owner")
    form = {"name": "till", "scopes": ["members:read"], "expires_in_days": "30"}
    assert owner.post("partners/apikey/add/", form).status_code == 302
    [secret] = SECRET.findall(told(owner))
    assert SECRET.findall(told(owner)) == []
    assert Api("acme.localhost", secret).get("/members").status_code != 401
    with in_brand(acme):
        key = ApiKey.objects.get(name="till")
        assert (key.scopes, secret in key.digest) == (["members:read"], False)
    assert owner.post(f"partners/apikey/{key.pk}/revoke/").status_code == 302
    assert Api("acme.localhost", secret).get("/members").status_code == 401


def test_a_key_without_a_scope_is_refused(acme: Brand) -> None:
    owner = signed_in(acme, "owner")
    with in_brand(acme):
        before = ApiKey.objects.count()
    assert owner.post("partners/apikey/add/", {"name": "till"}).status_code == 200
    with in_brand(acme):
        assert ApiKey.objects.count() == before


def test_an_operator_is_added_with_a_role_and_a_password_shown_once(acme: Brand) -> None:
    owner = signed_in(acme, "owner")
    form = {"email": "Lin@acme.example", "name": "Lin", "role": "shop", "language": "en", "password": ""}
    assert owner.post("operators/operator/add/", form).status_code == 302
    [password] = SECRET.findall(told(owner))
    newcomer = Browser("acme.localhost")
    assert newcomer.sign_in("lin@acme.example", password).status_code == 302
    assert newcomer.get("mall/redemption/").status_code == 200
    assert newcomer.get("operators/operator/").status_code == 403
    with in_brand(acme):
        operator = Operator.objects.get(username="lin@acme.example")
        assert (operator.role, operator.language, operator.is_superuser) == ("shop", "en", False)
        assert [group.name for group in operator.groups.all()] == ["shop"]


def test_an_address_that_is_taken_is_refused(acme: Brand) -> None:
    owner = signed_in(acme, "owner")
    form = {"email": "owner@acme.example", "name": "", "role": "shop", "language": "en", "password": ""}
    answer = owner.post("operators/operator/add/", form)
    assert (answer.status_code, "exists already" in answer.content.decode()) == (200, True)


def test_another_role_is_another_group_and_the_last_owner_stays(acme: Brand) -> None:
    owner = signed_in(acme, "owner")
    name = operator_of(acme, "care")
    with in_brand(acme):
        care, me = Operator.objects.get(username=name), Operator.objects.get(role="owner")
    form = {"name": "Kim", "role": "marketing", "language": "en", "active": "on"}
    assert owner.post(f"operators/operator/{care.pk}/change/", form).status_code == 302
    with in_brand(acme):
        care.refresh_from_db()
        assert (care.role, [g.name for g in care.groups.all()]) == ("marketing", ["marketing"])
    refused = owner.post(f"operators/operator/{me.pk}/change/", {**form, "role": "care"})
    assert "At least one active owner must remain." in refused.content.decode()
    with in_brand(acme):
        me.refresh_from_db()
        assert (me.role, me.is_active) == ("owner", True)


def test_a_new_password_replaces_the_old_one(acme: Brand) -> None:
    owner = signed_in(acme, "owner")
    name = operator_of(acme, "care")
    with in_brand(acme):
        care = Operator.objects.get(username=name)
    assert owner.post(f"operators/operator/{care.pk}/reset-password/").status_code == 302
    [password] = SECRET.findall(told(owner))
    assert "sessionid" not in Browser("acme.localhost").sign_in(name).cookies
    assert Browser("acme.localhost").sign_in(name, password).status_code == 302


def test_the_platform_adds_a_colleague_who_may_do_everything_there(acme: Brand) -> None:
    platform = platform_operator()
    form = {"email": "kim@platform.example", "name": "Kim", "language": "en", "password": PASSWORD}
    assert platform.post("operators/operator/add/", form).status_code == 302
    kim = Browser("localhost")
    assert kim.sign_in("kim@platform.example").status_code == 302
    assert kim.get("tenants/brand/").status_code == 200
    assert "sessionid" not in Browser("acme.localhost").sign_in("kim@platform.example").cookies


def test_the_life_of_a_rule(acme: Brand) -> None:
    marketing = signed_in(acme, "marketing")
    answer = marketing.post("campaigns/rule/add/", {"body": RULE})
    assert answer.status_code == 302, answer.content.decode()
    with in_brand(acme):
        rule = Rule.objects.get(code="base")
        assert (rule.status, rule.created_by) == ("draft", "operator:marketing@acme.example")
    page = told(marketing, f"campaigns/rule/{rule.pk}/change/")
    assert "When an order is paid" in page
    assert marketing.post(f"campaigns/rule/{rule.pk}/publish/").status_code == 302
    changed = RULE.replace('"points": "1"', '"points": "2"')
    assert (
        marketing.post(
            f"campaigns/rule/{rule.pk}/change/", {"body": changed, **_no_rows("versions")}
        ).status_code
        == 302
    )
    with in_brand(acme):
        rule.refresh_from_db()
        assert (rule.status, rule.current_version, rule.draft["effect"]["points"]) == ("published", 1, "2")
    assert marketing.post(f"campaigns/rule/{rule.pk}/publish/").status_code == 302
    assert marketing.post(f"campaigns/rule/{rule.pk}/retire/").status_code == 302
    with in_brand(acme):
        rule.refresh_from_db()
        assert (rule.status, rule.current_version) == ("retired", 2)
        assert LogEntry.objects.filter(object_id=str(rule.pk)).count() == 5
    assert "_save" not in told(marketing, f"campaigns/rule/{rule.pk}/change/")


@pytest.mark.sampled(2)
@pytest.mark.parametrize(
    ("body", "words"),
    [
        ("{", "Not JSON"),
        ("[]", "Must be an object."),
        (RULE.replace("per_amount", "magic"), "/effect/type"),
        (RULE.replace('"trigger"', '"trigge"'), "/trigge"),
    ],
)
def test_a_rule_that_does_not_hold_is_refused_with_the_place(acme: Brand, body: str, words: str) -> None:
    marketing = signed_in(acme, "marketing")
    answer = marketing.post("campaigns/rule/add/", {"body": body})
    assert (answer.status_code, words in answer.content.decode()) == (200, True)
    with in_brand(acme):
        assert Rule.objects.count() == 0


def _reward(**more: str) -> dict[str, str]:
    return {
        "name_zh": "马克杯",
        "name_en": "Mug",
        "description_zh": "",
        "description_en": "",
        "kind": "physical",
        "category": "home",
        "image": "",
        "tags": "",
        "points": "100",
        "limit_per_member": "2",
        "tier_min": "",
        "sku": "MUG",
        "stock": "5",
        **more,
    }


def _no_rows(prefix: str) -> dict[str, str]:
    return {f"{prefix}-TOTAL_FORMS": "0", f"{prefix}-INITIAL_FORMS": "0"}


def test_the_life_of_a_reward(acme: Brand) -> None:
    marketing = signed_in(acme, "marketing")
    answer = marketing.post("mall/reward/add/", _reward())
    assert answer.status_code == 302, answer.content.decode()
    with in_brand(acme):
        reward = Reward.objects.get(sku="MUG")
        assert (reward.status, reward.name, reward.stock.on_hand) == (
            "draft",
            {"zh-hans": "马克杯", "en": "Mug"},
            5,
        )
        assert reward.offers.get().points == 100
    assert marketing.post(f"mall/reward/{reward.pk}/publish/").status_code == 302
    form = {**_reward(points="150", tags="home，new"), **_no_rows("offers")}
    assert marketing.post(f"mall/reward/{reward.pk}/change/", form).status_code == 302
    assert (
        signed_in(acme, "shop").post(f"mall/reward/{reward.pk}/restock/", {"change": "7"}).status_code == 302
    )
    with in_brand(acme):
        reward.refresh_from_db()
        assert (reward.status, reward.tags, reward.offers.get().points) == ("published", ["home", "new"], 150)
        assert StockItem.objects.get(sku="MUG").on_hand == 12
    assert marketing.post(f"mall/reward/{reward.pk}/archive/").status_code == 302
    with in_brand(acme):
        reward.refresh_from_db()
        assert reward.status == "archived"


def test_what_the_law_closes_is_not_published(acme: Brand) -> None:
    marketing = signed_in(acme, "marketing")
    marketing.post("mall/reward/add/", _reward(tags="tobacco"))
    with in_brand(acme):
        reward = Reward.objects.get(sku="MUG")
    answer = marketing.post(f"mall/reward/{reward.pk}/publish/")
    assert (answer.status_code, "forbids" in answer.content.decode()) == (200, True)
    with in_brand(acme):
        reward.refresh_from_db()
        assert reward.status == "draft"


@pytest.fixture
def placed(acme: Brand, now) -> Redemption:
    """Anna's redemption of a mug for 100 of 900 points."""
    with in_brand(acme):
        points.adjust(member_id=ANNA, points=900, reference="g", reason="gift", actor="test", now=now)
        values = {"name": {"en": "Mug"}, "points": 100, "status": "published", "stock": 3, "kind": "physical"}
        reward = mall.create_reward(values=values, actor="test", now=now)
        return mall.place(
            member_id=ANNA, reward_id=reward.pk, quantity=1, reference="R-1", actor="test", now=now
        ).redemption


def test_the_shop_sends_a_redemption_and_may_not_cancel_it(acme: Brand, placed: Redemption) -> None:
    shop = signed_in(acme, "shop")
    path = f"mall/redemption/{placed.pk}/"
    answer = shop.post(f"{path}ship/", {"carrier": "SF", "tracking_number": "SF1"})
    assert (answer.status_code, "address is needed" in answer.content.decode()) == (200, True)
    shop.post(f"{path}address/", {"name": "Anna", "phone": "13800000000", "detail": "Guangzhou"})
    assert shop.post(f"{path}cancel/", {"reason": "x"}).status_code == 403
    assert shop.post(f"{path}ship/", {"carrier": "SF", "tracking_number": "SF1"}).status_code == 302
    assert shop.post(f"{path}complete/").status_code == 302
    with in_brand(acme):
        placed.refresh_from_db()
        assert (placed.status, placed.tracking_number) == ("completed", "SF1")
        assert Account.objects.get(member_id=ANNA).available == 800


def test_care_cancels_a_redemption_and_the_points_come_back(acme: Brand, placed: Redemption) -> None:
    care = signed_in(acme, "care")
    path = f"mall/redemption/{placed.pk}/"
    assert care.post(f"{path}ship/", {"carrier": "", "tracking_number": ""}).status_code == 403
    assert care.post(f"{path}cancel/", {"reason": "changed mind"}).status_code == 302
    assert "900" in told(care)
    with in_brand(acme):
        placed.refresh_from_db()
        assert placed.status == "cancelled"
        assert Account.objects.get(member_id=ANNA).available == 900
    care.post(f"{path}cancel/", {"reason": "again"})
    assert "not possible in the present state" in told(care)


def test_care_and_shop_begin_with_what_waits_for_them(acme: Brand, placed: Redemption) -> None:
    pages = {role: told(signed_in(acme, role)) for role in ("care", "shop")}
    assert {role: "R-1" in page for role, page in pages.items()} == {"care": True, "shop": True}
    assert {role: 'name="q"' in page for role, page in pages.items()} == {"care": True, "shop": False}
    with in_brand(acme):
        mall.complete(redemption_id=placed.pk, actor="test", now=placed.placed_at)
    shop = Browser("acme.localhost")
    shop.client.cookies["django_language"] = "en"
    shop.sign_in("shop@acme.example")
    assert "Nothing is waiting." in told(shop)


def test_the_same_form_sent_twice_gives_points_once(acme: Brand, now) -> None:
    with in_brand(acme):
        account = points.open_account(member_id=BORIS, now=now)
    care = signed_in(acme, "care")
    page = told(care, f"points/account/{account}/adjust/")
    reference = re.search(r'name="reference" value="([^"]+)"', page)[1]
    for _ in range(2):
        form = {"points": "25", "reason": "lost parcel", "reference": reference}
        assert care.post(f"points/account/{account}/adjust/", form).status_code == 302
    with in_brand(acme):
        assert Account.objects.get(pk=account).available == 25


def test_more_points_than_there_are_cannot_be_taken(acme: Brand, now) -> None:
    with in_brand(acme):
        account = points.open_account(member_id=BORIS, now=now)
    care = signed_in(acme, "care")
    answer = care.post(
        f"points/account/{account}/adjust/", {"points": "-5", "reason": "x", "reference": "console-x"}
    )
    assert (answer.status_code, "Not enough points" in answer.content.decode()) == (200, True)
    with in_brand(acme):
        assert Entry.objects.count() == 0


def test_a_large_adjustment_waits_for_a_second_operator(acme: Brand, now) -> None:
    Brand.objects.filter(pk=acme.pk).update(settings={"adjustment_approval_above": 100})
    hosts.forget()
    with in_brand(acme):
        account = points.open_account(member_id=BORIS, now=now)
    care = signed_in(acme, "care")
    care.post(
        f"points/account/{account}/adjust/", {"points": "500", "reason": "vip", "reference": "console-2"}
    )
    assert "waits for approval" in told(care)
    with in_brand(acme):
        waiting = AdjustmentRequest.objects.get()
        assert Account.objects.get(pk=account).available == 0
    answer = care.post(f"points/adjustmentrequest/{waiting.pk}/approve/")
    assert (answer.status_code, "second operator" in answer.content.decode()) == (200, True)
    assert signed_in(acme, "owner").post(f"points/adjustmentrequest/{waiting.pk}/approve/").status_code == 302
    with in_brand(acme):
        assert Account.objects.get(pk=account).available == 500


def test_a_member_is_frozen_with_a_reason_and_freed(acme: Brand, now) -> None:
    with in_brand(acme):
        account = points.open_account(member_id=BORIS, now=now)
    care = signed_in(acme, "care")
    care.post(f"points/account/{account}/freeze/", {"burn": "on", "reason": "phone stolen"})
    assert "phone stolen" in told(care, f"points/account/{account}/change/")
    with in_brand(acme):
        frozen = Account.objects.get(pk=account)
        assert (frozen.earn_frozen, frozen.burn_frozen) == (False, True)
    care.post(f"points/account/{account}/unfreeze/")
    with in_brand(acme):
        assert Account.objects.get(pk=account).burn_frozen is False


def test_an_endpoint_shows_its_secret_once_and_rotates_it(acme: Brand) -> None:
    owner = signed_in(acme, "owner")
    refused = owner.post("partners/webhookendpoint/add/", {"url": "https://10.0.0.1/hook", "description": ""})
    assert (refused.status_code, "not public" in refused.content.decode()) == (200, True)
    form = {
        "url": "https://partner.example.com/hook",
        "description": "shop",
        "event_types": ["points.accrued"],
    }
    answer = owner.post("partners/webhookendpoint/add/", form)
    assert answer.status_code == 302, answer.content.decode()
    [secret] = SECRET.findall(told(owner))
    assert secret.startswith("whsec_")
    with in_brand(acme):
        endpoint = WebhookEndpoint.objects.get()
        assert (endpoint.event_types, secret in endpoint.secret) == (["points.accrued"], False)
    assert owner.post(f"partners/webhookendpoint/{endpoint.pk}/rotate-secret/").status_code == 302
    [second] = SECRET.findall(told(owner))
    assert second not in ("", secret)
    for action, state in (("pause", "paused"), ("activate", "active")):
        owner.post(f"partners/webhookendpoint/{endpoint.pk}/{action}/")
        with in_brand(acme):
            endpoint.refresh_from_db()
            assert endpoint.status == state
            assert WebhookDelivery.objects.count() == 0


def test_the_platform_suspends_a_brand_and_lets_it_go_on(acme: Brand) -> None:
    platform = platform_operator()
    connection.set_schema_to_public()
    owner = signed_in(acme, "owner")
    assert platform.post(f"tenants/brand/{acme.pk}/suspend/").status_code == 302
    assert owner.get("").status_code == 403
    assert platform.post(f"tenants/brand/{acme.pk}/resume/").status_code == 302
    assert owner.get("").status_code == 200


def test_a_brand_gets_another_host(acme: Brand) -> None:
    platform = platform_operator()
    connection.set_schema_to_public()
    domain = Domain.objects.get(tenant=acme)
    form = {
        "name": "Acme",
        "timezone": "Asia/Tokyo",
        "domains-TOTAL_FORMS": "2",
        "domains-INITIAL_FORMS": "1",
        "domains-MIN_NUM_FORMS": "1",
        "domains-0-id": str(domain.pk),
        "domains-0-tenant": str(acme.pk),
        "domains-0-domain": domain.domain,
        "domains-0-is_primary": "on",
        "domains-1-tenant": str(acme.pk),
        "domains-1-domain": "Club.Acme.example",
    }
    assert (
        platform.post(f"tenants/brand/{acme.pk}/change/", {**form, "timezone": "Mars/Olympus"}).status_code
        == 200
    )
    answer = platform.post(f"tenants/brand/{acme.pk}/change/", form)
    assert answer.status_code == 302, answer.content.decode()
    assert Browser("club.acme.example").get("login/").status_code == 200
    assert Brand.objects.get(pk=acme.pk).timezone == "Asia/Tokyo"


def test_a_member_is_found_by_whatever_they_can_name(acme: Brand, placed: Redemption) -> None:
    care = signed_in(acme, "care")
    for term in ("C-anna", str(ANNA), "c-anna of", "C-ANNA"):
        page = told(care, f"members/member/?q={term}")
        assert re.findall(r"members/member/([0-9a-f-]{36})/change", page) == [str(ANNA)], term
    assert "members/member/0" not in told(care, "members/member/?q=nobody")


def test_the_members_page_says_what_they_have_and_why(acme: Brand, placed: Redemption) -> None:
    page = told(signed_in(acme, "care"), f"members/member/{ANNA}/change/")
    assert "Adjusted by hand" in page
    assert "Reward redeemed, R-1" in page
    assert re.search(r'<div class="value">800</div>', page)


def test_a_profile_is_changed_and_nothing_else(acme: Brand) -> None:
    care = signed_in(acme, "care")
    form = {
        "name": "Anna Li",
        "birthday": "1990-05-17",
        "region": "440100",
        "locale": "en",
        "status": "closed",
    }
    assert care.post(f"members/member/{ANNA}/change/", form).status_code == 302
    from members.models import Member  # noqa: PLC0415

    with in_brand(acme):
        member = Member.objects.get(pk=ANNA)
        assert (member.name, str(member.birthday), member.status) == ("Anna Li", "1990-05-17", "active")
