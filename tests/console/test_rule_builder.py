"""The builder's page without a browser: what it offers, what it refuses and where; looking writes nothing."""

import json
import re
from collections.abc import Callable
from typing import Any

import pytest

from campaigns.gallery import GALLERY
from campaigns.models import Rule, RuleStep
from campaigns.schema import CheckContext, check
from campaigns.services import rules
from loyalty.lib import clock
from tenants.context import in_brand
from tenants.models import Brand
from tests.console.pages import ROLES, Browser, operator_of, signed_in
from tests.orders.shapes import BASE, line, order
from tests.scenarios import earning
from tests.support.client import Api
from tests.tiers.shapes import program

pytestmark = pytest.mark.django_db
DATA = re.compile(r'<script id="rule-builder-data" type="application/json">(.*?)</script>', re.S)


def builder(page: str) -> dict[str, Any]:
    """What the page hands to its script."""
    return json.loads(DATA.search(page)[1])  # type: ignore[index,no-any-return]


def look(browser: Browser, rule: Any, sample: Any = None) -> Any:
    return browser.client.post(
        "/console/campaigns/rule/look/", {"rule": rule, "sample": sample}, content_type="application/json"
    )


def test_it_offers_what_the_brand_has(acme: Brand, api: Api) -> None:
    assert api.put("/tiers", program()).status_code == 200
    tagged = line("5.00", category="fresh/milk", sku="MILK", tags=["organic"])
    api.post("/orders", order("1", channel="kiosk", store_id="S7", lines=[tagged]))
    known = builder(signed_in(acme, "marketing").get("campaigns/rule/add/").content.decode())
    choices = known["choices"]
    assert {"fresh", "fresh/milk"} <= set(choices["line.category"])
    assert ("kiosk" in choices["order.channel"], choices["order.store_id"]) == (True, ["S7"])
    assert known["orders"] == ["1"]
    assert (choices["line.tags"], choices["line.sku"]) == (["organic"], ["MILK"])
    assert [tier["value"] for tier in known["tiers"]] == ["silver", "gold", "diamond"]
    facts = {fact["name"]: fact for fact in known["facts"]}
    assert facts["line.category"]["on"] == ["order"]
    assert facts["activity.streak"]["on"] == ["activity"]
    assert facts["member.orders.count"]["group"] == "window"
    assert all(known["operators"][fact["type"]] for fact in facts.values())


def test_the_first_sample_suits_the_rule(acme: Brand, api: Api, now) -> None:
    body = {
        **BASE,
        "when": {"all": [{"fact": "member.tags", "op": "has", "value": ["vip"]}]},
        "schedule": {"rrule": "FREQ=WEEKLY;BYDAY=WE", "hours": [["18:30", "21:30"]]},
    }
    with in_brand(acme):
        rule = rules.create_draft(body=body, actor="test", now=now).rule
    with clock.frozen(now):  # a Sunday
        page = signed_in(acme, "marketing").get(f"campaigns/rule/{rule.pk}/change/").content.decode()
    sample = builder(page)["sample"]
    assert (sample["at"], sample["member_tags"]) == ("2026-11-25T18:30+08:00", ["vip"])


@pytest.mark.parametrize("language", ["en", "zh-hans"])
def test_a_draft_is_said_and_tried_and_nothing_is_written(
    acme: Brand, api: Api, language: str, row_counts: Callable[[], dict[str, int]]
) -> None:
    api.post("/earning-rules", BASE)
    api.post("/earning-rules/base/publish")
    browser = signed_in(acme, "marketing", language)
    before = row_counts()
    double = {**BASE, "code": "", "name": {}, "effect": {"type": "multiplier", "factor": "2"}}
    sample = {
        "at": "2026-11-22T10:00:00+08:00",
        "lines": [{"category": "fresh", "unit_price": "19.90", "quantity": "2"}],
    }
    told = look(browser, double, sample).json()
    assert {error["pointer"] for error in told["errors"]} == {"/code", "/name"}
    assert (
        told["text"]
        == {
            "en": "When an order is paid: 2× the base points.",
            "zh-hans": "下单付款时：基础积分 2 倍。",
        }[language]
    )
    assert (told["preview"]["points"], told["preview"]["before"]) == (78, 39)
    assert row_counts() == before


def test_a_recorded_order_is_tried_with_its_own_lines(acme: Brand, api: Api) -> None:
    api.post("/earning-rules", BASE)
    api.post("/earning-rules/base/publish")
    assert api.post("/orders", order("S-9")).status_code == 201
    browser = signed_in(acme, "marketing")
    five = {**BASE, "effect": {"type": "per_amount", "points": "5", "per": "1"}}
    told = look(browser, five, {"order_id": "S-9"}).json()
    assert (told["preview"]["points"], told["preview"]["before"]) == (199, 39)
    assert (
        "no order of this number"
        in look(browser, five, {"order_id": "S-8"}).json()["sample_errors"][0]["detail"]
    )
    wrong = {"lines": [{"unit_price": "x", "quantity": "0"}]}
    assert {each["pointer"] for each in look(browser, five, wrong).json()["sample_errors"]} == {
        "/lines/0/unit_price",
        "/lines/0/quantity",
    }


def test_an_event_is_tried_with_its_streak(acme: Brand) -> None:
    browser = signed_in(acme, "marketing")
    rule = {
        **BASE,
        "trigger": "activity.check-in",
        "when": {"all": [{"fact": "activity.streak_day", "op": "eq", "value": 7}]},
        "effect": {"type": "fixed", "points": 50},
    }
    assert look(browser, rule, {"streak": 7}).json()["preview"]["points"] == 50
    assert look(browser, rule, {"streak": 8}).json()["preview"]["points"] == 0


@pytest.mark.parametrize("body", ["[]", "{", '"x"', '{"rule": 5}', '{"rule": {"when": {"all": 3}}}'])
def test_nonsense_is_answered_calmly(acme: Brand, body: str) -> None:
    browser = signed_in(acme, "marketing")
    answer = browser.client.post("/console/campaigns/rule/look/", body, content_type="application/json")
    assert answer.status_code in (200, 400)


def test_only_those_who_write_rules_may_look_and_copy(acme: Brand) -> None:
    allowed = {}
    for role in ROLES:
        browser = signed_in(acme, role)
        copied = browser.post("campaigns/rule/templates/", {"template": "check-in"})
        allowed[role] = (look(browser, BASE).status_code, copied.status_code)
    assert allowed == {
        "owner": (200, 302),
        "marketing": (200, 302),
        "care": (403, 403),
        "shop": (403, 403),
    }


# What is wrong with a rule: the change, the pointer that the API names, and its code.
BAD: list[tuple[dict[str, Any], str, str]] = [
    (
        {"when": {"all": [{"fact": "member.tier", "op": "in", "value": []}]}},
        "/when/all/0/value",
        "never_matches",
    ),
    (
        {
            "when": {
                "all": [
                    {"fact": "order.amount", "op": "lt", "value": 5},
                    {"fact": "order.amount", "op": "gt", "value": 10},
                ]
            }
        },
        "/when/all/1",
        "never_matches",
    ),
    (
        {"when": {"all": [{"fact": "member.tier", "op": "eq", "value": "platinum"}]}},
        "/when/all/0/value",
        "unknown_tier",
    ),
    (
        {"schedule": {"starts_at": "2026-12-02T00:00:00Z", "ends_at": "2026-12-01T00:00:00Z"}},
        "/schedule/ends_at",
        "ends_before_start",
    ),
    ({"effect": {"type": "per_amount", "points": "1", "per": "0"}}, "/effect/per", "min_value"),
    ({"effect": {"type": "multiplier", "factor": "101"}}, "/effect/factor", "range"),
    ({"effect": {"type": "fixed", "points": 10**12 - 1}}, "/effect/points", "max_value"),
    ({"caps": {"per_member": {"day": 0}}}, "/caps/per_member/day", "min_value"),
    ({"caps": {"per_member": {"hour": 5}}}, "/caps/per_member/hour", "unknown_field"),
    ({"schedule": {"rrule": "FREQ=SECONDLY"}}, "/schedule/rrule", "rrule_not_daily"),
    ({"schedule": {"rrule": "FREQ=DAILY;BYHOUR=1,2,3"}}, "/schedule/rrule", "rrule_not_daily"),
    ({"schedule": {"rrule": "FREQ=MONTHLY;BYMONTHDAY=31;BYMONTH=2"}}, "/schedule/rrule", "never_matches"),
    ({"schedule": {"hours": [["10:00", "10:00"]]}}, "/schedule/hours/0", "never_matches"),
]


@pytest.mark.whole
@pytest.mark.parametrize(("change", "pointer", "code"), BAD, ids=[f"{p} {c}" for _, p, c in BAD])
def test_bad_input_is_refused_at_its_field_by_api_and_form(
    acme: Brand, api: Api, change: dict[str, Any], pointer: str, code: str
) -> None:
    body = {**BASE, **change}
    answer = api.post("/earning-rules", body)
    assert (answer.status_code, (pointer, code)) == (
        422,
        next((error["pointer"], error["code"]) for error in answer.json()["errors"]),
    )
    browser = signed_in(acme, "marketing")
    page = browser.post("campaigns/rule/add/", {"body": json.dumps(body)})
    assert page.status_code == 200
    told = builder(page.content.decode())["errors"]
    assert [(error["pointer"], error["code"]) for error in told] == [
        (error["pointer"], error["code"]) for error in answer.json()["errors"]
    ]
    with in_brand(acme):
        assert Rule.objects.count() == 0


def test_days_without_an_end_are_fine_and_a_category_never_seen_is_a_warning(acme: Brand, api: Api) -> None:
    endless = {**BASE, "schedule": {"rrule": "FREQ=DAILY"}}
    unseen = {"all": [{"fact": "line.category", "op": "in", "value": ["gone"]}]}
    answer = api.post("/earning-rules", {**endless, "when": unseen})
    assert answer.status_code == 201
    assert [each["code"] for each in answer.json()["warnings"]] == ["category_never_seen"]


def test_the_gallery_shows_what_each_template_gives(acme: Brand, api: Api) -> None:
    marketing = signed_in(acme, "marketing")
    page = marketing.get("campaigns/rule/templates/").content.decode()
    assert "needs a tier programme" in page
    assert api.put("/tiers", program()).status_code == 200
    page = marketing.get("campaigns/rule/templates/").content.decode()
    assert "needs a tier programme" not in page
    shown = dict(re.findall(r'id="template-([a-z-]+)".*?<b>([\d,]+) points</b>', page, re.S))
    assert {key: int(points.replace(",", "")) for key, points in shown.items()} == {
        "base": 168, "first-order": 1000, "weekend": 84, "category-rate": 336, "every-full-hundred": 10,
        "three-orders": 1000, "tier-multiplier": 84, "member-day": 168, "birthday-month": 168,
        "birthday-gift": 200, "come-back": 100, "check-in": 5, "check-in-streak": 50,
        "review-with-picture": 200, "survey": 100, "share": 10, "own-bag": 100, "delayed-delivery": 80,
        "referral-registered": 50, "referral-first-order": 300,
    }  # fmt: skip


@pytest.mark.whole
def test_each_template_becomes_a_draft_with_a_code_of_its_own(acme: Brand, api: Api) -> None:
    assert api.put("/tiers", program()).status_code == 200
    marketing = signed_in(acme, "marketing")
    for template in GALLERY:
        for _time in range(2):
            answer = marketing.post("campaigns/rule/templates/", {"template": template.key})
            assert (template.key, answer.status_code) == (template.key, 302)
            assert "/change/" in answer["Location"], template.key
    with in_brand(acme):
        made = Rule.objects.filter(created_by="operator:marketing@acme.example")
        assert {rule.status for rule in made} == {"draft"}
        codes = {rule.code for rule in made}
    assert codes == {code for t in GALLERY for code in (t.body["code"], f"{t.body['code']}-2")}
    assert marketing.post("campaigns/rule/templates/", {"template": "none"}).status_code == 302


def test_templates_are_rules_without_a_fault(acme: Brand) -> None:
    context = CheckContext(acme.tz, clock.now().date(), ("silver", "gold"))
    found = {template.key: check(dict(template.body), context) for template in GALLERY}
    assert {key: checked.errors for key, checked in found.items() if checked.errors} == {}
    assert {key: checked.warnings for key, checked in found.items() if checked.warnings} == {}


@pytest.mark.whole
def test_every_scheme_of_the_table_is_set_up_in_the_console_too(acme: Brand, api: Api) -> None:
    marketing = signed_in(acme, "marketing")
    documents = [{**body, "code": f"{body['code']}-{n}"} for n, body in enumerate(earning.documents())]
    for body in documents:
        answer = marketing.post("campaigns/rule/add/", {"body": json.dumps(body)})
        assert (body["code"], answer.status_code) == (body["code"], 302)
    with in_brand(acme):
        drafts = dict(Rule.objects.values_list("code", "draft"))
    assert drafts == {body["code"]: body for body in documents}


@pytest.fixture
def published(acme: Brand, now) -> Rule:
    """Two versions, and a draft beside the second."""
    with in_brand(acme):
        rules.create_draft(body=BASE, actor="operator:lin@acme.example", now=now)
        rules.publish(code="base", actor="operator:lin@acme.example", now=now)
        for points in ("2", "3"):
            effect = {"type": "per_amount", "points": points, "per": "1"}
            rules.update_draft(code="base", changes={"effect": effect, "priority": int(points)}, now=now)
            if points == "2":
                rules.publish(code="base", actor="operator:kim@acme.example", now=now)
        return Rule.objects.get()


def test_history_tells_versions_differences_and_steps_in_words(acme: Brand, published: Rule) -> None:
    page = signed_in(acme, "marketing").get(f"campaigns/rule/{published.pk}/versions/").content.decode()
    second = page.split('id="version-2"')[1].split('id="version-1"')[0]
    assert re.findall(r"<del>(.*?)</del>", second) == ["1 point per CNY", "0"]
    assert re.findall(r"<ins>(.*?)</ins>", second) == ["2 points per CNY", "2"]
    assert "kim@acme.example" in second
    assert re.findall(r"<ins>(.*?)</ins>", page.split('id="draft"')[1].split('id="version-2"')[0]) == [
        "3 points per CNY",
        "3",
    ]
    steps = page.split('id="steps"')[1]
    assert steps.count("lin@acme.example") == 2


def test_a_version_is_copied_into_the_draft_or_into_a_new_rule(acme: Brand, published: Rule) -> None:
    marketing = signed_in(acme, "marketing")
    path = f"campaigns/rule/{published.pk}/versions/"
    assert marketing.post(path, {"version": "1", "as": "draft"}).status_code == 302
    answer = marketing.post(path, {"version": "1", "as": "rule"})
    with in_brand(acme):
        published.refresh_from_db()
        copy = Rule.objects.get(code="base-2")
        assert published.draft == BASE
        assert (copy.status, copy.draft) == ("draft", {**BASE, "code": "base-2"})
        assert RuleStep.objects.filter(rule=copy).get().kind == "drafted"
    assert str(copy.pk) in answer["Location"]
    marketing.post(path, {"version": "9", "as": "rule"})
    assert "no such version" in marketing.get("").content.decode()
    care = Browser("acme.localhost")
    care.sign_in(operator_of(acme, "care"))
    assert care.get(path).status_code == 200
    assert care.get(f"campaigns/rule/{published.pk}/change/").status_code == 200
    assert care.post(path, {"version": "1", "as": "rule"}).status_code == 403


def test_law_is_kept_while_a_rule_is_written(acme: Brand) -> None:
    browser = signed_in(acme, "marketing")
    rule = {
        "code": "share",
        "name": {"zh-hans": "替代母乳 双倍"},
        "trigger": "activity.share",
        "effect": {"type": "fixed", "points": 10},
    }
    told = look(browser, rule, {"attributes": {"channel": "wechat"}}).json()
    assert [(each["pointer"], each["code"]) for each in told["errors"]] == [
        ("/name/zh-hans", "forbidden_phrase")
    ]
    assert [(each["pointer"], each["code"]) for each in told["warnings"]] == [("/trigger", "wechat_share")]
    assert told["preview"]["points"] == 0
    assert look(browser, rule, {"attributes": {"channel": "app"}}).json()["preview"]["points"] == 10
