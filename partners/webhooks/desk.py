"""What a dispatcher knows of one brand: its lanes, what is done but not written, when to look again."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final
from uuid import UUID

import structlog
from cryptography.fernet import InvalidToken

from partners.models import WebhookEndpoint
from partners.webhooks.lanes import FIRST_DEPTH, Lane
from partners.webhooks.metrics import Meter
from partners.webhooks.queue import Job
from partners.webhooks.results import Result
from partners.webhooks.step import Found
from tenants.models import Brand

POLL_S: Final = 5.0
# With every lane full, new events are made into deliveries this often all the same.
FAN_OUT_EVERY_S: Final = 1.0
log = structlog.get_logger(__name__)


@dataclass(slots=True)
class Desk:
    """The state of one brand in this process. Times are monotonic seconds."""

    brand: Brand
    meter: Meter
    pairs: frozenset[str] = frozenset()
    lanes: dict[UUID, Lane] = field(default_factory=dict)
    done: list[Result] = field(default_factory=list)
    unsent: list[Job] = field(default_factory=list)
    news: bool = True
    behind: bool = False
    look_at: float = 0.0
    fanned_out_at: float = 0.0
    trouble_until: float = 0.0

    def is_due(self) -> bool:
        """Whether to look at the brand's tables now."""
        now = time.monotonic()
        return now >= self.trouble_until and (self.news or now >= self.look_at)

    def next_look(self) -> float:
        """When to look at the latest."""
        return self.trouble_until if self.news else max(self.look_at, self.trouble_until)

    def look_by(self, at: datetime, now: datetime) -> None:
        """Look when this instant comes, or before."""
        self.look_at = min(self.look_at, time.monotonic() + max(0.0, (at - now).total_seconds()))

    def in_flight(self) -> int:
        """How many attempts are under way."""
        return sum(lane.in_flight for lane in self.lanes.values())

    def fans_out(self) -> bool:
        """Whether it is time to make new events into deliveries even if no lane has room."""
        return time.monotonic() - self.fanned_out_at > FAN_OUT_EVERY_S

    def rooms(self, now: datetime) -> tuple[dict[UUID, int], Callable[[WebhookEndpoint], int]]:
        """How much each lane may be given: a function for the look, and what it answered."""
        asked: dict[UUID, int] = {}

        def room(endpoint: WebhookEndpoint) -> int:
            lane = self.lanes.get(endpoint.id)
            slow = endpoint.slow_until is not None and endpoint.slow_until > now
            asked[endpoint.id] = 0 if slow else FIRST_DEPTH if lane is None else lane.room(now)
            return asked[endpoint.id]

        return asked, room

    def settle(self, found: Found, rooms: dict[UUID, int], now: datetime) -> None:
        """Put what a look brought into the lanes, and plan the next look."""
        self.news = self.news or found.more
        self.behind = found.behind
        self.look_at = time.monotonic() + (FAN_OUT_EVERY_S if found.behind else POLL_S)
        if found.fanned_out:
            self.fanned_out_at = time.monotonic()
        alive = {endpoint.id for endpoint in found.endpoints if self._update(endpoint, now)}
        given = dict.fromkeys(rooms, 0)
        for job in found.jobs:
            given[job.endpoint_id] += 1
            (self.lanes[job.endpoint_id].waiting if job.endpoint_id in alive else self.unsent).append(job)
        for endpoint_id, lane in list(self.lanes.items()):
            lane.more_behind = found.behind or given.get(endpoint_id, 0) >= rooms.get(endpoint_id, 0)
            if endpoint_id not in alive or lane.is_slow(now):
                self.unsent += lane.take_back()
            if endpoint_id not in alive and not lane.in_flight:
                del self.lanes[endpoint_id]
        for endpoint_id, at in found.due_at.items():
            found_lane = self.lanes.get(endpoint_id)
            if found_lane is not None and found_lane.is_slow(now):
                self.look_by(max(at, found_lane.slow_until or at), now)
            elif at > now:
                self.look_by(at, now)

    def take_back(self) -> None:
        """Empty the lanes of what was not sent."""
        self.unsent += [job for lane in self.lanes.values() for job in lane.take_back()]

    def _update(self, endpoint: WebhookEndpoint, now: datetime) -> bool:
        lane = self.lanes.setdefault(endpoint.id, Lane(endpoint.id))
        try:
            lane.update(endpoint, self.pairs, now)
        except (InvalidToken, ValueError) as error:
            log.error("webhook_endpoint_broken", endpoint_id=str(endpoint.id), error=repr(error))  # noqa: TRY400
            return False
        return True
