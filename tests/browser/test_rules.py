"""A rule from the form to the points: built, tried, submitted, approved by another, published, earned by."""

import json
from datetime import datetime
from typing import Any

import pytest
from django.db import connection

from campaigns.gallery import GALLERY
from campaigns.models import Rule, RuleSubmission, RuleVersion
from campaigns.services import rules
from campaigns.templates import TEMPLATES
from points.models import Entry
from tenants import hosts
from tenants.context import in_brand
from tenants.models import Brand
from tests.browser.conftest import PHONE, Visit, Visitor
from tests.campaigns import table
from tests.campaigns.test_schema import ACTIVITY, GOOD
from tests.console.pages import operator_of
from tests.orders.shapes import BASE, order
from tests.scenarios import earning
from tests.support import brands
from tests.support.client import Api
from tests.tiers.shapes import program

LOOKED = "document.getElementById('rule-builder').dataset.looked"
EVERYTHING = [
    GOOD,
    ACTIVITY,
    {**GOOD, "name": "One language", "when": {}, "caps": {}, "schedule": {}, "points": {"pending": None}},
    {**GOOD, "when": {"fact": "order.amount", "op": "gte", "value": 20}},
    {**GOOD, "when": {"any": [GOOD["when"], {"none": [{"all": [{"any": [GOOD["when"]["all"][0]]}]}]}]}},
    {**GOOD, "when": {"all": [GOOD["when"]["all"][0]], "none": [GOOD["when"]["all"][2]]}},
    {**GOOD, "priority": "7", "stacking": {"group": "g"}, "audience": {"rollout_percent": "12.5"}},
    {**GOOD, "schedule": {"rrule": "FREQ=YEARLY;BYMONTH=11;BYMONTHDAY=11", "hours": [["22:00", "24:00"]]}},
    {**GOOD, "schedule": {"starts_at": "2026-11-01T00:00:59Z", "ends_at": "2027-03-28T02:30:00+02:00"}},
    {**GOOD, "effect": {"type": "grant", "kind": "benefit", "code": "double", "valid_days": "7"}},
]


@pytest.fixture
def careful(committed_db: None, now: datetime) -> tuple[str, str]:
    """Acme with tiers and a base rule, whose operators need a second one: marketing, and the owner."""
    connection.set_schema_to_public()
    Brand.objects.filter(slug="acme").update(settings={"rule_approval": "console"})
    hosts.forget()
    acme = Brand.objects.get(slug="acme")
    assert Api("acme.localhost", brands.key("acme")).put("/tiers", program()).status_code == 200
    with in_brand(acme):
        rules.install(bodies=[BASE], actor="test", now=now)
    return operator_of(acme, "marketing"), operator_of(acme, "owner")


def looked(page: Any, act: Any) -> None:
    """Do something, and wait until the server has looked at the draft that it made."""
    before = page.evaluate(LOOKED)
    act()
    page.wait_for_function(f"{LOOKED} !== {json.dumps(before)}")


@pytest.mark.whole
def test_every_rule_goes_through_the_form_unchanged(careful: tuple[str, str], visit: Visit) -> None:
    bodies = [body for bodies in TEMPLATES.values() for body in bodies]
    bodies += [template.body for template in GALLERY] + EVERYTHING
    bodies += [body for _name, case in table.cases() for body in case["bodies"]] + earning.documents()
    assert len(bodies) > 200
    moments = [
        ("Asia/Shanghai", "2026-11-01T00:00", "2026-11-01T00:00:00+08:00"),
        ("Europe/Berlin", "2027-03-28T01:59", "2027-03-28T01:59:00+01:00"),
        ("Europe/Berlin", "2027-03-28T03:00", "2027-03-28T03:00:00+02:00"),
        ("America/St_Johns", "2026-11-22T10:15:30", "2026-11-22T10:15:30-03:30"),
    ]

    def story(visitor: Visitor) -> list[str]:
        visitor.sign_in(careful[0])
        visitor.open("campaigns/rule/add/")
        for zone, wall, instant in moments:
            there = "([zone, wall]) => { RuleBuilder.zone = zone; return RuleBuilder.instant(wall); }"
            assert visitor.page.evaluate(there, [zone, wall]) == instant
        visitor.page.reload()
        found: list[str] = visitor.page.evaluate("bodies => bodies.map(RuleBuilder.roundTrip)", bodies)
        return found

    found = visit(story, language="en")
    assert [(body, place) for body, place in zip(bodies, found, strict=True) if place] == []


@pytest.mark.whole
def test_every_scheme_is_opened_and_saved_unchanged(careful: tuple[str, str], visit: Visit) -> None:
    acme = Brand.objects.get(slug="acme")
    bodies = [{**body, "code": f"{body['code']}-{n}"} for n, body in enumerate(earning.documents())]
    with in_brand(acme):
        made = [rules.create_draft(body=body, actor="test", now=acme.created_at).rule for body in bodies]

    def story(visitor: Visitor) -> list[str]:
        visitor.sign_in(careful[0])
        not_shown = []
        for rule in made:
            visitor.open(f"campaigns/rule/{rule.pk}/change/")
            if visitor.page.is_visible("#id_body") or not visitor.page.is_visible("#rb-effect"):
                not_shown.append(rule.code)
            # The page writes the body anew from its fields, so that what is posted is what was read there.
            visitor.page.evaluate("document.querySelector('#id_body').value = ''")
            visitor.follow("button[name=_save], input[name=_save]")
        return not_shown

    assert visit(story, language="en") == []
    with in_brand(acme):
        drafts = dict(Rule.objects.filter(status="draft").values_list("code", "draft"))
    assert drafts == {body["code"]: body for body in bodies}


def build(page: Any) -> None:
    """Three times the base points on fresh food for members from gold on, written with the keyboard."""
    page.fill("#rb-basics input >> nth=0", "fresh-gold")
    page.get_by_label("Name (English)").fill("Fresh food for gold")
    page.get_by_label("Name (Chinese)").fill("黄金会员生鲜三倍")
    page.select_option("#rb-effect select >> nth=0", "multiplier")
    page.get_by_label("Factor").fill("3")
    page.get_by_role("button", name="Add a condition").press("Enter")
    row = page.locator(".rb-condition >> nth=0")
    row.locator(".rb-value input").fill("fresh")
    row.locator(".rb-value input").press("Enter")
    page.get_by_role("button", name="Add a condition").press("Enter")
    row = page.locator(".rb-condition >> nth=1")
    row.locator(".rb-fact").select_option("member.tier")
    row.locator(".rb-op").select_option("gte")
    row.locator(".rb-value select").select_option("gold")


def test_a_rule_is_built_approved_by_somebody_else_and_earned_by(
    careful: tuple[str, str], visit: Visit
) -> None:
    marketing, owner = careful
    acme = Brand.objects.get(slug="acme")

    def builder(visitor: Visitor) -> dict[str, str]:
        page, told = visitor.page, {}
        visitor.sign_in(marketing)
        visitor.open("campaigns/rule/add/")
        page.wait_for_selector("#rb-preview .rb-total")
        looked(page, lambda: build(page))
        basket = page.locator(".rb-basket input")
        looked(page, lambda: basket.nth(0).fill("fresh/milk"))
        looked(page, lambda: page.get_by_label("Tier").last.select_option("gold"))
        page.wait_for_function("document.querySelector('#rb-preview .rb-total')?.dataset.points === '320'")
        told["sentence"] = page.inner_text("#rb-sentence")
        told["preview"] = page.inner_text("#rb-preview")
        visitor.follow("button[name=_save], input[name=_save]")
        visitor.follow("#result_list a >> text=Fresh food for gold")
        told["tabs"] = page.inner_text(".rule-tabs")
        visitor.follow("a[href$='/submit/']")
        page.fill("#id_note", "for the season")
        visitor.follow("form.operation button[type=submit]")
        told["waits"] = page.inner_text(".rule-opened")
        return told

    def approver(visitor: Visitor) -> str:
        visitor.sign_in(owner)
        visitor.follow("#nav-sidebar a[href='/console/campaigns/rulesubmission/']")
        visitor.follow("#result_list a >> nth=0")
        shown = visitor.page.inner_text("#submitted")
        visitor.follow("a[href$='/approve/']")
        visitor.follow("form.operation button[type=submit]")
        return str(shown)

    told = visit(builder, language="en")
    sentence = (
        "When an order is paid: 3× the base points, on the lines that match; if the category is fresh and the"
        " member's tier is at least Gold"
    )
    assert told["sentence"].startswith(sentence)
    assert "320 in all, by today's rules 120." in told["preview"]
    assert "waits for a second operator" in told["waits"]
    assert visit(approver, language="en").replace("\n", " ").count(sentence) == 1
    with in_brand(acme):
        assert RuleSubmission.objects.get().status == "published"
        assert RuleVersion.objects.get(rule__code="fresh-gold").body == {
            "code": "fresh-gold",
            "name": {"zh-hans": "黄金会员生鲜三倍", "en": "Fresh food for gold"},
            "trigger": "order.paid",
            "when": {
                "all": [
                    {"fact": "line.category", "op": "in", "value": ["fresh"]},
                    {"fact": "member.tier", "op": "gte", "value": "gold"},
                ]
            },
            "effect": {"type": "multiplier", "factor": "3"},
        }
    api = Api("acme.localhost", brands.key("acme"))
    big = order("big", lines=[{"quantity": "1", "unit_price": "1000.00"}])
    assert api.post("/orders", big).status_code == 201
    earned = api.post("/orders", order("small")).json()
    assert {entry["rule"]: entry["points"] for entry in earned["entries"]} == {
        "base": 39,
        "tier-gold": 7,
        "fresh-gold": 79,
    }
    with in_brand(acme):
        assert Entry.objects.filter(rule="fresh-gold").get().points == 79


@pytest.mark.whole
def test_faults_stand_at_their_fields_and_nothing_is_saved(careful: tuple[str, str], visit: Visit) -> None:
    def story(visitor: Visitor) -> dict[str, Any]:
        page, told = visitor.page, {}
        visitor.sign_in(careful[0])
        visitor.open("campaigns/rule/add/")
        page.wait_for_selector("#rb-preview .rb-total")
        visitor.follow("button[name=_save], input[name=_save]")
        page.wait_for_selector("#rb-preview .rb-total")
        told["unnamed"] = page.locator("#rb-basics .rb-error:visible").count()
        looked(page, lambda: page.get_by_label("For each amount of").fill("0"))
        told["per"] = page.inner_text("#rb-effect .rb-wrong .rb-error")
        looked(page, lambda: page.get_by_label("For each amount of").fill("1"))
        told["mended"] = page.locator("#rb-effect .rb-wrong").count()
        page.get_by_label("Code", exact=True).fill("late")
        page.get_by_label("Name (English)").fill("Late")
        page.get_by_label("Start").fill("2026-12-31T00:00")
        looked(page, lambda: page.get_by_label("End (exclusive)").fill("2026-12-01T00:00"))
        told["end"] = page.inner_text("#rb-schedule .rb-wrong .rb-error")
        page.get_by_label("End (exclusive)").fill("2027-01-31T00:00")
        for number, (op, amount) in enumerate((("lt", "5"), ("gt", "10"))):
            page.get_by_role("button", name="Add a condition").click()
            row = page.locator(f".rb-condition >> nth={number}")
            row.locator(".rb-fact").select_option("order.amount")
            row.locator(".rb-op").select_option(op)
            looked(page, lambda row=row, amount=amount: row.locator(".rb-value input").fill(amount))
        told["never"] = page.inner_text(".rb-condition.rb-wrong .rb-error")
        page.locator(".rb-condition >> nth=1").get_by_role("button", name="Remove").click()
        looked(page, lambda: page.get_by_label("End (exclusive)").fill("2026-12-01T00:00"))
        visitor.follow("button[name=_save], input[name=_save]")
        page.wait_for_selector("#rb-preview", state="attached")
        told["saved"] = page.inner_text("#rb-schedule .rb-wrong .rb-error")
        told["kept"] = page.get_by_label("End (exclusive)").input_value()
        told["focus"] = page.evaluate("document.activeElement === document.querySelector('[aria-invalid]')")
        return told

    assert visit(story, language="en") == {
        "unnamed": 2,
        "per": "Must be above zero.",
        "mended": 0,
        "end": "Must be after starts_at.",
        "never": "Contradicts another condition on the same fact: nothing can meet both.",
        "saved": "Must be after starts_at.",
        "kept": "2026-12-01 00:00",
        "focus": True,
    }
    with in_brand(Brand.objects.get(slug="acme")):
        assert not Rule.objects.filter(status="draft").exists()


@pytest.mark.whole
@pytest.mark.parametrize("language", ["zh-hans", "en"])
def test_on_a_phone_builder_gallery_and_history_fit(
    careful: tuple[str, str], visit: Visit, language: str
) -> None:
    acme = Brand.objects.get(slug="acme")
    with in_brand(acme):
        base = Rule.objects.get(code="base")

    def story(visitor: Visitor) -> dict[str, int]:
        visitor.sign_in(careful[1])
        found = {}
        for path in ("add/", "templates/", f"{base.pk}/change/", f"{base.pk}/versions/"):
            visitor.open(f"campaigns/rule/{path}")
            found[path[-10:]] = visitor.overflow()
        return found

    assert set(visit(story, language=language, size=PHONE).values()) == {0}


@pytest.mark.whole
def test_what_the_form_cannot_show_is_left_to_the_json(careful: tuple[str, str], visit: Visit) -> None:
    deep: dict[str, Any] = {"fact": "order.amount", "op": "gte", "value": 20}
    for _level in range(6):
        deep = {"all": [deep, {"fact": "order.channel", "op": "eq", "value": "store"}]}
    acme = Brand.objects.get(slug="acme")
    with in_brand(acme):
        made = rules.create_draft(
            body={**BASE, "code": "deep", "when": deep}, actor="test", now=acme.created_at
        ).rule

    def story(visitor: Visitor) -> tuple[str, bool]:
        visitor.sign_in(careful[0])
        visitor.open(f"campaigns/rule/{made.pk}/change/")
        shown = visitor.page.inner_text(".rb-note"), visitor.page.is_visible("#id_body")
        visitor.follow("button[name=_save], input[name=_save]")
        return shown

    note, visible = visit(story, language="en")
    assert ("groups nested too deep" in note, visible) == (True, True)
    with in_brand(acme):
        made.refresh_from_db()
        assert made.draft == {**BASE, "code": "deep", "when": deep}
