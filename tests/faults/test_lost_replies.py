"""The connection breaks after the work is committed and before its answer arrives: calling again is safe."""

from __future__ import annotations

import http.client
import json
from collections.abc import Iterator
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

import pytest

from loyalty.outbox.models import IdempotencyRecord, OutboxEvent
from members.models import Purchase
from points.models import Entry, Hold
from tenants.context import in_brand
from tenants.models import Brand
from tests.faults import injection as faults
from tests.points.support import assert_sound, earn, numbers
from tests.support import brands
from tests.support.brands import ANNA, BORIS

KEY = "a-key-that-is-used-again"
ANNA_IS = {"member_id": str(ANNA)}
CALLS = {
    "burns": {"member": ANNA_IS, "points": 30, "reference": "till-1"},
    "transfers": {"from": ANNA_IS, "to": {"member_id": str(BORIS)}, "points": 30, "reference": "gift-1"},
    "holds": {"member": ANNA_IS, "points": 30, "reference": "hold-1", "expires_in_s": 900},
    "adjustments": {"member": ANNA_IS, "points": -30, "reference": "adjustment-1", "reason": "test"},
    "orders": {
        "order_id": "S01-1",
        "member": ANNA_IS,
        "ordered_at": "2026-11-22T09:00:00+08:00",
        "currency": "CNY",
        "lines": [{"sku": "1", "quantity": "1", "unit_price": "19.90"}],
    },
}


@pytest.fixture
def brand(committed_db: None, now: datetime) -> Iterator[Brand]:
    acme = Brand.objects.get(slug="acme")
    with in_brand(acme):
        earn(ANNA, 100, "o-1", now=now)
        yield acme


def call(base: str, path: str, key: str | None) -> http.client.HTTPResponse:
    """One POST over a connection of its own. Raises what the client sees when it is cut off."""
    headers = {
        "Host": "acme.localhost",
        "Authorization": f"Bearer {brands.key('acme')}",
        "Content-Type": "application/json",
        "Connection": "close",
    }
    if key is not None:
        headers["Idempotency-Key"] = key
    client = http.client.HTTPConnection(urlsplit(base).netloc, timeout=20)
    client.request("POST", f"/api/v1/{path}", json.dumps(CALLS[path]), headers)
    return client.getresponse()


def effects() -> dict[str, Any]:
    """All that a call may have left behind."""
    assert_sound()
    counted = {model.__name__: model.objects.count() for model in (Entry, Hold, OutboxEvent, Purchase)}
    return {**counted, "account": numbers(ANNA)}


@pytest.mark.whole
@pytest.mark.parametrize("path", CALLS)
@pytest.mark.parametrize("key", [KEY, None])
def test_calling_again_after_a_lost_reply_has_one_effect_and_the_first_answer(
    path: str, key: str | None, brand: Brand
) -> None:
    before = effects()
    with faults.cut_off(times=2) as base:
        for _cut in range(2):
            with pytest.raises((http.client.RemoteDisconnected, ConnectionResetError)):
                call(base, path, key)
            after = effects()
            assert after != before  # the work was done although nobody heard of it
        answers = [call(base, path, key) for _again in range(2)]
        bodies = [json.load(answer) for answer in answers]
    assert effects() == after
    assert {answer.status for answer in answers} <= {200, 201}
    assert bodies[0] == bodies[1]
    assert IdempotencyRecord.objects.count() == (1 if key else 0)
    if key is not None:
        assert {answer.headers["Idempotent-Replayed"] for answer in answers} == {"true"}
        assert {answer.status for answer in answers} == {201}
