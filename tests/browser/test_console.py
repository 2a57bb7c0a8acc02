"""The console in a real browser: both languages, a wide screen and a phone."""

import re
from typing import Any

import pytest

from points.models import Account, Entry
from tenants.context import in_brand
from tenants.models import Brand
from tests.browser.conftest import PHONE, WIDE, Visit, Visitor
from tests.console.pages import operator_of, platform_operator
from tests.support.brands import ANNA

PAGES = (
    "",
    "members/member/",
    f"members/member/{ANNA}/change/",
    "points/account/",
    "points/entry/",
    "campaigns/rule/",
    "campaigns/rule/add/",
    "mall/reward/add/",
    "mall/redemption/",
    "partners/apikey/add/",
    "partners/webhookendpoint/add/",
    "operators/operator/add/",
    "password_change/",
)
ON_A_PHONE = (
    "",
    "members/member/",
    f"members/member/{ANNA}/change/",
    "partners/apikey/add/",
    "mall/redemption/",
)


@pytest.mark.parametrize(
    ("language", "size"),
    [
        pytest.param("zh-hans", WIDE, id="zh-hans-wide"),
        pytest.param("en", PHONE, id="en-phone"),
        pytest.param("en", WIDE, id="en-wide", marks=pytest.mark.whole),
        pytest.param("zh-hans", PHONE, id="zh-hans-phone", marks=pytest.mark.whole),
    ],
)
def test_the_main_pages_are_whole(
    shop_with_history: str, visit: Visit, language: str, size: dict[str, int]
) -> None:
    pages = ON_A_PHONE if size is PHONE else PAGES

    def story(visitor: Visitor) -> dict[str, Any]:
        visitor.sign_in(shop_with_history)
        found = {}
        for number, path in enumerate(pages):
            visitor.open(path)
            found[path] = (visitor.overflow(), visitor.page.get_attribute("html", "lang"))
            if found[path] != (0, language):  # a picture costs as much as the page
                visitor.shoot(f"{language}-{size['width']}-{number:02d}")
        return found

    assert visit(story, language=language, size=size) == dict.fromkeys(pages, (0, language))


@pytest.mark.parametrize("language", ["zh-hans", pytest.param("en", marks=pytest.mark.whole)])
def test_the_charts_are_drawn_from_local_files(shop_with_history: str, visit: Visit, language: str) -> None:
    def story(visitor: Visitor) -> list[dict[str, Any]]:
        visitor.sign_in(shop_with_history)
        return visitor.page.evaluate(
            """[...document.querySelectorAll("canvas.chart")].map(canvas => {
                 const chart = Chart.getChart(canvas);
                 const pixels = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data;
                 return {labels: chart.data.labels.length, drawn: pixels.some(value => value !== 0),
                         wide: canvas.clientWidth > 200, high: canvas.clientHeight > 100};
               })"""
        )

    assert visit(story, language=language) == [{"labels": 30, "drawn": True, "wide": True, "high": True}] * 5


def test_the_language_is_switched_on_the_sign_in_page(shop_with_history: str, visit: Visit) -> None:
    def story(visitor: Visitor) -> tuple[str, str]:
        visitor.open("login/")
        before = visitor.page.inner_text("#login-form button[type=submit]")
        visitor.follow(".language-switch button[value=en]")
        return before, visitor.page.inner_text("#login-form button[type=submit]")

    before, after = visit(story)
    assert ("登录" in before, "Log in" in after) == (True, True)


@pytest.mark.whole
def test_care_finds_a_member_and_gives_points_with_a_reason(shop_with_history: str, visit: Visit) -> None:
    def story(visitor: Visitor) -> str:
        visitor.sign_in(shop_with_history)
        visitor.open("members/member/")
        visitor.page.fill("#searchbar", "C-anna")
        with visitor.page.expect_navigation():
            visitor.page.press("#searchbar", "Enter")
        visitor.follow("#result_list tbody a")
        visitor.follow("a[href$='/adjust/']")
        visitor.page.fill("#id_points", "88")
        visitor.page.fill("#id_reason", "包裹丢失")
        visitor.follow("form.operation button[type=submit]")
        return visitor.page.inner_text("#main")

    page = visit(story)
    assert re.search(r"888", page)  # 900 − 100 + 88
    assert "包裹丢失" in page
    with in_brand(Brand.objects.get(slug="acme")):
        assert Account.objects.get(member_id=ANNA).available == 888
        entry = Entry.objects.get(points=88)
        assert (entry.kind, entry.reason, entry.actor) == (
            "adjustment",
            "包裹丢失",
            f"operator:{shop_with_history}",
        )


def test_on_a_phone_the_menu_opens_and_leads_on(shop_with_history: str, visit: Visit) -> None:
    def story(visitor: Visitor) -> tuple[bool, bool, str]:
        visitor.sign_in(shop_with_history)
        menu = visitor.page.locator("#nav-sidebar a[href='/console/members/member/']")
        hidden = not menu.is_visible()
        visitor.page.locator("#header-inner span.material-symbols-outlined:visible").first.click()
        menu.wait_for(state="visible")
        visitor.follow("#nav-sidebar a[href='/console/members/member/']")
        return hidden, visitor.overflow() == 0, visitor.page.url.split("/console/")[1]

    assert visit(story, size=PHONE) == (True, True, "members/member/")


def test_a_new_brand_is_told_what_to_do_next(
    shop_with_history: str, visit: Visit, committed_db: None
) -> None:
    name = operator_of(Brand.objects.get(slug="globex"), "owner")

    def story(visitor: Visitor) -> tuple[int, int, int]:
        visitor.sign_in(name)
        page = visitor.page
        return (
            page.locator(".step").count(),
            page.locator(".step.done").count(),
            page.locator("canvas").count(),
        )

    assert visit(story, brand="globex") == (3, 1, 0)  # it has an API key already


@pytest.mark.whole
@pytest.mark.parametrize("language", ["zh-hans", "en"])
def test_the_platforms_console(committed_db: None, visit: Visit, language: str) -> None:
    platform_operator()

    def story(visitor: Visitor) -> list[int]:
        visitor.sign_in("root@platform.example")
        found = []
        for path in ("", "tenants/brand/", "tenants/domain/", "operators/operator/"):
            visitor.open(path)
            visitor.shoot(f"platform-{language}-{len(found)}")
            found.append(visitor.overflow())
        return found

    assert visit(story, brand="", language=language) == [0, 0, 0, 0]
