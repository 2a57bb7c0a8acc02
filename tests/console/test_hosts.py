"""Two consoles: the brand's and the platform's, and neither shows a page of the other."""

import pytest
from django.contrib import admin

from loyalty.console.sites import platform_site
from tenants.context import in_brand
from tenants.models import Brand
from tenants.operators.models import Operator
from tests.console.pages import PASSWORD, Browser, operator_of, platform_operator, signed_in

pytestmark = pytest.mark.django_db


def lists(site: admin.AdminSite) -> list[str]:
    return sorted(f"{m._meta.app_label}/{m._meta.model_name}/" for m in site._registry)


def test_the_root_leads_to_the_console_and_the_console_to_the_sign_in(acme: Brand) -> None:
    stranger = Browser("acme.localhost")
    assert stranger.get("/").headers["Location"] == "/console/"
    assert stranger.get("").headers["Location"] == "/console/login/?next=/console/"


@pytest.mark.whole
def test_every_list_of_a_brand_opens_for_its_owner(acme: Brand) -> None:
    owner = signed_in(acme, "owner")
    assert owner.get("").status_code == 200
    opened = {path: owner.get(path).status_code for path in lists(admin.site)}
    assert set(opened.values()) == {200}, opened


def test_every_list_of_the_platform_opens_for_its_operator(acme: Brand) -> None:
    operator = platform_operator()
    assert "acme.localhost" in operator.get("").content.decode()
    opened = {path: operator.get(path).status_code for path in lists(platform_site())}
    assert set(opened.values()) == {200}, opened


def test_pages_of_the_other_host_do_not_exist(acme: Brand) -> None:
    ours, theirs = set(lists(admin.site)), set(lists(platform_site()))
    operator, owner = platform_operator(), signed_in(acme, "owner")
    assert {p: operator.get(p).status_code for p in ours - theirs} == dict.fromkeys(ours - theirs, 404)
    assert {p: owner.get(p).status_code for p in theirs - ours} == dict.fromkeys(theirs - ours, 404)


def test_an_operator_of_one_brand_is_nobody_at_another(acme: Brand, globex: Brand) -> None:
    name = operator_of(acme, "owner")
    stranger = Browser("globex.localhost")
    assert stranger.sign_in(name).status_code == 200
    assert "sessionid" not in stranger.client.cookies
    with in_brand(globex):
        assert not Operator.objects.filter(username=name).exists()


def test_a_session_of_one_brand_is_worth_nothing_at_another(acme: Brand, globex: Brand) -> None:
    owner = signed_in(acme, "owner")
    assert owner.get("members/member/").status_code == 200
    there = Browser("globex.localhost")
    there.client.cookies["sessionid"] = owner.client.cookies["sessionid"].value
    assert there.get("members/member/").status_code == 302


def test_five_wrong_passwords_lock_the_name_at_that_address_in_words(acme: Brand) -> None:
    name = operator_of(acme, "owner")
    for language, words in (("en", "Too many failed sign-ins"), ("zh-hans", "登录失败次数过多")):
        browser = Browser("acme.localhost", language)
        for _ in range(5):
            answer = browser.sign_in(name, "wrong")
        assert answer.status_code == 429
        assert words in answer.content.decode()
        assert browser.sign_in(name, PASSWORD).status_code == 429
