"""The dispatcher: one event loop that sends, two threads that talk to Postgres, brand by brand in turn.

Several may run. Nothing is held here that a `kill -9` could lose: a delivery is a row before it is sent, and
stays due until its result is committed.
"""

import asyncio
import contextlib
import random
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, TypeVar
from uuid import UUID

import psycopg
import structlog
from cryptography.fernet import InvalidToken
from django.db import InterfaceError, OperationalError

from loyalty.lib import clock
from partners.models import WebhookEndpoint
from partners.webhooks import results, step, targets
from partners.webhooks.hints import Hints
from partners.webhooks.lanes import FIRST_DEPTH, Lane
from partners.webhooks.metrics import Meter
from partners.webhooks.queue import Job
from partners.webhooks.results import Result
from partners.webhooks.sender import DELIVERED, TIMEOUT_S, Sender
from tenants.models import Brand

POLL_S = 5.0
BRANDS_EVERY_S = 2.0
# Results gather for this long, or until there are so many, before they are written in one transaction.
GATHER_S = 0.1
GATHER_RESULTS = 300
STOP_WITHIN_S = 4.0
BACKOFF_FIRST_S, BACKOFF_LAST_S = 0.25, 5.0
# With every lane full, new events are made into deliveries this often all the same.
FAN_OUT_EVERY_S = 1.0
MAX_UNWRITTEN = 20_000
NO_DATABASE = (OperationalError, InterfaceError, psycopg.OperationalError, psycopg.InterfaceError)
# A brand whose tables give trouble is left alone for so long; the others go on.
TROUBLE_S = 10.0
log = structlog.get_logger(__name__)
T = TypeVar("T")


@dataclass(slots=True)
class _Desk:
    """What this process knows of one brand."""

    brand: Brand
    meter: Meter
    pairs: frozenset[str] = frozenset()
    lanes: dict[UUID, Lane] = field(default_factory=dict)
    done: list[Result] = field(default_factory=list)
    unsent: list[Job] = field(default_factory=list)
    news: bool = True
    look_at: float = 0.0  # monotonic: when to look at the latest
    fanned_out_at: float = 0.0
    behind: bool = False
    trouble_until: float = 0.0

    def look_by(self, at: datetime, now: datetime) -> None:
        """Look when this instant comes, or before."""
        self.look_at = min(self.look_at, time.monotonic() + max(0.0, (at - now).total_seconds()))

    def in_flight(self) -> int:
        return sum(lane.in_flight for lane in self.lanes.values())


class Dispatcher:
    """`await run()` until `stop()`; or `await drain()` sends what is due now and returns. Used once."""

    def __init__(
        self,
        *,
        jitter: Callable[[], float] = lambda: random.uniform(-1, 1),  # noqa: S311
        timeout_s: float = TIMEOUT_S,
        hints: Hints | None = None,
    ) -> None:
        self.attempts = 0
        self._jitter = jitter
        self._sender = Sender(timeout_s=timeout_s)
        self._hints = hints
        # Two threads with a connection each: results are written while the next deliveries are taken.
        self._writer = ThreadPoolExecutor(1, thread_name_prefix="webhook-writer")
        self._reader = ThreadPoolExecutor(1, thread_name_prefix="webhook-reader")
        self._desks: dict[str, _Desk] = {}
        self._wake = asyncio.Event()
        self._timer: asyncio.TimerHandle | None = None
        self._unwritten = 0
        self._stopping = self._draining = False
        self._sending: set[asyncio.Task[None]] = set()
        self._brands_at = 0.0

    def stop(self) -> None:
        """Take nothing new, finish what is under way within five seconds, and return from `run`."""
        self._stopping = True
        self._wake.set()

    async def run(self) -> None:
        """Send until told to stop; survives Postgres and Redis going away."""
        backoff = BACKOFF_FIRST_S
        listening = asyncio.create_task(self._listen())
        try:
            async with self._sender:
                while not self._stopping:
                    try:
                        await self._round()
                    except NO_DATABASE as error:
                        log.warning("dispatcher_without_database", error=str(error).strip(), retry_s=backoff)
                        await self._disconnect()
                        await asyncio.sleep(backoff)
                        backoff = min(backoff * 2, BACKOFF_LAST_S)
                    else:
                        backoff = BACKOFF_FIRST_S
                        await self._rest()
                await self._finish()
        finally:
            listening.cancel()
            await self._close()

    async def drain(self, *, within_s: float = 60.0) -> None:
        """Send everything that is due at this moment, then return. Raises TimeoutError after `within_s`."""
        ends = time.monotonic() + within_s
        self._draining = True
        try:
            async with self._sender:
                while True:
                    for desk in self._desks.values():
                        desk.news = desk.news or not self._sending
                    taken = await self._round()
                    if self._sending:
                        await asyncio.wait(self._sending, timeout=GATHER_S)
                    elif not taken and not any(
                        desk.done or desk.unsent or desk.news or desk.behind for desk in self._desks.values()
                    ):
                        return
                    if time.monotonic() > ends:
                        raise TimeoutError("deliveries are still under way")
        finally:
            await self._close()

    # --- rounds ------------------------------------------------------------------------------------------
    async def _round(self) -> int:
        """Write what is done and look where there may be something to do; returns how many jobs came."""
        if time.monotonic() >= self._brands_at:
            await self._meet_brands()
        taken = 0
        for desk in list(self._desks.values()):
            if time.monotonic() < desk.trouble_until:
                continue
            try:
                taken += await self._turn(desk)
            except NO_DATABASE:
                raise
            except Exception:
                log.exception("dispatcher_trouble", brand=desk.brand.slug, again_s=TROUBLE_S)
                desk.trouble_until = time.monotonic() + TROUBLE_S
        return taken

    async def _turn(self, desk: _Desk) -> int:
        # What a failure leads to (a slower endpoint, a disabled one) must be seen by the look that follows.
        failures = any(result.answer.outcome != DELIVERED for result in desk.done)
        writing = asyncio.create_task(self._write(desk))
        try:
            if failures:
                await writing
            wanted = desk.news or time.monotonic() >= desk.look_at
            if not wanted or self._stopping or self._unwritten >= MAX_UNWRITTEN:
                return 0
            return await self._look(desk)
        finally:
            await writing

    async def _meet_brands(self) -> None:
        brands = {brand.schema_name: brand for brand in await _in(self._reader, step.brands)}
        self._brands_at = time.monotonic() + BRANDS_EVERY_S
        for schema in [name for name in self._desks if name not in brands]:
            desk = self._desks[schema]
            desk.unsent += [job for lane in desk.lanes.values() for job in lane.take_back()]
            await self._write(desk)
            if not desk.in_flight():
                del self._desks[schema]
        for schema, brand in brands.items():
            desk = self._desks.setdefault(schema, _Desk(brand, Meter(brand.slug)))
            desk.brand, desk.pairs = brand, targets.allowed_pairs(brand)

    async def _look(self, desk: _Desk) -> int:
        desk.news = False
        now = clock.now()
        rooms: dict[UUID, int] = {}

        def room(endpoint: WebhookEndpoint) -> int:
            lane = desk.lanes.get(endpoint.id)
            slow = endpoint.slow_until is not None and endpoint.slow_until > now
            rooms[endpoint.id] = 0 if slow else FIRST_DEPTH if lane is None else lane.room(now)
            return rooms[endpoint.id]

        fan_out = self._draining or time.monotonic() - desk.fanned_out_at > FAN_OUT_EVERY_S
        found = await _in(self._reader, step.take, desk.brand, room, fan_out, now)
        desk.look_at = time.monotonic() + POLL_S
        desk.news = desk.news or found.more
        if found.fanned_out:
            desk.fanned_out_at = time.monotonic()
        desk.behind = found.behind
        if found.behind:
            desk.look_at = time.monotonic() + FAN_OUT_EVERY_S
        self._fill_lanes(desk, found, rooms, now)
        for endpoint_id, at in found.due_at.items():
            lane = desk.lanes.get(endpoint_id)
            if lane is not None and lane.is_slow(now):
                desk.look_by(max(at, lane.slow_until or at), now)
            elif at > now:
                desk.look_by(at, now)
        for lane in desk.lanes.values():
            self._pump(desk, lane)
        return len(found.jobs)

    def _fill_lanes(self, desk: _Desk, found: step.Found, rooms: dict[UUID, int], now: datetime) -> None:
        alive = set()
        for endpoint in found.endpoints:
            lane = desk.lanes.setdefault(endpoint.id, Lane(endpoint.id))
            try:
                lane.update(endpoint, desk.pairs, now)
            except (InvalidToken, ValueError) as error:
                log.error("webhook_endpoint_broken", endpoint_id=str(endpoint.id), error=repr(error))  # noqa: TRY400
                continue
            alive.add(endpoint.id)
        given = dict.fromkeys(rooms, 0)
        for job in found.jobs:
            given[job.endpoint_id] += 1
            (desk.lanes[job.endpoint_id].waiting if job.endpoint_id in alive else desk.unsent).append(job)
        for endpoint_id, lane in list(desk.lanes.items()):
            lane.more_behind = found.behind or given.get(endpoint_id, 0) >= rooms.get(endpoint_id, 0)
            if endpoint_id not in alive or lane.is_slow(now):
                desk.unsent += lane.take_back()
            if endpoint_id not in alive and not lane.in_flight:
                del desk.lanes[endpoint_id]

    async def _write(self, desk: _Desk) -> None:
        if not desk.done and not desk.unsent:
            return
        done, desk.done = desk.done, []
        unsent, desk.unsent = desk.unsent, []
        now = clock.now()
        try:
            again = await _in(self._writer, step.write, desk.brand, done, unsent, now)
        except BaseException:
            for result in done:
                result.doubtful = True
            desk.done, desk.unsent = done + desk.done, unsent + desk.unsent
            raise
        self._unwritten -= len(done)
        if again is not None:
            desk.look_by(again, now)

    async def _rest(self) -> None:
        """Until something calls: news, results to write, the next due time, the next poll."""
        if any(desk.news and time.monotonic() >= desk.trouble_until for desk in self._desks.values()):
            return
        until = min(
            [self._brands_at, *(max(desk.look_at, desk.trouble_until) for desk in self._desks.values())]
        )
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._wake.wait(), max(0.001, until - time.monotonic()))
        self._wake.clear()

    async def _finish(self) -> None:
        for desk in self._desks.values():
            desk.unsent += [job for lane in desk.lanes.values() for job in lane.take_back()]
        if self._sending:
            await asyncio.wait(self._sending, timeout=STOP_WITHIN_S)
        for task in self._sending:
            task.cancel()
        with contextlib.suppress(*NO_DATABASE):
            for desk in self._desks.values():
                await self._write(desk)

    # --- sending -----------------------------------------------------------------------------------------
    def _pump(self, desk: _Desk, lane: Lane) -> None:
        now = clock.now()
        while (job := lane.next_job(now)) is not None:
            task = asyncio.create_task(self._work(desk, lane, job))
            self._sending.add(task)
            task.add_done_callback(self._sending.discard)

    async def _work(self, desk: _Desk, lane: Lane, first: Job) -> None:
        """Send one job after the other, as long as the lane has any and is wide enough."""
        job: Job | None = first
        while job is not None:
            at = clock.now()
            url, target = lane.url, lane.target
            assert target is not None
            signature = lane.signer.headers(job.event_id, at, job.body)
            answer = await self._sender.send(target, job.body.encode(), signature, at=at)
            well = answer.outcome == DELIVERED
            self.attempts += 1
            lane.answered(well=well)
            desk.meter.attempted(answer)
            ended_at = clock.now()
            jitter = 0.0 if well else self._jitter()
            desk.done.append(results.made(job, url, answer, ended_at=ended_at, jitter=jitter))
            self._unwritten += 1
            job = None if self._stopping else lane.next_job(ended_at)
            self._call_for_more(desk, lane)

    def _call_for_more(self, desk: _Desk, lane: Lane) -> None:
        if self._stopping:
            return
        if lane.waiting and lane.in_flight < int(lane.width):
            self._pump(desk, lane)
        if lane.more_behind and lane.is_thirsty():
            desk.news = True
            self._wake.set()
        elif self._unwritten >= GATHER_RESULTS:
            self._wake.set()
        elif self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(GATHER_S, self._ring)

    def _ring(self) -> None:
        self._timer = None
        self._wake.set()

    # --- hints and the database's thread -----------------------------------------------------------------
    async def _listen(self) -> None:
        if self._hints is None:
            return
        async for schemas in self._hints.arriving():
            for schema in schemas:
                if schema in self._desks:
                    self._desks[schema].news = True
                else:
                    self._brands_at = 0.0
            self._wake.set()

    async def _disconnect(self) -> None:
        await _in(self._writer, step.disconnect)
        await _in(self._reader, step.disconnect)

    async def _close(self) -> None:
        await self._disconnect()
        self._writer.shutdown()
        self._reader.shutdown()


async def _in(thread: ThreadPoolExecutor, work: Callable[..., T], *arguments: Any) -> T:
    return await asyncio.get_running_loop().run_in_executor(thread, work, *arguments)
