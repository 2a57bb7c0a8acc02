"""Campaigns in the console: the form without JSON, the calendar, the results, the programme's budget."""

import re
from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest

from campaigns.models import Campaign, ProgrammeBudget, Rule
from loyalty.lib import clock
from tenants.context import in_brand
from tenants.models import Brand
from tenants.operators.models import Role
from tests.campaigns.shapes import count, created, earned, started
from tests.campaigns.test_submissions import ask
from tests.console.pages import Browser, signed_in
from tests.orders.conftest import base_rule, publish
from tests.orders.shapes import multiplier, priced
from tests.support.client import Api

pytestmark = [pytest.mark.django_db, pytest.mark.whole]
__all__ = ["base_rule", "publish"]
FORM: dict[str, Any] = {
    "name_zh": "会员日",
    "name_en": "Member day",
    "code": "member-day-28",
    "kind": "member_day",
    "starts_at": "2026-11-23 00:00",
    "ends_at": "2027-02-01 00:00",
    "recurs": "MONTHLY",
    "month_days": "8，18, 28",
    "multiplier": "2",
    "budget_points": "5000",
    "control_percent": "",
    "announcement_zh": "今天会员日",
}


@pytest.fixture
def owner(acme: Brand) -> Browser:
    return signed_in(acme, Role.OWNER)


def page(browser: Browser, path: str) -> str:
    answer = browser.get(path)
    assert answer.status_code == 200, answer.content.decode()[:2000]
    return str(answer.content.decode())


def the(acme: Brand, code: str = "member-day-28") -> Campaign:
    with in_brand(acme):
        return Campaign.objects.get(code=code)


def test_made_from_a_form_and_opened_as_it_was_written(owner: Browser, acme: Brand) -> None:
    assert "Multiply base points by" in page(owner, "campaigns/campaign/add/")
    answer = owner.post("campaigns/campaign/add/", FORM | {"templates": ["birthday-month"]})
    assert answer.status_code == 302, answer.content.decode()[:3000]
    campaign = the(acme)
    assert (campaign.rrule, campaign.budget_points, campaign.control_percent) == (
        "FREQ=MONTHLY;BYMONTHDAY=8,18,28",
        5000,
        0,
    )
    assert campaign.starts_at == datetime.fromisoformat("2026-11-23T00:00:00+08:00")
    with in_brand(acme):
        codes = list(Rule.objects.filter(campaign_of__campaign=campaign).values_list("code", flat=True))
    assert sorted(codes) == ["member-day-28-birthday-month", "member-day-28-x"]
    for term, found in (("会员", True), ("member DAY", True), ("day-28", True), ("nothing", False)):
        assert ("member-day-28" in page(owner, f"campaigns/campaign/?q={term}")) == found
        assert ("member-day-28-x" in page(owner, f"campaigns/rule/?q={term}")) == found
    shown = page(owner, f"campaigns/campaign/{campaign.pk}/change/")
    assert 'value="8, 18, 28"' in shown
    assert "2× the base points" in shown
    started_at = owner.post(f"campaigns/campaign/{campaign.pk}/start/")
    assert started_at.status_code == 302
    assert the(acme).status == "scheduled"
    # Under way: only names, texts and budgets are left in the form.
    shown = page(owner, f"campaigns/campaign/{campaign.pk}/change/")
    assert 'name="budget_points"' in shown
    assert 'name="starts_at"' not in shown
    answer = owner.post(
        f"campaigns/campaign/{campaign.pk}/change/",
        {"name_zh": "会员日", "name_en": "", "budget_points": "9000", "announcement_zh": "新"},
    )
    assert answer.status_code == 302, answer.content.decode()[:3000]
    assert (the(acme).budget_points, the(acme).name) == (9000, {"zh-hans": "会员日"})


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"name_zh": "", "name_en": ""}, "At least one language is needed."),
        ({"ends_at": "2026-11-23 00:00"}, "Must be later than the start."),
        ({"ends_at": "02/01/2027 12:00 AM"}, "Must be a day and a time such as 2026-11-28 09:30."),
        ({"month_days": ""}, "This field is required."),
        ({"month_days": "40"}, "None of these days lies within the campaign."),
        ({"multiplier": "twice"}, "multiplier"),
        ({"code": "Member Day"}, "Lower-case letters, digits and hyphens"),
    ],
)
def test_what_is_wrong_is_said_and_nothing_written(
    owner: Browser, row_counts: Callable[[], dict[str, int]], changes: dict[str, str], words: str
) -> None:
    before = row_counts()
    answer = owner.post("campaigns/campaign/add/", FORM | changes)
    assert answer.status_code == 200
    assert words in answer.content.decode()
    assert row_counts() == before


def test_a_calendar_rule_of_another_kind_is_kept(owner: Browser, api: Api, acme: Brand) -> None:
    rrule = "FREQ=MONTHLY;BYDAY=1SA"
    created(api, ends_at="2027-03-01T00:00:00+08:00", rrule=rrule)
    campaign = the(acme, "double")
    url = f"campaigns/campaign/{campaign.pk}/change/"
    assert f'<option value="{rrule}" selected' in page(owner, url)
    body = {
        name: value for name, value in FORM.items() if name not in ("code", "multiplier", "month_days")
    } | {"recurs": rrule, "rules": ["double-x"]}
    assert owner.post(url, body).status_code == 302
    assert the(acme, "double").rrule == rrule


def test_the_calendar_of_a_month(owner: Browser, api: Api) -> None:
    empty = page(owner, "campaigns/calendar/?month=2027-08")
    assert "No campaign runs in this month." in empty
    started(
        api,
        starts_at="2026-11-23T00:00:00+08:00",
        ends_at="2027-02-01T00:00:00+08:00",
        rrule="FREQ=MONTHLY;BYMONTHDAY=28",
    )
    created(api, code="flash", starts_at="2026-11-30T20:00:00+08:00", ends_at="2026-12-01T02:00:00+08:00")
    shown = page(owner, "campaigns/calendar/")
    assert shown.count('class="calendar-item scheduled" href') == 1
    # From 20:00 on the 30th until 02:00 on the 1st of the next month, which the grid shows too.
    assert [text in shown for text in ("20:00 –", "– 02:00")] == [True, True]
    assert shown.count("calendar-day today") == 1
    assert '<time datetime="2026-11-22">22</time>' in shown
    december = page(owner, "campaigns/calendar/?month=2026-12")
    assert december.count('class="calendar-item scheduled" href') == 1
    assert "calendar-day today" not in december
    assert page(owner, "campaigns/calendar/?month=nonsense").count("calendar-day today") == 1


def test_results_are_honest_about_small_numbers(
    owner: Browser, api: Api, base_rule: None, acme: Brand
) -> None:
    started(api, starts_at="2026-11-22T00:00:00+08:00", ends_at="2026-11-24T00:00:00+08:00",
            budget_points=1000, control_percent=10)  # fmt: skip
    url = f"campaigns/results/{the(acme, 'double').pk}/"
    assert "Nobody has bought anything in it yet." in page(owner, url)
    for number in range(4):
        earned(api, f"o{number}", "2026-11-22T10:00:00+08:00", "225", member={"external_id": f"C-{number}"})
    with in_brand(acme):
        count(clock.now())
    shown = page(owner, url)
    assert "Too few members bought" in shown
    assert '<td class="key">shop</td>' in shown
    listed = page(owner, "campaigns/campaign/")
    given = the(acme, "double").given_points
    assert f"{given // 10} %" in listed
    assert owner.get("campaigns/results/0199f3a2-8d1c-7c3e-9b1a-2f6d5c4b3a21/").status_code == 404


def test_before_it_begins_there_are_no_results(owner: Browser, api: Api, acme: Brand) -> None:
    started(api)
    assert "It has not begun yet." in page(owner, f"campaigns/results/{the(acme, 'double').pk}/")


def test_a_second_operator_decides(acme: Brand, api: Api) -> None:
    ask(acme, "console")
    created(api)
    owner, marketing = signed_in(acme, Role.OWNER), signed_in(acme, Role.MARKETING)
    url = f"campaigns/campaign/{the(acme, 'double').pk}"
    assert "/start/" not in page(owner, f"{url}/change/")
    assert marketing.post(f"{url}/submit/", {"note": "as agreed"}).status_code == 302
    assert the(acme, "double").status == "pending_approval"
    # Whoever decides is told of it on every page; nobody else is.
    waiting = re.compile(r'href="/console/campaigns/campaign/"(?:(?!</a>).)*>\s*1\s*<', re.DOTALL)
    assert (bool(waiting.search(page(owner, ""))), bool(waiting.search(page(marketing, "")))) == (True, False)
    assert marketing.post(f"{url}/approve/", {}).status_code == 403
    assert owner.post(f"{url}/approve/", {}).status_code == 302
    assert the(acme, "double").status == "scheduled"
    assert owner.post(f"{url}/end/", {"note": "no more"}).status_code == 302
    assert the(acme, "double").status == "ended"
    assert "no more" in page(owner, f"{url}/change/")


def test_roles(acme: Brand, api: Api) -> None:
    created(api)
    pk = the(acme, "double").pk
    for role, status in ((Role.CARE, 200), (Role.SHOP, 403)):
        browser = signed_in(acme, role)
        for path in ("campaigns/calendar/", "campaigns/campaign/", f"campaigns/results/{pk}/"):
            assert browser.get(path).status_code == status, (role, path)
        assert browser.post(f"campaigns/campaign/{pk}/start/").status_code == 403
        assert browser.get("programme-budget/").status_code == 403
    marketing = signed_in(acme, Role.MARKETING)
    assert marketing.get("programme-budget/").status_code == 200
    plan = {"period": "month", "amount": "100", "percent": "15"}
    assert marketing.post("programme-budget/", plan).status_code == 403


def test_the_programme_s_budget_and_its_banner(
    owner: Browser, api: Api, base_rule: None, acme: Brand
) -> None:
    assert "There is no limit" in page(owner, "programme-budget/")
    answer = owner.post("programme-budget/", {"period": "month", "amount": "100.00", "percent": "15"})
    assert answer.status_code == 302
    assert "15.00 CNY" in page(owner, "programme-budget/")
    assert "programme's budget" not in page(owner, "")
    answer = api.post("/orders", {"order_id": "o", **_order()})
    assert answer.status_code == 201
    member = answer.json()["member_id"]
    answer = api.post(
        "/burns",
        {"member": {"member_id": member}, "points": 1500, "reference": "till-1", "reason": "till"},
    )
    assert answer.status_code == 201
    assert "bonus rules and new campaigns have stopped" in page(owner, "programme-budget/")
    with in_brand(acme):
        assert ProgrammeBudget.objects.get().status == "reached"
    shown = page(owner, "")
    assert "The programme's budget is used up." in shown
    answer = owner.post("programme-budget/", {"period": "month", "amount": "-5", "percent": "15"})
    assert answer.status_code == 200


def _order() -> dict[str, Any]:

    body = priced("o", "2000")
    del body["order_id"]
    return body


@pytest.mark.parametrize("language", ["zh-hans", "en"])
def test_both_languages(acme: Brand, api: Api, language: str) -> None:
    api.post("/earning-rules", multiplier("extra", "3"))
    started(api, rules=["extra"], multiplier=...)
    browser = signed_in(acme, Role.OWNER, language)
    words = {"zh-hans": ("营销日历", "双倍日"), "en": ("Campaign calendar", "Double day")}[language]
    for path in ("campaigns/calendar/?month=2026-11", "campaigns/campaign/"):
        shown = page(browser, path)
        assert all(word in shown for word in words), path
