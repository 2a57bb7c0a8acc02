"""The life of a rule through the API: drafted, published, changed, retired."""

from collections.abc import Callable
from typing import Any

import pytest
from django.db import DatabaseError, transaction

from campaigns.models import Rule, RulesInForce, RuleVersion
from loyalty.outbox.models import OutboxEvent
from tenants.context import in_brand
from tenants.models import Brand
from tests.support import brands
from tests.support.client import Api

pytestmark = pytest.mark.django_db
BASE: dict[str, Any] = {
    "code": "base",
    "name": {"en": "Base rate"},
    "trigger": "order.paid",
    "effect": {"type": "per_amount", "points": "1", "per": "1"},
}


def published(api: Api, **changes: Any) -> dict[str, Any]:
    body = {**BASE, **changes}
    assert api.post("/earning-rules", body).status_code == 201
    answer = api.post(f"/earning-rules/{body['code']}/publish")
    assert answer.status_code == 200, answer.json()
    return answer.json()


def test_a_new_rule_is_a_draft_and_gives_nothing_yet(api: Api, in_acme: Brand) -> None:
    answer = api.post("/earning-rules", BASE)
    assert answer.status_code == 201
    body = answer.json()
    assert {key: body[key] for key in BASE} == BASE
    assert (body["status"], body["version"], body["draft"], body["warnings"]) == ("draft", None, None, [])
    assert body["text"]["en"] == "When an order is paid: 1 point per CNY."
    assert body["text"]["zh-hans"] == "下单付款时：每消费 1 元得 1 积分。"
    assert RuleVersion.objects.count() == 0
    assert RulesInForce.objects.count() == 0


def test_publishing_makes_a_version_and_an_event(api: Api, in_acme: Brand) -> None:
    body = published(api)
    assert (body["status"], body["version"], body["draft"]) == ("published", 1, None)
    version = RuleVersion.objects.get()
    assert (version.rule.code, version.version, version.body) == ("base", 1, BASE)
    event = OutboxEvent.objects.get(type="rule.published")
    assert event.payload["rule"] == "base"
    assert event.payload["version"] == 1


def test_publishing_twice_is_refused_and_changes_nothing(
    api: Api, acme: Brand, row_counts: Callable[[], dict[str, int]]
) -> None:
    published(api)
    with in_brand(acme):
        revision = RulesInForce.objects.get().revision
    before = row_counts()
    answer = api.post("/earning-rules/base/publish")
    assert (answer.status_code, answer.json()["code"]) == (409, "nothing_to_publish")
    assert row_counts() == before
    with in_brand(acme):
        assert RulesInForce.objects.get().revision == revision


def test_the_same_key_publishes_once(api: Api, in_acme: Brand) -> None:
    api.post("/earning-rules", BASE)
    first = api.post("/earning-rules/base/publish", key="publish-base-0001")
    again = api.post("/earning-rules/base/publish", key="publish-base-0001")
    assert (first.status_code, again.status_code) == (200, 200)
    assert again.content == first.content
    assert again["Idempotent-Replayed"] == "true"
    assert RuleVersion.objects.count() == 1


def test_a_published_rule_runs_on_while_its_draft_is_changed(api: Api, in_acme: Brand) -> None:
    published(api)
    effect = {"type": "per_amount", "points": "2", "per": "1"}
    answer = api.patch("/earning-rules/base", {"effect": effect})
    assert answer.status_code == 200
    assert answer.json()["effect"] == BASE["effect"]
    assert answer.json()["draft"] == {**BASE, "effect": effect}
    assert answer.json()["version"] == 1
    assert api.post("/earning-rules/base/publish").json()["effect"] == effect
    one = api.get("/earning-rules/base").json()
    assert [(each["version"], each["rule"]["effect"]) for each in one["versions"]] == [
        (2, effect),
        (1, BASE["effect"]),
    ]


def test_null_removes_a_field(api: Api, in_acme: Brand) -> None:
    published(api, caps={"per_order": 10})
    answer = api.patch("/earning-rules/base", {"caps": None})
    assert "caps" not in answer.json()["draft"]


def test_the_code_of_a_rule_never_changes(api: Api, in_acme: Brand) -> None:
    published(api)
    answer = api.patch("/earning-rules/base", {"code": "other"})
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["pointer"] == "/code"
    assert Rule.objects.get().draft is None


def test_a_retired_rule_is_final(api: Api, in_acme: Brand) -> None:
    published(api)
    assert api.post("/earning-rules/base/retire").json()["status"] == "retired"
    assert OutboxEvent.objects.filter(type="rule.retired").count() == 1
    for call in ("publish", "retire"):
        answer = api.post(f"/earning-rules/base/{call}")
        assert (answer.status_code, answer.json()["code"]) == (409, "rule_retired")
    answer = api.patch("/earning-rules/base", {"priority": 3})
    assert (answer.status_code, answer.json()["code"]) == (409, "rule_retired")
    assert OutboxEvent.objects.filter(type="rule.retired").count() == 1


def test_a_draft_that_never_ran_cannot_be_retired(api: Api, in_acme: Brand) -> None:
    api.post("/earning-rules", BASE)
    answer = api.post("/earning-rules/base/retire")
    assert (answer.status_code, answer.json()["code"]) == (409, "rule_not_published")
    assert Rule.objects.get().status == "draft"


def test_a_code_is_taken_once(api: Api, in_acme: Brand) -> None:
    published(api)
    answer = api.post("/earning-rules", {**BASE, "priority": 5})
    assert (answer.status_code, answer.json()["code"]) == (409, "rule_code_taken")
    assert Rule.objects.count() == 1


@pytest.mark.parametrize("call", ["/earning-rules/none", "/earning-rules/none/publish"])
def test_an_unknown_rule_is_not_found(api: Api, call: str) -> None:
    answer = api.post(call) if call.endswith("publish") else api.get(call)
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")


def test_a_rule_of_another_brand_is_not_found(api: Api, foreign: Api, in_acme: Brand) -> None:
    published(api)
    assert foreign.get("/earning-rules/base").status_code == 404
    assert foreign.post("/earning-rules/base/retire").status_code == 404
    assert Rule.objects.get().status == "published"


def test_bad_input_names_every_field_and_writes_nothing(
    api: Api, row_counts: Callable[[], dict[str, int]]
) -> None:
    before = row_counts()
    answer = api.post(
        "/earning-rules",
        {
            "code": "bad code",
            "trigger": "order.payed",
            "effect": {"type": "per_amount", "points": "-1", "per": 0},
            "colour": "red",
        },
    )
    assert answer.status_code == 422
    assert {(e["pointer"], e["code"]) for e in answer.json()["errors"]} == {
        ("/code", "format"),
        ("/colour", "unknown_field"),
        ("/name", "required"),
        ("/trigger", "unknown_trigger"),
    }
    assert row_counts() == before


def test_what_was_never_seen_is_a_warning(api: Api, in_acme: Brand) -> None:
    when = {
        "all": [
            {"fact": "line.category", "op": "in", "value": ["freshh"]},
            {"fact": "order.store_id", "op": "eq", "value": "S99"},
        ]
    }
    answer = api.post("/earning-rules", {**BASE, "when": when})
    assert answer.status_code == 201
    assert [(each["pointer"], each["code"]) for each in answer.json()["warnings"]] == [
        ("/when/all/0/value/0", "category_never_seen"),
        ("/when/all/1/value", "store_never_seen"),
    ]


def test_numbers_as_strings_are_kept_as_given(api: Api) -> None:
    body = {**BASE, "priority": "7", "caps": {"per_order": "500"}}
    assert api.post("/earning-rules", body).json()["caps"] == {"per_order": "500"}
    assert api.post("/earning-rules/base/publish").json()["priority"] == "7"


def test_the_list_is_by_code_and_filters_by_status(api: Api) -> None:
    published(api)
    for code in ("alpha", "zeta"):
        api.post("/earning-rules", {**BASE, "code": code})
    page = api.get("/earning-rules?limit=2").json()
    assert [rule["code"] for rule in page["items"]] == ["alpha", "base"]
    rest = api.get(f"/earning-rules?limit=2&cursor={page['next_cursor']}").json()
    assert ([rule["code"] for rule in rest["items"]], rest["next_cursor"]) == (["zeta"], None)
    running = api.get("/earning-rules?status=published").json()["items"]
    assert [(rule["code"], rule["version"]) for rule in running] == [("base", 1)]
    assert api.get("/earning-rules?status=gone").status_code == 422


def test_the_schema_is_published(api: Api) -> None:
    schema = api.get("/earning-rules/schema").json()
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert schema["required"] == ["code", "name", "trigger", "effect"]


def test_reading_keys_may_not_write(reader: Api) -> None:
    answer = reader.post("/earning-rules", BASE)
    assert (answer.status_code, answer.json()["code"]) == (403, "scope_missing")


def test_a_published_version_cannot_be_rewritten(api: Api, in_acme: Brand) -> None:
    published(api)
    for statement in (
        lambda: RuleVersion.objects.update(body={}),
        lambda: RuleVersion.objects.all().delete(),
    ):
        with pytest.raises(DatabaseError), transaction.atomic():
            statement()
    assert RuleVersion.objects.get().body == BASE


def test_errors_keep_their_codes_in_every_language(acme: Brand) -> None:
    chinese = Api("acme.localhost", brands.key("acme"), language="zh-hans")
    answer = chinese.post("/earning-rules", {**BASE, "effect": {"type": "fixed", "points": "0"}})
    assert [(e["pointer"], e["code"]) for e in answer.json()["errors"]] == [("/effect/points", "min_value")]
