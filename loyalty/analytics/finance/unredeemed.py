"""The breakage report of the current brand: reads the books and asks the pure core."""

from collections import defaultdict
from datetime import datetime
from fractions import Fraction
from typing import Any, Final
from zoneinfo import ZoneInfo

from loyalty.analytics.finance import breakage, liability, queries
from loyalty.analytics.finance.breakage import Cohort, Expected, Use
from loyalty.analytics.finance.costs import Costs
from loyalty.analytics.finance.liability import Owed, worth
from loyalty.analytics.finance.months import Month
from loyalty.lib import instants, money

METHOD: Final = "product_limit"
"""The forecast's method, as `loyalty.analytics.finance.breakage` describes it."""


def report(*, at: datetime, zone: ZoneInfo, costs: Costs) -> dict[str, Any]:
    """Breakage as the books said at the instant, ready to be written as JSON. Five queries, each grouped."""
    values = {"at": at, "tz": str(zone)}
    earned: dict[str, dict[Month, int]] = defaultdict(dict)
    uses: dict[str, list[Use]] = defaultdict(list)
    for points_currency, month, points in queries.rows("earned", values):
        earned[points_currency][Month.of(month)] = points
    for points_currency, month, recorded, fate, points in queries.rows("uses", values):
        uses[points_currency].append(Use(Month.of(month), Month.of(recorded), fate, points))
    owed = {each.points_currency: each for each in liability.owed_at(at, zone)}
    now = Month.of(at.astimezone(zone))
    return {
        "at": instants.text(at),
        "time_zone": str(zone),
        "currency": costs.currency,
        "method": METHOD,
        "items": [
            {
                "points_currency": name,
                "unit_cost": money.plain(costs.at(name, at)),
                **_item(earned[name], uses[name], owed.get(name) or Owed(name), now, costs.at(name, at)),
            }
            for name in sorted({*earned, *uses})
        ],
    }


def _item(earned: dict[Month, int], uses: list[Use], owed: Owed, now: Month, cost: Any) -> dict[str, Any]:
    dated = [
        (part.earned, month, part.points)
        for part in owed.slices
        if (month := _last_month(part.expiry, now)) is not None
    ]
    observed = breakage.chances(earned, uses, until=now)
    expected = breakage.forecast(dated, observed, now=now)
    due = sum(part.points for part in owed.slices if part.expiry == liability.DUE)
    return {
        "months": [
            {
                "month": str(month),
                "redeemed": fates["redeemed"],
                "expired": fates["expired"],
                "amount": worth(fates["expired"], cost)["amount"],
                "rate": _rate(
                    Fraction(fates["expired"], total) if (total := sum(fates.values())) > 0 else None
                ),
            }
            for month, fates in breakage.by_month(uses).items()
        ],
        "cohorts": [_cohort(cohort) for cohort in breakage.cohorts(earned, uses)],
        "forecast": _forecast(expected, due, owed, cost, known=bool(observed)),
    }


def _last_month(expiry: str, now: Month) -> Month | None:
    # What has run out is no forecast: it is counted apart.
    return None if expiry == liability.DUE else Month.parse(expiry)


def _cohort(cohort: Cohort) -> dict[str, Any]:
    return {
        "month": str(cohort.month),
        "earned": cohort.earned,
        **cohort.fates,
        "outstanding": cohort.outstanding,
        "rate": _rate(cohort.rate),
    }


def _forecast(expected: list[Expected], due: int, owed: Owed, cost: Any, *, known: bool) -> dict[str, Any]:
    """None for the expectation where there is no experience to rest it on."""
    dated = sum(each.points for each in expected) if known else owed.gross - due - _undated(owed)
    total = sum(each.breakage for each in expected) + due if known else None
    return {
        "dated": worth(dated + due, cost),
        "undated": worth(_undated(owed), cost),
        "expected": worth(total, cost) if total is not None else None,
        "rate": _rate(Fraction(total, dated + due) if total is not None and dated + due > 0 else None),
        "by_expiry": [
            *([{"month": liability.DUE, "points": due, "expected": due}] if due else []),
            *(
                {"month": str(each.month), "points": each.points, "expected": each.breakage}
                for each in expected
            ),
        ],
    }


def _undated(owed: Owed) -> int:
    return sum(part.points for part in owed.slices if part.expiry in (liability.INACTIVITY, liability.NEVER))


def _rate(share: Fraction | None) -> str | None:
    """Four digits after the point, as a string; a share of 1 is 1.0000."""
    if share is None:
        return None
    scaled = round(share * 10_000)
    sign, scaled = ("-" if scaled < 0 else ""), abs(scaled)
    return f"{sign}{scaled // 10_000}.{scaled % 10_000:04d}"
