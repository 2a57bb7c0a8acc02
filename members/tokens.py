"""Members' sessions: short-lived access tokens signed with the brand's key, refresh tokens that rotate.

An access token is a JWT (HS256) whose `aud` is the brand and whose `kid` names the key. A refresh token is
random, stored as a digest, and used once: a second use means that two hold it, so its family is revoked.
"""

import base64
import hashlib
import secrets
import time
from dataclasses import dataclass
from datetime import datetime, timedelta
from threading import Lock
from typing import Any
from uuid import UUID

import jwt
from django.db import transaction

from loyalty.lib import crypto, ids
from loyalty.lib.database import connection
from members import locks, selectors
from members.errors import RefreshTokenInvalid
from members.models import Member, RefreshToken, SigningKey
from tenants.context import current_brand

ACCESS_LIFETIME = timedelta(minutes=15)
REFRESH_LIFETIME = timedelta(days=30)
ALGORITHM = "HS256"
KEY_BYTES = 32
KEYS_TTL_S = 30.0
MAX_KEYS = 1024


class TokenRefused(Exception):
    """The access token is not one of this brand's, or its time is over."""


@dataclass(frozen=True, slots=True)
class Claims:
    """What a valid access token says."""

    member_id: UUID
    session_id: UUID


@dataclass(frozen=True, slots=True)
class Pair:
    """What a client is given: both tokens and how long they last, in seconds."""

    member_id: UUID
    access_token: str
    refresh_token: str
    expires_in_s: int = int(ACCESS_LIFETIME.total_seconds())
    refresh_expires_in_s: int = int(REFRESH_LIFETIME.total_seconds())


# Keys that verified a token, by brand and id, with the moment at which they are looked up again.
_keys: dict[tuple[str, UUID], tuple[bytes, float]] = {}
_keys_lock = Lock()


def forget() -> None:
    """Look every key up anew, for example after one was retired in this process."""
    with _keys_lock:
        _keys.clear()


def signing_key(now: datetime) -> SigningKey:
    """The brand's key that signs, made at its first use.

    Call it before the transaction whose tokens it signs, so that no token outlives a key rolled back.
    """
    found = selectors.signing_key()
    if found is not None:
        return found
    with transaction.atomic():
        locks.signing_keys()
        found = selectors.signing_key()
        if found is None:
            secret = base64.b64encode(secrets.token_bytes(KEY_BYTES)).decode()
            found = SigningKey.objects.create(secret=crypto.seal(secret), created_at=now)
    return found


def start(*, member: Member, key: SigningKey, device_id: str, now: datetime) -> Pair:
    """A new session of the member: the first pair of a family. Belongs into the caller's transaction."""
    return _issue(member.id, ids.new(), key, device_id, now)


def rotate(*, token: str, key: SigningKey, device_id: str, now: datetime) -> Pair:
    """A new pair for a refresh token, which is used up by it.

    Raises RefreshTokenInvalid for a token that is unknown, expired or revoked, whose member is no longer
    active, or that was used before; the last revokes its whole family.
    """
    with transaction.atomic():
        row = locks.refresh_token(_digest(token))
        if row is not None and row.used_at is not None:
            _revoke(row.family, now)
        elif row is not None and _usable(row, now):
            row.used_at = now
            row.save(update_fields=["used_at"])
            return _issue(row.member_id, row.family, key, device_id or row.device_id, now)
    # Outside of the transaction: a revocation has to stay.
    raise RefreshTokenInvalid


def end(*, token: str, now: datetime) -> None:
    """End the session that a refresh token belongs to. Unknown tokens are ignored; repeating is harmless."""
    with transaction.atomic():
        row = locks.refresh_token(_digest(token))
        if row is not None:
            _revoke(row.family, now)


def read(token: str, now: datetime) -> Claims:
    """What an access token of the current brand says. Raises TokenRefused."""
    try:
        key_id = ids.parse(str(jwt.get_unverified_header(token).get("kid")))
        if key_id is None:
            raise TokenRefused
        claims: dict[str, Any] = jwt.decode(
            token,
            _verifying_secret(key_id),
            algorithms=[ALGORITHM],
            audience=current_brand().slug,
            # The time is compared below: the clock of the platform decides, not that of the library.
            options={
                "require": ["exp", "iat", "aud", "sub", "sid"],
                "verify_exp": False,
                "verify_iat": False,
                "verify_nbf": False,
            },
        )
    except jwt.InvalidTokenError:
        raise TokenRefused from None
    member_id, session_id = ids.parse(str(claims["sub"])), ids.parse(str(claims["sid"]))
    expires_at = claims["exp"]
    if member_id is None or session_id is None or not isinstance(expires_at, int):
        raise TokenRefused
    if expires_at <= now.timestamp():
        raise TokenRefused
    return Claims(member_id, session_id)


def _issue(member_id: UUID, family: UUID, key: SigningKey, device_id: str, now: datetime) -> Pair:
    refresh = secrets.token_urlsafe(32)
    RefreshToken.objects.create(
        digest=_digest(refresh),
        family=family,
        member_id=member_id,
        device_id=device_id,
        issued_at=now,
        expires_at=now + REFRESH_LIFETIME,
    )
    access = jwt.encode(
        {
            "aud": current_brand().slug,
            "sub": str(member_id),
            "sid": str(family),
            "jti": str(ids.new()),
            "iat": int(now.timestamp()),
            "exp": int((now + ACCESS_LIFETIME).timestamp()),
        },
        _secret_of(key),
        algorithm=ALGORITHM,
        headers={"kid": str(key.id)},
    )
    return Pair(member_id, access, refresh)


def _usable(row: RefreshToken, now: datetime) -> bool:
    active = row.member.status == Member.Status.ACTIVE
    return row.revoked_at is None and row.expires_at > now and active


def _revoke(family: UUID, now: datetime) -> None:
    RefreshToken.objects.filter(family=family, revoked_at__isnull=True).update(revoked_at=now)


def _verifying_secret(key_id: UUID) -> bytes:
    at = (str(connection.schema_name), key_id)
    known = _keys.get(at)
    if known is not None and known[1] > time.monotonic():
        return known[0]
    key = selectors.signing_key(key_id)
    if key is None:
        raise TokenRefused
    secret = _secret_of(key)
    with _keys_lock:
        if len(_keys) >= MAX_KEYS:
            _keys.clear()
        _keys[at] = (secret, time.monotonic() + KEYS_TTL_S)
    return secret


def _secret_of(key: SigningKey) -> bytes:
    return base64.b64decode(crypto.unseal(key.secret))


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
