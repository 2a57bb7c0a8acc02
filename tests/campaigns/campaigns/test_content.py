"""What a campaign may say, and the way from a draft to one that runs."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest

from campaigns.engine.frame import in_control
from campaigns.models import Campaign, Rule, RuleVersion
from loyalty.lib import clock
from members.models import Member
from tenants.context import in_brand
from tenants.models import Brand
from tests.campaigns.shapes import DOUBLE, created, earned, life, started, told
from tests.campaigns.test_submissions import ask, colleague
from tests.orders.shapes import multiplier, priced
from tests.support.client import Api

pytestmark = pytest.mark.django_db
Counts = Callable[[], dict[str, int]]
__all__ = ["colleague"]


@pytest.mark.whole
@pytest.mark.parametrize(
    ("changes", "pointer", "code"),
    [
        ({"code": "Double Day"}, "/code", "invalid"),
        ({"code": ...}, "/code", "required"),
        ({"name": {}}, "/name", "required"),
        ({"name": {"fr": "double"}}, "/name/fr", "unknown_field"),
        ({"kind": "holiday"}, "/kind", "invalid_choice"),
        ({"ends_at": ...}, "/ends_at", "required"),
        ({"ends_at": "2026-11-28T00:00:00+08:00"}, "/ends_at", "ends_before_start"),
        ({"ends_at": "2032-11-29T00:00:00+08:00"}, "/ends_at", "endless"),
        (
            {"starts_at": "2026-11-01T00:00:00+08:00", "ends_at": "2026-11-02T00:00:00+08:00"},
            "/ends_at",
            "past",
        ),
        ({"starts_at": "2026-11-28T00:00:00"}, "/starts_at", "offset"),
        ({"starts_at": "2026-11-28T00:00:00.5+08:00"}, "/starts_at", "whole_seconds"),
        ({"rrule": "FREQ=SECONDLY"}, "/rrule", "rrule_not_daily"),
        ({"rrule": "FREQ=HOURLY;INTERVAL=2"}, "/rrule", "rrule_not_daily"),
        ({"rrule": "FREQ=DAILY;BYHOUR=10"}, "/rrule", "rrule_not_daily"),
        ({"rrule": "every day"}, "/rrule", "invalid"),
        ({"rrule": "FREQ=WEEKLY;BYDAY=2MO"}, "/rrule", "numbered_day"),
        ({"rrule": "FREQ=DAILY;COUNT=2;UNTIL=20261231"}, "/rrule", "count_and_until"),
        ({"rrule": "FREQ=DAILY;BYMONTH=2;BYMONTHDAY=30"}, "/rrule", "never"),
        ({"rrule": "FREQ=MONTHLY;BYMONTHDAY=3"}, "/rrule", "never"),
        ({"rules": ["nowhere"]}, "/rules/0", "unknown_rule"),
        ({"rules": ["runs"]}, "/rules/0", "rule_runs"),
        ({"rules": ["taken"]}, "/rules/0", "rule_taken"),
        ({"rules": ["free", "free"]}, "/rules/1", "repeated"),
        ({"templates": ["nothing"]}, "/templates/0", "unknown_template"),
        ({"multiplier": "0"}, "/multiplier", "range"),
        ({"multiplier": "twice"}, "/multiplier", "format"),
        ({"budget_points": 0}, "/budget_points", "min_value"),
        ({"budget_amount": "0"}, "/budget_amount", "above"),
        ({"control_percent": 51}, "/control_percent", "max_value"),
        ({"colour": "red"}, "/colour", "unknown_field"),
    ],
)
def test_bad_input_is_named_at_its_field_and_writes_nothing(
    api: Api,
    publish: Callable[..., None],
    row_counts: Counts,
    changes: dict[str, Any],
    pointer: str,
    code: str,
) -> None:
    publish(multiplier("runs", "2"))
    for rule in ("taken", "free"):
        assert api.post("/earning-rules", multiplier(rule, "2")).status_code == 201
    created(api, code="first", rules=["taken"], multiplier=...)
    before = row_counts()
    answer = api.post("/campaigns", {n: v for n, v in (DOUBLE | changes).items() if v is not ...})
    assert answer.status_code == 422, answer.content
    assert [(e["pointer"], e["code"]) for e in answer.json()["errors"]] == [(pointer, code)]
    assert row_counts() == before


def test_all_that_is_wrong_is_told_together(api: Api, row_counts: Counts) -> None:
    created(api, rules=[], multiplier="2")
    before = row_counts()
    wrong = {
        "code": "Double Day",
        "kind": "holiday",
        "starts_at": "2026-11-01T00:00:00+08:00",
        "ends_at": "2026-11-01T00:00:00+08:00",
        "budget_points": 0,
        "rules": ["nowhere"],
        "templates": ["nothing"],
        "multiplier": "0",
        "announcement": {"en": "x", "zh-hans": "母乳化配方"},
    }
    found = {e["pointer"] for e in api.post("/campaigns", DOUBLE | wrong).json()["errors"]}
    assert found == {
        "/code",
        "/kind",
        "/ends_at",
        "/budget_points",
        "/rules/0",
        "/templates/0",
        "/multiplier",
        "/announcement/zh-hans",
    }
    changes = {"kind": "holiday", "rules": ["double-x", "nowhere"], "ends_at": "2026-11-02T00:00:00+08:00"}
    answer = api.patch("/campaigns/double", changes)
    assert [e["pointer"] for e in answer.json()["errors"]] == ["/kind", "/rules/1", "/ends_at"]
    assert row_counts() == before


def test_a_code_is_used_once(api: Api, acme: Brand, row_counts: Counts) -> None:
    created(api)
    before = row_counts()
    answer = api.post("/campaigns", DOUBLE)
    assert (answer.status_code, answer.json()["code"]) == (409, "campaign_code_taken")
    assert row_counts() == before


def test_the_same_key_creates_once(api: Api, in_acme: Brand) -> None:
    first = api.post("/campaigns", DOUBLE, key="create-campaign-1")
    again = api.post("/campaigns", DOUBLE, key="create-campaign-1")
    assert (first.status_code, again.status_code) == (201, 201)
    assert (again.content, Campaign.objects.count()) == (first.content, 1)


def test_a_draft_gives_nothing_even_if_its_rule_is_published(
    api: Api, publish: Callable[..., None], base_rule: None, in_acme: Brand
) -> None:
    api.post("/earning-rules", multiplier("extra", "3"))
    created(api, rules=["extra"], multiplier=...)
    assert api.post("/earning-rules/extra/publish").status_code == 200
    assert earned(api, "o1", "2026-11-28T10:00:00+08:00") == 100
    assert api.post("/campaigns/double/start").status_code == 200
    assert earned(api, "o2", "2026-11-28T10:00:00+08:00") == 300
    with clock.frozen(datetime.fromisoformat("2026-11-29T12:00:00+08:00")):
        answer = api.post("/orders/preview", _order("2026-11-29T00:00:00+08:00"))
    lost = [e for e in answer.json()["explanation"] if e["rule"] == "extra"]
    assert [(e["reason"], e["path"], e["text"]) for e in lost] == [
        ("schedule", "/campaign/ends_at", "outside its time")
    ]


def _order(at: str) -> dict[str, Any]:
    return priced("p", "100", ordered_at=at)


def test_a_draft_s_rule_is_previewed_in_its_campaign(api: Api, base_rule: None, in_acme: Brand) -> None:
    created(api)
    for at, points in (("2026-11-27T23:59:59+08:00", 100), ("2026-11-28T00:00:00+08:00", 200)):
        with clock.frozen(datetime.fromisoformat(at)):
            answer = api.post("/orders/preview?rule=double-x", _order(at))
        assert answer.status_code == 200, answer.content
        assert answer.json()["points"]["accrued"] == points


def test_rules_and_templates_come_along(api: Api, in_acme: Brand) -> None:
    api.post("/earning-rules", multiplier("extra", "3"))
    body = created(
        api, rules=["extra"], templates=["birthday-month"], multiplier="1.5", cost_centre="marketing"
    )
    assert body["rules"] == ["double-birthday-month", "double-x", "extra"]
    draft = Rule.objects.get(code="double-x").draft
    assert draft == {
        "code": "double-x",
        "name": {"en": "Double day", "zh-hans": "双倍日"},
        "trigger": "order.paid",
        "effect": {"type": "multiplier", "factor": "1.5"},
        "stacking": {"group": "promo", "policy": "best"},
        "cost_centre": "marketing",
    }
    assert RuleVersion.objects.count() == 0
    assert api.post("/campaigns/double/start").json()["status"] == "scheduled"
    assert RuleVersion.objects.count() == 3


def test_starting_is_refused_whole(api: Api, in_acme: Brand, row_counts: Counts) -> None:
    """A rule that no longer holds, none at all, or a campaign that would be over."""
    api.post("/earning-rules", multiplier("extra", "3"))
    created(api, rules=["extra"])
    Rule.objects.filter(code="extra").update(
        draft=multiplier("extra", "3", when={"all": [{"fact": "member.tier", "op": "eq", "value": "gone"}]})
    )
    created(api, code="empty", multiplier=...)
    past = {"starts_at": "2026-11-01T00:00:00+08:00", "ends_at": "2026-11-02T00:00:00+08:00"}
    with clock.frozen(datetime.fromisoformat("2026-10-31T12:00:00+08:00")):
        created(api, code="over", **past)
    # Whatever else is wrong is told with it; what is right about a draft may still be corrected.
    assert api.patch("/campaigns/over", {"cost_centre": "hq"}).status_code == 200
    before = row_counts()
    for code, pointer in (("double", "/rules/1/when/all/0"), ("empty", "/rules"), ("over", "/ends_at")):
        answer = api.post(f"/campaigns/{code}/start")
        assert answer.status_code == 422
        assert answer.json()["errors"][0]["pointer"].startswith(pointer), answer.content
    assert row_counts() == before


def test_only_texts_and_budgets_change_under_way(api: Api, in_acme: Brand, row_counts: Counts) -> None:
    created(api)
    changed = api.patch("/campaigns/double", {"ends_at": "2026-11-30T00:00:00+08:00", "rrule": None})
    assert (changed.status_code, changed.json()["ends_at"]) == (200, "2026-11-29T16:00:00Z")
    api.post("/campaigns/double/start")
    before = row_counts()
    for name, value in (("ends_at", "2026-12-30T00:00:00+08:00"), ("rules", []), ("control_percent", 10)):
        answer = api.patch("/campaigns/double", {name: value})
        assert [(e["pointer"], e["code"]) for e in answer.json()["errors"]] == [(f"/{name}", "fixed")]
    assert row_counts() == before
    answer = api.patch("/campaigns/double", {"name": {"en": "Twice"}, "budget_points": 500})
    assert (answer.status_code, answer.json()["name"]) == (200, {"en": "Twice"})
    assert life()[-1][0] == "changed"
    assert told()[-1][0] == "campaign.changed"


@pytest.mark.parametrize("step", ["pause", "resume", "end", "approve", "reject", "withdraw"])
def test_a_step_that_the_state_does_not_allow(
    api: Api, in_acme: Brand, row_counts: Counts, step: str
) -> None:
    created(api)
    before = row_counts()
    answer = api.post(f"/campaigns/double/{step}", {"reason": "no"} if step == "reject" else {})
    assert (answer.status_code, answer.json()["code"]) == (409, "campaign_state")
    assert answer.json()["campaign_status"] == "draft"
    assert row_counts() == before


def test_four_eyes(api: Api, acme: Brand, colleague: Api, row_counts: Counts) -> None:
    ask(acme, "all")
    created(api)
    before = row_counts()
    answer = api.post("/campaigns/double/start")
    assert (answer.status_code, answer.json()["code"]) == (409, "approval_required")
    assert row_counts() == before
    assert api.post("/campaigns/double/submit", {"note": "as agreed"}).json()["status"] == "pending_approval"
    for body, path, status, code in (
        ({}, "/approve", 403, "same_operator"),
        ({"reason": "no"}, "/reject", 403, "same_operator"),
        ({}, "/submit", 409, "campaign_state"),
    ):
        answer = api.post(f"/campaigns/double{path}", body)
        assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert api.patch("/campaigns/double", {"budget_points": 7}).json()["code"] == "campaign_state"
    # The rule's draft is changed meanwhile: what was submitted is what runs.
    factor = {"effect": {"type": "multiplier", "factor": "9"}}
    assert api.patch("/earning-rules/double-x", factor).status_code == 200
    approved = colleague.post("/campaigns/double/approve")
    assert approved.status_code == 200, approved.content
    assert (approved.json()["status"], approved.json()["actions"]) == ("scheduled", ["pause", "end"])
    with in_brand(acme):
        version = RuleVersion.objects.get(rule__code="double-x")
        assert version.body["effect"]["factor"] == "2"
        assert Rule.objects.get(code="double-x").draft["effect"]["factor"] == "9"
        assert [kind for kind, _at in life()] == ["created", "submitted", "approved", "scheduled"]


def test_turned_down_it_is_a_draft_again(api: Api, acme: Brand, colleague: Api) -> None:
    ask(acme, "all")
    created(api)
    api.post("/campaigns/double/submit")
    assert colleague.post("/campaigns/double/reject", {"reason": " "}).status_code == 422
    answer = colleague.post("/campaigns/double/reject", {"reason": "Too expensive"})
    assert (answer.status_code, answer.json()["status"]) == (200, "draft")
    assert answer.json()["history"][-1]["note"] == "Too expensive"
    api.post("/campaigns/double/submit")
    assert api.post("/campaigns/double/withdraw").json()["status"] == "draft"


def test_the_control_group_gets_nothing_and_stays_the_same(api: Api, base_rule: None, in_acme: Brand) -> None:
    started(api, control_percent=50)
    given = {}
    for number in range(12):
        member = {"external_id": f"C-{number}"}
        for day, order_id in (("10", f"a{number}"), ("11", f"b{number}")):
            points = earned(api, order_id, f"2026-11-28T{day}:00:00+08:00", member=member)
            given.setdefault(number, set()).add(points)
    for number, points in given.items():
        member = Member.objects.get(identities__subject=f"C-{number}")
        assert points == ({100} if in_control("double", str(member.pk), 5000) else {200})
    assert {100} in given.values()
    assert {200} in given.values()


def test_listed_newest_first(api: Api, in_acme: Brand) -> None:
    for code in ("one", "two", "three"):
        with clock.frozen(clock.now()):
            created(api, code=code)
    api.post("/campaigns/two/start")
    page = api.get("/campaigns?limit=2").json()
    assert [each["code"] for each in page["items"]] == ["three", "two"]
    rest = api.get(f"/campaigns?limit=2&cursor={page['next_cursor']}").json()
    assert [each["code"] for each in rest["items"]] == ["one"]
    assert [each["code"] for each in api.get("/campaigns?status=scheduled").json()["items"]] == ["two"]


def test_a_rule_that_is_let_go_gives_at_once(
    api: Api, publish: Callable[..., None], base_rule: None, in_acme: Brand
) -> None:
    """No process keeps judging by the campaign that it belonged to."""
    api.post("/earning-rules", multiplier("extra", "3"))
    created(api, rules=["extra"])
    assert api.post("/earning-rules/extra/publish").status_code == 200
    assert earned(api, "o1", "2026-11-28T10:00:00+08:00") == 100
    assert api.patch("/campaigns/double", {"rules": ["double-x"]}).status_code == 200
    assert earned(api, "o2", "2026-11-28T10:00:00+08:00") == 300


@pytest.mark.parametrize("name", ["name", "announcement"])
def test_what_law_forbids_is_not_said(api: Api, in_acme: Brand, row_counts: Counts, name: str) -> None:
    said = {name: {"en": "Twice", "zh-hans": "双倍日,媲美母乳"}}
    created(api, code="plain")
    before = row_counts()
    for answer in (api.post("/campaigns", DOUBLE | said), api.patch("/campaigns/plain", said)):
        assert answer.status_code == 422
        assert [(e["pointer"], e["code"]) for e in answer.json()["errors"]] == [
            (f"/{name}/zh-hans", "forbidden_phrase")
        ]
    # One that was written before the phrase was forbidden does not start.
    Campaign.objects.filter(code="plain").update(**said)
    answer = api.post("/campaigns/plain/start")
    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, f"/{name}/zh-hans")
    assert row_counts() == before
