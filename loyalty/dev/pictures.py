"""The pictures of docs/images, taken anew from a running demo: `make pictures` while `make up` runs.

`make pictures ARGS="compliance tiers"` takes those alone.
"""

import io
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from PIL import Image
from playwright.sync_api import Browser, Page, sync_playwright

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
    "compliance": 1300,
    "rule-templates": 1180,
    "rule-history": 1400,
    "segment": 1180,
    "wakeup-report": 1300,
}
COLOURS: Final = 256
WIDE: Final = 1280
PHONE: Final = (390, 1600)
ON_A_PHONE: Final = ("rule-builder", "simulation", "campaign-calendar", "wakeup-report")
UNCOVERED = "#submit-row, [class*='fixed bottom'], .sticky.bottom-0 {display: none !important}"
"""The bar that floats over the end of a page hides what stands there."""


def main() -> int:
    """Take every picture in both languages; the exit code."""
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    if not chromium:
        print("no Chromium on PATH (Debian: apt-get install chromium fonts-noto-cjk)", file=sys.stderr)
        return 1
    with sync_playwright() as driver:
        wakeup, simulation = _wakeup(), Stage(BASE).simulation()
        only = sys.argv[1:]
        browser = driver.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-gpu"])
        for suffix in LANGUAGES:
            page = _page(browser, suffix)
            _take(page, suffix, {**_places(page), **_of_campaigns(page, simulation, wakeup)}, only)
        browser.close()
    return 0


def _page(browser: Browser, suffix: str) -> Page:
    """The owner's browser in one language."""
    language, locale = LANGUAGES[suffix]
    context = browser.new_context(locale=locale, timezone_id="Asia/Shanghai", color_scheme="light")
    context.add_cookies([{"name": "django_language", "value": language, "url": BASE}])
    page = context.new_page()
    _sign_in(page)
    return page


def _take(page: Page, suffix: str, places: Mapping[str, str], only: Sequence[str]) -> None:
    """The pictures in one language, wide, and some as a phone shows them."""
    for name, path in places.items():
        if only and name not in only:
            continue
        _picture(page, path, name, f"{name}-{suffix}", WIDE, HEIGHTS.get(name, 860))
        if name in ON_A_PHONE:
            _picture(page, path, name, f"{name}-phone-{suffix}", *PHONE)
    page.context.close()


def _picture(page: Page, path: str, name: str, file: str, width: int, height: int) -> None:
    page.set_viewport_size({"width": width, "height": height})
    page.goto(path, wait_until="load")
    if name == "care-adjust":
        page.fill("#id_points", "-64")
        page.select_option("#id_why", "wrong")
    page.add_style_tag(content=UNCOVERED)
    page.wait_for_load_state("networkidle")
    page.evaluate("document.fonts.ready")
    page.wait_for_timeout(300)  # charts draw themselves in
    _keep(page.screenshot(), IMAGES / f"{file}.png")
    wider = page.evaluate("document.documentElement.scrollWidth - window.innerWidth")
    print(f"  {file}.png  {path}" + (f"  WIDER THAN THE WINDOW by {wider}" if wider > 0 else ""), flush=True)


def _keep(shot: bytes, path: Path) -> None:
    """Store a picture in a palette: a third of its size, and no colour of an area changes visibly."""
    with Image.open(io.BytesIO(shot)) as taken:
        few = taken.convert("RGB").quantize(
            colors=COLOURS, method=Image.Quantize.MEDIANCUT, kmeans=2, dither=Image.Dither.NONE
        )
    few.save(path, "PNG", optimize=True)


def _wakeup() -> str:
    """The id of a wake-up that went out days ago: no call of the API can make one."""
    command = [sys.executable, "manage.py", "stage_wakeup"]
    done = subprocess.run(command, cwd=IMAGES.parents[1], check=True, capture_output=True, text=True)
    return done.stdout.split()[-1]


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
        "liability": f"{console}/finance/liability/",
        "member": member,
        "order": order,
        "rules": f"{console}/campaigns/rule/",
        "redemptions": f"{console}/mall/redemption/",
        "messages": f"{console}/campaigns/message/",
        "message-template": f"{template}?#preview",
        "account": account,
        "care-entry": BASE + str(burn.get_attribute("href")),
        "care-adjust": account.replace("/change/", "/adjust/"),
    }


def _of_campaigns(page: Page, simulation: str, wakeup: str) -> dict[str, str]:
    """Campaigns, rules, a simulation, tiers, audiences, policies and compliance."""
    console = f"{BASE}/console"
    page.goto(f"{console}/campaigns/campaign/?q=autumn-double")
    campaign = _first(page, "/campaigns/campaign/")
    page.goto(f"{console}/campaigns/rule/?q=fresh-produce")
    rule = _first(page, "/campaigns/rule/")
    page.goto(f"{console}/campaigns/segment/?q=regulars")
    segment = _first(page, "/campaigns/segment/")
    return {
        "campaign-calendar": f"{console}/campaigns/calendar/",
        "campaign": campaign,
        "campaign-results": campaign.replace("campaigns/campaign/", "campaigns/results/").replace(
            "/change/", "/"
        ),
        "rule-builder": rule,
        "rule-history": rule.replace("/change/", "/versions/"),
        "rule-templates": f"{console}/campaigns/rule/templates/",
        "segment": segment,
        "wakeup-report": f"{console}/wakeups/{wakeup}/report/",
        "simulation": f"{console}/simulations/{simulation}/",
        "tiers": f"{console}/tiers/",
        "policies": f"{console}/policies/",
        "compliance": f"{console}/compliance/",
    }


def _first(page: Page, part: str) -> str:
    """The address of the first record of that kind that the page links to."""
    found = page.locator(f"a[href*='{part}'][href*='/change/']").first
    return BASE + str(found.get_attribute("href")).split("?")[0].split("#")[0]


if __name__ == "__main__":
    sys.exit(main())
