"""The facts of an audience in SQL, each about one member `m`, by an index on the member."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any, Final

from campaigns.audience.definition import Filter, Surroundings
from points import expiry
from tenants.context import current_brand

_ORDERS: Final = (
    "FROM members_purchase p WHERE p.member_id = m.id AND p.visible_earn AND p.ordered_at <= {now}"
)
_EXPIRING: Final = (
    "(SELECT coalesce(sum(lot.remaining - lot.held), 0) FROM points_account a"
    " JOIN points_lot lot ON lot.account_id = a.id"
    " WHERE a.member_id = m.id AND a.currency = 'points' AND lot.state = 'open'"
    " AND lot.expires_at > {now} AND lot.expires_at <= {until})"
)
_AVAILABLE: Final = (
    "coalesce((SELECT a.available FROM points_account a"
    " WHERE a.member_id = m.id AND a.currency = 'points'), 0)"
)
_PRICE: Final = "(SELECT o.points FROM mall_offer o WHERE o.reward_id = {reward} AND o.is_main AND o.enabled)"
_CHILDREN: Final = (
    "EXISTS (SELECT 1 FROM jsonb_array_elements(m.children) child"
    " WHERE (child ->> 'guardian_consent')::boolean AND {age})"
)
_AGE: Final = (
    "({year} - split_part(child ->> 'birth_month', '-', 1)::integer) * 12"
    " + {month} - split_part(child ->> 'birth_month', '-', 2)::integer"
)
# The latest word on a purpose decides; without one there is no consent.
_CONSENT: Final = (
    "coalesce((SELECT c.granted FROM members_consent c WHERE c.purpose = {purpose} AND c.member_id = m.id"
    " ORDER BY c.at DESC, c.recorded_at DESC, c.id DESC LIMIT 1), false)"
)
_COUNTED: Final[Mapping[str, str]] = {
    "points": "SELECT coalesce(sum(q.points), 0) {rows}",
    "spend": "SELECT coalesce(sum(q.spend), 0) {rows}",
    "visits": "SELECT count(*) FROM (SELECT 1 {rows} GROUP BY (q.at AT TIME ZONE {tz})::date"
    " HAVING sum(q.visits) > 0) day",
}
_FALLS: Final = (
    "EXISTS (SELECT 1 FROM points_membertier t"
    " JOIN unnest({codes}::text[], {thresholds}::numeric[]) AS level(code, threshold) ON level.code = t.code"
    " WHERE t.member_id = m.id AND t.until IS NOT NULL AND t.review_at > {now} AND t.review_at <= {horizon}"
    " AND ({counted}) < level.threshold)"
)
_QUALIFIED: Final = (
    "FROM points_tierqualification q WHERE q.member_id = m.id AND q.at < t.review_at AND q.at >= {start}"
)
_ENDED: Final = "((t.until - interval '1 microsecond') AT TIME ZONE {tz})"
_UNITS: Final[Mapping[str, str]] = {
    "calendar_year": "year",
    "calendar_quarter": "quarter",
    "calendar_month": "month",
}


class Values:
    """The values of a query, each under a name of its own."""

    def __init__(self) -> None:
        self.named: dict[str, Any] = {}

    def add(self, value: Any) -> str:
        """Bind a value; what stands for it in the query."""
        name = f"v{len(self.named)}"
        self.named[name] = value
        return f"%({name})s"


def condition(wanted: Filter, around: Surroundings, values: Values) -> str:
    """A filter as a condition on the member `m`. Its values are bound, nothing of it stands in the text."""
    return _FACTS[wanted.fact](wanted, around, values)


def _compared(expression: str, wanted: Filter, values: Values) -> str:
    if wanted.op == "between":
        return f"{expression} BETWEEN {values.add(wanted.value[0])} AND {values.add(wanted.value[1])}"
    sign = {"eq": "=", "gte": ">=", "lte": "<="}[wanted.op]
    return f"{expression} {sign} {values.add(wanted.value)}"


def _one_of(expression: str, wanted: Filter, values: Values) -> str:
    sign = "<> ALL" if wanted.op == "not_in" else "= ANY"
    return f"{expression} {sign} ({values.add(list(wanted.value))}::text[])"


def _tier(wanted: Filter, around: Surroundings, values: Values) -> str:
    lowest = around.program.codes[0] if around.program else ""
    held = "(SELECT t.code FROM points_membertier t WHERE t.member_id = m.id)"
    return _one_of(f"coalesce({held}, {values.add(lowest)})", wanted, values)


def _tags(wanted: Filter, around: Surroundings, values: Values) -> str:
    return f"m.tags ?| {values.add(list(wanted.value))}::text[]"


def _region(wanted: Filter, around: Surroundings, values: Values) -> str:
    return _one_of("m.region", wanted, values)


def _consent(wanted: Filter, around: Surroundings, values: Values) -> str:
    return " AND ".join(_CONSENT.format(purpose=values.add(purpose)) for purpose in wanted.value)


def _enrolled(wanted: Filter, around: Surroundings, values: Values) -> str:
    return _compared(_days_since("m.enrolled_at", around, values), wanted, values)


def _slept(wanted: Filter, around: Surroundings, values: Values) -> str:
    last = f"(SELECT max(p.ordered_at) {_ORDERS.format(now=values.add(around.now))})"
    return _compared(_days_since(last, around, values), wanted, values)


def _days_since(instant: str, around: Surroundings, values: Values) -> str:
    zone, today = values.add(around.timezone), values.add(around.today)
    return f"({today}::date - ({instant} AT TIME ZONE {zone})::date)"


def _orders(what: str) -> Callable[[Filter, Surroundings, Values], str]:
    def compare(wanted: Filter, around: Surroundings, values: Values) -> str:
        rows = _ORDERS.format(now=values.add(around.now))
        days = wanted.more["window"]
        if days is not None:
            # The window of N days ends with today and begins N - 1 local days before.
            start = expiry.midnight(around.today - timedelta(days=days - 1), current_brand().tz)
            rows += f" AND p.ordered_at >= {values.add(start)}"
        if (what, wanted.op, wanted.value) == ("count(*)", "eq", 0):
            return f"NOT EXISTS (SELECT 1 {rows})"
        return _compared(f"(SELECT {what} {rows})", wanted, values)

    return compare


def _available(wanted: Filter, around: Surroundings, values: Values) -> str:
    return _compared(_AVAILABLE, wanted, values)


def _expiring(wanted: Filter, around: Surroundings, values: Values) -> str:
    until = expiry.midnight(around.today + timedelta(days=wanted.more["within_days"] + 1), current_brand().tz)
    sums = _EXPIRING.format(now=values.add(around.now), until=values.add(until))
    return _compared(sums, wanted, values)


def _short_of(wanted: Filter, around: Surroundings, values: Values) -> str:
    price = _PRICE.format(reward=f"{values.add(wanted.more['reward'])}::uuid")
    return f"({price} - {_AVAILABLE}) BETWEEN 1 AND {values.add(wanted.value)}"


def _child_age(wanted: Filter, around: Surroundings, values: Values) -> str:
    age = _AGE.format(year=values.add(around.today.year), month=values.add(around.today.month))
    return _CHILDREN.format(age=_compared(f"({age})", wanted, values))


def _falls(wanted: Filter, around: Surroundings, values: Values) -> str:
    program = around.program
    if program is None or program.downgrade == "never":
        return "false"
    tz = values.add(around.timezone)
    ended = _ENDED.format(tz=tz)
    if program.period == "rolling_months":
        months = values.add(program.months)
        first = f"({ended}::date - make_interval(months => {months}) + interval '1 day')"
    else:
        first = f"date_trunc({values.add(_UNITS[program.period])}, {ended})"
    rows = _QUALIFIED.format(start=f"({first} AT TIME ZONE {tz})")
    return _FALLS.format(
        codes=values.add([level.code for level in program.levels]),
        thresholds=values.add([level.threshold for level in program.levels]),
        now=values.add(around.now),
        horizon=values.add(around.now + timedelta(days=wanted.value)),
        counted=_COUNTED[program.qualify_by].format(rows=rows, tz=tz),
    )


_FACTS: Final[Mapping[str, Callable[[Filter, Surroundings, Values], str]]] = {
    "member.tier": _tier,
    "member.tags": _tags,
    "member.region": _region,
    "member.consent": _consent,
    "member.enrolled_days": _enrolled,
    "member.child_age_months": _child_age,
    "member.days_since_last_order": _slept,
    "member.orders.count": _orders("count(*)"),
    "member.orders.amount": _orders("coalesce(sum(p.amount), 0)"),
    "points.available": _available,
    "points.expiring": _expiring,
    "points.short_of": _short_of,
    "tier.falls_within_days": _falls,
}
