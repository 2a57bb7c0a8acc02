"""`GET` and `PUT /tiers`: checked, in force at once, each multiplier a published rule."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.support.client import Api
from tests.tiers.shapes import DIAMOND, GOLD, SILVER, level, program

pytestmark = pytest.mark.django_db


def test_a_programme_is_stored_and_its_multipliers_are_rules(api: Api) -> None:
    assert api.get("/tiers").status_code == 404
    answer = api.put("/tiers", program(grace_days=30))
    assert answer.status_code == 200, answer.content
    expected = {
        "qualify_by": "points",
        "period": {"type": "rolling_months", "months": 12},
        "downgrade": "one_step",
        "grace_days": 30,
        "on_return": "at_once",
        "levels": [
            {"code": "silver", "name": {"en": "Silver"}, "threshold": 0, "multiplier": "1"},
            {"code": "gold", "name": {"en": "Gold"}, "threshold": 1000, "multiplier": "1.2"},
            {"code": "diamond", "name": {"en": "Diamond"}, "threshold": 5000, "multiplier": "1.5"},
        ],
    }
    assert answer.json() == expected
    assert api.get("/tiers").json() == expected
    rules = {r["code"]: r for r in api.get("/earning-rules?status=published").json()["items"]}
    assert sorted(rules) == ["tier-diamond", "tier-gold"]
    assert rules["tier-gold"]["when"] == {"all": [{"fact": "member.tier", "op": "eq", "value": "gold"}]}
    assert rules["tier-gold"]["effect"] == {"type": "multiplier", "factor": "1.2"}


def test_a_multiplier_is_told_as_its_rule_has_it(api: Api) -> None:
    api.put("/tiers", program())
    assert api.post("/earning-rules/tier-gold/retire", {}).status_code == 200
    api.patch("/earning-rules/tier-diamond", {"effect": {"type": "multiplier", "factor": "1.7"}})
    assert api.post("/earning-rules/tier-diamond/publish", {}).status_code == 200
    told = {each["code"]: each["multiplier"] for each in api.get("/tiers").json()["levels"]}
    assert told == {"silver": "1", "gold": "1", "diamond": "1.7"}
    # Putting it again says what is wanted, and brings the rule back.
    assert api.put("/tiers", program()).json()["levels"][1]["multiplier"] == "1.2"


def test_a_changed_multiplier_is_a_new_version_and_a_level_gone_retires_its_rule(api: Api) -> None:
    api.put("/tiers", program())
    api.put("/tiers", program(levels=[SILVER, level("gold", 1000, "1.3")]))
    rules = {r["code"]: r for r in api.get("/earning-rules").json()["items"]}
    assert (rules["tier-gold"]["version"], rules["tier-gold"]["effect"]["factor"]) == (2, "1.3")
    assert rules["tier-diamond"]["status"] == "retired"


def test_a_rule_that_names_a_level_that_is_gone_is_told_of(api: Api) -> None:
    api.put("/tiers", program())
    rule = {
        "code": "for-gold",
        "name": {"en": "For gold"},
        "trigger": "order.paid",
        "when": {"all": [{"fact": "member.tier", "op": "eq", "value": "gold"}]},
        "effect": {"type": "fixed", "points": 5},
    }
    api.post("/earning-rules", rule)
    api.post("/earning-rules/for-gold/publish", {})
    assert "warnings" not in api.put("/tiers", program()).json()
    answer = api.put("/tiers", program(levels=[SILVER]))
    assert (answer.status_code, [each["code"] for each in answer.json()["warnings"]]) == (
        200,
        ["tier_in_use"],
    )
    assert "“for-gold”" in answer.json()["warnings"][0]["detail"]
    assert "“gold”" in answer.json()["warnings"][0]["detail"]


def test_putting_the_same_again_changes_nothing(api: Api, row_counts: Callable[[], Any]) -> None:
    api.put("/tiers", program())
    before = row_counts()
    assert api.put("/tiers", program()).status_code == 200
    assert row_counts() == before


BAD: list[tuple[str, Any, str, str]] = [
    ("not an object", [], "", "invalid"),
    ("unknown field", program(colour=1), "/colour", "unknown_field"),
    ("no way to qualify", program(qualify_by=...), "/qualify_by", "required"),
    ("unknown way to qualify", program(qualify_by="luck"), "/qualify_by", "invalid_choice"),
    ("no period", program(period=...), "/period", "required"),
    ("unknown period", program(period={"type": "moon"}), "/period/type", "invalid_choice"),
    ("rolling without months", program(period={"type": "rolling_months"}), "/period/months", "range"),
    ("zero months", program(period={"type": "rolling_months", "months": 0}), "/period/months", "range"),
    (
        "months of a year",
        program(period={"type": "calendar_year", "months": 12}),
        "/period/months",
        "not_here",
    ),
    ("unknown downgrade", program(downgrade="free fall"), "/downgrade", "invalid_choice"),
    ("negative grace", program(grace_days=-1), "/grace_days", "range"),
    ("grace is a truth", program(grace_days=True), "/grace_days", "range"),
    ("unknown on_return", program(on_return="later"), "/on_return", "invalid_choice"),
    ("no levels", program(levels=...), "/levels", "required"),
    ("empty levels", program(levels=[]), "/levels", "required"),
    ("too many levels", program(levels=[level(f"l{n}", n) for n in range(21)]), "/levels", "max_items"),
    ("a level is a string", program(levels=["gold"]), "/levels/0", "invalid"),
    ("bad code", program(levels=[level("Gold!", 0)]), "/levels/0/code", "code"),
    ("a code twice", program(levels=[SILVER, level("silver", 5)]), "/levels/1/code", "duplicate"),
    ("first not at 0", program(levels=[GOLD]), "/levels/0/threshold", "first_not_zero"),
    ("not ascending", program(levels=[SILVER, DIAMOND, GOLD]), "/levels/2/threshold", "not_ascending"),
    ("equal thresholds", program(levels=[SILVER, level("b", 0)]), "/levels/1/threshold", "not_ascending"),
    ("no threshold", program(levels=[{"code": "a"}]), "/levels/0/threshold", "required"),
    ("negative threshold", program(levels=[level("a", -1)]), "/levels/0/threshold", "min_value"),
    ("half a point", program(levels=[SILVER, level("b", "1.5")]), "/levels/1/threshold", "whole"),
    ("multiplier below 1", program(levels=[level("a", 0, "0.9")]), "/levels/0/multiplier", "min_value"),
    ("huge multiplier", program(levels=[level("a", 0, "101")]), "/levels/0/multiplier", "max_value"),
    ("multiplier in words", program(levels=[level("a", 0, "twice")]), "/levels/0/multiplier", "invalid"),
    ("unknown language", program(levels=[level("a", 0, name={"fr": "Or"})]), "/levels/0/name", "language"),
    (
        "a name that law forbids",
        program(levels=[level("a", 0, name={"zh-hans": "母乳化会员", "en": "A"})]),
        "/levels/0/name/zh-hans",
        "forbidden_phrase",
    ),
    (
        "unknown field of a level",
        program(levels=[level("a", 0, icon="x")]),
        "/levels/0/icon",
        "unknown_field",
    ),
]


@pytest.mark.parametrize(("body", "pointer", "code"), [row[1:] for row in BAD], ids=[row[0] for row in BAD])
def test_bad_programmes_name_the_field_and_write_nothing(
    api: Api, row_counts: Callable[[], Any], body: Any, pointer: str, code: str
) -> None:
    before = row_counts()
    answer = api.put("/tiers", body)
    assert answer.status_code == 422, answer.content
    assert [(e["pointer"], e["code"]) for e in answer.json()["errors"]] == [(pointer, code)]
    assert row_counts() == before


def test_it_is_of_one_brand_only(api: Api, foreign: Api, intruder: Api, reader: Api) -> None:
    api.put("/tiers", program())
    assert foreign.get("/tiers").status_code == 404
    assert intruder.get("/tiers").status_code == 401
    assert intruder.put("/tiers", program()).status_code == 401
    assert reader.get("/tiers").status_code == 200
    assert reader.put("/tiers", program()).json()["code"] == "scope_missing"
