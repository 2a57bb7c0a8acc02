"""Idempotency-Key: the same call twice has one effect and one answer, byte for byte (api.md).

The record stands in Postgres and is written in the transaction of the effect. A refusal undoes what the
service did and is remembered like a success (docs/adr/0033). What fails before the service is reached is not
remembered, because nothing was decided.
"""

import hashlib
import json
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any

from django.db import transaction
from django.http import HttpResponse
from django.utils.translation import gettext_lazy as _
from rest_framework.renderers import JSONRenderer
from rest_framework.response import Response

from loyalty.lib import clock, ids, problems
from loyalty.lib.database import connection, one_row
from loyalty.lib.errors import Malformed, Refusal
from loyalty.lib.transactions import retried

KEPT = timedelta(days=30)
_FIND = "SELECT * FROM outbox_answer(%s::bigint, %s::text, %s::text, %s::text, %s::timestamptz)"
# In the place of an answer that is older than KEPT.
_KEEP = """
INSERT INTO outbox_idempotencyrecord(id, caller, route, key, digest, status, content_type, body, created_at)
VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s)
ON CONFLICT (caller, route, key) DO UPDATE SET
  digest = EXCLUDED.digest, status = EXCLUDED.status, content_type = EXCLUDED.content_type,
  body = EXCLUDED.body, created_at = EXCLUDED.created_at
"""


class BadKey(Malformed):
    """The header is not a usable key."""

    code = "idempotency_key_invalid"
    title = _("Idempotency-Key must be 16 to 255 printable characters.")


class Mismatch(Refusal):
    """The key was used before with other content."""

    code = "idempotency_mismatch"
    status = 422
    title = _("This Idempotency-Key was used before with other content.")


class InFlight(Refusal):
    """A call with this key is still being worked on."""

    code = "idempotency_in_flight"
    status = 409
    retryable = True
    title = _("A call with this Idempotency-Key is still in flight.")


def once(request: Any, work: Callable[[], Response], *, caller: str, kwargs: Mapping[str, Any]) -> Any:
    """The answer of `work`, run in one transaction, or the first answer to the same key.

    Raises BadKey, Mismatch, InFlight, Busy, and what `work` raises when there is no key.
    """
    key = request.headers.get("Idempotency-Key")
    if key is None:
        return retried(lambda: _plainly(work))
    if not 16 <= len(key) <= 255 or not key.isascii() or not key.isprintable():
        raise BadKey
    route = f"{request.method} {request.resolver_match.route}"
    content = json.dumps([{k: str(v) for k, v in kwargs.items()}, request.data], sort_keys=True, default=str)
    digest = hashlib.sha256(content.encode()).digest()
    return retried(lambda: _recorded(work, caller=caller, route=route, key=key, digest=digest))


def _plainly(work: Callable[[], Response]) -> Response:
    with transaction.atomic():
        return work()


def _recorded(
    work: Callable[[], Response], *, caller: str, route: str, key: str, digest: bytes
) -> HttpResponse:
    place = (caller, route, key)
    try:
        with transaction.atomic():
            earlier = _earlier(place, digest)
            return earlier or _given(place, digest, work())
    except Refusal as refusal:
        answer = None if isinstance(refusal, Mismatch | InFlight) else problems.render(refusal)
        if answer is None or answer.status_code >= 500:
            raise
    # All that the service wrote is undone. Whoever took the key meanwhile has decided: theirs is the answer.
    with transaction.atomic():
        return _earlier(place, digest) or _given(place, digest, answer)


def _earlier(place: tuple[str, str, str], digest: bytes) -> HttpResponse | None:
    """The first answer to the key, which is locked until the transaction ends. Raises Mismatch, InFlight."""
    # Advisory locks are shared by a whole database, so the brand's schema is part of the name.
    name = "\n".join((str(connection.schema_name), *place)).encode()
    lock = int.from_bytes(hashlib.sha256(name).digest()[:8], "big", signed=True)
    found = one_row(_FIND, [lock, *place, clock.now() - KEPT])
    assert found is not None
    free, known, status, content_type, body = found
    if not free:
        raise InFlight
    if status is None:
        return None
    if bytes(known) != digest:
        raise Mismatch
    return _answer(status, bytes(body), content_type, replayed=True)


def _given(place: tuple[str, str, str], digest: bytes, response: Response) -> HttpResponse:
    """The response, rendered and written down as the answer to the key."""
    content_type = response.content_type or "application/json"
    body = JSONRenderer().render(response.data)
    one_row(_KEEP, [ids.new(), *place, digest, response.status_code, content_type, body, clock.now()])
    return _answer(response.status_code, body, content_type, replayed=False)


def _answer(status: int, content: bytes, content_type: str, *, replayed: bool) -> HttpResponse:
    response = HttpResponse(content, status=status, content_type=content_type)
    if replayed:
        response["Idempotent-Replayed"] = "true"
    return response
