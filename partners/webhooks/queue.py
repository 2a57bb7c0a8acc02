"""The dispatcher's side of the database: what is new, what is due, what came of it. For the current brand.

Everything here works on batches: a delivery costs its share of a few statements, not a transaction. A row
that is being sent carries a lease; when the lease runs out, whoever looks next takes the row.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from django.db import connection, transaction

from loyalty.lib import ids
from loyalty.outbox import relay
from loyalty.outbox.models import Cursor
from partners.models import WebhookEndpoint
from partners.webhooks import payloads

CURSOR: Final = "webhooks"
LEASE: Final = timedelta(seconds=60)
FAN_OUT_BATCH: Final = 500


@dataclass(slots=True)
class Job:
    """A delivery that this process holds the lease of."""

    delivery_id: UUID
    endpoint_id: UUID
    event_id: UUID
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


_DUE = """
SELECT e.id,
    (SELECT min(d.next_attempt_at) FROM partners_webhookdelivery d
     WHERE d.endpoint_id = e.id AND d.status = 'pending')
FROM partners_webhookendpoint e WHERE e.status = 'active' AND e.deleted_at IS NULL
"""
_FLAGS = """
SELECT EXISTS (SELECT 1 FROM outbox_event WHERE position IS NULL),
    coalesce((SELECT position FROM outbox_cursor WHERE name = 'relay'), 0)
      > coalesce((SELECT position FROM outbox_cursor WHERE name = 'webhooks'), 0),
    EXISTS (SELECT 1 FROM partners_webhookrecovery WHERE status = 'running')
"""


def look() -> Look:
    """What there is to do, in three short reads."""
    endpoints = list(
        WebhookEndpoint.objects.filter(status=WebhookEndpoint.Status.ACTIVE, deleted_at__isnull=True)
    )
    with connection.cursor() as cursor:
        cursor.execute(_FLAGS)
        unrelayed, behind, recoveries = cursor.fetchone()
    return Look(endpoints, due_at() if endpoints else {}, unrelayed, behind, recoveries)


def due_at() -> dict[UUID, datetime]:
    """When the first delivery of each endpoint at work is or was due; a leased one when its lease ends."""
    with connection.cursor() as cursor:
        cursor.execute(_DUE)
        return {endpoint_id: at for endpoint_id, at in cursor.fetchall() if at is not None}


# --- new events ------------------------------------------------------------------------------------------
_EVENTS = """
SELECT id, type, payload::text, occurred_at, position, member_seq, payload->>'channel', payload->>'store_id'
FROM outbox_event WHERE position > %s ORDER BY position LIMIT %s
"""
_INSERT = """
INSERT INTO partners_webhookdelivery (id, endpoint_id, event_id, event_type, position, status, attempts,
    next_attempt_at, lease_until, created_at)
SELECT id, endpoint_id, event_id, event_type, position, 'pending', 0, due_at, lease_until, %s
FROM unnest(%s::uuid[], %s::uuid[], %s::uuid[], %s::text[], %s::bigint[], %s::timestamptz[],
    %s::timestamptz[]) AS new(id, endpoint_id, event_id, event_type, position, due_at, lease_until)
ON CONFLICT (endpoint_id, event_id) DO NOTHING
RETURNING id
"""


def fan_out(
    brand: str, rooms: Mapping[UUID, int], *, now: datetime, batch: int = FAN_OUT_BATCH
) -> tuple[list[Job], bool]:
    """Deliveries for the next events, one for each endpoint that wants to know.

    As many as `rooms` has place for are leased and returned; the others wait for `claim`. Also answers
    whether there may be more events. One dispatcher at a time does this for a brand.
    """
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(%s)", [relay.lock_key(CURSOR)])
        if not cursor.fetchone()[0]:
            return [], False
        at, _made = Cursor.objects.get_or_create(name=CURSOR)
        cursor.execute(_EVENTS, [at.position, batch])
        events = cursor.fetchall()
        if not events:
            return [], False
        kept = WebhookEndpoint.objects.filter(deleted_at__isnull=True).exclude(
            status=WebhookEndpoint.Status.DISABLED
        )
        rows = _matches(list(kept), events)
        jobs = _insert(cursor, brand, rows, rooms, now)
        Cursor.objects.filter(name=CURSOR).update(position=events[-1][4])
    return jobs, len(events) == batch


def _matches(
    endpoints: Sequence[WebhookEndpoint], events: Sequence[Any]
) -> list[tuple[WebhookEndpoint, Any]]:
    filters = [(e, frozenset(e.event_types), frozenset(e.channels), frozenset(e.stores)) for e in endpoints]
    return [
        (endpoint, event)
        for event in events
        for endpoint, types, channels, stores in filters
        if (not types or event[1] in types)
        and (not channels or event[6] in channels)
        and (not stores or event[7] in stores)
        and event[4] > endpoint.after_position
    ]


def _insert(
    cursor: Any,
    brand: str,
    rows: Sequence[tuple[WebhookEndpoint, Any]],
    rooms: Mapping[UUID, int],
    now: datetime,
) -> list[Job]:
    lease_until = now + LEASE
    left = dict(rooms)
    columns: list[list[Any]] = [[], [], [], [], [], [], []]
    jobs: dict[UUID, Job] = {}
    bodies: dict[UUID, str] = {}
    for endpoint, event in rows:
        event_id, kind, data, occurred_at, position, member_seq = event[:6]
        delivery_id = ids.new()
        mine = left.get(endpoint.id, 0) > 0 and endpoint.status == WebhookEndpoint.Status.ACTIVE
        if mine:
            left[endpoint.id] -= 1
            if event_id not in bodies:
                bodies[event_id] = payloads.body(
                    kind=kind,
                    at=occurred_at,
                    data_json=data,
                    brand=brand,
                    sequence=position,
                    member_sequence=member_seq,
                )
            jobs[delivery_id] = Job(delivery_id, endpoint.id, event_id, 0, lease_until, bodies[event_id])
        values = (
            delivery_id,
            endpoint.id,
            event_id,
            kind,
            position,
            lease_until if mine else now,
            lease_until if mine else None,
        )
        for column, value in zip(columns, values, strict=True):
            column.append(value)
    if not rows:
        return []
    cursor.execute(_INSERT, [now, *columns])
    made = {row[0] for row in cursor.fetchall()}
    return [job for delivery_id, job in jobs.items() if delivery_id in made]


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
SELECT m.id, m.endpoint_id, m.event_id, m.attempts,
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
        values = {"endpoints": list(wanted), "rooms": list(wanted.values()), "now": now, "until": until}
        cursor.execute(_CLAIM, values)
        rows = cursor.fetchall()
    return [
        Job(
            delivery_id,
            endpoint_id,
            event_id,
            attempts,
            until,
            payloads.body(
                kind=kind,
                at=occurred_at,
                data_json=data,
                brand=brand,
                sequence=position,
                member_sequence=member_seq,
            ),
        )
        for (
            delivery_id,
            endpoint_id,
            event_id,
            attempts,
            kind,
            data,
            occurred_at,
            position,
            member_seq,
        ) in rows
    ]


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
