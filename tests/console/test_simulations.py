"""Simulating a rule from its page: who may, what is asked, how it is watched, what is shown."""

from collections.abc import Callable
from typing import Any

import polib
import pytest

from campaigns.models import Rule
from loyalty.analytics import simulations
from loyalty.dev import extraction
from loyalty.lib import clock
from loyalty.outbox import jobs
from loyalty.outbox.models import Job
from tenants.context import in_brand
from tenants.models import Brand
from tests.analytics.support import read_csv, read_xlsx
from tests.console.pages import ROLES, Browser, signed_in
from tests.console.test_words import CHINESE, NAMES, Shown, english_in, latin_in
from tests.orders.conftest import publish
from tests.orders.shapes import BASE, line, multiplier, order, priced
from tests.support.client import Api
from tests.tiers.shapes import program

__all__ = ["publish"]
pytestmark = pytest.mark.django_db
DAYS = {"first": "2026-11-01", "last": "2026-11-30"}
# Data on these pages.
SAME = {
    "Base rate",
    "Gold multiplier",
    "Diamond multiplier",
    "CNY",
    "CSV",
    "Excel",
    "points",
    "base",
    "double",
    "second",
    "fresh",
    "home",
    "marketing",
    "Gold",
    "Silver",
}


@pytest.fixture
def rule(api: Api, publish: Callable[..., None], acme: Brand) -> Rule:
    """A draft that doubles everything, over three orders in two stores; the base rule runs."""
    api.put("/tiers", program())
    publish(BASE)
    first = order("1", lines=[line("15", category="fresh/dairy"), line("5", category="home")])
    assert api.post("/orders", first).status_code == 201
    api.post("/orders", priced("2", "40", ordered_at="2026-11-20T10:00:00+08:00", store_id="S02"))
    api.post("/orders", priced("3", "30", channel="app", member={"external_id": "C-boris"}))
    assert (
        api.post("/earning-rules", multiplier("double", "2") | {"name": {"en": "double"}}).status_code == 201
    )
    with in_brand(acme):
        return Rule.objects.get(code="double")


def ask(browser: Browser, rule: Rule, **changes: Any) -> Any:
    return browser.post(f"simulations/of/{rule.pk}/", {"what": "draft", "stores": "", **DAYS, **changes})


def run(acme: Brand) -> None:
    assert simulations.run
    with in_brand(acme):
        jobs.advance(now=clock.now, lane="reading")


@pytest.mark.sampled(2)
@pytest.mark.parametrize("role", ROLES)
def test_owners_and_marketing_may_simulate(acme: Brand, rule: Rule, role: str) -> None:
    browser, may = signed_in(acme, role), role in ("owner", "marketing")
    page = browser.get(f"campaigns/rule/{rule.pk}/change/").content.decode()
    assert (f"/console/simulations/of/{rule.pk}/" in page) == may
    assert browser.get("simulations/").status_code == (200 if may else 403)
    assert browser.get(f"simulations/of/{rule.pk}/").status_code == (200 if may else 403)
    assert ask(browser, rule).status_code == (302 if may else 403)
    with in_brand(acme):
        assert Job.objects.count() == may


@pytest.mark.sampled(2)
@pytest.mark.parametrize("language", ["zh-hans", "en"])
def test_from_the_rule_to_the_outcome(acme: Brand, rule: Rule, language: str) -> None:
    browser = signed_in(acme, "marketing", language)
    pages = [browser.get("simulations/").content.decode()]
    pages.append(browser.get(f"simulations/of/{rule.pk}/").content.decode())
    assert "double" in pages[-1]
    path = ask(browser, rule).headers["Location"]
    pages.append(browser.get(path).content.decode())
    assert 'id="simulation-progress"' in pages[-1]
    state = browser.get(f"{path}state/").json()
    assert state == {"over": False, "percent": 0, "done": 0, "total": 3}
    run(acme)
    assert browser.get(f"{path}state/").json() == {"over": True, "percent": 100, "done": 3, "total": 3}
    page = browser.get(path).content.decode()
    pages += [page, browser.get("simulations/").content.decode()]
    for figure in ("180", "+90", "+0.90"):
        assert figure in page
    for name in ("day", "category", "store"):
        assert f'id="chart-simulation-{name}"' in page
    catalogue = polib.pofile(str(extraction.CATALOGUE))
    for shown in pages:
        if language == "zh-hans":
            assert english_in(shown, catalogue) - SAME == set()
            assert latin_in(shown) - SAME - NAMES == set()
        else:
            texts = Shown()
            texts.feed(shown)
            assert [
                text for text in texts.texts if CHINESE.search(text) and text not in ("中文", "简体中文")
            ] == []


def test_the_outcome_as_a_file(acme: Brand, rule: Rule) -> None:
    browser = signed_in(acme, "owner")
    path = ask(browser, rule).headers["Location"]
    run(acme)
    rows = [tuple(row.values()) for row in read_csv(browser.get(f"{path}?format=csv"))]
    assert rows[0] == ("All", "", "90", "180", "90", "0.90", "1.80", "0.90")
    assert ("By store", "S02", "40", "80", "40", "0.40", "0.80", "0.40") in rows
    assert ("By day", "2026-11-20", "40", "80", "40", "0.40", "0.80", "0.40") in rows
    sheets = read_xlsx(browser.get(f"{path}?format=xlsx"))
    assert len(next(iter(sheets.values()))) == len(rows) + 1


def test_what_runs_may_be_left_out_and_filters_are_kept(acme: Brand, rule: Rule) -> None:
    browser = signed_in(acme, "owner")
    with in_brand(acme):
        base = Rule.objects.get(code="base")
    path = ask(browser, base, what="without", stores="S02， S09", channels="store").headers["Location"]
    run(acme)
    page = browser.get(path).content.decode()
    assert "−40" in page
    with in_brand(acme):
        params = Job.objects.get().params
    assert (params["retire"], params["drafts"]) == (["base"], [])
    assert params["filters"] == {"stores": ["S02", "S09"], "channels": ["store"], "tiers": []}
    assert (params["from"], params["to"]) == ("2026-10-31T16:00:00Z", "2026-11-30T16:00:00Z")


def test_an_empty_period_says_so(acme: Brand, rule: Rule) -> None:
    browser = signed_in(acme, "owner")
    path = ask(browser, rule, first="2020-01-01", last="2020-01-31").headers["Location"]
    run(acme)
    page = browser.get(path).content.decode()
    assert "No order of this period was counted" in page
    assert "chart-simulation-day" not in page


def test_days_the_wrong_way_round(acme: Brand, rule: Rule) -> None:
    answer = ask(signed_in(acme, "owner"), rule, first="2026-11-02", last="2026-11-01")
    assert answer.status_code == 200
    assert "Must not lie before the first day." in answer.content.decode()
    with in_brand(acme):
        assert not Job.objects.exists()


def test_an_outcome_that_is_no_longer_kept(acme: Brand, rule: Rule) -> None:
    browser = signed_in(acme, "owner")
    path = ask(browser, rule).headers["Location"]
    run(acme)
    with in_brand(acme):
        jobs.forget_results(now=clock.now() + jobs.RESULTS_KEPT)
    answer = browser.get(path)
    assert answer.status_code == 200
    assert "What it found is no longer kept." in answer.content.decode()


def test_cancelling(acme: Brand, rule: Rule) -> None:
    browser = signed_in(acme, "owner")
    path = ask(browser, rule).headers["Location"]
    assert browser.get(f"{path}cancel/").status_code == 405
    assert browser.post(f"{path}cancel/").status_code == 302
    run(acme)
    page = browser.get(path).content.decode()
    assert "The simulation was cancelled." in page
    assert "simulation-progress" not in page
    assert browser.get(f"{path}state/").json()["over"] is True
    assert browser.post(f"{path}cancel/").status_code == 302


def test_other_jobs_and_unknown_ones_are_not_shown(acme: Brand, api: Api, rule: Rule) -> None:
    browser = signed_in(acme, "owner")
    batch = api.post("/orders/batch", raw=b'{"type": "order"}\n', content_type="application/x-ndjson").json()
    for path in (
        f"simulations/{batch['job_id']}/",
        f"simulations/{batch['job_id']}/state/",
        f"simulations/{rule.pk}/",
        f"simulations/of/{batch['job_id']}/",
    ):
        assert browser.get(path).status_code == 404
    assert browser.post(f"simulations/{batch['job_id']}/cancel/").status_code == 404
    assert api.get(f"/jobs/{batch['job_id']}").json()["status"] == "queued"
