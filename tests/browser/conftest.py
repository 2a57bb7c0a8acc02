"""Chromium against a live server of this process. Without Chromium the tests say so and skip."""

import shutil
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from django.core.servers.basehttp import ThreadedWSGIServer, WSGIRequestHandler
from django.core.wsgi import get_wsgi_application
from django.db import connection, connections

from mall import services as mall
from members.identities import Key
from members.models import Member, Purchase
from members.services import enrol
from points import services as points
from tenants import hosts
from tenants.context import in_brand
from tenants.models import Brand
from tests.console.pages import PASSWORD, operator_of
from tests.support.brands import ANNA

ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
WIDE, PHONE = {"width": 1280, "height": 900}, {"width": 390, "height": 844}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents:
            item.add_marker(pytest.mark.browser)
            item.add_marker(pytest.mark.whole)


@pytest.fixture(scope="session")
def chromium() -> str:
    """The path of Debian's Chromium, or another on PATH."""
    for name in ("chromium", "chromium-browser", "google-chrome"):
        found = shutil.which(name)
        if found:
            return found
    pytest.skip("no Chromium on this machine (Debian: apt-get install chromium fonts-noto-cjk)")


class Quiet(WSGIRequestHandler):
    """A request handler that does not write to the terminal."""

    def log_message(self, format: str, *args: Any) -> None:
        pass


class Server(ThreadedWSGIServer):
    """Serves in threads, and closes their database connections."""

    daemon_threads = True

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        try:
            super().process_request_thread(request, client_address)
        finally:
            connections.close_all()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A browser that goes away in mid-answer is no error."""


@pytest.fixture
def live(committed_db: None) -> Iterator[int]:
    """The port of a server of the real application, static files included."""
    server = Server(("127.0.0.1", 0), Quiet)
    server.set_app(get_wsgi_application())
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield server.server_port
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def shop_with_history(committed_db: None, now: Any) -> str:
    """Acme with points, an order, a reward and a redemption; the name of its owner."""
    connection.set_schema_to_public()
    acme = Brand.objects.get(slug="acme")
    with in_brand(acme):
        enrol(keys=[Key("phone", "+8613800000001")], now=now, profile={"name": "林小雨"})
        for number, member in enumerate(Member.objects.order_by("pk"), 1):
            points.adjust(
                member_id=member.pk,
                points=900 * number,
                reference=f"g-{number}",
                reason="礼物",
                actor="测试",
                now=now,
            )
        Purchase.objects.create(
            order_id="S-1",
            member_id=ANNA,
            ordered_at=now,
            recorded_at=now,
            currency="CNY",
            amount=58,
            content_hash="x",
        )
        values = {
            "name": {"zh-hans": "陶瓷马克杯", "en": "Mug"},
            "points": 100,
            "status": "published",
            "stock": 3,
        }
        reward = mall.create_reward(values={**values, "kind": "physical"}, actor="测试", now=now)
        mall.place(member_id=ANNA, reward_id=reward.pk, quantity=1, reference="R-1", actor="测试", now=now)
    return operator_of(acme, "owner")


@pytest.fixture
def care_and_owner(shop_with_history: str) -> tuple[str, str]:
    """The same shop, where more than 100 points by hand need two people: its care agent and its owner."""
    connection.set_schema_to_public()
    Brand.objects.filter(slug="acme").update(settings={"adjustment_approval_above": 100})
    hosts.forget()
    return operator_of(Brand.objects.get(slug="acme"), "care"), shop_with_history


@dataclass
class Seen:
    """What went wrong in the browser, and where it asked."""

    troubles: list[str] = field(default_factory=list)
    hosts: set[str] = field(default_factory=set)


class Visitor:
    """A person at a screen: signs in, opens pages, and notices what is wrong with them."""

    def __init__(self, page: Any, base: str, shots: Path) -> None:
        self.page, self.base, self.shots = page, base, shots
        self.seen = Seen()
        page.on("console", self._console)
        page.on("pageerror", lambda error: self.seen.troubles.append(f"script: {error}"))
        page.on("requestfailed", self._failed)
        page.on("request", lambda request: self.seen.hosts.add(request.url.split("/")[2].split(":")[0]))
        page.on("response", self._answered)

    def _console(self, message: Any) -> None:
        if message.type in ("error", "warning"):
            self.seen.troubles.append(f"console: {message.text}")

    def _failed(self, request: Any) -> None:
        if request.failure != "net::ERR_ABORTED":
            self.seen.troubles.append(f"failed: {request.url} {request.failure}")

    def _answered(self, response: Any) -> None:
        if response.status >= 400:
            self.seen.troubles.append(f"{response.status}: {response.url}")

    def open(self, path: str) -> None:
        """A page of the console, by its path, with all that it loads."""
        self.page.goto(f"{self.base}/console/{path}", wait_until="load")

    def sign_in(self, name: str) -> None:
        """Through the sign-in page."""
        self.open("login/")
        self.page.fill("#id_username", name)
        self.page.fill("#id_password", PASSWORD)
        self.follow("#login-form button[type=submit]")

    def follow(self, selector: str) -> None:
        """Click on what leads to another page, and wait for it."""
        with self.page.expect_navigation(wait_until="load"):
            self.page.click(selector)

    def overflow(self) -> int:
        """By how many pixels the page is wider than the screen."""
        wide, screen = self.page.evaluate("[document.documentElement.scrollWidth, window.innerWidth]")
        return max(0, wide - screen)

    def shoot(self, name: str) -> Path:
        """A screenshot in the test's own folder."""
        path = self.shots / f"{name}.png"
        self.page.screenshot(path=path)
        return path


Visit = Callable[..., Any]


@pytest.fixture(scope="session")
def screen(chromium: str) -> Iterator[ThreadPoolExecutor]:
    """One browser for all tests, in a thread of its own: Playwright runs an event loop there."""
    pool = ThreadPoolExecutor(1)
    pool.submit(_launch, chromium).result()
    yield pool
    pool.submit(_close).result()
    pool.shutdown()


_running: dict[str, Any] = {}


def _launch(chromium: str) -> None:
    from playwright.sync_api import sync_playwright  # noqa: PLC0415  only where Chromium is

    _running["playwright"] = sync_playwright().start()
    _running["browser"] = _running["playwright"].chromium.launch(executable_path=chromium, args=ARGUMENTS)


def _close() -> None:
    _running["browser"].close()
    _running["playwright"].stop()


@pytest.fixture
def visit(screen: ThreadPoolExecutor, live: int, tmp_path: Path) -> Visit:
    """Run `story(visitor)` as a person with a fresh browser profile."""

    def run(
        story: Callable[[Visitor], Any],
        *,
        brand: str = "acme",
        language: str = "zh-hans",
        size: dict[str, int] = WIDE,
    ) -> Any:
        host = f"{brand}.localhost" if brand else "localhost"
        return screen.submit(_in_browser, story, host, live, language, size, tmp_path).result()

    return run


def _in_browser(
    story: Callable[[Visitor], Any], host: str, port: int, language: str, size: dict[str, int], shots: Path
) -> Any:
    locale = "zh-CN" if language.startswith("zh") else "en-GB"
    context = _running["browser"].new_context(viewport=size, locale=locale, timezone_id="Asia/Shanghai")
    base = f"http://{host}:{port}"
    try:
        context.add_cookies([{"name": "django_language", "value": language, "url": base}])
        visitor = Visitor(context.new_page(), base, shots)
        result = story(visitor)
        assert visitor.seen.troubles == []
        assert visitor.seen.hosts == {host}
        return result
    finally:
        context.close()
