"""Finance's reports as the API, the console and the exports show them: dictionaries ready for JSON."""

import json
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Min
from django.utils.translation import gettext_lazy as _

from loyalty.analytics.finance import costs, liability, rollforward, unredeemed
from loyalty.analytics.finance.months import Month
from loyalty.analytics.models import MonthClose, UnitCost
from loyalty.analytics.services import closing
from loyalty.lib import instants, money
from loyalty.lib.errors import Invalid
from points.models import Account
from points.services.closing import MARGIN
from tenants.context import current_brand

AHEAD = timedelta(days=1)
"""How far ahead of our clock a caller's may be."""


def liability_at(*, at: datetime, now: datetime) -> dict[str, Any]:
    """What was owed at the instant. Raises Invalid for one more than a day ahead."""
    _not_ahead(at, now)
    return liability.report(at=at, zone=current_brand().tz, costs=costs.load())


def breakage_at(*, at: datetime, now: datetime) -> dict[str, Any]:
    """What was never redeemed by then, as the books said. Raises Invalid for more than a day ahead."""
    _not_ahead(at, now)
    return unredeemed.report(at=at, zone=current_brand().tz, costs=costs.load())


def roll_forward_of(*, month: Month, now: datetime) -> dict[str, Any]:
    """The month's roll-forward, as it was closed or else from the books. Raises Invalid for a later month."""
    zone = current_brand().tz
    if month > Month.of(now.astimezone(zone)):
        raise Invalid.at("/month", "future", _("The month has not begun."))
    close = MonthClose.objects.filter(month=month.first).first()
    if close is not None:
        return kept(close)
    span = rollforward.span_of(month, zone=zone, now=now)
    found = rollforward.report(span=span, zone=zone, costs=costs.load())
    over = month.ends_at(zone) <= now
    return {**found, "status": "over" if over else "running", **_closing(None)}


def kept(close: MonthClose) -> dict[str, Any]:
    """The roll-forward of a closed month, with what a recomputation says of it."""
    found: dict[str, Any] = json.loads(close.content)["roll_forward"]
    return {**found, "status": "locked", **_closing(close), "differences": closing.differences(close)}


def month_of(text: str) -> Month:
    """The month that the text spells. Raises Invalid."""
    found = Month.parse(text)
    if found is None:
        raise Invalid.at("/month", "month", _("Must be a month such as “2026-10”."))
    return found


def months(*, now: datetime) -> list[Month]:
    """All months since the first account was opened, newest first, the running one always."""
    zone = current_brand().tz
    last = Month.of(now.astimezone(zone))
    opened_at = Account.objects.aggregate(at=Min("opened_at"))["at"]
    first = min(last, Month.of(opened_at.astimezone(zone))) if opened_at else last
    return [last.plus(-back) for back in range(last.minus(first) + 1)]


def lockable(*, month: Month, now: datetime) -> bool:
    """Whether the month has been over for long enough."""
    return month.ends_at(current_brand().tz) <= now - MARGIN


def unit_costs() -> list[dict[str, Any]]:
    """Every unit cost that was ever set, by currency, newest first."""
    rows = UnitCost.objects.order_by("points_currency", "-valid_from", "-set_at", "-id")
    return [unit_cost(row) for row in rows]


def unit_cost(row: UnitCost) -> dict[str, Any]:
    """A unit cost as the API writes it. The first one of a currency holds since ever."""
    since = None if row.valid_from == costs.BEGINNING else instants.text(row.valid_from)
    return {
        "points_currency": row.points_currency,
        "cost": money.plain(row.cost),
        "currency": row.currency,
        "valid_from": since,
        "set_at": instants.text(row.set_at),
        "actor": row.actor,
    }


def _closing(close: MonthClose | None) -> dict[str, Any]:
    return {
        "locked_at": instants.text(close.locked_at) if close else None,
        "locked_by": close.actor if close else None,
        "digest": close.digest if close else None,
        "differences": [],
    }


def _not_ahead(at: datetime, now: datetime) -> None:
    if at > now + AHEAD:
        raise Invalid.at("/at", "future", _("Must not be more than a day ahead."))
