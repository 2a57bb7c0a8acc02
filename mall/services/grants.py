"""What rules give besides points: coupons, benefits, tags, chances to draw; and taking them back."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import Q

from loyalty.lib import instants
from loyalty.outbox import services as outbox
from mall import locks
from mall.models import Grant
from members import services as members
from points import expiry
from points import services as points
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
    _put_tags(member_id, [row for row in rows if row.kind == Grant.Kind.TAG], now)
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
        row.revoked_at, row.due_at = now, None
        row.save(update_fields=["revoked_at", "due_at"])
    for row in rows:
        if row.kind == Grant.Kind.TAG:
            _release_tag(row, now)
        _tell("grant.taken_back", row, now)
    return len(rows)


def due_tags(*, now: datetime, limit: int) -> list[UUID]:
    """Grants of tags whose time is over, the longest overdue first."""
    due = Grant.objects.filter(due_at__lte=now).order_by("due_at", "id")
    return list(due.values_list("pk", flat=True)[:limit])


def end_tag(*, grant_id: UUID, now: datetime) -> bool:
    """Take a granted tag off the member whose time with it is over, unless another grant still gives it;
    False if that was done before. One transaction, under the lock on the member's account."""
    with transaction.atomic():
        member_id = Grant.objects.values_list("member_id", flat=True).get(pk=grant_id)
        points.lock_account(member_id=member_id, now=now)
        row = locks.due_grant(grant_id)
        if row is None or row.due_at is None or row.due_at > now:
            return False
        if row.member_id != member_id:
            # Merged while we waited for the lock: the next turn takes that of the other account.
            return False
        row.due_at = None
        row.save(update_fields=["due_at"])
        _release_tag(row, now)
        return True


def _put_tags(member_id: UUID, rows: Sequence[Grant], now: datetime) -> None:
    """Put the tags of these grants on the member, and note which of them were not there. One whose time was
    over before it was given puts none."""
    lasting = [row for row in rows if row.valid_until is None or row.valid_until > now]
    added = members.tag(member_id=member_id, tags=[row.code for row in lasting]) if lasting else frozenset()
    for row in rows:
        row.added, row.due_at = False, None
    for row in lasting:
        row.added, row.due_at = row.code in added, row.valid_until


def _release_tag(row: Grant, now: datetime) -> None:
    """Take the tag of a grant that is over off the member. Where another grant gives it too, it stays, and
    goes with that one."""
    if not row.added:
        return
    others = Grant.objects.filter(
        Q(valid_until__isnull=True) | Q(valid_until__gt=now),
        member_id=row.member_id,
        kind=Grant.Kind.TAG,
        code=row.code,
        revoked_at__isnull=True,
    ).exclude(pk=row.pk)
    heir = others.order_by("pk").first()
    if heir is None:
        members.untag(member_id=row.member_id, tags=[row.code])
        return
    heir.added = True
    heir.save(update_fields=["added"])


def _give_again(known: Sequence[Grant], now: datetime) -> None:
    """What a correction took back and a later one gives."""
    for row in known:
        if row.revoked_at is not None:
            row.revoked_at = None
            if row.kind == Grant.Kind.TAG:
                _put_tags(row.member_id, [row], now)
            row.save(update_fields=["revoked_at", "added", "due_at"])
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
