"""A simulation in a real browser: asked for on the rule's page, watched, and read when it is over."""

import threading
from typing import Any

import pytest
from django.db import connection, connections

from campaigns.models import Rule
from campaigns.services import orders, rules
from loyalty.analytics import simulations
from loyalty.lib import clock
from loyalty.outbox import jobs
from tenants.context import in_brand
from tenants.models import Brand
from tests.browser.conftest import PHONE, WIDE, Visit, Visitor
from tests.console.pages import operator_of
from tests.orders.shapes import BASE, multiplier, priced


@pytest.fixture
def shop(committed_db: None, now: Any) -> tuple[str, Rule]:
    """Acme with a rule that runs, two orders, and a draft; its owner and the draft."""
    connection.set_schema_to_public()
    acme = Brand.objects.get(slug="acme")
    with in_brand(acme):
        for body in (BASE, multiplier("double", "2")):
            rules.create_draft(body=body, actor="test", now=now)
        rules.publish(code="base", actor="test", now=now)
        for number, store in enumerate(("S01", "S02")):
            order = priced(str(number), "10", store_id=store)
            orders.record_order(content=orders.parse(order, currency="CNY", now=now), now=now)
        draft = Rule.objects.get(code="double")
    return operator_of(acme, "owner"), draft


def _work() -> None:
    """The worker's turn, in a process of its own as far as the database is concerned."""
    assert simulations.run
    try:
        with in_brand(Brand.objects.get(slug="acme")):
            jobs.advance(now=clock.now, lane="reading")
    finally:
        connections.close_all()


@pytest.mark.parametrize(
    ("language", "size", "button"),
    [
        pytest.param("zh-hans", PHONE, "模拟", id="zh-hans-phone"),
        pytest.param("en", WIDE, "Simulate", id="en-wide", marks=pytest.mark.whole),
    ],
)
def test_it_is_watched_until_it_is_over(
    shop: tuple[str, Rule], visit: Visit, language: str, size: dict[str, int], button: str
) -> None:
    owner, draft = shop

    def story(visitor: Visitor) -> list[int]:
        page, wider = visitor.page, []
        visitor.sign_in(owner)
        visitor.open(f"simulations/of/{draft.pk}/")
        wider.append(visitor.overflow())
        page.fill("#id_first", "2026-11-01")
        page.fill("#id_last", "2026-11-30")
        page.get_by_role("button", name=button, exact=True).click()
        page.wait_for_selector("#simulation-progress progress")
        wider.append(visitor.overflow())
        listed = page.context.new_page()
        listed.goto(f"{page.url.partition('simulations/')[0]}outbox/job/")
        listed.wait_for_selector("[data-running=queued]")
        typing = page.context.new_page()
        typing.goto(listed.url)
        typing.fill("#searchbar", "points")
        worker = threading.Thread(target=_work)
        worker.start()
        worker.join()
        # The page looks for itself, and turns into the outcome.
        page.wait_for_selector("#chart-simulation-store canvas")
        listed.wait_for_selector("[data-running]", state="detached")  # so does the list of jobs
        listed.close()
        with typing.expect_response(typing.url):
            pass
        assert typing.input_value("#searchbar") == "points"  # it is not taken from under somebody's hands
        typing.close()
        assert "+20" in page.inner_text(".figures")
        wider.append(visitor.overflow())
        visitor.shoot(f"simulation-{language}-{size['width']}")
        return wider

    assert visit(story, language=language, size=size) == [0, 0, 0]
