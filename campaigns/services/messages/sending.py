"""One run of the sender: claim, send over the network, record; again until nothing is due or time is up.

Nothing goes over the network inside a transaction. What is lost with a killed worker is seen to by the next
run, when the lease has ended.
"""

from __future__ import annotations

import asyncio
import os
import socket
import time
from collections.abc import Callable, Sequence
from typing import Any, Final
from uuid import UUID

import structlog
from django.conf import settings

from campaigns.channels import Answer, Client, Outcome, Setup, Wire, client_for
from campaigns.services.messages import claiming, recording
from campaigns.services.messages.claiming import Claimed
from loyalty.lib import clock, ids

BATCH: Final = 500
AT_ONCE: Final = 32
TURN_S: Final = 5.0
log = structlog.get_logger(__name__)


def run(*, batch: int = BATCH, turn_s: float = TURN_S, after_claim: Callable[[], Any] | None = None) -> int:
    """Send what is due in the current brand for up to `turn_s` seconds; returns how many were tried.

    `after_claim` is called between claiming and sending.
    """
    worker = f"{socket.gethostname()}:{os.getpid()}:{ids.text()[-8:]}"
    recording.recover(now=clock.now(), repeatable_s=claiming.REPEATABLE_S)
    tried, ends = 0, time.monotonic() + turn_s
    with asyncio.Runner() as runner:
        post = _Post()
        try:
            while True:
                claimed, due = claiming.claim(worker=worker, now=clock.now(), limit=batch)
                if after_claim is not None:
                    after_claim()
                _send(runner, post, claimed, worker)
                tried += len(claimed)
                if due < batch or time.monotonic() >= ends:
                    return tried
        finally:
            runner.run(post.close())


def _send(runner: asyncio.Runner, post: _Post, claimed: Sequence[Claimed], worker: str) -> None:
    by_event = [each.message for each in claimed if each.outgoing is None]
    if by_event:
        recording.publish(messages=by_event, worker=worker, now=clock.now())
    by_wire = [each for each in claimed if each.outgoing is not None]
    if by_wire:
        answers = runner.run(post.send_all(by_wire))
        recording.record(worker=worker, answers=answers, now=clock.now())


class _Post:
    """The open connections and clients of one run."""

    def __init__(self) -> None:
        self._wire: Wire | None = None
        self._clients: dict[str, Client] = {}

    async def send_all(self, claimed: Sequence[Claimed]) -> dict[UUID, Answer]:
        """Send all, so many at once; each has an answer."""
        gate = asyncio.Semaphore(AT_ONCE)
        answers: dict[UUID, Answer] = {}

        async def one(each: Claimed) -> None:
            async with gate:
                answers[each.message.pk] = await self._one(each)

        async with asyncio.TaskGroup() as group:
            for each in claimed:
                group.create_task(one(each))
        return answers

    async def close(self) -> None:
        """Close the connections."""
        if self._wire is not None:
            await self._wire.__aexit__(None, None, None)

    async def _one(self, each: Claimed) -> Answer:
        assert each.outgoing is not None
        try:
            client = await self._client(each.setup)
            return await client.send(each.outgoing)
        except Exception as error:  # one message must not take the others with it
            log.exception("message_not_sent", message_id=str(each.message.pk), channel=each.setup.channel)
            return Answer(Outcome.UNKNOWN, "sender_failed", type(error).__name__)

    async def _client(self, setup: Setup) -> Client:
        if self._wire is None:
            self._wire = await Wire(trust_env=settings.PRODUCTION).__aenter__()
        if setup.channel not in self._clients:
            self._clients[setup.channel] = client_for(setup, self._wire)
        return self._clients[setup.channel]
