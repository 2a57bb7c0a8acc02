"""What stands around a rule and is no part of it: the campaign that it belongs to, and budgets.

A frame only ever keeps a rule from giving. It is not recorded with a rule's version: what an order got under
a frame stays as it was recorded, and returns are judged without one.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from campaigns.engine.schedule import Schedule
from campaigns.engine.types import Reason

CAMPAIGN_BUDGET = "/campaign/budget"
PROGRAMME_BUDGET = "/programme/budget"
CAMPAIGN_PAUSED = "/campaign/paused"
BUCKETS = 10_000


@dataclass(frozen=True, slots=True)
class Frame:
    """When a campaign lets its rules give, and to whom.

    `open` is false until the campaign is scheduled. `schedule` is its time; of its `pauses` each has a start
    and an end that is not yet known for the last one. Members in the first `control` of 10,000 buckets are
    its control group. `stopped` is the path of the budget that is used up, or empty: unlike the others it
    counts when an order is processed, not when it was placed. `verdict` is what a frame came to when an
    order was recorded; it takes the place of all the rest.
    """

    campaign: str = ""
    open: bool = True
    schedule: Schedule | None = None
    pauses: tuple[tuple[datetime, datetime | None], ...] = ()
    control: int = 0
    stopped: str = ""
    verdict: tuple[Reason, str] | None = None

    def refuses(self, at: datetime, local: datetime, member_id: str) -> tuple[Reason, str] | None:
        """Reason and path of what keeps the rule from giving for what happened at `at` (`local` = the same,
        brand time), or None."""
        if self.verdict is not None:
            return self.verdict
        if not self.open:
            return "schedule", "/campaign/status"
        if self.schedule is not None:
            refused = self.schedule.refuses(at, local)
            if refused is not None:
                return "schedule", f"/campaign/{refused.rpartition('/')[2]}"
        for start, end in self.pauses:
            if start <= at and (end is None or at < end):
                return "schedule", CAMPAIGN_PAUSED
        if self.control and in_control(self.campaign, member_id, self.control):
            return "audience", "/campaign/control_percent"
        return ("cap", self.stopped) if self.stopped else None

    def told(self, body: Mapping[str, Any]) -> Mapping[str, Any]:
        """The rule's body with the campaign's time in it, so that what is said of it is what runs. What the
        rule says of its own time stands."""
        known = self.schedule
        if known is None:
            return body
        own = {name: value for name, value in (body.get("schedule") or {}).items() if value}
        starts, ends = known.starts_at, known.ends_at
        around = {"starts_at": starts and starts.isoformat(), "ends_at": ends and ends.isoformat()}
        if known.days is not None:
            around["rrule"] = known.days.text
        return {**body, "schedule": {**around, **own}}

    def over(self, at: datetime, member_id: str) -> bool:
        """Whether the rule gives this member nothing any more, as far as is known at `at`."""
        ends_at = self.schedule.ends_at if self.schedule is not None else None
        shut = not self.open or bool(self.stopped) or any(end is None for _start, end in self.pauses)
        control = bool(self.control) and in_control(self.campaign, member_id, self.control)
        return shut or control or (ends_at is not None and ends_at <= at)


def framed(path: str | None) -> bool:
    """Whether it was its frame that kept a rule from giving."""
    return path is not None and path.startswith(("/campaign/", "/programme/"))


def in_control(campaign: str, member_id: str, control: int) -> bool:
    """Whether a member is in the control group of a campaign: always the same members, but others for each
    campaign."""
    digest = hashlib.sha256(f"campaign:{campaign}|{member_id}".encode()).digest()
    return int.from_bytes(digest[:4], "big") % BUCKETS < control
