"""Schemas of activities' attributes: what fits, what is said, and what no schema may cost."""

import json
import time
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from django.utils import translation

from campaigns.services import attributeschema
from loyalty.lib.errors import Invalid
from tests.claims.conftest import anna
from tests.orders.test_activities import activity
from tests.support.client import Api

__all__ = ["anna"]
SHAPE: dict[str, Any] = {
    "type": "object",
    "required": ["sku", "a/b"],
    "additionalProperties": False,
    "dependentRequired": {"stars": ["text"]},
    "properties": {
        "sku": {"type": "string", "pattern": "^[A-Z]+$", "maxLength": 5},
        "a/b": {"type": "object", "properties": {"x~y": {"enum": ["one", "two"]}}},
        "stars": {"type": "integer", "minimum": 1, "exclusiveMaximum": 6},
        "text": {"anyOf": [{"minLength": 3}, {"const": ""}]},
        "tags": {"type": "array", "items": {"type": "string"}, "uniqueItems": True, "maxItems": 3},
        "never": {"not": {}},
    },
}


def found(attributes: dict[str, Any], schema: dict[str, Any] = SHAPE) -> list[tuple[str, str]]:
    return [(fault.pointer, fault.code) for fault in attributeschema.faults(schema, attributes)]


@pytest.mark.parametrize(
    ("attributes", "faults"),
    [
        ({"sku": "MILK", "a/b": {}}, []),
        ({"sku": "MILK", "a/b": {"x~y": "two"}, "stars": 5, "text": "fine", "tags": ["a", "b"]}, []),
        ({}, [("/attributes/a~1b", "schema_required"), ("/attributes/sku", "schema_required")]),
        ({"sku": "MILK", "a/b": {"x~y": "3"}}, [("/attributes/a~1b/x~0y", "schema_enum")]),
        ({"sku": "milk", "a/b": {}}, [("/attributes/sku", "schema_pattern")]),
        ({"sku": "M" * 6, "a/b": {}}, [("/attributes/sku", "schema_maxLength")]),
        ({"sku": 5, "a/b": {}}, [("/attributes/sku", "schema_type")]),
        (
            {"sku": "A", "a/b": {}, "more/": 1, "other": 2},
            [
                ("/attributes/more~1", "schema_additionalProperties"),
                ("/attributes/other", "schema_additionalProperties"),
            ],
        ),
        ({"sku": "A", "a/b": {}, "stars": 6, "text": ""}, [("/attributes/stars", "schema_exclusiveMaximum")]),
        ({"sku": "A", "a/b": {}, "stars": 1}, [("/attributes/text", "schema_dependentRequired")]),
        ({"sku": "A", "a/b": {}, "text": "x"}, [("/attributes/text", "schema_anyOf")]),
        ({"sku": "A", "a/b": {}, "tags": ["a", "a"]}, [("/attributes/tags", "schema_uniqueItems")]),
        ({"sku": "A", "a/b": {}, "tags": ["a", 1]}, [("/attributes/tags/1", "schema_type")]),
        ({"sku": "A", "a/b": {}, "never": 1}, [("/attributes/never", "schema_not")]),
    ],
)
def test_each_fault_stands_at_its_own_field(
    attributes: dict[str, Any], faults: list[tuple[str, str]]
) -> None:
    assert found(attributes) == faults


def test_faults_are_said_in_the_language_of_the_caller() -> None:
    sent = {"stars": 9, "tags": [1], "more": 1, "text": "x", "a/b": {"x~y": 1}, "never": 1}
    said: dict[str, list[str]] = {}
    for language in ("en", "zh-hans"):
        with translation.override(language):
            said[language] = [str(fault.detail) for fault in attributeschema.faults(SHAPE, sent)]
    assert len(said["en"]) == len(said["zh-hans"]) == 7
    for english, chinese in zip(said["en"], said["zh-hans"], strict=True):
        assert english != chinese
        assert any("\u4e00" <= char <= "\u9fff" for char in chinese)
    assert "Must be below 6." in said["en"]


@pytest.mark.parametrize("pattern", ["^(a+)+$", "^(a|a)*$", "(a*)*b", "^(.*a){20}$"])
def test_no_pattern_takes_long(pattern: str) -> None:
    schema = {"properties": {"a": {"pattern": pattern}}}
    attributeschema.check(schema)
    began = time.process_time()
    assert found({"a": "a" * 10_000 + "!"}, schema) in ([("/attributes/a", "schema_pattern")], [])
    assert time.process_time() - began < 1


def test_characters_by_their_number() -> None:
    schema = {"properties": {"a": {"pattern": "^[\\u4e00-\\u9fff]+$"}}}
    attributeschema.check(schema)
    assert found({"a": "试饮"}, schema) == []
    assert found({"a": "tasting"}, schema) == [("/attributes/a", "schema_pattern")]


def nested(depth: int) -> dict[str, Any]:
    schema: dict[str, Any] = {}
    for _level in range(depth):
        schema = {"items": schema}
    return schema


@pytest.mark.parametrize(
    ("schema", "pointer", "code"),
    [
        ({"properties": {"a/b": {"pattern": "("}}}, "/properties/a~1b/pattern", "pattern"),
        ({"properties": {"a": {"pattern": "(?=a)b"}}}, "/properties/a/pattern", "pattern"),
        ({"anyOf": [{"pattern": "a"}, {"pattern": "(a)\\1"}]}, "/anyOf/1/pattern", "pattern"),
        ({"pattern": "a" * 401}, "/pattern", "pattern"),
        ({"patternProperties": {"^(a+)+$": {}}}, "/patternProperties", "keyword"),
        ({"not": {"requierd": ["a"]}}, "/not/requierd", "unknown_keyword"),
        ({"type": ["string", "null"]}, "/type", "not_an_object"),
        ({"properties": {"a": {"minimum": Decimal("1E+99")}}}, "", "number"),
        ({"properties": {"a/b": {"type": "nonsense"}}}, "/properties/a~1b/type", "schema"),
        (nested(21), "", "depth"),
        ({"items": {"$ref": "#"}}, "/items/$ref", "reference"),
    ],
)
def test_a_schema_that_is_refused(schema: dict[str, Any], pointer: str, code: str) -> None:
    with pytest.raises(Invalid) as refused:
        attributeschema.check(schema)
    assert [(fault.pointer, fault.code) for fault in refused.value.errors] == [
        ("/attributes_schema" + pointer, code)
    ]


def test_a_property_may_be_called_like_a_keyword() -> None:
    schema = {"properties": {"pattern": {"type": "string", "pattern": "^a"}}, "required": ["pattern"]}
    attributeschema.check(schema)
    attributeschema.check({"properties": {"$ref": {"enum": ["patternProperties"]}, "a": {"x-shop": 1}}})
    assert found({"pattern": "b"}, schema) == [("/attributes/pattern", "schema_pattern")]
    attributeschema.check(nested(18))


def test_decimals_are_numbers_and_exact() -> None:
    price = {"type": "number", "minimum": Decimal("0.5"), "multipleOf": Decimal("0.1")}
    schema = {"properties": {"price": price, "count": {"type": "integer"}, "set": {"uniqueItems": True}}}
    attributeschema.check(schema)
    kept = json.loads(json.dumps(attributeschema.stored(schema)))
    for sent, faults in (
        ({"price": Decimal("0.7"), "count": Decimal("2.0"), "set": [Decimal("0.1"), Decimal("0.2")]}, []),
        ({"price": Decimal("0.75")}, ["schema_multipleOf"]),
        ({"price": Decimal("0.4")}, ["schema_minimum"]),
        ({"price": Decimal("1E+9999999")}, ["schema_multipleOf"]),
        ({"price": "0.7"}, ["schema_type"]),
        ({"count": Decimal("1E+9999999")}, []),
        ({"count": Decimal("2.5")}, ["schema_type"]),
    ):
        assert [code for _at, code in found(sent, kept)] == faults, sent
    # As it was recorded, a decimal is a string.
    assert list(attributeschema.faults(kept, {"price": "0.7"}, recorded=True)) == []


@pytest.mark.django_db
def test_what_was_recorded_stays_when_its_type_asks_for_more(
    api: Api, anna: Api, row_counts: Callable[[], Any]
) -> None:
    def register(**more: Any) -> None:
        put = api.put("/activity-types/tasting", {"name": {"en": "Tasting"}, **more})
        assert put.status_code == 200, put.content

    register(attributes_schema={"properties": {"price": {"type": "number", "minimum": 0.5}}})
    assert api.get("/activity-types").json()["items"][-1]["attributes_schema"] == {
        "properties": {"price": {"type": "number", "minimum": 0.5}}
    }
    sent = activity(type="tasting", attributes={"price": 1.5})
    first = api.post("/activities", sent)
    assert first.status_code == 201, first.content
    register(attributes_schema={"required": ["sku"], "properties": {"price": {"type": "number"}}})
    again = api.post("/activities", sent)
    assert (again.status_code, again.json()) == (200, first.json())
    before = row_counts()
    new = api.post("/activities", {**sent, "activity_id": "A-new"})
    assert (new.status_code, new.json()["errors"][0]["pointer"]) == (422, "/attributes/sku")
    assert row_counts() == before
    approved = api.post(f"/activities/{sent['activity_id']}/approve", {})
    assert (approved.status_code, approved.json()["status"]) == (200, "approved")
    assert [each["pointer"] for each in approved.json()["warnings"]] == ["/attributes/sku"]
    register(enabled=False)
    assert api.post("/activities", sent).status_code == 200
    api.put("/activity-types/check-in", {"name": {"en": "Check-in"}, "enabled": False})
    off = anna.post("/check-ins")
    assert (off.status_code, off.json()["code"]) == (409, "type_disabled")


@pytest.mark.django_db
def test_the_api_says_it_and_writes_nothing(api: Api, row_counts: Callable[[], Any]) -> None:
    body = {"name": {"en": "Tasting"}, "attributes_schema": {"properties": {"a": {"pattern": "(?!a)"}}}}
    before = row_counts()
    refused = api.put("/activity-types/tasting", body)
    assert (refused.status_code, refused.json()["errors"][0]["pointer"]) == (
        422,
        "/attributes_schema/properties/a/pattern",
    )
    assert row_counts() == before
    body["attributes_schema"] = SHAPE
    assert api.put("/activity-types/tasting", body).status_code == 200
    before = row_counts()
    wrong = api.post("/activities", activity(type="tasting", attributes={"sku": "A"}))
    assert [(e["pointer"], e["code"]) for e in wrong.json()["errors"]] == [
        ("/attributes/a~1b", "schema_required")
    ]
    assert row_counts() == before
