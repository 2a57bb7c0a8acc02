"""The keys by which a brand signs its transparency log: the first, and the one that follows a key."""

from __future__ import annotations

import base64
from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction

from loyalty.lib import crypto
from loyalty.lib.instants import text as instant
from loyalty.outbox.services import publish
from points import locks, logstore, signednote
from points.models import LogKey
from tenants.context import current_brand


def signing_key(*, now: datetime) -> LogKey:
    """The brand's key that signs checkpoints, made at its first use."""
    found = logstore.newest_key()
    if found is not None:
        return found
    with transaction.atomic():
        locks.log_keys()
        return logstore.newest_key() or _made(
            f"{current_brand().slug}.{settings.BRAND_HOST_SUFFIX}/points", now
        )


def rotate(*, now: datetime) -> LogKey:
    """A new key that signs from the next checkpoint on. The old one vouches for it, and still checks its own.

    What the old key signs is a note of two lines, the log's origin and the new key in its one line (a
    checkpoint has three), told as `ledger.log_key_rotated`. The log itself is not touched. Each call makes a
    key.
    """
    with transaction.atomic():
        locks.log_keys()
        old = logstore.newest_key()
        if old is None:
            return signing_key(now=now)
        key = _made(old.origin, max(now, old.created_at + timedelta(microseconds=1)))
        line = signednote.verifier_key(key.origin, bytes(key.public))
        text = f"{old.origin}\n{line}\n"
        publish(
            type="ledger.log_key_rotated",
            payload={
                "key_id": str(key.pk),
                "origin": key.origin,
                "verifier_key": line,
                "previous_key_id": str(old.pk),
                "note": signednote.note(
                    text, name=old.origin, public=bytes(old.public), signature=sign(old, text)
                ),
                "rotated_at": instant(key.created_at),
            },
            occurred_at=now,
        )
    return key


def sign(key: LogKey, text: str) -> bytes:
    """The signature of the text. Raises where FIELD_KEYS lack the key that the secret is encrypted with."""
    return signednote.sign(text, base64.b64decode(crypto.unseal(key.secret)))


def _made(origin: str, at: datetime) -> LogKey:
    secret, public = signednote.new_key()
    sealed = crypto.seal(base64.b64encode(secret).decode())
    return LogKey.objects.create(origin=origin, public=public, secret=sealed, created_at=at)
