"""Idempotency-Key: the same call twice has one effect and one answer, byte for byte (api.md).

The record stands in Postgres and is written in the transaction of the effect. The service runs in a
savepoint: a refusal undoes it and is remembered like a success. What fails before the service is reached
is not remembered, because nothing was decided.
"""

import hashlib
import json
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any

from django.apps import apps
from django.db import transaction
from django.http import HttpResponse
from django.utils.translation import gettext_lazy as _
from rest_framework.renderers import JSONRenderer
from rest_framework.response import Response

from loyalty.lib import clock, problems
from loyalty.lib.database import connection
from loyalty.lib.errors import Malformed, Refusal
from loyalty.lib.transactions import retried

KEPT = timedelta(days=30)


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
    return retried(lambda: _recorded(request, work, caller=caller, route=route, key=key, digest=digest))


def _plainly(work: Callable[[], Response]) -> Response:
    with transaction.atomic():
        return work()


def _recorded(
    request: Any, work: Callable[[], Response], *, caller: str, route: str, key: str, digest: bytes
) -> HttpResponse:
    record_model = apps.get_model("outbox", "IdempotencyRecord")
    with transaction.atomic():
        _lock(f"{caller}\n{route}\n{key}")
        earlier = record_model.objects.filter(caller=caller, route=route, key=key).first()
        now = clock.now()
        if earlier is not None and earlier.created_at > now - KEPT:
            if bytes(earlier.digest) != digest:
                raise Mismatch
            return _answer(earlier.status, bytes(earlier.body), earlier.content_type, replayed=True)
        status, content, content_type = _render(work)
        values = {"digest": digest, "status": status, "body": content, "content_type": content_type}
        record_model.objects.update_or_create(
            caller=caller, route=route, key=key, defaults={**values, "created_at": now}
        )
        return _answer(status, content, content_type, replayed=False)


def _lock(name: str) -> None:
    # A try-lock rather than a wait: the second caller is told at once that the first is not done. Advisory
    # locks are shared by a whole database, so the brand's schema is part of the name.
    digest = hashlib.sha256(f"{connection.schema_name}\n{name}".encode()).digest()
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_try_advisory_xact_lock(%s)", [int.from_bytes(digest[:8], "big", signed=True)]
        )
        if not cursor.fetchone()[0]:
            raise InFlight


def _render(work: Callable[[], Response]) -> tuple[int, bytes, str]:
    try:
        with transaction.atomic():
            response = work()
    except Refusal as refusal:
        answer = problems.render(refusal)
        if answer is None or answer.status_code >= 500:
            raise
        response = answer
    content_type = response.content_type or "application/json"
    return response.status_code, JSONRenderer().render(response.data), content_type


def _answer(status: int, content: bytes, content_type: str, *, replayed: bool) -> HttpResponse:
    response = HttpResponse(content, status=status, content_type=content_type)
    if replayed:
        response["Idempotent-Replayed"] = "true"
    return response
