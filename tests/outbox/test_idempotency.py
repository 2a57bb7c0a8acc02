"""Idempotency-Key, as api.md promises it: one effect, one answer, byte for byte."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from loyalty.lib import clock
from loyalty.outbox.models import IdempotencyRecord
from members.models import Member
from partners import auth, services, throttle
from tenants.context import in_brand
from tenants.models import Brand
from tests.conftest import NOW
from tests.outbox.idempotent_urls import Jar
from tests.support.brands import ANNA, BORIS
from tests.support.client import Api

pytestmark = pytest.mark.django_db
KEY = "order-0001-attempt"
PATH = f"/jars/{ANNA}"


@pytest.fixture(autouse=True)
def _jar(settings: Any) -> Iterator[None]:
    settings.ROOT_URLCONF = "tests.outbox.idempotent_urls"
    auth.forget()
    Jar.calls.clear()
    yield
    auth.forget()


def region(slug: str = "acme", member: Any = ANNA) -> str:
    with in_brand(Brand.objects.get(slug=slug)):
        return Member.objects.get(pk=member).region


def records() -> int:
    with in_brand(Brand.objects.get(slug="acme")):
        return IdempotencyRecord.objects.count()


def test_the_same_call_is_answered_again_byte_for_byte(api: Api) -> None:
    first = api.post(PATH, {"points": 5}, key=KEY)
    assert first.status_code == 201
    assert "Idempotent-Replayed" not in first
    again = api.post(PATH, {"points": 5}, key=KEY)
    assert (again.status_code, again.content, again["Content-Type"]) == (
        201,
        first.content,
        first["Content-Type"],
    )
    assert again["Idempotent-Replayed"] == "true"
    assert again["RateLimit-Limit"] == "5000"
    assert (Jar.calls, region(), records()) == ([5], "x", 1)


def test_the_order_of_fields_and_spaces_are_not_content(api: Api) -> None:
    first = api.call("POST", PATH, None, raw=b'{"points": 5, "ending": "well"}', key=KEY)
    again = api.call("POST", PATH, None, raw=b'{"ending":"well","points":5}', key=KEY)
    assert (again.content, again["Idempotent-Replayed"]) == (first.content, "true")


def test_another_body_is_refused(api: Api) -> None:
    first = api.post(PATH, {"points": 5}, key=KEY)
    for other in ({"points": 6}, {"points": 5, "ending": "well"}):
        answer = api.post(PATH, other, key=KEY)
        assert (answer.status_code, answer.json()["code"]) == (422, "idempotency_mismatch")
        assert "Idempotent-Replayed" not in answer
    assert (Jar.calls, region(), records()) == ([5], "x", 1)
    assert api.post(PATH, {"points": 5}, key=KEY).content == first.content


def test_another_resource_with_the_same_key_is_refused(api: Api) -> None:
    api.post(PATH, {"points": 5}, key=KEY)
    answer = api.post(f"/jars/{BORIS}", {"points": 5}, key=KEY)
    assert (answer.status_code, answer.json()["code"]) == (422, "idempotency_mismatch")
    assert region(member=BORIS) == ""


def test_without_a_key_every_call_counts(api: Api) -> None:
    api.post(PATH, {"points": 5})
    api.post(PATH, {"points": 5})
    assert (region(), records()) == ("xx", 0)


def test_keys_belong_to_caller_route_and_brand(api: Api, foreign: Api, acme: Brand) -> None:
    with in_brand(acme):
        _key, secret = services.create_key(name="till", scopes=["points:write"], now=NOW)
    other_caller = Api("acme.localhost", secret)
    answers = [
        api.post(PATH, {"points": 5}, key=KEY),
        other_caller.post(PATH, {"points": 6}, key=KEY),
        api.post(f"/pots/{ANNA}", {"points": 7}, key=KEY),
        foreign.post(PATH, {"points": 8}, key=KEY),
    ]
    assert [a.status_code for a in answers] == [201] * 4
    assert Jar.calls == [5, 6, 7, 8]
    assert (region(), region("globex"), records()) == ("xxx", "x", 3)


def test_a_refusal_is_undone_stored_and_replayed(api: Api) -> None:
    first = api.post(PATH, {"points": 5, "ending": "refused"}, key=KEY)
    assert (first.status_code, first.json()["code"], first.json()["left"]) == (409, "jar_empty", 0)
    assert first["Content-Type"] == "application/problem+json"
    assert (region(), records()) == ("", 1)
    again = api.post(PATH, {"points": 5, "ending": "refused"}, key=KEY)
    assert (again.status_code, again.content, again["Content-Type"]) == (
        409,
        first.content,
        first["Content-Type"],
    )
    assert again["Idempotent-Replayed"] == "true"
    assert Jar.calls == [5]


def test_a_crash_is_undone_and_not_stored(api: Api) -> None:
    answer = api.post(PATH, {"points": 5, "ending": "crash"}, key=KEY)
    assert (answer.status_code, answer.json()["code"]) == (500, "internal_error")
    assert (region(), records()) == ("", 0)
    assert api.post(PATH, {"points": 5}, key=KEY).status_code == 201
    assert region() == "x"


def test_what_fails_before_the_service_is_not_stored(api: Api, reader: Api, intruder: Api) -> None:
    answers = [
        intruder.post(PATH, {"points": 5}, key=KEY),
        reader.post(PATH, {"points": 5}, key=KEY),
        api.call("POST", PATH, None, raw=b"{", key=KEY),
        api.post(PATH, {"points": 0}, key=KEY),
        api.post(PATH, {"points": 5, "colour": "red"}, key=KEY),
    ]
    assert [a.status_code for a in answers] == [401, 403, 400, 422, 422]
    assert (Jar.calls, records()) == ([], 0)
    assert api.post(PATH, {"points": 5}, key=KEY).status_code == 201


def test_too_many_requests_are_not_stored(acme: Brand, monkeypatch: pytest.MonkeyPatch) -> None:
    with in_brand(acme):
        _key, secret = services.create_key(name="slow", scopes=["points:write"], rate_per_s=1, now=NOW)
    slow = Api("acme.localhost", secret)
    monkeypatch.setattr(throttle.time, "time", lambda: 4_000_000.5)
    assert slow.post(PATH, {"points": 5}, key=KEY).status_code == 201
    answer = slow.post(PATH, {"points": 5}, key=f"{KEY}-2")
    assert (answer.status_code, answer["Retry-After"]) == (429, "1")
    assert (Jar.calls, records()) == ([5], 1)
    monkeypatch.setattr(throttle.time, "time", lambda: 4_000_001.0)
    answer = slow.post(PATH, {"points": 5}, key=f"{KEY}-2")
    assert (answer.status_code, "Idempotent-Replayed" in answer) == (201, False)


@pytest.mark.parametrize(
    "key", ["short", "x" * 15, "x" * 256, "tab\tin-the-key-0001", "schlüssel-0123456789"]
)
def test_an_unusable_key_is_400(api: Api, key: str) -> None:
    answer = api.post(PATH, {"points": 5}, key=key)
    assert (answer.status_code, answer.json()["code"]) == (400, "idempotency_key_invalid")
    assert (Jar.calls, records()) == ([], 0)


@pytest.mark.parametrize("key", ["x" * 16, "x" * 255, "a key with ~!@#$%^&*() in it"])
def test_usable_keys(api: Api, key: str) -> None:
    assert api.post(PATH, {"points": 5}, key=key).status_code == 201
    assert api.post(PATH, {"points": 5}, key=key)["Idempotent-Replayed"] == "true"


def test_after_thirty_days_the_key_is_free_again(api: Api) -> None:
    api.post(PATH, {"points": 5}, key=KEY)
    with clock.frozen(NOW + timedelta(days=30) - timedelta(seconds=1)):
        assert api.post(PATH, {"points": 5}, key=KEY)["Idempotent-Replayed"] == "true"
    with clock.frozen(NOW + timedelta(days=30)):
        answer = api.post(PATH, {"points": 6}, key=KEY)
        assert answer.status_code == 201
        assert api.post(PATH, {"points": 6}, key=KEY).content == answer.content
    assert (Jar.calls, records()) == ([5, 6], 1)
