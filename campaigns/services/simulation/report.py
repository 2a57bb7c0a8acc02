"""The outcome of a simulation as JSON: today's rules, with the drafts, and the difference, row by row."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

from campaigns.services.simulation import findings
from campaigns.services.simulation.scenario import Scenario
from campaigns.services.simulation.tally import DIMENSIONS, Cell, Held, Priced, Tally, Work, percentiles
from loyalty.lib import instants, money
from points.postings import DEFAULT_CURRENCY
from tenants.context import current_brand

TOP: Final = 20
MOST_ROWS: Final = 100
REST: Final = "*"
Body = Mapping[str, Any]
BASIS: Final = {
    "orders": "as_placed",
    "facts": "as_recorded",
    "caps": "from_zero",
    "tiers": "as_recorded",
    "liability": "given_in_the_period_and_not_run_out_at_its_end",
    "points": DEFAULT_CURRENCY,
}
"""How a simulation reckons; the words are explained in the API's documentation."""


@dataclass(slots=True)
class Numbers:
    """What passed by. `given` are the points that were really given for the counted orders."""

    orders: int = 0
    judged: int = 0
    counted: int = 0
    lines: int = 0
    guests: int = 0
    members: int = 0
    given: int = 0


@dataclass(frozen=True, slots=True)
class Outcome:
    """Both sides of a simulation; `published` and `drafted` are bodies and versions of the two sets."""

    scenario: Scenario
    priced: Priced
    published: list[tuple[Body, int]]
    drafted: list[tuple[Body, int]]
    today: Tally
    draft: Tally
    numbers: Numbers
    seconds: float


def with_drafts(published: Iterable[tuple[Body, int]], scenario: Scenario) -> list[tuple[Body, int]]:
    """Today's set with the drafts in the place of rules of the same code, without what is to be retired."""
    gone = {draft["code"] for draft in scenario.drafts} | set(scenario.retire)
    kept = [(body, version) for body, version in published if body["code"] not in gone]
    return [*kept, *((draft, 0) for draft in scenario.drafts)]


def told(outcome: Outcome) -> dict[str, Any]:
    """The whole outcome."""
    scenario, numbers = outcome.scenario, outcome.numbers
    sides = (outcome.today, outcome.draft)
    return {
        "period": {
            "from": instants.text(scenario.start),
            "to": instants.text(scenario.end),
            "time_zone": str(current_brand().tz),
        },
        "filters": scenario.filters(),
        "basis": BASIS,
        "currency": outcome.priced.currency,
        "changes": _changes(outcome),
        "orders": {
            "recorded": numbers.orders,
            "judged": numbers.judged,
            "counted": numbers.counted,
            "lines": numbers.lines,
            "guests": numbers.guests,
            "members": numbers.members,
            "points_given_then": numbers.given,
        },
        "totals": _compared(*(_total(side, outcome) for side in sides)),
        "by_currency": _by_currency(outcome),
        "members": _gains(outcome),
        "distribution": {
            "today": percentiles(outcome.today, numbers.members),
            "draft": percentiles(outcome.draft, numbers.members),
        },
        "top_members": _top(outcome),
        "refusals": {"today": _refusals(outcome.today), "draft": _refusals(outcome.draft)},
        "by_rule": _by_rule(outcome),
        **{f"by_{name}": _rows(outcome, name) for name in DIMENSIONS if name != "rule"},
        "warnings": findings.of(scenario, outcome.draft.rules, numbers.counted),
        "speed": {
            "seconds": f"{outcome.seconds:.1f}",
            "orders_per_s": int(numbers.orders / outcome.seconds) if outcome.seconds else 0,
        },
    }


def _changes(outcome: Outcome) -> list[dict[str, Any]]:
    before = {body["code"]: version for body, version in outcome.published}
    drafted = [
        {
            "rule": body["code"],
            "change": "replaced" if body["code"] in before else "new",
            "version": before.get(body["code"]),
        }
        for body in outcome.scenario.drafts
    ]
    retired = [
        {"rule": code, "change": "retired", "version": before.get(code)} for code in outcome.scenario.retire
    ]
    return [*drafted, *retired]


def _amount(micro: int) -> str:
    return money.plain(Decimal(micro).scaleb(-6))


def _compared(today: dict[str, Any], draft: dict[str, Any]) -> dict[str, Any]:
    """Both, and draft minus today of every number, amounts being decimal strings."""
    return {"today": today, "draft": draft, "difference": _minus(draft, today)}


def _minus(draft: dict[str, Any], today: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in draft.items():
        other = today[name]
        if isinstance(value, dict):
            found[name] = _minus(value, other)
        elif isinstance(value, str):
            found[name] = money.plain(Decimal(value) - Decimal(other))
        else:
            found[name] = value - other
    return found


def _total(side: Tally, outcome: Outcome) -> dict[str, Any]:
    held = side.currencies
    owed = sum(
        each.outstanding * outcome.priced.micro(name, outcome.scenario.end) for name, each in held.items()
    )
    usual = held.get(DEFAULT_CURRENCY, Held())
    return {
        "points": usual.points,
        "cost": _amount(sum(each.cost for each in held.values())),
        "liability": {"points": usual.outstanding, "pending": usual.pending, "amount": _amount(owed)},
        "orders": side.orders,
        "members": sum(1 for points in side.members.values() if points),
        "grants": sum(work.grants for work in side.rules.values()),
    }


def _by_currency(outcome: Outcome) -> list[dict[str, Any]]:
    def cell(side: Tally, name: str) -> dict[str, Any]:
        held = side.currencies.get(name, Held())
        owed = held.outstanding * outcome.priced.micro(name, outcome.scenario.end)
        return {
            "points": held.points,
            "cost": _amount(held.cost),
            "liability": {"points": held.outstanding, "pending": held.pending, "amount": _amount(owed)},
        }

    names = sorted({*outcome.today.currencies, *outcome.draft.currencies})
    return [
        {"points_currency": name, **_compared(cell(outcome.today, name), cell(outcome.draft, name))}
        for name in names
    ]


def _cell(cell: Cell) -> dict[str, Any]:
    return {"points": cell.points, "cost": _amount(cell.cost), "orders": cell.orders}


def _rows(outcome: Outcome, name: str) -> list[dict[str, Any]]:
    """The rows of a dimension: days in order, else by points; what is beyond a hundred in one row `*`."""
    today, draft = outcome.today.cells[name], outcome.draft.cells[name]
    keys = sorted(today.keys() | draft.keys())
    if name != "day":
        keys.sort(key=lambda key: (-max(today[key].points, draft[key].points), key))
    shown, rest = (keys, []) if name == "day" else (keys[:MOST_ROWS], keys[MOST_ROWS:])
    rows = [{name: key, **_compared(_cell(today[key]), _cell(draft[key]))} for key in shown]
    if rest:
        together = [_cell(_sum(side[key] for key in rest)) for side in (today, draft)]
        rows.append({name: REST, **_compared(*together)})
    return rows


def _sum(cells: Iterable[Cell]) -> Cell:
    found = Cell()
    for cell in cells:
        found.points, found.cost = found.points + cell.points, found.cost + cell.cost
        found.orders += cell.orders
    return found


def _by_rule(outcome: Outcome) -> list[dict[str, Any]]:
    before = {body["code"]: (body, version) for body, version in outcome.published}
    after = {body["code"]: body for body, _version in outcome.drafted}
    rows = []
    for code in sorted(before.keys() | after.keys()):
        body = after.get(code) or before[code][0]
        cells = [side.cells["rule"].get(code, Cell()) for side in (outcome.today, outcome.draft)]
        row: dict[str, Any] = {
            "rule": code,
            "name": body["name"],
            "version": before[code][1] if code in before else None,
            "points_currency": (body.get("points") or {}).get("currency") or DEFAULT_CURRENCY,
            **_compared(*(_cell(cell) for cell in cells)),
        }
        for name, side in (("today", outcome.today), ("draft", outcome.draft)):
            row[name] |= _work(side.rules.get(code, Work()))
        rows.append(row)
    rows.sort(key=lambda row: (-max(row["today"]["points"], row["draft"]["points"]), row["rule"]))
    return rows


def _work(work: Work) -> dict[str, Any]:
    return {
        "matched": work.matched,
        "cut_by_caps": work.cut,
        "grants": work.grants,
        "refused": dict(sorted(work.refused.items())),
    }


def _refusals(side: Tally) -> dict[str, int]:
    found: dict[str, int] = {}
    for work in side.rules.values():
        for reason, count in work.refused.items():
            found[reason] = found.get(reason, 0) + count
    return dict(sorted(found.items()))


def _gains(outcome: Outcome) -> dict[str, int]:
    today, draft = outcome.today.members, outcome.draft.members
    found = {"gain": 0, "lose": 0, "same": 0, "points_gained": 0, "points_lost": 0}
    for member in today.keys() | draft.keys():
        difference = draft.get(member, 0) - today.get(member, 0)
        if difference > 0:
            found["gain"] += 1
            found["points_gained"] += difference
        elif difference < 0:
            found["lose"] += 1
            found["points_lost"] -= difference
    found["same"] = outcome.numbers.members - found["gain"] - found["lose"]
    return found


def _top(outcome: Outcome) -> dict[str, list[dict[str, Any]]]:
    """Who has the most with the drafts, and who gains and loses the most by them."""
    today, draft = outcome.today.members, outcome.draft.members

    def row(member: UUID) -> dict[str, Any]:
        before, after = today.get(member, 0), draft.get(member, 0)
        return {"member_id": str(member), "today": before, "draft": after, "difference": after - before}

    def best(value: Callable[[UUID], int]) -> list[dict[str, Any]]:
        chosen = heapq.nsmallest(TOP, today.keys() | draft.keys(), key=lambda each: (-value(each), each))
        return [row(member) for member in chosen if value(member) > 0]

    def more(member: UUID) -> int:
        return draft.get(member, 0) - today.get(member, 0)

    return {
        "points": best(lambda member: draft.get(member, 0)),
        "gain": best(more),
        "lose": best(lambda member: -more(member)),
    }
