"""The pictures of docs/images, taken anew from a running demo: `make pictures` while `make up` runs."""

import os
import shutil
import sys
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

from loyalty.dev.stage import Stage

IMAGES = Path(__file__).parents[2] / "docs" / "images"
BASE = f"http://demo.localhost:{os.environ.get('PORT', '8000')}"
PASSWORD = "demo-only-2026"
LANGUAGES = {"en": ("en", "en-GB"), "zh": ("zh-hans", "zh-CN")}
HEIGHTS = {
    "dashboard": 1180,
    "member": 1180,
    "order": 1180,
    "campaign": 1400,
    "campaign-calendar": 1000,
    "rule-builder": 1180,
    "simulation": 1400,
    "tiers": 1300,
    "policies": 1300,
}
UNCOVERED = "#submit-row, [class*='fixed bottom'], .sticky.bottom-0 {display: none !important}"
"""The bar that floats over the end of a page hides what stands there."""


def main() -> int:
    """Take every picture in both languages; the exit code."""
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    if not chromium:
        print("no Chromium on PATH (Debian: apt-get install chromium fonts-noto-cjk)", file=sys.stderr)
        return 1
    with sync_playwright() as driver:
        simulation = Stage(BASE).set_up()
        browser = driver.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-gpu"])
        for suffix, (language, locale) in LANGUAGES.items():
            context = browser.new_context(locale=locale, timezone_id="Asia/Shanghai")
            context.add_cookies([{"name": "django_language", "value": language, "url": BASE}])
            page = context.new_page()
            _sign_in(page)
            for name, path in {**_places(page), **_of_campaigns(page, simulation)}.items():
                page.set_viewport_size({"width": 1280, "height": HEIGHTS.get(name, 860)})
                page.goto(path, wait_until="networkidle")
                if name == "care-adjust":
                    page.fill("#id_points", "-64")
                    page.select_option("#id_why", "wrong")
                page.add_style_tag(content=UNCOVERED)
                page.wait_for_timeout(400)  # charts draw themselves in
                page.screenshot(path=IMAGES / f"{name}-{suffix}.png")
                print(f"  {name}-{suffix}.png  {path}")
            context.close()
        browser.close()
    return 0


def _sign_in(page: Page) -> None:
    page.goto(f"{BASE}/console/login/")
    page.fill("#id_username", "owner@demo.example")
    page.fill("#id_password", PASSWORD)
    with page.expect_navigation():
        page.click("#login-form button[type=submit]")


def _places(page: Page) -> dict[str, str]:
    """Name and address of each picture; those of a record are found as an operator would, from its list."""
    console = f"{BASE}/console"
    page.goto(f"{console}/mall/redemption/")
    redemption = _first(page, "/mall/redemption/")
    page.goto(redemption)
    member = _first(page, "/members/member/")
    page.goto(member)
    account, order = _first(page, "/points/account/"), _first(page, "/members/purchase/")
    page.goto(f"{console}/campaigns/messagetemplate/?q=points-arrived")
    template = _first(page, "/campaigns/messagetemplate/")
    page.goto(account)
    burn = page.locator("#entries .num-out").first.locator("xpath=ancestor::tr").locator("a").first
    return {
        "dashboard": f"{console}/",
        "member": member,
        "order": order,
        "rules": f"{console}/campaigns/rule/",
        "redemptions": f"{console}/mall/redemption/",
        "liability": f"{console}/finance/liability/",
        "messages": f"{console}/campaigns/message/",
        "message-template": f"{template}?#preview",
        "account": account,
        "care-entry": BASE + str(burn.get_attribute("href")),
        "care-adjust": account.replace("/change/", "/adjust/"),
    }


def _of_campaigns(page: Page, simulation: str) -> dict[str, str]:
    """Campaigns, the builder of rules, a simulation, tiers and policies."""
    console = f"{BASE}/console"
    page.goto(f"{console}/campaigns/campaign/?q=double-now")
    campaign = _first(page, "/campaigns/campaign/")
    page.goto(f"{console}/campaigns/rule/?q=base")
    rule = _first(page, "/campaigns/rule/")
    return {
        "campaign-calendar": f"{console}/campaigns/calendar/",
        "campaign": campaign,
        "campaign-results": campaign.replace("campaigns/campaign/", "campaigns/results/").replace(
            "/change/", "/"
        ),
        "rule-builder": rule,
        "simulation": f"{console}/simulations/{simulation}/",
        "tiers": f"{console}/tiers/",
        "policies": f"{console}/policies/",
    }


def _first(page: Page, part: str) -> str:
    """The address of the first record of that kind that the page links to."""
    found = page.locator(f"a[href*='{part}'][href*='/change/']").first
    return BASE + str(found.get_attribute("href")).split("?")[0].split("#")[0]


if __name__ == "__main__":
    sys.exit(main())
