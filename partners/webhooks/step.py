"""A brand's tables as the dispatcher's database thread works on them: write results, take what is due."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

import structlog
from django.db import DataError, connections

from loyalty.lib.database import connection
from loyalty.outbox import relay
from partners.models import WebhookEndpoint
from partners.services import recoveries
from partners.webhooks import queue, results
from partners.webhooks.queue import Job
from partners.webhooks.results import Result
from tenants.context import in_brand
from tenants.fanout import active_brands
from tenants.models import Brand

RELAY_BATCH = 1000
FAN_OUT_LEAST, FAN_OUT_MOST, FAN_OUT_BATCHES = 64, 1000, 5
log = structlog.get_logger(__name__)
Room = Callable[[WebhookEndpoint], int]


@dataclass(slots=True)
class Found:
    """What a look at a brand brought."""

    endpoints: list[WebhookEndpoint] = field(default_factory=list)
    jobs: list[Job] = field(default_factory=list)
    due_at: dict[UUID, datetime] = field(default_factory=dict)
    more: bool = False
    behind: bool = False
    fanned_out: bool = False


def brands() -> list[Brand]:
    """The brands at work."""
    connection.set_schema_to_public()
    return active_brands()


def write(brand: Brand, done: Sequence[Result], unsent: Sequence[Job], now: datetime) -> datetime | None:
    """Write results and give back what was not sent; answers when the first of them is to be tried again."""
    with in_brand(brand):
        again = _record(done, now) if done else None
        queue.release(unsent, now=now)
        return again


def _record(done: Sequence[Result], now: datetime) -> datetime | None:
    try:
        return results.record(done, now=now)
    except DataError:
        # One result cannot be stored. The others are; its delivery is tried again when the lease ends.
        times = []
        for result in done:
            try:
                times.append(results.record([result], now=now))
            except DataError:
                log.exception("webhook_result_not_stored", delivery_id=result.job.delivery_id)
        return min((at for at in times if at is not None), default=None)


def take(brand: Brand, room: Room, fan_out: bool, now: datetime) -> Found:
    """Number new events, make deliveries of them, and lease what is due as far as there is room.

    While no endpoint has room for more, new events are made into deliveries only when `fan_out` is set: to
    lease them as they are made saves a write for each, so making them ahead is no gain.
    """
    with in_brand(brand):
        seen = queue.look()
        found = Found(seen.endpoints, due_at=seen.due_at)
        rooms = {endpoint.id: room(endpoint) for endpoint in seen.endpoints}
        unnumbered = seen.unrelayed
        if unnumbered and (fan_out or not seen.behind):
            # While numbered events are left they come first, so that lanes do not wait for the numbering.
            unnumbered = relay.run(batch=RELAY_BATCH, max_batches=1) == RELAY_BATCH
        if seen.recoveries:
            found.more = recoveries.advance(now=now) or found.more
        due = {
            endpoint_id: rooms[endpoint_id]
            for endpoint_id, at in seen.due_at.items()
            if at <= now and rooms.get(endpoint_id)
        }
        if due:
            found.jobs += queue.claim(brand.slug, due, now=now)
            for job in found.jobs:
                rooms[job.endpoint_id] -= 1
        if seen.unrelayed or seen.behind:
            # While older deliveries of an endpoint wait for room, newer ones queue up behind them.
            waiting = {endpoint_id for endpoint_id in due if rooms[endpoint_id] <= 0}
            fresh = {e: n for e, n in rooms.items() if e not in waiting}
            widest = max(fresh.values(), default=0)
            found.behind = True
            for size in _batches(widest, fan_out):
                jobs, found.behind = queue.fan_out(brand.slug, fresh, now=now, batch=size)
                found.jobs += jobs
                found.fanned_out = True
                if not found.behind:
                    break
                for job in jobs:
                    fresh[job.endpoint_id] -= 1
        found.behind = found.behind or unnumbered
        if due:
            found.due_at = queue.due_at()
        return found


def _batches(widest: int, ahead: bool) -> list[int]:
    """How many events to fan out at a time: what the widest lane has room for, or many where none has."""
    if widest >= FAN_OUT_LEAST:
        return [min(widest, FAN_OUT_MOST)]
    if ahead:
        return [FAN_OUT_MOST] * FAN_OUT_BATCHES
    return [FAN_OUT_LEAST] if widest else []


def disconnect() -> None:
    """Drop this thread's connection; the next use opens another."""
    for alias in connections:
        try:
            connections[alias].close()
        except Exception:  # noqa: BLE001 - a connection that cannot even be closed is gone, which is all we want
            log.debug("connection_already_gone")
