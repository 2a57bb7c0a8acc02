"""One Idempotency-Key used by several at the same time, on real transactions."""

import threading
from collections.abc import Iterator
from typing import Any

import pytest
from django.db import connection, transaction

from loyalty.lib import idempotency
from loyalty.outbox.models import IdempotencyRecord
from members.models import Member
from partners import auth
from tenants.context import in_brand
from tenants.models import Brand
from tests.outbox.idempotent_urls import Jar
from tests.support import brands
from tests.support.brands import ANNA
from tests.support.client import Api

KEY = "order-0001-attempt"
PATH = f"/jars/{ANNA}"


@pytest.fixture(autouse=True)
def _jar(settings: Any) -> Iterator[None]:
    settings.ROOT_URLCONF = "tests.outbox.idempotent_urls"
    auth.forget()
    Jar.calls.clear()
    yield
    auth.forget()


def region() -> str:
    with in_brand(Brand.objects.get(slug="acme")):
        return Member.objects.get(pk=ANNA).region


def records() -> int:
    with in_brand(Brand.objects.get(slug="acme")):
        return IdempotencyRecord.objects.count()


def test_of_many_at_once_one_works_and_the_others_are_told(committed_db: None) -> None:
    """Eight threads with one key: one effect; everyone gets its answer or 409 with Retry-After."""
    start = threading.Barrier(8)
    answers: list[Any] = []

    def call() -> None:
        try:
            api = Api("acme.localhost", brands.key("acme"))
            start.wait(10)
            answers.append(api.post(PATH, {"points": 5}, key=KEY))
        finally:
            connection.close()

    threads = [threading.Thread(target=call) for _n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert len(answers) == 8
    assert (Jar.calls, region(), records()) == ([5], "x", 1)
    made = [a for a in answers if a.status_code == 201]
    assert len({a.content for a in made}) == 1
    assert len([a for a in made if "Idempotent-Replayed" not in a]) == 1
    for answer in answers:
        if answer.status_code != 201:
            assert (answer.status_code, answer.json()["code"]) == (409, "idempotency_in_flight")
            assert answer["Retry-After"] == "1"


def test_while_the_first_is_in_flight_the_second_is_told_at_once(committed_db: None) -> None:
    api = Api("acme.localhost", brands.key("acme"))
    holding, let_go = threading.Event(), threading.Event()

    def hold() -> None:
        try:
            with in_brand(Brand.objects.get(slug="acme")), transaction.atomic():
                place = (f"key:{brands.KEY_ID}", "POST api/v1/jars/<uuid:member_id>", KEY)
                assert idempotency._earlier(place, b"") is None
                holding.set()
                let_go.wait(10)
        finally:
            connection.close()

    thread = threading.Thread(target=hold)
    thread.start()
    assert holding.wait(10)
    answer = api.post(PATH, {"points": 5}, key=KEY)
    let_go.set()
    thread.join()
    assert (answer.status_code, answer.json()["code"]) == (409, "idempotency_in_flight")
    assert answer["Retry-After"] == "1"
    assert (Jar.calls, records()) == ([], 0)
    assert api.post(PATH, {"points": 5}, key=KEY).status_code == 201
