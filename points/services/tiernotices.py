"""Telling members that their tier will fall, while there is time to do something about it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from functools import partial
from uuid import UUID

from django.db import transaction
from django.db.models import Exists, OuterRef, QuerySet, Subquery

from loyalty.lib import instants
from loyalty.lib.transactions import one_by_one
from loyalty.outbox import services as outbox
from points import holdings
from points.models import MemberTier, TierNotice, TierProgram
from points.services import tierrows as rows
from points.services.accounts import lock_account
from points.tiers import Fall, Window
from tenants.context import current_brand


def announce_falls(*, now: datetime, limit: int = 500, stages: Sequence[int] | None = None) -> int:
    """Publish `tier.downgrade_upcoming` for whoever will fall; returns how many members were looked at.

    The stages are the brand's `tier_notices`, in days before. Each member, review and stage is looked at
    once, the nearest stage first: who is looked at 7 days before is not told the 30 days as well. At most
    `limit` are; one that fails keeps no other from it.
    """
    done, left = 0, limit
    for days in sorted(current_brand().setting("tier_notices") if stages is None else stages):
        members = list(
            _to_look_at(days, now).order_by("review_at").values_list("member_id", flat=True)[:left]
        )
        done += one_by_one(members, partial(_look_at, days=days, now=now), failed="fall_not_announced")
        left -= len(members)
    return done


def is_any_due(now: datetime) -> bool:
    """Whether `announce_falls` would look at anybody."""
    return any(_to_look_at(days, now).exists() for days in current_brand().setting("tier_notices"))


def _to_look_at(days: int, now: datetime) -> QuerySet[MemberTier]:
    noted = TierNotice.objects.filter(
        member_id=OuterRef("member_id"), review_at=OuterRef("review_at"), days__lte=days
    )
    # Who was judged by an older programme has to be judged by this one first.
    return MemberTier.objects.filter(
        ~Exists(noted),
        review_at__gt=now,
        review_at__lte=now + timedelta(days=days),
        program_version=Subquery(TierProgram.objects.values("version")),
    )


def _look_at(member_id: UUID, days: int, now: datetime) -> None:
    with transaction.atomic():
        lock_account(member_id=member_id, now=now)
        held = rows.read(member_id)
        if held is None or held.standing.review_at is None or held.judged_by != held.program.version:
            # The programme was changed just now: the next review judges by it, and this looks after it.
            return
        program = held.program

        def qualifying(span: Window) -> Decimal:
            return rows.total(member_id, program, span)

        fall = holdings.next_fall(
            program, held.holdings, now + timedelta(days=days), current_brand().tz, qualifying
        )
        _made, new = TierNotice.objects.get_or_create(
            member_id=member_id,
            review_at=held.standing.review_at,
            days=days,
            defaults={"told": fall is not None, "noted_at": now},
        )
        if new and fall is not None:
            _tell(member_id, held, fall, now)


def _tell(member_id: UUID, held: rows.Held, fall: Fall, now: datetime) -> None:
    outbox.publish(
        type="tier.downgrade_upcoming",
        payload={
            "member_id": str(member_id),
            "from": held.standing.code,
            "to": fall.to,
            "at": instants.text(fall.at),
            "qualify_by": held.program.qualify_by,
            "missing": rows.number(held.program, fall.missing),
        },
        member_id=member_id,
        occurred_at=now,
    )
