"""`Authorization: Bearer <api key>`: a key stands in its brand's schema, so another brand's is unknown here.

Keys that were found good are remembered for a few seconds in each process, with their brand. Keys that were
not are never remembered, so a new key works at once; a revoked one is refused within `TTL_S`.
"""

import hashlib
import hmac
import time
from dataclasses import dataclass
from datetime import datetime, timedelta
from threading import Lock
from typing import Any
from uuid import UUID

from django.utils.translation import gettext_lazy as _
from rest_framework.authentication import BaseAuthentication
from rest_framework.exceptions import AuthenticationFailed

from loyalty.lib import clock
from loyalty.lib.database import connection
from partners.models import ApiKey

TTL_S = 4.0
MAX_KEYS = 4096
PREFIX_LENGTH = 11
USED_EVERY = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Principal:
    """The partner behind a call."""

    key_id: UUID
    name: str
    is_authenticated: bool = True

    @property
    def caller(self) -> str:
        """Who asks: the scope of idempotency keys and the actor of what is written."""
        return f"key:{self.key_id}"


@dataclass(frozen=True, slots=True)
class Grant:
    """What the key allows."""

    key_id: UUID
    scopes: frozenset[str]
    rate_per_s: int


@dataclass(slots=True)
class _Known:
    """A key that was found good, until `forget_at` (monotonic seconds)."""

    principal: Principal
    grant: Grant
    expires_at: datetime | None
    used_at: datetime | None
    forget_at: float


_known: dict[tuple[str, str], _Known] = {}
_lock = Lock()


def digest(secret: str) -> str:
    """What is stored of a key: keys are random, so a plain SHA-256 cannot be guessed back."""
    return hashlib.sha256(secret.encode()).hexdigest()


def forget() -> None:
    """Look every key up anew, for example after one was revoked in this process."""
    with _lock:
        _known.clear()


class ApiKeyAuthentication(BaseAuthentication):
    """Tells which partner calls. Answers 401 for a missing, unknown, expired, revoked or foreign key."""

    def authenticate(self, request: Any) -> tuple[Principal, Grant] | None:
        header = request.headers.get("Authorization", "")
        if not header:
            return None
        scheme, _space, secret = header.partition(" ")
        if scheme.lower() != "bearer" or not secret.isascii() or not secret.startswith("lk_"):
            raise AuthenticationFailed(_("Send the API key as: Authorization: Bearer <key>."))
        at = (str(connection.schema_name), digest(secret))
        known = _known.get(at)
        if known is None or known.forget_at <= time.monotonic():
            known = _look_up(at, secret)
        now = clock.now()
        if known.expires_at is not None and known.expires_at <= now:
            raise AuthenticationFailed(_("This API key is expired or revoked."))
        _note_use(known, now)
        return known.principal, known.grant

    def authenticate_header(self, request: Any) -> str:
        return 'Bearer realm="partner API"'


def _look_up(at: tuple[str, str], secret: str) -> _Known:
    key = ApiKey.objects.filter(prefix=secret[:PREFIX_LENGTH]).first()
    if key is None or not hmac.compare_digest(key.digest, at[1]):
        raise AuthenticationFailed(_("This API key is not known here."))
    if key.revoked_at is not None:
        with _lock:
            _known.pop(at, None)
        raise AuthenticationFailed(_("This API key is expired or revoked."))
    known = _Known(
        Principal(key.id, key.name),
        Grant(key.id, frozenset(key.scopes), key.rate_per_s),
        key.expires_at,
        key.last_used_at,
        time.monotonic() + TTL_S,
    )
    with _lock:
        if len(_known) >= MAX_KEYS:
            _known.clear()
        _known[at] = known
    return known


def _note_use(known: _Known, now: datetime) -> None:
    # Before the request's own transaction begins, and once a minute at most.
    if known.used_at is None or not now - USED_EVERY < known.used_at <= now + USED_EVERY:
        known.used_at = now
        ApiKey.objects.filter(pk=known.grant.key_id).update(last_used_at=now)
