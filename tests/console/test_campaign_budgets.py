"""The buttons about a campaign's budget, pressed: raise, approve, reject, withdraw, pause, go on, end."""

from typing import Any

import pytest
from django.contrib.admin.models import LogEntry

from campaigns.models import Campaign, CampaignStep
from loyalty.lib import clock
from tenants.context import in_brand
from tenants.models import Brand
from tenants.operators.models import Role
from tests.campaigns.shapes import count, earned, started
from tests.campaigns.test_submissions import ask
from tests.console.pages import Browser, signed_in
from tests.orders.conftest import base_rule, publish
from tests.support.client import Api

pytestmark = pytest.mark.django_db
__all__ = ["base_rule", "publish"]
AT = "2026-11-22T10:00:00+08:00"
OWNER, MARKETING = "operator:owner@acme.example", "operator:marketing@acme.example"


@pytest.fixture
def running(api: Api, acme: Brand, base_rule: None) -> str:
    """Where a campaign is steered that may give 1,000 points and has given 500."""
    started(
        api,
        starts_at="2026-11-22T00:00:00+08:00",
        ends_at="2026-11-24T00:00:00+08:00",
        budget_points=1000,
    )
    earned(api, "o1", AT, "500")
    with in_brand(acme):
        count(clock.now())
        campaign = Campaign.objects.get()
    assert (campaign.status, campaign.given_points) == ("running", 500)
    return f"campaigns/campaign/{campaign.pk}"


def stands(brand: Brand) -> tuple[str, int | None]:
    with in_brand(brand):
        return Campaign.objects.values_list("status", "budget_points").get()


def steps(brand: Brand, since: int = 0) -> list[tuple[str, str, str]]:
    """Kind, actor and note of the steps, oldest first."""
    with in_brand(brand):
        found = CampaignStep.objects.order_by("recorded_at", "id").values_list("kind", "actor", "note")
        return list(found)[since:]


def logged(brand: Brand) -> list[tuple[str, str]]:
    """Who pressed what, as the console's own log has it."""
    with in_brand(brand):
        rows = LogEntry.objects.order_by("pk").select_related("user")
        return [(row.user.get_username(), str(row.get_change_message())) for row in rows]


def budget(points: str) -> dict[str, Any]:
    """The form of a campaign under way."""
    return {"name_zh": "双倍日", "name_en": "Double day", "budget_points": points, "budget_amount": ""}


def buttons(browser: Browser, url: str) -> set[str]:
    page = browser.get(f"{url}/change/").content.decode()
    names = (
        "approve_budget", "reject_budget", "withdraw_budget", "pause", "resume", "end", "approve", "start",
    )  # fmt: skip
    return {name for name in names if f"{url}/{name}/" in page}


def test_stopped_by_its_budget_it_goes_on_once_that_is_raised(acme: Brand, api: Api, running: str) -> None:
    earned(api, "o2", AT, "500")
    with in_brand(acme):
        count(clock.now())
    assert stands(acme) == ("stopped", 1000)
    owner = signed_in(acme, Role.OWNER)
    assert buttons(owner, running) == {"end"}
    known = len(steps(acme))
    answer = owner.post(f"{running}/change/", budget("5000"))
    assert answer.status_code == 302, answer.content.decode()[:2000]
    assert stands(acme) == ("running", 5000)
    assert steps(acme, known) == [
        ("changed", OWNER, "announcement, budget_amount, budget_points: 1000 → 5000, name"),
        ("resumed", OWNER, ""),
    ]
    assert "budget_points: 1000 → 5000" in owner.get(f"{running}/change/").content.decode()
    assert [who for who, _what in logged(acme)] == ["owner@acme.example"]
    assert earned(api, "o3", AT, "10") == 20


def test_paused_and_let_go_on_with_who_and_why(acme: Brand, api: Api, running: str) -> None:
    marketing = signed_in(acme, Role.MARKETING)
    assert buttons(marketing, running) == {"pause", "end"}
    known = len(steps(acme))
    assert marketing.post(f"{running}/pause/", {"note": "stock is out"}).status_code == 302
    assert stands(acme)[0] == "paused"
    assert earned(api, "o2", AT, "10") == 10
    assert buttons(marketing, running) == {"resume", "end"}
    assert marketing.post(f"{running}/resume/", {"note": "it is back"}).status_code == 302
    assert stands(acme)[0] == "running"
    assert marketing.post(f"{running}/end/", {"note": "sold out"}).status_code == 302
    assert stands(acme)[0] == "ended"
    assert buttons(marketing, running) == set()
    assert steps(acme, known) == [
        ("paused", MARKETING, "stock is out"),
        ("resumed", MARKETING, "it is back"),
        ("ended", MARKETING, "sold out"),
    ]
    name = "marketing@acme.example"
    assert logged(acme) == [(name, "Pause"), (name, "Let it go on"), (name, "End now")]
    # What its state does not allow is told, and nothing is written.
    marketing.post(f"{running}/resume/", {"note": ""})
    assert "not possible in the present state" in marketing.get("").content.decode()
    assert (len(steps(acme, known)), len(logged(acme))) == (3, 3)


def test_care_and_shop_steer_nothing(acme: Brand, running: str) -> None:
    known = len(steps(acme))
    for role in (Role.CARE, Role.SHOP):
        browser = signed_in(acme, role)
        for step in ("pause", "end", "approve_budget"):
            assert browser.post(f"{running}/{step}/", {"note": ""}).status_code == 403
        assert browser.post(f"{running}/change/", budget("5000")).status_code == 403
    assert (stands(acme), steps(acme, known), logged(acme)) == (("running", 1000), [], [])


def test_where_the_brand_asks_a_larger_budget_is_raised_by_two(acme: Brand, running: str) -> None:
    ask(acme, "console")
    marketing, owner = signed_in(acme, Role.MARKETING), signed_in(acme, Role.OWNER)
    known = len(steps(acme))
    assert marketing.post(f"{running}/change/", budget("5000")).status_code == 302
    assert stands(acme) == ("running", 1000)
    assert buttons(marketing, running) == {"withdraw_budget", "pause", "end"}
    assert marketing.post(f"{running}/approve_budget/", {"note": ""}).status_code == 403
    assert buttons(owner, running) == {"approve_budget", "reject_budget", "withdraw_budget", "pause", "end"}
    assert owner.post(f"{running}/reject_budget/", {"reason": ""}).status_code == 200
    assert owner.post(f"{running}/reject_budget/", {"reason": "too dear"}).status_code == 302
    assert stands(acme) == ("running", 1000)
    marketing.post(f"{running}/change/", budget("4000"))
    assert marketing.post(f"{running}/withdraw_budget/").status_code == 302
    marketing.post(f"{running}/change/", budget("3000"))
    assert owner.post(f"{running}/approve_budget/", {"note": "fine"}).status_code == 302
    assert stands(acme) == ("running", 3000)
    kinds = [step for step in steps(acme, known) if step[0] != "changed"]
    assert kinds == [
        ("submitted", MARKETING, "budget_points: 1000 → 5000"),
        ("rejected", OWNER, "too dear"),
        ("submitted", MARKETING, "budget_points: 1000 → 4000"),
        ("withdrawn", MARKETING, ""),
        ("submitted", MARKETING, "budget_points: 1000 → 3000"),
        ("approved", OWNER, "fine"),
    ]
    pressed = [what for _who, what in logged(acme)]
    assert [what for what in pressed if "budget" in what] == [
        "Reject the budget", "Withdraw the budget", "Approve the budget",
    ]  # fmt: skip


def test_who_raised_it_does_not_agree_to_it(acme: Brand, running: str) -> None:
    ask(acme, "all")
    owner = signed_in(acme, Role.OWNER)
    owner.post(f"{running}/change/", budget("5000"))
    answer = owner.post(f"{running}/approve_budget/", {"note": ""})
    assert (answer.status_code, "second operator must decide" in answer.content.decode()) == (200, True)
    assert stands(acme) == ("running", 1000)
