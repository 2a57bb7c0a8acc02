"""A second evaluator, written from rules.md alone: slow, obvious, and sharing nothing with the engine.

It reads rule bodies as they are and keeps everything in `Fraction`. Orders are plain dictionaries.
"""

from __future__ import annotations

import hashlib
import math
from collections import defaultdict
from datetime import datetime, timedelta
from fractions import Fraction
from typing import Any

from dateutil.rrule import rrulestr

BLOCKED = {"infant_0_6", "fsmp", "tobacco"}


def amount(line: dict[str, Any]) -> Fraction:
    """A line's money, with what came back taken off and its discount prorated."""
    whole = Fraction(line["quantity"]) * Fraction(line["unit_price"]) - Fraction(line["discount"])
    return whole * Fraction(line.get("left", line["quantity"])) / Fraction(line["quantity"])


def left(line: dict[str, Any]) -> Fraction:
    return Fraction(line.get("left", line["quantity"]))


def visible(order: dict[str, Any]) -> list[dict[str, Any]]:
    return [line for line in order["lines"] if left(line) > 0 and not BLOCKED & set(line["tags"])]


def fact(name: str, order: dict[str, Any], line: dict[str, Any], member: dict[str, Any]) -> Any:
    seen = visible(order)
    return {
        "order.amount": lambda: sum((amount(each) for each in seen), Fraction(0)),
        "order.line_count": lambda: len(seen),
        "order.channel": lambda: order["channel"],
        "line.category": lambda: line["category"],
        "line.quantity": lambda: left(line),
        "line.amount": lambda: amount(line),
        "line.unit_price": lambda: Fraction(line["unit_price"]),
        "member.tier": lambda: member["tier"],
        "member.tags": lambda: member["tags"],
    }[name]()


def equal(name: str, found: Any, value: Any) -> bool:
    if name == "line.category":
        return found == value or found.startswith(value + "/")
    if isinstance(found, Fraction | int):
        return found == Fraction(value)
    return bool(found == value)


def place(name: str, value: Any, tiers: list[str]) -> Any:
    if name == "member.tier":
        return -1 if value is None else tiers.index(value)
    return Fraction(value)


def holds(node: dict[str, Any], *world: Any) -> bool:
    if "fact" not in node:
        return (
            all(holds(child, *world) for child in node.get("all", []))
            and ("any" not in node or any(holds(child, *world) for child in node["any"]))
            and not any(holds(child, *world) for child in node.get("none", []))
        )
    order, line, member, tiers = world
    name, op, value = node["fact"], node["op"], node["value"]
    found = fact(name, order, line, member)
    if op == "has":
        return value in found
    if op in ("eq", "in", "ne", "not_in"):
        values = value if isinstance(value, list) else [value]
        same = any(equal(name, found, each) for each in values)
        return same if op in ("eq", "in") else not same
    here = place(name, found, tiers)
    if op == "between":
        return place(name, value[0], tiers) <= here <= place(name, value[1], tiers)
    edge = place(name, value, tiers)
    return {"gt": here > edge, "gte": here >= edge, "lt": here < edge, "lte": here <= edge}[op]


def in_time(schedule: dict[str, Any], at: datetime) -> bool:
    """``at`` is a naive local time."""
    if "starts_at" in schedule and at < schedule["starts_at"]:
        return False
    if "ends_at" in schedule and at >= schedule["ends_at"]:
        return False

    def recurs(day: datetime) -> bool:
        if "rrule" not in schedule:
            return True
        midnight = day.replace(hour=0, minute=0, second=0, microsecond=0)
        days = rrulestr(schedule["rrule"], dtstart=midnight.replace(year=2000, month=1, day=1))
        return bool(days.between(midnight, midnight, inc=True))

    if "hours" not in schedule:
        return recurs(at)
    clock = at.strftime("%H:%M")
    for start, end in schedule["hours"]:
        if start < end:
            if start <= clock < end and recurs(at):
                return True
        elif (clock >= start and recurs(at)) or (clock < end and recurs(at - timedelta(days=1))):
            return True
    return False


def applies(
    rule: dict[str, Any], order: dict[str, Any], member: dict[str, Any], tiers: list[str]
) -> list[int]:
    """The indexes of the lines that the rule matches."""
    if not in_time(rule.get("schedule", {}), order["local"]):
        return []
    percent = rule.get("audience", {}).get("rollout_percent", 100)
    digest = hashlib.sha256(f"{rule['code']}|{member['id']}".encode()).digest()
    if int.from_bytes(digest[:8], "big") % 10000 >= percent * 100:
        return []
    seen = visible(order)
    return [
        n
        for n, line in enumerate(order["lines"])
        if line in seen and holds(rule.get("when", {}), order, line, member, tiers)
    ]


def rank(rule: dict[str, Any]) -> tuple[int, str]:
    return (-rule.get("priority", 0), rule["code"])


def currency(rule: dict[str, Any]) -> str:
    return str(rule.get("points", {}).get("currency", "points"))


def group(rule: dict[str, Any]) -> tuple[str, str] | None:
    name = rule.get("stacking", {}).get("group")
    return None if name is None else (currency(rule), name)


def line_points(rule: dict[str, Any], order: dict[str, Any], matched: list[int]) -> dict[int, Fraction]:
    lines = order["lines"]
    bought = sum(
        (Fraction(x["quantity"]) * Fraction(x["unit_price"]) - Fraction(x["discount"]) for x in lines),
        Fraction(0),
    )
    share = (
        Fraction(1)
        if bought <= 0
        else min(Fraction(1), max(Fraction(0), 1 - Fraction(order["unearned"]) / bought))
    )
    effect = rule["effect"]
    if effect["type"] == "per_unit":
        return {n: left(lines[n]) * Fraction(effect["points"]) for n in matched}
    money = {n: amount(lines[n]) * share for n in matched}
    if not effect.get("whole"):
        return {n: spent * Fraction(effect["points"]) / Fraction(effect["per"]) for n, spent in money.items()}
    together = sum(money.values(), Fraction(0))
    points = math.floor(together / Fraction(effect["per"])) * Fraction(effect["points"])
    return {n: points * spent / together if together > 0 else Fraction(0) for n, spent in money.items()}


def before_caps(
    rules: list[dict[str, Any]],
    order: dict[str, Any],
    member: dict[str, Any],
    tiers: list[str],
    carry: Fraction | None = None,
) -> tuple[dict[str, int], Fraction]:
    """Points of each rule by code, before caps, and the carry out (0 without carry)."""
    matched = {rule["code"]: applies(rule, order, member, tiers) for rule in rules}
    base = [r for r in rules if r["effect"]["type"] in ("per_amount", "per_unit") and matched[r["code"]]]
    earned = {r["code"]: line_points(r, order, matched[r["code"]]) for r in base}
    for n in range(len(order["lines"])):
        _best_of_line(n, base, earned)
    exact = {code: sum(lines.values(), Fraction(0)) for code, lines in earned.items()}
    bonus: dict[str, Fraction] = {}
    for rule in rules:
        code, effect = rule["code"], rule["effect"]
        if effect["type"] == "fixed" and matched[code]:
            bonus[code] = Fraction(effect["points"])
        if effect["type"] == "multiplier" and matched[code]:
            same = [b["code"] for b in base if currency(b) == currency(rule)]
            on = sum((earned[b].get(n, Fraction(0)) for b in same for n in matched[code]), Fraction(0))
            bonus[code] = (Fraction(effect["factor"]) - 1) * on
    _best_of_order(rules, bonus)
    exact |= bonus
    if carry is None:
        return {code: math.floor(points) for code, points in exact.items()}, Fraction(0)
    return _carried(rules, exact, carry)


def _best_of_line(n: int, base: list[dict[str, Any]], earned: dict[str, dict[int, Fraction]]) -> None:
    groups: dict[Any, list[dict[str, Any]]] = defaultdict(list)
    for rule in base:
        if group(rule) and n in earned[rule["code"]]:
            groups[group(rule)].append(rule)
    for rivals in groups.values():
        ranked = sorted(rivals, key=lambda r: (-earned[r["code"]][n], rank(r)))
        for rule in ranked[1:]:
            del earned[rule["code"]][n]


def _best_of_order(rules: list[dict[str, Any]], bonus: dict[str, Fraction]) -> None:
    groups: dict[Any, list[dict[str, Any]]] = defaultdict(list)
    for rule in rules:
        if rule["code"] in bonus and group(rule):
            groups[group(rule)].append(rule)
    for rivals in groups.values():
        ranked = sorted(rivals, key=lambda r: (-math.floor(bonus[r["code"]]), rank(r)))
        for rule in ranked[1:]:
            del bonus[rule["code"]]


def _carried(
    rules: list[dict[str, Any]], exact: dict[str, Fraction], carry: Fraction
) -> tuple[dict[str, int], Fraction]:
    """Rounding by carry, for points in one currency: the first rule that earned takes what was carried in."""
    kinds = {"per_amount": 0, "per_unit": 0, "multiplier": 2}
    floored = {code: math.floor(points) for code, points in exact.items()}
    out, first = Fraction(0), True
    counted = [r for r in rules if r["effect"]["type"] in kinds and exact.get(r["code"], Fraction(0)) > 0]
    for rule in sorted(counted, key=lambda r: (kinds[r["effect"]["type"]], rank(r))):
        points = exact[rule["code"]] + (carry if first else 0)
        floored[rule["code"]], first = math.floor(points), False
        out += points - math.floor(points)
    return floored, carry if first else out


def capped(points: int, caps: dict[str, Any], used: dict[str, int], times_used: int, total_used: int) -> int:
    """Caps of a rule in the order of the rules: per_order, per_member, times, total."""
    if "per_order" in caps:
        points = min(points, caps["per_order"])
    for period in ("day", "week", "month", "year", "lifetime"):
        if period in caps.get("per_member", {}):
            points = min(points, max(0, caps["per_member"][period] - used.get(period, 0)))
    if points and "lifetime" in caps.get("times", {}) and times_used >= caps["times"]["lifetime"]:
        points = 0
    if "total" in caps:
        points = min(points, max(0, caps["total"] - total_used))
    return points
