"""What rules give besides points: coupons, benefits, tags, chances to draw; and taking them back."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from loyalty.lib import instants
from loyalty.outbox import services as outbox
from mall.models import Grant
from members import services as members
from points import expiry
from tenants.context import current_brand


@dataclass(frozen=True, slots=True)
class Gift:
    """What one rule gives: `valid_days` full days after the day of granting, or for ever."""

    kind: str
    code: str
    rule: str
    rule_version: int
    quantity: int = 1
    valid_days: int | None = None
    attributes: Mapping[str, Any] = field(default_factory=dict)


def grant(
    *, member_id: UUID, gifts: Sequence[Gift], source: str, reference: str, at: datetime, now: datetime
) -> list[Grant]:
    """Give these for what happened at `at`; one that was given before for the same reference and rule is not
    given again. Returns what is new.

    The caller holds the lock on the member's account.
    """
    if not gifts:
        return []
    before = {row.rule: row for row in Grant.objects.filter(source=source, reference=reference)}
    _give_again([before[gift.rule] for gift in gifts if gift.rule in before], now)
    rows = [_row(member_id, gift, source, reference, at, now) for gift in gifts if gift.rule not in before]
    tags = [row.code for row in rows if row.kind == Grant.Kind.TAG]
    added = members.tag(member_id=member_id, tags=tags) if tags else frozenset()
    for row in rows:
        row.added = row.kind != Grant.Kind.TAG or row.code in added
    Grant.objects.bulk_create(rows)
    for row in rows:
        _tell("grant.given", row, now)
    return rows


def take_back(*, source: str, reference: str, rules: Collection[str], now: datetime) -> int:
    """Take back what these rules gave for this reference, as far as it was not used; returns how many.

    The caller holds the lock on the member's account.
    """
    if not rules:
        return 0
    found = Grant.objects.filter(
        source=source, reference=reference, rule__in=list(rules), revoked_at__isnull=True, used=0
    )
    rows = list(found.order_by("pk"))
    for row in rows:
        row.revoked_at = now
        row.save(update_fields=["revoked_at"])
        if row.kind == Grant.Kind.TAG and row.added:
            members.untag(member_id=row.member_id, tags=[row.code])
        _tell("grant.taken_back", row, now)
    return len(rows)


def _give_again(known: Sequence[Grant], now: datetime) -> None:
    """What a correction took back and a later one gives."""
    for row in known:
        if row.revoked_at is not None:
            row.revoked_at = None
            row.save(update_fields=["revoked_at"])
            if row.kind == Grant.Kind.TAG and row.added:
                members.tag(member_id=row.member_id, tags=[row.code])
            _tell("grant.given", row, now)


def _row(member_id: UUID, gift: Gift, source: str, reference: str, at: datetime, now: datetime) -> Grant:
    until = None
    if gift.valid_days is not None:
        until = expiry.expires_at({"policy": "days", "days": gift.valid_days}, at, current_brand().tz)
    return Grant(
        member_id=member_id,
        kind=gift.kind,
        code=gift.code,
        quantity=gift.quantity,
        attributes=dict(gift.attributes),
        valid_from=at,
        valid_until=until,
        source=source,
        reference=reference,
        rule=gift.rule,
        rule_version=gift.rule_version,
        granted_at=now,
    )


def _tell(event: str, row: Grant, now: datetime) -> None:
    outbox.publish(
        type=event,
        payload={
            "grant_id": str(row.pk),
            "member_id": str(row.member_id),
            "kind": row.kind,
            "code": row.code,
            "quantity": row.quantity,
            "valid_from": instants.text(row.valid_from),
            "valid_until": instants.text(row.valid_until),
            "rule": row.rule,
            "source": row.source,
            "reference": row.reference,
        },
        member_id=row.member_id,
        occurred_at=now,
    )
