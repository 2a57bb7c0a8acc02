"""Reads the tables of `cases/` into what the engine takes."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import yaml

from campaigns.engine import (
    Benefit,
    BrandContext,
    ComplianceMatrix,
    CounterKey,
    Event,
    Line,
    MemberFacts,
    Order,
    PastLine,
    PastOrder,
    PurchaseHistory,
    RuleSet,
    UsedCounters,
    compile_rules,
)

FOLDER = Path(__file__).parent / "cases"
FRIDAY = "2026-11-20T12:00:00+08:00"


class Text(yaml.SafeLoader):
    """YAML without dates: instants stay text, as in JSON."""


Text.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in found if tag != "tag:yaml.org,2002:timestamp"]
    for first, found in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


@cache
def load(name: str) -> dict[str, Any]:
    """One table."""
    return yaml.load((FOLDER / f"{name}.yaml").read_text(encoding="utf-8"), Loader=Text)


def cases() -> list[Any]:
    """Every case of every table, with its table's rules and brand filled in."""
    found = []
    for path in sorted(FOLDER.glob("*.yaml")):
        table = load(path.stem)
        for case in table["cases"]:
            case.setdefault("brand", table["brand"])
            case["bodies"] = [body(code, table) for code in case["rules"]]
            found.append((f"{path.stem}: {case['name']}", case))
    return found


def body(code: str, table: dict[str, Any]) -> dict[str, Any]:
    """A rule of a table, with what the table leaves out."""
    rule = dict(table["rules"][code])
    if "fixed" in table:
        rule.setdefault("trigger", "order.paid")
        rule.setdefault("effect", {"type": "fixed", "points": table["fixed"]})
    return {"code": code, "name": {"en": code}, **rule}


def context(brand: dict[str, Any]) -> BrandContext:
    return BrandContext(
        timezone=ZoneInfo(brand["timezone"]),
        tiers=tuple(brand.get("tiers", ())),
        compliance=ComplianceMatrix(brand.get("compliance", "strict")),
        rounding=brand.get("rounding", "floor"),
    )


def compiled(case: dict[str, Any]) -> RuleSet:
    return compile_rules([(each, 1) for each in case["bodies"]], context(case["brand"]))


def line(row: list[Any]) -> Line:
    line_id, category, price, quantity, discount, tags = (*row, *("1", "0", [])[len(row) - 3 :])
    return Line(
        line_id=line_id,
        sku=f"sku-{line_id}",
        quantity=Decimal(str(quantity)),
        unit_price=Decimal(str(price)),
        discount=Decimal(str(discount)),
        category=category,
        tags=frozenset(tags),
    )


def order(spec: dict[str, Any]) -> Order:
    return Order(
        order_id="this",
        ordered_at=datetime.fromisoformat(spec.get("at", FRIDAY)),
        currency="CNY",
        lines=tuple(line(row) for row in spec.get("lines", [["a", "x", "10.00"]])),
        channel=spec.get("channel", ""),
        store_id=spec.get("store_id", ""),
        attributes=spec.get("attributes", {}),
        unearned=Decimal(spec.get("unearned", "0")),
    )


def past(row: list[Any]) -> PastOrder:
    order_id, at, amount, category, tags = (*row, *("", [])[len(row) - 3 :])
    return PastOrder(
        order_id, datetime.fromisoformat(at), (PastLine(Decimal(amount), category, frozenset(tags)),)
    )


def member(spec: dict[str, Any], member_id: str, brand: BrandContext) -> MemberFacts:
    return MemberFacts(
        member_id=member_id,
        tier=spec.get("tier"),
        tags=frozenset(spec.get("tags", ())),
        segments=frozenset(spec.get("segments", ())),
        region=spec.get("region", ""),
        enrolled_at=datetime.fromisoformat(spec["enrolled_at"]) if "enrolled_at" in spec else None,
        birthday=date.fromisoformat(spec["birthday"]) if "birthday" in spec else None,
        children=tuple(date.fromisoformat(each) for each in spec.get("children", ())),
        benefits=tuple(
            Benefit(code, datetime.fromisoformat(start), datetime.fromisoformat(end))
            for code, start, end in spec.get("benefits", ())
        ),
        history=PurchaseHistory(tuple(past(row) for row in spec.get("history", ())), brand.compliance),
    )


def event(case: dict[str, Any]) -> Event:
    if "order" in case:
        return Event.of_order(order(case["order"]))
    spec = case["event"]
    return Event(
        trigger=spec["trigger"],
        occurred_at=datetime.fromisoformat(spec.get("at", FRIDAY)),
        reference="e1",
        order=order(spec) if "lines" in spec else None,
        attributes=spec.get("attributes", {}),
        streak=spec.get("streak"),
        streak_day=spec.get("streak_day"),
        tags=frozenset(spec.get("tags", ())),
    )


def counters(case: dict[str, Any], rules: RuleSet, me: MemberFacts) -> UsedCounters:
    who = case.get("used_by", "me")
    used = {CounterKey(rule, who, kind, period): n for rule, kind, period, n in case.get("used", ())}
    for attributes in case.get("once", {}).values():
        earlier = Event(case["event"]["trigger"], datetime.fromisoformat(FRIDAY), "e0", attributes=attributes)
        used |= {key: 1 for key in rules.counter_keys(earlier, me) if key.kind == "once"}
    return UsedCounters(used, case.get("totals", {}))
