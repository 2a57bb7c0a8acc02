"""One rule, compiled: its data turned into numbers, closures and keys, once per published set."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, tzinfo
from fractions import Fraction
from typing import Any, Final

from campaigns.engine.caps import Caps, compile_caps
from campaigns.engine.conditions import Conditions, compile_conditions
from campaigns.engine.exact import number
from campaigns.engine.frame import Frame
from campaigns.engine.schedule import Schedule, compile_schedule, parse_instant
from campaigns.engine.types import ORDER_TRIGGERS, BrandContext

BASE_EFFECTS: Final = frozenset({"per_amount", "per_unit"})
EFFECTS: Final = ("per_amount", "per_unit", "fixed", "multiplier", "grant")
RECEIVERS: Final = ("member", "referrer", "referee", "both")
BUCKETS: Final = 10_000


@dataclass(frozen=True, slots=True)
class CompiledRule:
    """A rule as the evaluation reads it.

    ``rate`` is points per unit of money or piece, ``points`` those of a fixed effect, ``bonus`` a
    multiplier's factor − 1, ``step`` the full amount of a ``whole`` effect (else None). ``limited`` rules
    have a schedule, an audience or a ``frame`` (a campaign, a budget that is used up). ``losses`` and
    ``blanks`` remember how the rule can come to nothing.
    """

    code: str
    version: int
    body: Mapping[str, Any]
    trigger: str
    effect: str
    act: str
    to: str
    priority: int
    rate: Fraction
    step: Fraction | None
    points: int
    bonus: Fraction
    conditions: Conditions
    schedule: Schedule | None
    segment: str | None
    rollout: Fraction | None
    group: str | None
    caps: Caps | None
    currency: str
    qualifies: bool
    pending: Mapping[str, Any] | None
    expiry: Mapping[str, Any] | None
    cost_centre: str
    grant: Mapping[str, Any] | None
    limited: bool
    frame: Frame | None = None
    losses: dict[Any, Any] = field(default_factory=dict, compare=False, repr=False)
    blanks: dict[Any, Any] = field(default_factory=dict, compare=False, repr=False)

    @property
    def rank(self) -> tuple[int, str]:
        """Sorts rules: higher priority first, then the lower code."""
        return (-self.priority, self.code)

    @property
    def told(self) -> Mapping[str, Any]:
        """The body as members are told it, with the time of its campaign."""
        return self.body if self.frame is None else self.frame.told(self.body)

    @property
    def is_base(self) -> bool:
        """Whether multipliers work on this rule's points."""
        if self.trigger in ORDER_TRIGGERS:
            return self.effect in BASE_EFFECTS
        return self.effect == "fixed"


def bucket(code: str, member_id: str) -> int:
    """The stable bucket, 0 to 9,999, of a member for a rule or an experiment."""
    digest = hashlib.sha256(f"{code}|{member_id}".encode()).digest()
    return int.from_bytes(digest[:8], "big") % BUCKETS


def compile_rule(
    body: Mapping[str, Any], version: int, context: BrandContext, frame: Frame | None = None
) -> CompiledRule:
    """Compile one rule body, in its frame.

    Raises ValueError or KeyError for a body that the schema refuses.
    """
    effect = body["effect"]
    kind = effect["type"]
    if kind not in EFFECTS:
        raise ValueError(f"unknown effect {kind!r}")
    trigger, code = body["trigger"], body["code"]
    per = number(effect.get("per", 1))
    if per <= 0:
        raise ValueError("per must be above zero")
    given = Fraction(0) if kind in ("multiplier", "grant") else number(effect["points"])
    if kind == "fixed" and given.denominator != 1:
        raise ValueError("fixed points must be whole")
    factor = number(effect["factor"]) if kind == "multiplier" else Fraction(1)
    points = body.get("points") or {}
    stacking = body.get("stacking") or {}
    audience = body.get("audience") or {}
    segment, percent = audience.get("segment"), number(audience.get("rollout_percent", 100))
    segment = None if segment in (None, "", "all") else segment
    rollout = None if percent >= 100 else percent * BUCKETS / 100
    schedule = compile_schedule(body.get("schedule"), context.timezone)
    return CompiledRule(
        code=code,
        version=version,
        body=body,
        trigger=trigger,
        effect=kind,
        act="earn" if kind in BASE_EFFECTS else "bonus",
        to=body.get("to") or "member",
        priority=int(body.get("priority") or 0),
        rate=given if kind == "per_unit" else given / per,
        step=per if kind == "per_amount" and effect.get("whole") is True else None,
        points=given.numerator if kind == "fixed" else 0,
        bonus=factor - 1,
        conditions=compile_conditions(body.get("when"), context.tiers),
        schedule=schedule,
        segment=segment,
        rollout=rollout,
        group=stacking.get("group") if stacking.get("policy", "best") == "best" else None,
        caps=compile_caps(code, body.get("caps")),
        currency=points.get("currency") or "points",
        qualifies=bool(points.get("qualifying", trigger in ORDER_TRIGGERS)),
        pending=points.get("pending"),
        expiry=points.get("expiry"),
        cost_centre=body.get("cost_centre") or "",
        grant={key: value for key, value in effect.items() if key != "type"} if kind == "grant" else None,
        limited=bool(schedule or segment or rollout is not None or frame),
        frame=frame,
    )


def availability(
    pending: Mapping[str, Any] | None, at: datetime, tz: tzinfo
) -> tuple[datetime | None, str | None]:
    """(available at, waits for the event) of points earned at an instant; (None, None) = at once.

    N days later means the same wall-clock time in the brand's zone.
    """
    if not pending:
        return None, None
    if pending.get("until"):
        return None, str(pending["until"])
    if pending.get("at"):
        return parse_instant(pending["at"]).astimezone(UTC), None
    days = int(pending.get("days") or 0)
    if days == 0:
        return None, None
    local = at.astimezone(tz).replace(tzinfo=None) + timedelta(days=days)
    return local.replace(tzinfo=tz).astimezone(UTC), None
