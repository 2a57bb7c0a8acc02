"""What became of a campaign: what it gave, and what members bought who could get it beside those who not.

Whoever is in the control group was kept out by a stable hash, so the two groups differ by chance and by the
campaign alone. What the difference is worth is told with its interval, and not at all where too few bought.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any, Final

from django.db import connection

from campaigns import selectors
from campaigns.models import Campaign
from campaigns.services.campaigns.turning import spans_of
from loyalty.lib import instants, money

FEWEST: Final = 30
"""With fewer buyers in either group nothing is said of what the campaign brought."""
Z95: Final = Decimal("1.96")
# An order may be dated a day ahead of its recording.
AHEAD: Final = timedelta(days=1)
CENT: Final = Decimal("0.01")
_FOLDER: Final = Path(__file__).parent / "sql"


@dataclass(frozen=True, slots=True)
class Group:
    """Members who could get what the campaign gave, or those of its control group."""

    members: int = 0
    buyers: int = 0
    orders: int = 0
    amount: Decimal = Decimal(0)
    squares: Decimal = Decimal(0)

    def plus(self, other: Group) -> Group:
        """Both together."""
        return Group(
            self.members + other.members,
            self.buyers + other.buyers,
            self.orders + other.orders,
            self.amount + other.amount,
            self.squares + other.squares,
        )

    @property
    def mean(self) -> Decimal:
        """What a member spent on average, those who bought nothing included."""
        return self.amount / self.members if self.members else Decimal(0)

    @property
    def error(self) -> Decimal:
        """The square of the standard error of the mean."""
        if self.members < 2:
            return Decimal(0)
        spread = (self.squares - self.members * self.mean * self.mean) / (self.members - 1)
        return max(spread, Decimal(0)) / self.members

    def told(self) -> dict[str, Any]:
        """As JSON."""
        return {
            "members": self.members,
            "buyers": self.buyers,
            "orders": self.orders,
            "amount": money.plain(self.amount),
            "buyers_share": _share(self.buyers, self.members),
            "amount_per_member": money.plain(self.mean.quantize(CENT)),
        }


Groups = Mapping[tuple[bool, str], Group]


def of(campaign: Campaign, *, now: datetime) -> dict[str, Any]:
    """The results of a campaign up to `now`, as JSON. Three queries, each grouped in the database.

    Amounts are those of the orders as bought; orders that came back whole do not count. Tiers are today's.
    """
    until = min(campaign.ended_at or campaign.ends_at, now)
    found = [span for span in spans_of(campaign) if span.start < until]
    values = {
        "starts": [span.start for span in found],
        "ends": [min(span.end, until) for span in found],
        "closes": [min(span.end, campaign.ended_at or span.end) for span in found],
        "recorded": campaign.starts_at - AHEAD,
        "until": until,
        "salt": f"campaign:{campaign.code}|",
        "control": campaign.control_percent * 100,
        "rules": list(campaign.bound.values_list("rule__code", flat=True)),
        # Who has no row of a tier holds the lowest.
        "lowest": (selectors.tier_codes() or ("",))[0],
    }
    by_tier = {(row[0], row[1]): Group(*row[2:]) for row in _rows("results_people", values)}
    by_channel = {
        (control, channel): Group(0, buyers, orders, amount)
        for control, channel, buyers, orders, amount in _rows("results_channels", values)
    }
    given, channels, tiers = _given(_rows("results_points", values))
    reached, control = _all(by_tier, control=False), _all(by_tier, control=True)
    worth, reason = _incremental(campaign, reached, control)
    return {
        "campaign": campaign.code,
        "status": campaign.status,
        "as_of": instants.text(now),
        "points": {**given, "cost": money.plain(campaign.given_amount)},
        "reached": reached.told(),
        "control": control.told() if campaign.control_percent else None,
        "incremental": worth,
        "incremental_missing": reason,
        "by_tier": _table("tier", by_tier, tiers),
        "by_channel": _table("channel", by_channel, channels),
    }


def _incremental(
    campaign: Campaign, reached: Group, control: Group
) -> tuple[dict[str, Any] | None, str | None]:
    """What those who were reached spent more than the control group did, member for member; None and why."""
    if not campaign.control_percent:
        return None, "no_control"
    if min(reached.buyers, control.buyers) < FEWEST:
        return None, "too_few"
    difference = reached.mean - control.mean
    margin = Z95 * (reached.error + control.error).sqrt()
    low, high = difference - margin, difference + margin
    orders = Decimal(reached.orders) - Decimal(control.orders) * reached.members / control.members
    return {
        "amount": money.plain((difference * reached.members).quantize(CENT)),
        "low": money.plain((low * reached.members).quantize(CENT)),
        "high": money.plain((high * reached.members).quantize(CENT)),
        "orders": str(orders.quantize(Decimal("0.1"))),
        "certain": low > 0 or high < 0,
    }, None


def _all(groups: Groups, *, control: bool) -> Group:
    found = Group()
    for (is_control, _name), group in groups.items():
        if is_control == control:
            found = found.plus(group)
    return found


def _table(kind: str, groups: Groups, points: Mapping[str, int]) -> list[dict[str, Any]]:
    names = sorted({name for _control, name in groups} | set(points))
    return [
        {
            kind: name,
            "points": points.get(name, 0),
            "reached": _bought(groups.get((False, name), Group())),
            "control": _bought(groups.get((True, name), Group())),
        }
        for name in names
    ]


def _bought(group: Group) -> dict[str, Any]:
    return {
        "members": group.members,
        "buyers": group.buyers,
        "orders": group.orders,
        "amount": money.plain(group.amount),
    }


def _given(rows: Iterable[tuple[Any, ...]]) -> tuple[dict[str, int], dict[str, int], dict[str, int]]:
    """What was given in all, by channel of the order, and by tier."""
    whole = {"given": 0, "taken_back": 0, "members": 0, "orders": 0}
    channels: dict[str, int] = {}
    tiers: dict[str, int] = {}
    for over_channels, over_tiers, channel, tier, given, back, members, orders in rows:
        if over_channels and over_tiers:
            whole = {"given": given, "taken_back": back, "members": members, "orders": orders}
        elif given:
            names = tiers if over_channels else channels
            name = tier if over_channels else channel
            names[name] = names.get(name, 0) + given
    return whole, channels, tiers


def _share(part: int, whole: int) -> str:
    return str((Decimal(part) / whole).quantize(Decimal("0.0001"))) if whole else "0.0000"


def _rows(name: str, values: Mapping[str, Any]) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(_text(name), values)
        return list(cursor.fetchall())


@cache
def _text(name: str) -> str:
    return (_FOLDER / f"{name}.sql").read_text(encoding="utf-8")
