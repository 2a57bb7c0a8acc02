"""What came of a wake-up: how far its messages came, who came back, and how many more than without it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from math import sqrt
from typing import Any, Final, Literal
from uuid import UUID

from campaigns.models import Message, Wakeup, WakeupRun
from loyalty.lib.database import connection

LEAST: Final = 100
"""Of fewer members than this in either group nothing is concluded."""
NINETY_FIVE: Final = 1.96
Verdict = Literal["more", "fewer", "no_difference_shown", "too_small", "no_holdout", "too_early"]
_GROUPS: Final = """
SELECT r.run_id, r.held_out, r.variant, count(*), count(*) FILTER (WHERE bought.orders > 0),
  coalesce(sum(bought.orders), 0), coalesce(sum(bought.amount), 0)
FROM campaigns_wakeuprecipient r
JOIN campaigns_wakeuprun run ON run.id = r.run_id
LEFT JOIN LATERAL (
  SELECT count(*) AS orders, sum(p.amount) AS amount FROM members_purchase p
  WHERE p.member_id = r.member_id AND p.ordered_at > r.at
    AND p.ordered_at <= r.at + make_interval(days => %(days)s) AND p.ordered_at <= %(now)s AND p.visible_earn
) bought ON true
WHERE run.wakeup_id = %(wakeup)s
GROUP BY r.run_id, r.held_out, r.variant
"""
_MESSAGES: Final = """
SELECT m.wakeup_id, m.variant, m.status, m.reason, count(*), count(m.clicked_at)
FROM campaigns_message m JOIN campaigns_wakeuprun run ON run.id = m.wakeup_id
WHERE run.wakeup_id = %(wakeup)s
GROUP BY m.wakeup_id, m.variant, m.status, m.reason
"""
_TASKS: Final = """
SELECT r.run_id, r.variant, r.task, count(*), coalesce(sum(r.paid_points), 0)
FROM campaigns_wakeuprecipient r JOIN campaigns_wakeuprun run ON run.id = r.run_id
WHERE run.wakeup_id = %(wakeup)s AND r.task <> 'none'
GROUP BY r.run_id, r.variant, r.task
"""


@dataclass(slots=True)
class Group:
    """Members to compare: how many, how many of them bought in the days that count, and what."""

    members: int = 0
    returned: int = 0
    orders: int = 0
    amount: Decimal = Decimal(0)

    @property
    def rate(self) -> float | None:
        """The share that came back; None of nobody."""
        return self.returned / self.members if self.members else None


@dataclass(slots=True)
class Figures:
    """The figures of a run, of a variant, or of all together."""

    sent_to: Group = field(default_factory=Group)
    held_out: Group = field(default_factory=Group)
    messages: dict[str, int] = field(default_factory=dict)
    suppressed: dict[str, int] = field(default_factory=dict)
    failed: dict[str, int] = field(default_factory=dict)
    clicked: int = 0
    tasks: dict[str, int] = field(default_factory=dict)
    points_paid: int = 0
    points_taken_back: int = 0

    @property
    def sent(self) -> int:
        """Messages that were sent, whether or not their delivery was told."""
        return sum(self.messages.get(status, 0) for status in ("sent", "delivered"))

    @property
    def delivered(self) -> int:
        """Messages whose delivery was told."""
        return self.messages.get("delivered", 0)


@dataclass(frozen=True, slots=True)
class Incremental:
    """The difference that the wake-up made, as far as it can be told; `least` to `most` hold it with 95 %.

    Rates are shares of members. `members` is how many more came back than would have without it.
    """

    verdict: Verdict
    difference: float | None = None
    least: float | None = None
    most: float | None = None
    members: float | None = None


@dataclass(frozen=True, slots=True)
class Report:
    """A wake-up's figures in all, by run and by variant, and what it made of them."""

    total: Figures
    runs: tuple[tuple[WakeupRun, Figures], ...]
    variants: Mapping[str, Figures]
    incremental: Incremental
    complete_at: datetime | None


def report(*, wakeup: Wakeup, now: datetime) -> Report:
    """The report of a wake-up as at `now`. A fixed number of queries."""
    total: Figures = Figures()
    by_run: dict[UUID, Figures] = {}
    by_variant: dict[str, Figures] = {row["code"]: Figures() for row in wakeup.variants}
    values = {"wakeup": wakeup.pk, "now": now, "days": wakeup.return_days}

    def places(run_id: UUID, variant: str) -> Iterable[Figures]:
        yield total
        yield by_run.setdefault(run_id, Figures())
        if variant:
            yield by_variant.setdefault(variant, Figures())

    for run_id, held_out, variant, *numbers in _rows(_GROUPS, values):
        for place in places(run_id, variant):
            _add_group(place.held_out if held_out else place.sent_to, *numbers)
    for run_id, variant, status, reason, count, clicked in _rows(_MESSAGES, values):
        for place in places(run_id, variant):
            _add_messages(place, status, reason, count, clicked)
    for run_id, variant, task, count, paid in _rows(_TASKS, values):
        for place in places(run_id, variant):
            _add_task(place, task, count, paid)
    runs = list(WakeupRun.objects.filter(wakeup=wakeup).order_by("number"))
    last = max((run.finished_at or run.started_at for run in runs), default=None)
    complete_at = last + timedelta(days=wakeup.return_days) if last else None
    return Report(
        total=total,
        runs=tuple((run, by_run.get(run.pk, Figures())) for run in runs),
        variants=by_variant,
        incremental=compare(
            total.sent_to, total.held_out, over=complete_at is not None and complete_at <= now
        ),
        complete_at=complete_at,
    )


def compare(sent_to: Group, held_out: Group, *, over: bool = True) -> Incremental:
    """How much more of one group came back than of the other, and whether that may be chance. Pure.

    The interval is Agresti and Caffo's, which also holds for small groups; all who were not held out count,
    reached or not, because only they are like those who were. `over`: the days in which returns count are.
    """
    if not held_out.members or not sent_to.members:
        return Incremental("no_holdout")
    difference = sent_to.returned / sent_to.members - held_out.returned / held_out.members
    first, second = ((group.returned + 1) / (group.members + 2) for group in (sent_to, held_out))
    spread = NINETY_FIVE * sqrt(
        first * (1 - first) / (sent_to.members + 2) + second * (1 - second) / (held_out.members + 2)
    )
    least, most = first - second - spread, first - second + spread
    if min(sent_to.members, held_out.members) < LEAST:
        verdict: Verdict = "too_small"
    elif not over:
        verdict = "too_early"
    else:
        verdict = "more" if least > 0 else "fewer" if most < 0 else "no_difference_shown"
    return Incremental(verdict, difference, least, most, difference * sent_to.members)


def _rows(sql: str, values: Mapping[str, Any]) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(sql, values)
        return list(cursor.fetchall())


def _add_group(group: Group, members: int, returned: int, orders: int, amount: Decimal) -> None:
    group.members += members
    group.returned += returned
    group.orders += int(orders)
    group.amount += amount


def _add_messages(figures: Figures, status: str, reason: str, count: int, clicked: int) -> None:
    figures.messages[status] = figures.messages.get(status, 0) + count
    figures.clicked += clicked
    for name, why in (
        (Message.Status.SUPPRESSED, figures.suppressed),
        (Message.Status.FAILED, figures.failed),
    ):
        if status == name:
            why[reason] = why.get(reason, 0) + count


def _add_task(figures: Figures, task: str, count: int, paid: int) -> None:
    figures.tasks[task] = figures.tasks.get(task, 0) + count
    figures.points_paid += int(paid)
    if task == "taken_back":
        figures.points_taken_back += int(paid)
