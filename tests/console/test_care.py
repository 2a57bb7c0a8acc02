"""What care and the shop do in the console: members, their points, rewards and redemptions."""

import re

import pytest

from mall import services as mall
from mall.models import Redemption, Reward, StockItem
from points import services as points
from points.models import Account, AdjustmentRequest, Entry
from tenants import hosts
from tenants.context import in_brand
from tenants.models import Brand
from tests.console.pages import Browser, no_rows, signed_in, told
from tests.support.brands import ANNA, BORIS

pytestmark = pytest.mark.django_db


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
    form = {**_reward(points="150", tags="home，new"), **no_rows("offers")}
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
    page = answer.content.decode()
    # Listed above, a click from its field, and said at the field, which keeps what was typed.
    assert '<a href="#id_points">Points</a>: Not enough points' in page
    assert re.search(r'id="id_points_error">\s*<ul><li>Not enough points</li>', page)
    assert re.search(r'<input[^>]+name="points"[^>]+value="-5"[^>]+aria-invalid="true"', page)
    assert answer.status_code == 200
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
