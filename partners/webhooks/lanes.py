"""One lane for each endpoint: what waits for it here, what is under way, and how much it can bear.

A lane narrows when its endpoint fails and widens when it answers, so that a dead endpoint holds a handful
of connections and its neighbours do not notice.
"""

import time
from collections import deque
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

from loyalty.lib import crypto
from partners.models import WebhookEndpoint
from partners.webhooks import targets
from partners.webhooks.queue import Job
from partners.webhooks.signing import Signer
from partners.webhooks.wire import Target

WIDEST = 64
FIRST_WIDTH = 16
FIRST_DEPTH = 256
DEEPEST = 2048
# A lane that ran dry sooner than this after a look could have been given more.
DRY_WITHIN_S = 0.25
# Jobs with less of their lease left than an attempt may take are left to whoever claims them next.
LEASE_RESERVE = timedelta(seconds=17)


@dataclass(slots=True)
class Lane:
    """The state of one endpoint in this process: `width` bounds what is under way, `depth` what is held."""

    endpoint_id: UUID
    url: str = ""
    target: Target | None = None
    signer: Signer = field(default_factory=lambda: Signer([]))
    slow_until: datetime | None = None
    waiting: deque[Job] = field(default_factory=deque)
    in_flight: int = 0
    width: float = FIRST_WIDTH
    depth: int = FIRST_DEPTH
    more_behind: bool = False
    asked_at: float = 0.0
    source: tuple[str, ...] = ()

    def update(self, endpoint: WebhookEndpoint, pairs: frozenset[str], now: datetime) -> None:
        """Take over what the endpoint's row says now. Raises InvalidToken or ValueError for a broken row."""
        anywhere = targets.is_allowed_pair(endpoint.url, pairs)
        source = (endpoint.url, str(anywhere), *endpoint.sealed_secrets(now))
        if source != self.source:
            self.url, self.target = endpoint.url, Target.of(endpoint.url, anywhere=anywhere)
            self.signer = Signer([crypto.unseal(text) for text in source[2:]])
            self.source = source
        self.slow_until = endpoint.slow_until

    def is_slow(self, now: datetime) -> bool:
        """Whether the endpoint asked to be left alone just now."""
        return self.slow_until is not None and now < self.slow_until

    def room(self, now: datetime) -> int:
        """How many more jobs to take: none until it is worth a look. Asked at every look at the database."""
        if self.is_slow(now) or not self.is_thirsty():
            return 0
        asked_before, self.asked_at = self.asked_at, time.monotonic()
        if self.more_behind and self.asked_at - asked_before < DRY_WITHIN_S:
            self.depth = min(DEEPEST, self.depth * 4)
        return max(0, self.depth - len(self.waiting) - self.in_flight)

    def is_thirsty(self) -> bool:
        """Whether what waits here will soon be gone."""
        return len(self.waiting) <= self.depth // 2

    def next_job(self, now: datetime) -> Job | None:
        """The next job to send now, or None. Jobs whose lease is nearly over are dropped."""
        if self.target is None or self.in_flight >= int(self.width) or self.is_slow(now):
            return None
        while self.waiting:
            job = self.waiting.popleft()
            if job.lease_until - now > LEASE_RESERVE:
                self.in_flight += 1
                return job
        return None

    def answered(self, *, well: bool) -> None:
        """An attempt ended: widen by one, or halve."""
        self.in_flight -= 1
        if well:
            self.width = min(WIDEST, self.width + 1)
        else:
            self.width = max(1.0, self.width / 2)
            self.depth = max(2, self.depth // 2)

    def take_back(self) -> list[Job]:
        """Empty the lane of what has not been sent."""
        jobs = list(self.waiting)
        self.waiting.clear()
        return jobs
