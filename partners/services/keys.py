"""API keys: made, shown once, revoked."""

import re
import secrets
from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from loyalty.lib.errors import FieldError, Invalid, NotFound
from loyalty.lib.scopes import SCOPES
from partners import auth
from partners.models import ApiKey

MAX_RATE_PER_S = 1_000_000


def create_key(
    *,
    name: str,
    scopes: Sequence[str],
    now: datetime,
    expires_in_days: int | None = None,
    rate_per_s: int = 5000,
) -> tuple[ApiKey, str]:
    """A new key of the current brand, and its secret, which is nowhere stored in clear.

    Raises Invalid for an empty name, no or unknown scopes, a lifetime or a rate out of bounds.
    """
    wanted = list(dict.fromkeys(scope.strip() for scope in scopes if scope.strip()))
    errors = []
    if not name.strip() or len(name) > 80:
        errors.append(FieldError("/name", "name", _("1 to 80 characters.")))
    unknown = [scope for scope in wanted if scope not in SCOPES]
    if unknown or not wanted:
        known = ", ".join(SCOPES)
        errors.append(
            FieldError("/scopes", "unknown_scope", _("Give some of: %(known)s.") % {"known": known})
        )
    if expires_in_days is not None and not 1 <= expires_in_days <= 3650:
        errors.append(FieldError("/expires_in_days", "range", _("From 1 to 3650 days.")))
    if not 1 <= rate_per_s <= MAX_RATE_PER_S:
        errors.append(FieldError("/rate_per_s", "range", _("From 1 to 1,000,000 requests per second.")))
    if errors:
        raise Invalid(errors)
    secret = _new_secret()
    key = ApiKey.objects.create(
        name=name.strip(),
        prefix=secret[: auth.PREFIX_LENGTH],
        digest=auth.digest(secret),
        scopes=wanted,
        rate_per_s=rate_per_s,
        created_at=now,
        expires_at=now + timedelta(days=expires_in_days) if expires_in_days is not None else None,
    )
    return key, secret


def revoke_key(*, key_id: UUID, now: datetime) -> ApiKey:
    """Refuse this key from now on; other processes follow within seconds. Safe to repeat. Raises NotFound."""
    with transaction.atomic():
        ApiKey.objects.filter(pk=key_id, revoked_at__isnull=True).update(revoked_at=now)
        key = ApiKey.objects.filter(pk=key_id).first()
        if key is None:
            raise NotFound
        transaction.on_commit(auth.forget)
    auth.forget()
    return key


def _new_secret() -> str:
    # Letters and digits alone, so that a double click selects the whole key.
    text = re.sub(r"[-_]", "", secrets.token_urlsafe(48))
    return f"lk_{text[:43]}" if len(text) >= 43 else _new_secret()
