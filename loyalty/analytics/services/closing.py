"""Closing a month: nothing more is recorded in it, and its reports are kept as they stood."""

import json
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Any, Final
from zoneinfo import ZoneInfo

from django.db import transaction

from loyalty.analytics import locks
from loyalty.analytics.finance import costs, liability, rollforward
from loyalty.analytics.finance.months import Month
from loyalty.analytics.finance.rollforward import TICK, Span
from loyalty.analytics.models import MonthClose
from loyalty.analytics.services import unitcosts
from loyalty.lib import ids
from points import services as points
from points.models import Account, ClosedMonth
from tenants.context import current_brand

COMPARED: Final = ("points_currency", "unit_cost", "outstanding", "gross", "debt", "by_age", "by_earned")
"""What of a liability follows from entries, lots and consumptions alone, and so can never change again."""


@dataclass(frozen=True, slots=True)
class Locked:
    """A closed month. `created` is False where it had been closed before."""

    close: MonthClose
    created: bool


def lock_month(*, month: Month, actor: str, now: datetime) -> Locked:
    """Close the month and keep its roll-forward and the liability at its end. Safe to repeat.

    Takes two transactions: a short one in which the ledger's writers wait, and one that computes. Cut off
    between them, nothing is recorded in the month any more and the next call keeps its reports. Raises
    MonthNotOver until an hour after the month's end, and Busy.
    """
    zone = current_brand().tz
    ends_at = month.ends_at(zone)
    known = MonthClose.objects.filter(month=month.first).first()
    if known is not None:
        return Locked(known, created=False)
    points.close_month(month=month.first, ends_at=ends_at, actor=actor, now=now)
    closed = ClosedMonth.objects.get(month=month.first)
    with transaction.atomic():
        locks.finance()
        known = MonthClose.objects.filter(month=month.first).first()
        if known is not None:
            return Locked(known, created=False)
        for points_currency in Account.objects.values_list("currency", flat=True).distinct().order_by():
            unitcosts.pin(points_currency, actor=actor, now=now)
        span = Span(month, month.starts_at(zone), closed.ends_at)
        content = canonical(computed(span, zone))
        close = MonthClose.objects.create(
            id=ids.new(),
            month=month.first,
            starts_at=span.start,
            ends_at=span.end,
            content=content,
            digest=sha256(content.encode()).hexdigest(),
            locked_at=now,
            actor=actor,
        )
    return Locked(close, created=True)


def computed(span: Span, zone: ZoneInfo) -> dict[str, Any]:
    """The reports that a close keeps, from the books."""
    known = costs.load()
    return {
        "roll_forward": rollforward.report(span=span, zone=zone, costs=known),
        "liability": liability.report(at=span.end - TICK, zone=zone, costs=known),
    }


def differences(close: MonthClose, *, thorough: bool = False) -> list[str]:
    """The parts of a closed month's reports that a recomputation does not confirm; should be none ever.

    `thorough` computes the liability too, which reads every lot.
    """
    kept: dict[str, Any] = json.loads(close.content)
    found = [] if sha256(close.content.encode()).hexdigest() == close.digest else ["digest"]
    zone = ZoneInfo(kept["roll_forward"]["time_zone"])
    span = Span(Month.of(close.month), close.starts_at, close.ends_at)
    known = costs.load()
    if rollforward.report(span=span, zone=zone, costs=known) != kept["roll_forward"]:
        found.append("roll_forward")
    if thorough:
        now = liability.report(at=span.end - TICK, zone=zone, costs=known)
        if _facts(now) != _facts(kept["liability"]):
            found.append("liability")
    return found


def canonical(content: dict[str, Any]) -> str:
    """JSON in one spelling: sorted keys, no spaces."""
    return json.dumps(content, ensure_ascii=False, sort_keys=True, separators=(",", ":"))


def _facts(report: dict[str, Any]) -> list[dict[str, Any]]:
    return [{name: item[name] for name in COMPARED} for item in report["items"]]
