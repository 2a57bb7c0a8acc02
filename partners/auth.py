"""`Authorization: Bearer <api key>`: a key stands in its brand's schema, so another brand's is unknown here."""

import hashlib
import hmac
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.utils.translation import gettext_lazy as _
from rest_framework.authentication import BaseAuthentication
from rest_framework.exceptions import AuthenticationFailed

from loyalty.lib import clock
from partners.models import ApiKey


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


def digest(secret: str) -> str:
    """What is stored of a key: keys are random, so a plain SHA-256 cannot be guessed back."""
    return hashlib.sha256(secret.encode()).hexdigest()


class ApiKeyAuthentication(BaseAuthentication):
    """Tells which partner calls. Answers 401 for a missing, unknown, expired, revoked or foreign key."""

    def authenticate(self, request: Any) -> tuple[Principal, Grant] | None:
        header = request.headers.get("Authorization", "")
        if not header:
            return None
        scheme, _space, secret = header.partition(" ")
        if scheme.lower() != "bearer" or not secret.isascii() or not secret.startswith("lk_"):
            raise AuthenticationFailed(_("Send the API key as: Authorization: Bearer <key>."))
        key = ApiKey.objects.filter(prefix=secret[:11]).first()
        if key is None or not hmac.compare_digest(key.digest, digest(secret)):
            raise AuthenticationFailed(_("This API key is not known here."))
        if key.revoked_at is not None or (key.expires_at is not None and key.expires_at <= clock.now()):
            raise AuthenticationFailed(_("This API key is expired or revoked."))
        return Principal(key.id, key.name), Grant(key.id, frozenset(key.scopes), key.rate_per_s)

    def authenticate_header(self, request: Any) -> str:
        return 'Bearer realm="partner API"'
