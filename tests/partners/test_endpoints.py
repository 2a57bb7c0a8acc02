"""The API of webhook endpoints: what it takes, what it refuses, and that nothing is written then."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import jsonschema
import pytest
from standardwebhooks import Webhook
from werkzeug import Response

from loyalty.lib import clock
from loyalty.outbox import relay
from partners import auth
from tenants import hosts
from tenants.context import in_brand
from tenants.models import Brand
from tests.partners.conftest import Receiver, happened
from tests.support.client import Api

pytestmark = pytest.mark.django_db
URL = "https://93.184.215.14/hook"
Counts = Callable[[], dict[str, int]]


@pytest.fixture(autouse=True)
def _fresh() -> None:
    auth.forget()


def test_creating_shows_the_secret_once(api: Api) -> None:
    answer = api.post(
        "/webhook-endpoints",
        {"url": URL, "description": "ERP", "event_types": ["member.updated"], "stores": ["S01"]},
    )
    assert answer.status_code == 201
    made = answer.json()
    secret = made.pop("secret")
    assert secret.startswith("whsec_")
    assert len(Webhook(secret)._whsecret) == 24
    endpoint_id = made["endpoint_id"]
    assert made == {
        "endpoint_id": endpoint_id,
        "url": URL,
        "description": "ERP",
        "event_types": ["member.updated"],
        "channels": [],
        "stores": ["S01"],
        "status": "active",
        "disabled_reason": None,
        "disabled_at": None,
        "failing_since": None,
        "previous_secret_until": None,
        "created_at": "2026-11-22T02:00:00Z",
        "updated_at": "2026-11-22T02:00:00Z",
    }
    assert api.get("/webhook-endpoints").json() == {"items": [made], "next_cursor": None}
    shown = api.get(f"/webhook-endpoints/{endpoint_id}").json()
    assert shown.pop("last_24_hours") == {
        "attempts": 0,
        "delivered": 0,
        "success_rate": None,
        "latency_p50_ms": None,
        "latency_p95_ms": None,
    }
    assert shown == made


@pytest.mark.parametrize(
    ("body", "pointer", "code"),
    [
        ({}, "/url", "required"),
        ({"url": 7}, "/url", "type"),
        ({"url": URL, "colour": "red"}, "/colour", "unknown_field"),
        ({"url": URL, "event_types": ["points.vanished"]}, "/event_types/0", "unknown"),
        ({"url": URL, "event_types": "points.accrued"}, "/event_types", "not_a_list"),
        ({"url": URL, "channels": [""]}, "/channels/0", "blank"),
        ({"url": URL, "stores": ["x" * 65]}, "/stores/0", "max_length"),
        ({"url": URL, "description": "x" * 201}, "/description", "max_length"),
    ],
)
def test_bad_input_is_refused_with_a_pointer(
    api: Api, row_counts: Counts, body: dict[str, Any], pointer: str, code: str
) -> None:
    before = row_counts()
    answer = api.post("/webhook-endpoints", body)
    assert (answer.status_code, answer.json()["code"]) == (422, "validation_failed")
    assert [(e["pointer"], e["code"]) for e in answer.json()["errors"]] == [(pointer, code)]
    assert row_counts() == before


@pytest.mark.parametrize(
    "url", ["http://93.184.215.14/", "https://127.0.0.1/", "https://[::1]/", "https://localhost/", "nonsense"]
)
def test_a_url_that_is_not_allowed_is_refused(api: Api, row_counts: Counts, url: str) -> None:
    before = row_counts()
    answer = api.post("/webhook-endpoints", {"url": url})
    assert (answer.status_code, answer.json()["code"]) == (422, "url_not_allowed")
    assert answer["Content-Type"] == "application/problem+json"
    assert [(e["pointer"], e["code"]) for e in answer.json()["errors"]] == [("/url", "url_not_allowed")]
    assert row_counts() == before


def test_changing_takes_the_same_rules(api: Api) -> None:
    made = api.post("/webhook-endpoints", {"url": URL}).json()
    path = f"/webhook-endpoints/{made['endpoint_id']}"
    answer = api.patch(path, {"url": "https://10.0.0.1/"})
    assert (answer.status_code, answer.json()["code"]) == (422, "url_not_allowed")
    answer = api.patch(path, {"status": "disabled"})
    assert [(e["pointer"], e["code"]) for e in answer.json()["errors"]] == [("/status", "invalid_choice")]
    assert api.get(path).json()["url"] == URL
    answer = api.patch(path, {"event_types": ["member.enrolled"], "channels": ["online"]})
    assert answer.status_code == 200
    assert (answer.json()["event_types"], answer.json()["channels"]) == (["member.enrolled"], ["online"])
    assert "secret" not in answer.json()


def test_another_brand_does_not_know_it(api: Api, foreign: Api) -> None:
    made = api.post("/webhook-endpoints", {"url": URL}).json()
    path = f"/webhook-endpoints/{made['endpoint_id']}"
    for call in (
        lambda: foreign.get(path),
        lambda: foreign.patch(path, {"status": "paused"}),
        lambda: foreign.delete(path),
        lambda: foreign.post(path + "/rotate-secret"),
        lambda: foreign.post(path + "/test"),
        lambda: foreign.get(path + "/deliveries"),
        lambda: foreign.post(path + "/recover", {"since": "2026-11-01T00:00:00Z"}),
    ):
        answer = call()
        assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
    assert foreign.get("/webhook-endpoints").json()["items"] == []
    shown = api.get(path).json()
    assert (shown["status"], shown["previous_secret_until"]) == ("active", None)


@pytest.mark.parametrize("overlap", [-1, 604_801, "3600", 1.5, None])
def test_an_overlap_out_of_bounds_is_refused(api: Api, overlap: object) -> None:
    made = api.post("/webhook-endpoints", {"url": URL}).json()
    path = f"/webhook-endpoints/{made['endpoint_id']}"
    answer = api.post(path + "/rotate-secret", {"overlap_s": overlap})
    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, "/overlap_s")
    assert api.get(path).json()["previous_secret_until"] is None


def test_the_default_overlap_is_a_day(api: Api) -> None:
    made = api.post("/webhook-endpoints", {"url": URL}).json()
    answer = api.post(f"/webhook-endpoints/{made['endpoint_id']}/rotate-secret")
    assert answer.json()["previous_secret_until"] == "2026-11-23T02:00:00Z"


def test_lists_are_paged(api: Api) -> None:
    made = [api.post("/webhook-endpoints", {"url": f"{URL}/{n}"}).json()["endpoint_id"] for n in range(3)]
    first = api.get("/webhook-endpoints?limit=2").json()
    assert [e["endpoint_id"] for e in first["items"]] == [made[2], made[1]]
    second = api.get(f"/webhook-endpoints?limit=2&cursor={first['next_cursor']}").json()
    assert [e["endpoint_id"] for e in second["items"]] == [made[0]]
    assert second["next_cursor"] is None


# --- the trial -------------------------------------------------------------------------------------------
@pytest.fixture
def near(acme: Brand, receiver: Receiver) -> Receiver:
    """The receiver, allowed for acme."""
    Brand.objects.filter(pk=acme.pk).update(settings={"webhook_hosts": [receiver.host]})
    hosts.forget()
    return receiver


def test_the_trial_answers_the_attempt(api: Api, near: Receiver, row_counts: Counts) -> None:
    near.answers["/hook"] = [Response("thanks")]
    with clock.frozen(datetime.now(UTC)):  # so that the official library takes the timestamp
        made = api.post("/webhook-endpoints", {"url": near.url(), "event_types": ["member.updated"]}).json()
        before = row_counts()
        answer = api.post(f"/webhook-endpoints/{made['endpoint_id']}/test")
    assert answer.status_code == 200
    shown = answer.json()
    assert (shown["status"], shown["event_type"], shown["error"]) == ("delivered", "member.updated", None)
    assert (shown["response"]["status"], shown["response"]["body"]) == (200, "thanks")
    ((_path, headers, body),) = near.seen
    said = Webhook(made["secret"]).verify(body, headers)
    assert (said["type"], said["brand"], said["sequence"]) == ("member.updated", "acme", None)
    assert shown["request"]["body"] == body
    assert headers["webhook-id"] == shown["attempt_id"]
    assert row_counts() == before


def test_the_trial_of_another_type_that_fails(api: Api, near: Receiver) -> None:
    made = api.post("/webhook-endpoints", {"url": near.url()}).json()
    near.answers["/hook"] = [Response("no", status=503)]
    shown = api.post(
        f"/webhook-endpoints/{made['endpoint_id']}/test", {"event_type": "member.enrolled"}
    ).json()
    assert (shown["status"], shown["error"], shown["response"]["status"]) == ("failed", "HTTP 503", 503)
    assert json.loads(near.seen[0][2])["type"] == "member.enrolled"
    assert len(near.seen) == 1


def test_the_trial_of_an_address_that_is_not_public_is_blocked(api: Api, near: Receiver, acme: Brand) -> None:
    made = api.post("/webhook-endpoints", {"url": near.url(), "event_types": ["member.updated"]}).json()
    Brand.objects.filter(pk=acme.pk).update(settings={})
    hosts.forget()
    shown = api.post(f"/webhook-endpoints/{made['endpoint_id']}/test").json()
    assert (shown["status"], shown["response"]) == ("blocked", None)
    assert near.seen == []


def test_the_trial_of_an_unknown_type_is_refused(api: Api, near: Receiver) -> None:
    made = api.post("/webhook-endpoints", {"url": near.url()}).json()
    answer = api.post(f"/webhook-endpoints/{made['endpoint_id']}/test", {"event_type": "x"})
    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, "/event_type")
    assert near.seen == []


# --- polling ---------------------------------------------------------------------------------------------
def relayed() -> None:
    with in_brand(Brand.objects.get(slug="acme")):
        relay.run()


def test_events_by_polling(api: Api, foreign: Api) -> None:
    ids = [str(happened(member_id=None)) for _n in range(3)]
    assert api.get("/events").json() == {"items": [], "next_after": 0, "has_more": False}
    relayed()
    page = api.get("/events?limit=2").json()
    assert [(e["event_id"], e["sequence"]) for e in page["items"]] == [(ids[0], 1), (ids[1], 2)]
    assert (page["next_after"], page["has_more"]) == (2, True)
    assert page["items"][0] == {
        "event_id": ids[0],
        "type": "member.updated",
        "timestamp": "2026-11-22T02:00:00Z",
        "data": {"member_id": "None", "changed": ["region"]},
        "brand": "acme",
        "sequence": 1,
        "member_sequence": None,
    }
    page = api.get("/events?after=2").json()
    assert [e["event_id"] for e in page["items"]] == [ids[2]]
    assert (page["next_after"], page["has_more"]) == (3, False)
    assert foreign.get("/events").json()["items"] == []


def test_polling_for_some_types_passes_over_the_others(api: Api) -> None:
    happened()
    wanted = str(happened(kind="member.enrolled"))
    happened()
    relayed()
    page = api.get("/events?types=member.enrolled").json()
    assert [e["event_id"] for e in page["items"]] == [wanted]
    assert (page["next_after"], page["has_more"]) == (3, False)


@pytest.mark.parametrize(
    ("query", "pointer"),
    [
        ("after=-1", "/after"),
        ("after=x", "/after"),
        ("after=99999999999999999999", "/after"),
        ("limit=0", "/limit"),
        ("limit=1001", "/limit"),
        ("types=points.vanished", "/types"),
        ("types=", "/types"),
        ("colour=red", "/colour"),
    ],
)
def test_bad_queries_are_refused(api: Api, query: str, pointer: str) -> None:
    answer = api.get(f"/events?{query}")
    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, pointer)


@pytest.mark.whole
def test_every_event_type_has_a_schema_that_its_example_follows(api: Api) -> None:
    items = api.get("/event-types").json()["items"]
    names = [item["name"] for item in items]
    assert names == sorted(names)
    assert {"member.enrolled", "webhook_endpoint.disabled"} <= set(names)
    for item in items:
        jsonschema.Draft202012Validator.check_schema(item["schema"])
        jsonschema.validate(item["example"], item["schema"])
        assert item["version"] >= 1
        assert item["description"]


# --- recovering ------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({}, "/since"),
        ({"since": "yesterday"}, "/since"),
        ({"since": "2026-11-01T00:00:00"}, "/since"),
        ({"since": "2026-11-01T00:00:00Z", "include": []}, "/include"),
        ({"since": "2026-11-01T00:00:00Z", "include": ["all"]}, "/include/0"),
    ],
)
def test_a_bad_recovery_is_refused(
    api: Api, row_counts: Counts, body: dict[str, object], pointer: str
) -> None:
    made = api.post("/webhook-endpoints", {"url": URL}).json()
    before = row_counts()
    answer = api.post(f"/webhook-endpoints/{made['endpoint_id']}/recover", body)
    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, pointer)
    assert row_counts() == before


def test_the_same_recovery_with_one_key_is_one(api: Api) -> None:
    made = api.post("/webhook-endpoints", {"url": URL}).json()
    path = f"/webhook-endpoints/{made['endpoint_id']}/recover"
    first = api.post(path, {"since": "2026-11-01T00:00:00Z"}, key="recover-0000000001")
    again = api.post(path, {"since": "2026-11-01T00:00:00Z"}, key="recover-0000000001")
    assert (again.status_code, again.content, again["Idempotent-Replayed"]) == (202, first.content, "true")
    assert len(api.get(path).json()["items"]) == 1
