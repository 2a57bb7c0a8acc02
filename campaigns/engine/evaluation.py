"""The outcome of one event against the published rules, and its compact JSON form."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from fractions import Fraction
from typing import Any, Final, Literal

from campaigns.engine.exact import scaled, simplify, unscaled
from campaigns.engine.types import CounterKey, Exact, Known, RuleResult

RECORD_VERSION: Final = 1


@dataclass(frozen=True, slots=True)
class Evaluation:
    """Results rule by rule, in a fixed order (base, fixed, multipliers, grants; priority, then code).

    ``facts`` are the values that conditions read, by view (``earn`` and, where compliance makes a
    difference, ``bonus``); ``windows`` are the contributions of other orders to each window. Both are
    recorded so that a return can be judged by them. ``counters`` says what to add to each cap counter.
    ``qualifying_units`` is the money that counts where tiers qualify by spend, scaled. ``blocked`` says for
    each line that compliance blocked: the act, and the tag that blocked it.
    """

    trigger: str
    occurred_at: datetime
    member_id: str
    results: tuple[RuleResult, ...]
    facts: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    windows: Mapping[str, tuple[tuple[str, str, str], ...]] = field(default_factory=dict)
    counters: Mapping[CounterKey, int] = field(default_factory=dict)
    carry_in: Mapping[str, Fraction] = field(default_factory=dict)
    carry_out: Mapping[str, Fraction] = field(default_factory=dict)
    qualifying_units: Exact = 0
    blocked: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    tiers: tuple[str, ...] = ()
    rounding: Literal["floor", "carry"] = "floor"

    @property
    def qualifying_amount(self) -> Fraction:
        """The money that counts where tiers qualify by spend."""
        return unscaled(self.qualifying_units)

    @property
    def winners(self) -> tuple[RuleResult, ...]:
        """The results that give points: each becomes one ledger entry."""
        return tuple(result for result in self.results if result.points > 0)

    @property
    def grants(self) -> tuple[RuleResult, ...]:
        """The results that grant something other than points."""
        return tuple(result for result in self.results if result.grant is not None and result.reason is None)

    def points(self, currency: str = "points") -> int:
        """All points given in one currency."""
        return sum(result.points for result in self.results if result.currency == currency)

    @property
    def window_orders(self) -> tuple[str, ...]:
        """Earlier orders whose return makes this evaluation be recounted."""
        return tuple(sorted({order for result in self.results for order in result.window_orders}))

    def to_record(self) -> dict[str, Any]:
        """JSON to keep with the purchase: what ``from_record`` reads back, and nothing else."""
        record: dict[str, Any] = {
            "v": RECORD_VERSION,
            "trigger": self.trigger,
            "at": self.occurred_at.isoformat(),
            "member": self.member_id,
            "results": [_result_record(result) for result in self.results],
            "facts": {
                act: {n: _fact_record(v) for n, v in facts.items()} for act, facts in self.facts.items()
            },
            "amount": str(self.qualifying_amount),
        }
        if self.windows:
            record["windows"] = {key: [list(each) for each in past] for key, past in self.windows.items()}
        if self.window_orders:
            record["window_orders"] = list(self.window_orders)
        if self.blocked:
            record["blocked"] = {line: dict(acts) for line, acts in self.blocked.items()}
        if self.tiers:
            record["tiers"] = list(self.tiers)
        if self.rounding != "floor":
            record["rounding"] = self.rounding
            record["carry_in"] = {currency: str(value) for currency, value in self.carry_in.items()}
            record["carry_out"] = {currency: str(value) for currency, value in self.carry_out.items()}
        return record

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> Evaluation:
        """The evaluation as recorded. Counters are not part of a record. Raises ValueError."""
        if record.get("v") != RECORD_VERSION:
            raise ValueError(f"unknown record version {record.get('v')!r}")
        return cls(
            trigger=record["trigger"],
            occurred_at=datetime.fromisoformat(record["at"]),
            member_id=record["member"],
            results=tuple(_result_of(each) for each in record["results"]),
            facts={act: {n: _fact_of(v) for n, v in facts.items()} for act, facts in record["facts"].items()},
            windows={
                key: tuple((order, day, amount) for order, day, amount in past)
                for key, past in record.get("windows", {}).items()
            },
            carry_in={c: Fraction(v) for c, v in record.get("carry_in", {}).items()},
            carry_out={c: Fraction(v) for c, v in record.get("carry_out", {}).items()},
            qualifying_units=scaled(Fraction(record["amount"])),
            blocked=record.get("blocked", {}),
            tiers=tuple(record.get("tiers", ())),
            rounding=record.get("rounding", "floor"),
        )


def known_of(record: Mapping[str, Any]) -> Known:
    """What a record knows of its event, without its results."""
    return Known(
        facts={act: {n: _fact_of(v) for n, v in facts.items()} for act, facts in record["facts"].items()},
        windows={
            key: tuple((order, day, amount) for order, day, amount in past)
            for key, past in (record.get("windows") or {}).items()
        },
        blocked=record.get("blocked") or {},
    )


def _fact_record(value: Any) -> Any:
    """Sets and tuples as tagged lists, so that they come back as what they were."""
    if isinstance(value, frozenset):
        return {"set": sorted(value)}
    return {"list": list(value)} if isinstance(value, tuple) else value


def _fact_of(value: Any) -> Any:
    if isinstance(value, dict):
        return frozenset(value["set"]) if "set" in value else tuple(value["list"])
    return value


def _exact_record(value: Exact) -> int | str:
    value = simplify(value)
    return value if isinstance(value, int) else str(value)


def _result_record(result: RuleResult) -> dict[str, Any]:
    short: dict[str, Any] = {"rule": result.rule, "version": result.version, "effect": result.effect}
    if result.receiver != "member":
        short["to"] = result.receiver
    if result.currency != "points":
        short["currency"] = result.currency
    if result.reason is not None:
        short |= {"reason": result.reason, "path": result.path}
        return short
    short |= {"points": result.points, "exact": _exact_record(result.exact_units)}
    short |= {"unit": result.unit, "basis": _exact_record(result.basis_units)}
    if result.basis_unit != result.unit:
        short["basis_unit"] = result.basis_unit
    optional: dict[str, Any] = {
        "path": result.path,
        "lines": list(result.lines),
        "floored": result.floored if result.floored != result.points else None,
        "qualifying": result.qualifying,
        "pending": result.pending,
        "available_at": result.available_at.isoformat() if result.available_at else None,
        "expiry": result.expiry,
        "cost_centre": result.cost_centre,
        "grant": result.grant,
        "window_orders": list(result.window_orders),
    }
    return short | {key: value for key, value in optional.items() if value}


def _result_of(short: Mapping[str, Any]) -> RuleResult:
    points = short.get("points", 0)
    available_at, pending = short.get("available_at"), short.get("pending")
    return RuleResult(
        rule=short["rule"],
        version=short["version"],
        receiver=short.get("to", "member"),
        effect=short["effect"],
        points=points,
        reason=short.get("reason"),
        path=short.get("path"),
        lines=tuple(short.get("lines", ())),
        currency=short.get("currency", "points"),
        exact_units=simplify(Fraction(short.get("exact", 0))),
        unit=short.get("unit", 1),
        basis_units=simplify(Fraction(short.get("basis", 0))),
        basis_unit=short.get("basis_unit", short.get("unit", 1)),
        floored=short.get("floored", points),
        qualifying=short.get("qualifying", 0),
        pending=pending,
        available_at=datetime.fromisoformat(available_at) if available_at else None,
        waits_for=(pending or {}).get("until"),
        expiry=short.get("expiry"),
        cost_centre=short.get("cost_centre", ""),
        grant=short.get("grant"),
        window_orders=tuple(short.get("window_orders", ())),
    )
