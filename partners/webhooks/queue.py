"""The dispatcher's side of the database: what is new, what is due, what came of it. For the current brand.

Everything here works on batches: a delivery costs its share of a few statements, not a transaction. A row
that is being sent carries a lease; when the lease runs out, whoever looks next takes the row.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from django.db import connection, transaction
from django.db.models import OuterRef, QuerySet, Subquery

from loyalty.outbox import locks as outbox_locks
from loyalty.outbox.models import Cursor
from partners.models import WebhookDelivery, WebhookEndpoint
from partners.webhooks import payloads

CURSOR: Final = "webhooks"
LEASE: Final = timedelta(seconds=30)


@dataclass(slots=True)
class Job:
    """A delivery that this process holds the lease of."""

    delivery_id: str
    endpoint_id: UUID
    event_id: str
    attempts: int
    lease_until: datetime
    body: str


@dataclass(slots=True)
class Look:
    """What there is to do for a brand: its endpoints at work, and since when each has something due."""

    endpoints: list[WebhookEndpoint]
    due_at: dict[UUID, datetime]
    unrelayed: bool
    behind: bool
    recoveries: bool


_FIRST_DUE = (
    WebhookDelivery.objects.filter(endpoint_id=OuterRef("pk"), status=WebhookDelivery.Status.PENDING)
    .order_by("next_attempt_at")
    .values("next_attempt_at")[:1]
)
_FLAGS = """
SELECT EXISTS (SELECT 1 FROM outbox_event WHERE position IS NULL),
    coalesce((SELECT position FROM outbox_cursor WHERE name = 'relay'), 0)
      > coalesce((SELECT position FROM outbox_cursor WHERE name = 'webhooks'), 0),
    EXISTS (SELECT 1 FROM partners_webhookrecovery WHERE status = 'running')
"""


def look() -> Look:
    """What there is to do, in two short reads."""
    endpoints = list(_at_work())
    with connection.cursor() as cursor:
        cursor.execute(_FLAGS)
        unrelayed, behind, recoveries = cursor.fetchone()
    due = {endpoint.id: endpoint.due_at for endpoint in endpoints if endpoint.due_at is not None}
    return Look(endpoints, due, unrelayed, behind, recoveries)


def due_at() -> dict[UUID, datetime]:
    """When the first delivery of each endpoint at work is or was due; a leased one when its lease ends."""
    return {pk: at for pk, at in _at_work().values_list("pk", "due_at") if at is not None}


def _at_work() -> QuerySet[Any]:
    return WebhookEndpoint.objects.filter(
        status=WebhookEndpoint.Status.ACTIVE, deleted_at__isnull=True
    ).annotate(due_at=Subquery(_FIRST_DUE))


# --- new events ------------------------------------------------------------------------------------------
# The delivery's id begins like the event's: ordered in time, and the same however often this runs.
DELIVERY_ID: Final = """(left(o.id::text, 19) || '8' || substr(m.hash, 1, 3) || '-'
        || substr(m.hash, 4, 12))::uuid"""
WANTED: Final = """(e.event_types = '[]' OR e.event_types ? o.type)
      AND (e.channels = '[]' OR e.channels ? coalesce(o.payload->>'channel', ''))
      AND (e.stores = '[]' OR e.stores ? coalesce(o.payload->>'store_id', ''))"""
_FRESH = """
SELECT id::text, type, payload::text, occurred_at, position, member_seq
FROM outbox_event WHERE position > %s ORDER BY position LIMIT %s
"""
# Joined to the events in Python: what the planner expects of these rows is far from what comes.
_FAN_OUT = f"""
WITH pairs AS (
    SELECT {DELIVERY_ID} AS id, e.id AS endpoint_id, o.id AS event_id, o.type, o.position,
        row_number() OVER (PARTITION BY e.id ORDER BY o.position) <= coalesce(room.n, 0) AS mine
    FROM outbox_event o JOIN partners_webhookendpoint e ON o.position > e.after_position AND {WANTED}
    CROSS JOIN LATERAL (SELECT md5(e.id::text || o.id::text) AS hash) m
    LEFT JOIN unnest(%(endpoints)s::uuid[], %(rooms)s::int[]) AS room(endpoint_id, n)
        ON room.endpoint_id = e.id
    WHERE o.position > %(after)s AND o.position <= %(last)s
        AND e.deleted_at IS NULL AND e.status <> 'disabled'
)
INSERT INTO partners_webhookdelivery (id, endpoint_id, event_id, event_type, position, status, attempts,
    next_attempt_at, lease_until, created_at)
SELECT id, endpoint_id, event_id, type, position, 'pending', 0,
    CASE WHEN mine THEN %(until)s::timestamptz ELSE %(now)s::timestamptz END,
    CASE WHEN mine THEN %(until)s::timestamptz END, %(now)s
FROM pairs
ON CONFLICT (endpoint_id, event_id) DO NOTHING
RETURNING CASE WHEN lease_until IS NOT NULL THEN id::text END, endpoint_id::text, event_id::text
"""  # noqa: S608 - constants only


def fan_out(brand: str, rooms: Mapping[UUID, int], *, now: datetime, batch: int) -> tuple[list[Job], bool]:
    """Deliveries for the next events, one for each endpoint that wants to know.

    As many as `rooms` has place for are leased and returned; the others wait for `claim`. Also answers
    whether there may be more events. One dispatcher at a time does this for a brand.
    """
    until = now + LEASE
    with transaction.atomic(), connection.cursor() as cursor:
        at = outbox_locks.cursor_of(CURSOR)
        if at is None:
            Cursor.objects.bulk_create([Cursor(name=CURSOR)], ignore_conflicts=True)
            at = outbox_locks.cursor_of(CURSOR)
        if at is None:  # another dispatcher is at it
            return [], True
        cursor.execute(_FRESH, [at.position, batch])
        fresh = cursor.fetchall()
        if not fresh:
            return [], False
        values = {
            "after": at.position,
            "last": fresh[-1][4],
            "endpoints": list(rooms),
            "rooms": list(rooms.values()),
            "now": now,
            "until": until,
        }
        cursor.execute(_FAN_OUT, values)
        made = cursor.fetchall()
        Cursor.objects.filter(pk=at.pk).update(position=fresh[-1][4])
    bodies = {event[0]: event[1:] for event in fresh}
    leased = (
        (delivery, endpoint, event, 0, *bodies[event]) for delivery, endpoint, event in made if delivery
    )
    return _jobs(brand, leased, until), len(fresh) == batch


# --- due deliveries --------------------------------------------------------------------------------------
_CLAIM = """
WITH due AS MATERIALIZED (
    SELECT d.id FROM unnest(%(endpoints)s::uuid[], %(rooms)s::int[]) AS room(endpoint_id, n)
    CROSS JOIN LATERAL (
        SELECT id FROM partners_webhookdelivery
        WHERE endpoint_id = room.endpoint_id AND status = 'pending' AND next_attempt_at <= %(now)s
        ORDER BY next_attempt_at, position LIMIT room.n FOR UPDATE SKIP LOCKED
    ) d
), mine AS (
    UPDATE partners_webhookdelivery d SET lease_until = %(until)s, next_attempt_at = %(until)s
    FROM due WHERE d.id = due.id
    RETURNING d.id, d.endpoint_id, d.event_id, d.attempts, d.position
)
SELECT m.id::text, m.endpoint_id::text, m.event_id::text, m.attempts,
    e.type, e.payload::text, e.occurred_at, e.position, e.member_seq
FROM mine m JOIN outbox_event e ON e.id = m.event_id ORDER BY m.position
"""


def claim(brand: str, rooms: Mapping[UUID, int], *, now: datetime) -> list[Job]:
    """Due deliveries, leased to this process: as many for each endpoint as it has room for."""
    wanted = {endpoint: room for endpoint, room in rooms.items() if room > 0}
    if not wanted:
        return []
    until = now + LEASE
    with transaction.atomic(), connection.cursor() as cursor:
        values: dict[str, Any] = {"endpoints": list(wanted), "rooms": list(wanted.values())}
        values |= {"now": now, "until": until}
        cursor.execute(_CLAIM, values)
        return _jobs(brand, cursor.fetchall(), until)


def _jobs(brand: str, rows: Iterable[Any], until: datetime) -> list[Job]:
    jobs = []
    endpoints: dict[str, UUID] = {}
    for delivery_id, endpoint_id, event_id, attempts, kind, data, occurred_at, position, member_seq in rows:
        body = payloads.body(
            kind=kind,
            at=occurred_at,
            data_json=data,
            brand=brand,
            sequence=position,
            member_sequence=member_seq,
        )
        if endpoint_id not in endpoints:
            endpoints[endpoint_id] = UUID(endpoint_id)
        jobs.append(Job(delivery_id, endpoints[endpoint_id], event_id, attempts, until, body))
    return jobs


def release(jobs: Sequence[Job], *, now: datetime) -> None:
    """Give leased deliveries back unsent, so that the next dispatcher need not wait for the leases."""
    if jobs:
        with connection.cursor() as cursor:
            cursor.execute(
                "UPDATE partners_webhookdelivery d SET next_attempt_at = %s, lease_until = NULL "
                "FROM unnest(%s::uuid[], %s::timestamptz[]) AS back(id, lease_until) "
                "WHERE d.id = back.id AND d.lease_until = back.lease_until",
                [now, [job.delivery_id for job in jobs], [job.lease_until for job in jobs]],
            )
