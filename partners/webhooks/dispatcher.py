"""The dispatcher: one event loop that sends, two threads that talk to Postgres, brand by brand in turn.

Several may run. Nothing is held here that a `kill -9` could lose: a delivery is a row before it is sent, and
stays due until its result is committed.
"""

import asyncio
import contextlib
import random
import sys
import time
from collections.abc import Awaitable, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final, TypeVar

import psycopg
import structlog
from django.db import InterfaceError, OperationalError

from loyalty.lib import clock
from partners.webhooks import results, step, targets
from partners.webhooks.desk import Desk
from partners.webhooks.hints import Hints
from partners.webhooks.lanes import Lane
from partners.webhooks.metrics import Meter
from partners.webhooks.queue import Job
from partners.webhooks.sender import DELIVERED, TIMEOUT_S, Sender

BRANDS_EVERY_S: Final = 2.0
# Results gather for this long, or until there are so many, before they are written in one transaction.
GATHER_S: Final = 0.1
GATHER_RESULTS: Final = 500
MAX_UNWRITTEN: Final = 20_000
STOP_WITHIN_S: Final = 4.0
BACKOFF_FIRST_S, BACKOFF_LAST_S = 0.25, 5.0
# A brand whose tables give trouble is left alone for so long; the others go on.
TROUBLE_S: Final = 10.0
# The threads need the interpreter for moments only, but many of them: they must not wait 5 ms for each.
SWITCH_S: Final = 0.0005
NO_DATABASE = (OperationalError, InterfaceError, psycopg.OperationalError, psycopg.InterfaceError)
log = structlog.get_logger(__name__)
T = TypeVar("T")


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
        # Each has a connection of its own: results are written while the next deliveries are taken.
        self._reader = ThreadPoolExecutor(1, thread_name_prefix="webhook-reader")
        self._writer = ThreadPoolExecutor(1, thread_name_prefix="webhook-writer")
        self._desks: dict[str, Desk] = {}
        self._brands_at = 0.0
        self._to_look, self._to_write = asyncio.Event(), asyncio.Event()
        self._timer: asyncio.TimerHandle | None = None
        self._unwritten = 0
        self._stopping = self._draining = False
        self._sending: set[asyncio.Task[None]] = set()

    def stop(self) -> None:
        """Take nothing new, finish what is under way within five seconds, and return from `run`."""
        self._stopping = True
        self._to_look.set()
        self._to_write.set()

    async def run(self) -> None:
        """Send until told to stop; survives Postgres and Redis going away."""
        listening = asyncio.create_task(self._listen())
        try:
            with _nimble():
                async with self._sender:
                    await asyncio.gather(
                        self._repeat(self._look_round, self._until_look, self._reader),
                        self._repeat(self._write_round, self._until_write, self._writer),
                    )
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
                    await self._write_round()
                    taken = await self._look_round()
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

    async def _repeat(
        self,
        once: Callable[[], Awaitable[int]],
        rest: Callable[[], Awaitable[None]],
        thread: ThreadPoolExecutor,
    ) -> None:
        backoff = BACKOFF_FIRST_S
        while not self._stopping:
            try:
                await once()
            except NO_DATABASE as error:
                log.warning("dispatcher_without_database", error=str(error).strip(), retry_s=backoff)
                await _in(thread, step.disconnect)
                await asyncio.sleep(backoff)
                backoff = min(backoff * 2, BACKOFF_LAST_S)
            else:
                backoff = BACKOFF_FIRST_S
                await rest()

    # --- taking ------------------------------------------------------------------------------------------
    async def _look_round(self) -> int:
        """Look where there may be something to do; returns how many jobs came."""
        if time.monotonic() >= self._brands_at:
            await self._meet_brands()
        taken = 0
        for desk in list(self._desks.values()):
            if desk.is_due() and not self._stopping and self._unwritten < MAX_UNWRITTEN:
                with self._trouble_of(desk):
                    taken += await self._look(desk)
        return taken

    async def _meet_brands(self) -> None:
        brands = {brand.schema_name: brand for brand in await _in(self._reader, step.brands)}
        self._brands_at = time.monotonic() + BRANDS_EVERY_S
        for schema in [name for name in self._desks if name not in brands]:
            desk = self._desks[schema]
            desk.take_back()
            self._to_write.set()
            if not desk.in_flight() and not desk.done and not desk.unsent:
                del self._desks[schema]
        for schema, brand in brands.items():
            desk = self._desks.setdefault(schema, Desk(brand, Meter(brand.slug)))
            desk.brand, desk.pairs = brand, targets.allowed_pairs(brand)

    async def _look(self, desk: Desk) -> int:
        desk.news = False
        now = clock.now()
        rooms, room = desk.rooms(now)
        fan_out = self._draining or desk.fans_out()
        found = await _in(self._reader, step.take, desk.brand, room, fan_out, now)
        desk.settle(found, rooms, now)
        if desk.unsent:
            self._to_write.set()
        for lane in desk.lanes.values():
            self._pump(desk, lane)
        return len(found.jobs)

    async def _until_look(self) -> None:
        until = min([self._brands_at, *(desk.next_look() for desk in self._desks.values())])
        if until > time.monotonic():
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._to_look.wait(), until - time.monotonic())
        self._to_look.clear()

    @contextlib.contextmanager
    def _trouble_of(self, desk: Desk) -> Iterator[None]:
        """Whatever goes wrong with one brand, but for the database being away, stays with it."""
        try:
            yield
        except NO_DATABASE:
            raise
        except Exception:
            log.exception("dispatcher_trouble", brand=desk.brand.slug, again_s=TROUBLE_S)
            desk.trouble_until = time.monotonic() + TROUBLE_S

    # --- writing -----------------------------------------------------------------------------------------
    async def _write_round(self) -> int:
        """Write what is done; returns how many results."""
        written = 0
        for desk in list(self._desks.values()):
            if (desk.done or desk.unsent) and time.monotonic() >= desk.trouble_until:
                with self._trouble_of(desk):
                    written += await self._write(desk)
        return written

    async def _write(self, desk: Desk) -> int:
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
        if again is not None or any(result.answer.outcome != DELIVERED for result in done):
            # Endpoints may have been slowed down or disabled by what was written.
            desk.news = True
            self._to_look.set()
        return len(done)

    async def _until_write(self) -> None:
        await self._to_write.wait()
        self._to_write.clear()

    async def _finish(self) -> None:
        for desk in self._desks.values():
            desk.take_back()
        if self._sending:
            await asyncio.wait(self._sending, timeout=STOP_WITHIN_S)
        for task in self._sending:
            task.cancel()
        with contextlib.suppress(*NO_DATABASE):
            await self._write_round()

    # --- sending -----------------------------------------------------------------------------------------
    def _pump(self, desk: Desk, lane: Lane) -> None:
        now = clock.now()
        while not self._stopping and (job := lane.next_job(now)) is not None:
            task = asyncio.create_task(self._work(desk, lane, job))
            self._sending.add(task)
            task.add_done_callback(self._sending.discard)

    async def _work(self, desk: Desk, lane: Lane, first: Job) -> None:
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

    def _call_for_more(self, desk: Desk, lane: Lane) -> None:
        if lane.waiting and lane.in_flight < int(lane.width):
            self._pump(desk, lane)
        if lane.more_behind and lane.is_thirsty():
            desk.news = True
            self._to_look.set()
        if self._unwritten >= GATHER_RESULTS:
            self._to_write.set()
        elif self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(GATHER_S, self._ring)

    def _ring(self) -> None:
        self._timer = None
        self._to_write.set()

    # --- hints and the database's threads ----------------------------------------------------------------
    async def _listen(self) -> None:
        if self._hints is None:
            return
        async for schemas in self._hints.arriving():
            for schema in schemas:
                if schema in self._desks:
                    self._desks[schema].news = True
                else:
                    self._brands_at = 0.0
            self._to_look.set()

    async def _close(self) -> None:
        for thread in (self._reader, self._writer):
            await _in(thread, step.disconnect)
            thread.shutdown()


async def _in(thread: ThreadPoolExecutor, work: Callable[..., T], *arguments: Any) -> T:
    return await asyncio.get_running_loop().run_in_executor(thread, work, *arguments)


@contextlib.contextmanager
def _nimble() -> Iterator[None]:
    before = sys.getswitchinterval()
    sys.setswitchinterval(SWITCH_S)
    try:
        yield
    finally:
        sys.setswitchinterval(before)
