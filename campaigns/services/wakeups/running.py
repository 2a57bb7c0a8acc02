"""Runs of wake-ups: due rows, gone through in batches that queue messages and move the cursor together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any, Final
from uuid import UUID

import structlog
from django.db import transaction

from campaigns import audience, locks
from campaigns.engine.rule import BUCKETS, bucket
from campaigns.models import Wakeup, WakeupRun
from campaigns.models.decided import OPEN
from campaigns.services import decided, duerows, messages, segments
from campaigns.services.wakeups import deciding, nearness, times
from loyalty.lib import instants, money
from loyalty.lib.database import connection
from loyalty.lib.errors import Refusal
from loyalty.outbox import services as outbox
from members.models import Member
from points import expiry
from tenants.context import current_brand

WORKER: Final = "worker"
BATCH: Final = 2_000
log = structlog.get_logger(__name__)
# Who had this wake-up before, held out or not, is left out: for good, or until it may come again.
_AGAIN: Final = (
    "NOT EXISTS (SELECT 1 FROM campaigns_wakeuprecipient had WHERE had.wakeup_id = %(wakeup)s"
    " AND had.member_id = m.id AND (had.run_id = %(run)s OR had.at >= %(again)s))"
)
_NEVER: Final = datetime(1970, 1, 1, tzinfo=UTC)
_RECORD: Final = """
INSERT INTO campaigns_wakeuprecipient(
  run_id, wakeup_id, member_id, at, held_out, variant, task, task_until, paid_points)
SELECT %(run)s, %(wakeup)s, one.member_id, %(now)s, one.variant = '', one.variant,
  CASE WHEN one.variant <> '' AND %(until)s::timestamptz IS NOT NULL THEN 'open' ELSE 'none' END,
  CASE WHEN one.variant <> '' THEN %(until)s::timestamptz END, 0
FROM unnest(%(members)s::uuid[], %(variants)s::text[]) AS one(member_id, variant)
"""
_RECIPIENTS: Final = """
SELECT r.member_id,
  jsonb_strip_nulls(jsonb_build_object(
    'name', m.name, 'points', coalesce(a.available, 0), 'missing', %s::bigint - coalesce(a.available, 0))),
  r.variant::text
FROM campaigns_wakeuprecipient r
JOIN members_member m ON m.id = r.member_id
LEFT JOIN points_account a ON a.member_id = r.member_id AND a.currency = 'points'
WHERE r.run_id = %s AND r.variant = %s AND r.member_id = ANY(%s)
"""


def start_due(*, now: datetime, limit: int = 50) -> int:
    """Begin the runs of up to `limit` wake-ups whose time has come; returns how many were begun."""
    due = Wakeup.objects.filter(next_run_at__lte=now).order_by("next_run_at", "pk")
    return sum(_start(key, now) for key in list(due.values_list("pk", flat=True)[:limit]))


def run_due(*, now: datetime, limit: int = 20) -> int:
    """Take the next batch of up to `limit` runs that are due; returns how many have more to do."""
    due = WakeupRun.objects.filter(due_at__lte=now).order_by("due_at", "pk")
    return sum(_try(key, now) for key in list(due.values_list("pk", flat=True)[:limit]))


def run_batch(*, run_id: UUID, now: datetime, batch: int = BATCH) -> bool:
    """Take the next members of a run; False if that was the last, or another worker has the run.

    One transaction: who was held out, the messages of the others, and how far the run has come. Killed
    anywhere it leaves nothing half done, and goes on behind the last member that was taken.
    """
    with transaction.atomic():
        run = locks.open_run(run_id)
        if run is None:
            return False
        wakeup = run.wakeup
        if locks.state_of_wakeup(wakeup.pk) not in OPEN:  # cancelled just as the run began
            _finish(run, WakeupRun.Status.CANCELLED, now)
            return False
        try:
            with transaction.atomic():
                found = _portion(run, now, batch)
                if found:
                    _take(run, found, now)
        except Refusal as refusal:
            # The segment or a message is gone: it cannot go on, and says so.
            log.warning("wakeup_run_ended", wakeup=wakeup.code, reason=refusal.code)
            _finish(run, WakeupRun.Status.CANCELLED, now)
            return False
        run.attempts = 0
        if len(found) < batch:
            _finish(run, WakeupRun.Status.DONE, now)
            return False
        run.save(update_fields=["cursor", "audience", "held_out", "attempts"])
        return True


def variant_of(wakeup: Wakeup, member_id: UUID) -> str:
    """The variant that a member gets, always the same; '' for who is held out."""
    if bucket(f"holdout:{wakeup.code}", str(member_id)) * 100 < wakeup.holdout_percent * BUCKETS:
        return ""
    place, upto = bucket(f"variant:{wakeup.code}", str(member_id)), 0
    for row in wakeup.variants:
        upto += row["share"] * BUCKETS
        if place * 100 < upto:
            return str(row["code"])
    return str(wakeup.variants[-1]["code"])


def occasion(run: WakeupRun) -> str:
    """What the messages of a run are about: the same member and channel get one of them."""
    return f"wakeup:{run.pk}"


def _portion(run: WakeupRun, now: datetime, batch: int) -> list[UUID]:
    wakeup = run.wakeup
    definition = segments.definition_of(wakeup.segment)
    again = _NEVER
    if wakeup.repeat_days is not None:
        tz = current_brand().tz
        again = expiry.day_start(run.slot, tz, plus_days=1 - wakeup.repeat_days)
    return audience.portion(
        definition,
        # Who is in the audience is asked as at the start, as far as time goes.
        segments.around(run.started_at),
        after=run.cursor,
        limit=batch,
        also=_AGAIN,
        values={"wakeup": wakeup.pk, "run": run.pk, "again": again},
    )


def _take(run: WakeupRun, members: Sequence[UUID], now: datetime) -> None:
    wakeup = run.wakeup
    variants = [variant_of(wakeup, member_id) for member_id in members]
    until, near = _task_until(wakeup, now), nearness.of(wakeup.segment)
    with connection.cursor() as cursor:
        cursor.execute(
            _RECORD,
            {
                "run": run.pk,
                "wakeup": wakeup.pk,
                "now": now,
                "until": until,
                "members": list(members),
                "variants": variants,
            },
        )
    for variant, template in deciding.templates(wakeup).items():
        chosen = [key for key, each in zip(members, variants, strict=True) if each == variant]
        if chosen:
            messages.queue_many(
                template=template,
                channel=wakeup.channel,
                occasion=occasion(run),
                recipients=(_RECIPIENTS, [near.price if near else None, run.pk, variant, chosen]),
                now=now,
                facts={**_facts(wakeup, until), **(near.facts if near else {})},
                wakeup_id=run.pk,
            )
    run.cursor = members[-1]
    run.audience += len(members)
    run.held_out += variants.count("")


def facts_of(wakeup: Wakeup, member: Member, available: int, now: datetime) -> Mapping[str, Any]:
    """What the texts of a wake-up that goes out now may name, for a member who has so many points.

    Raises Invalid for a segment that no longer holds.
    """
    near = nearness.of(wakeup.segment)
    return {
        **_facts(wakeup, _task_until(wakeup, now)),
        **({**near.facts, "missing": near.price - available} if near else {}),
        "name": member.name,
        "points": available,
    }


def _task_until(wakeup: Wakeup, now: datetime) -> datetime | None:
    """The end of the last day on which coming back is rewarded, exclusive; None where it is not."""
    if not wakeup.task_points:
        return None
    return expiry.day_start(now, current_brand().tz, plus_days=wakeup.task_days + 1)


def _facts(wakeup: Wakeup, until: datetime | None) -> Mapping[str, Any]:
    """What the texts may name besides what each member holds: `{task_points}` until `{task_until_at}` for
    an order of `{task_min_spend}`."""
    brand = current_brand()
    told: dict[str, Any] = {"brand": brand.name, "points_name": brand.points_name}
    if until is not None:
        last_day = until - timedelta(microseconds=1)
        told |= {
            "task_points": wakeup.task_points,
            "task_min_spend": money.plain(wakeup.task_min_spend),
            "task_until_at": instants.text(last_day),
        }
    return told


def _start(wakeup_id: UUID, now: datetime) -> bool:
    with transaction.atomic():
        wakeup = locks.due_wakeup(wakeup_id, now)
        if wakeup is None or wakeup.next_run_at is None:
            return False
        number = WakeupRun.objects.filter(wakeup=wakeup).count() + 1
        WakeupRun.objects.create(
            wakeup=wakeup, number=number, slot=wakeup.next_run_at, started_at=now, due_at=now
        )
        wakeup.status, wakeup.next_run_at = Wakeup.Status.RUNNING, _following(wakeup, now)
        wakeup.save(update_fields=["status", "next_run_at"])
        return True


def _following(wakeup: Wakeup, now: datetime) -> datetime | None:
    """The next time; what was missed while everything was down is not made up for."""
    if wakeup.time_of_day is None or wakeup.next_run_at is None:
        return None
    following = times.next_after(
        time_of_day=wakeup.time_of_day,
        weekdays=wakeup.weekdays,
        after=max(wakeup.next_run_at, now),
        tz=current_brand().tz,
    )
    return following if wakeup.ends_at is None or following < wakeup.ends_at else None


def _finish(run: WakeupRun, status: WakeupRun.Status, now: datetime) -> None:
    run.status, run.due_at, run.finished_at = status, None, now
    run.save()
    wakeup = locks.wakeup(run.wakeup.code)
    if wakeup is None or wakeup.status not in OPEN:
        return
    if not WakeupRun.objects.filter(wakeup=wakeup, status=WakeupRun.Status.RUNNING).exists():
        if wakeup.next_run_at is not None:
            wakeup.status = Wakeup.Status.SCHEDULED
        else:
            decided.end(wakeup, Wakeup.Status.DONE, actor=WORKER, now=now, before=OPEN)
        wakeup.save()
    outbox.publish(
        type="wakeup.run_finished",
        payload={
            "wakeup": wakeup.code,
            "run": run.number,
            "status": run.status,
            "audience": run.audience,
            "held_out": run.held_out,
        },
        occurred_at=now,
    )


def _try(run_id: UUID, now: datetime) -> bool:
    work = partial(run_batch, run_id=run_id, now=now)
    return duerows.turn(WakeupRun, run_id, work, now=now, failed="wakeup_run_failed")
