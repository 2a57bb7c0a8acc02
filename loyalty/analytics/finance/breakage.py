"""What was never redeemed, by month of earning, and what of today's points will not be. No Django here.

The forecast is the product-limit estimate (Kaplan and Meier, 1958) on which the run-off triangles of
insurers rest: of the points that were unused when they were n months old, the share that was redeemed in that
month of age is the chance of redemption at that age; a point ends unused if it escapes all of them until its
last valid month. That unused rights are estimated, and when, is IFRS 15, paragraphs B44–B47.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Final

from loyalty.analytics.finance.months import Month

FATES: Final = ("redeemed", "expired", "taken_back", "adjusted")
"""What can become of points. Transfers move them between members and change nothing here."""


@dataclass(frozen=True, slots=True)
class Use:
    """Points of one month of earning that met one fate in one month; negative where they were given back."""

    earned: Month
    recorded: Month
    fate: str
    points: int


@dataclass(slots=True)
class Cohort:
    """The points earned in one month, and what has become of them."""

    month: Month
    earned: int = 0
    fates: dict[str, int] = field(default_factory=lambda: dict.fromkeys(FATES, 0))

    @property
    def outstanding(self) -> int:
        """What is still there."""
        return self.earned - sum(self.fates.values())

    @property
    def rate(self) -> Fraction | None:
        """The share that expired, of what was earned and kept; None where nothing was."""
        kept = self.earned - self.fates["taken_back"]
        return Fraction(self.fates["expired"], kept) if kept > 0 else None


@dataclass(frozen=True, slots=True)
class Expected:
    """Outstanding points by their last valid month, and how many of them will probably expire."""

    month: Month
    points: int
    breakage: int


def cohorts(earned: Mapping[Month, int], uses: Iterable[Use]) -> list[Cohort]:
    """The months of earning, oldest first."""
    found: dict[Month, Cohort] = {}
    for month, points in earned.items():
        found[month] = Cohort(month, points)
    for use in uses:
        if use.fate in FATES:
            found.setdefault(use.earned, Cohort(use.earned)).fates[use.fate] += use.points
    return [found[month] for month in sorted(found)]


def by_month(uses: Iterable[Use]) -> dict[Month, dict[str, int]]:
    """Points redeemed and expired by the month in which that was recorded."""
    found: dict[Month, dict[str, int]] = defaultdict(lambda: {"redeemed": 0, "expired": 0})
    for use in uses:
        if use.fate in ("redeemed", "expired"):
            found[use.recorded][use.fate] += use.points
    return dict(sorted(found.items()))


def chances(earned: Mapping[Month, int], uses: Iterable[Use], *, until: Month) -> list[Fraction]:
    """The chance of being redeemed at 0, 1, 2 … months of age, as all months before `until` showed it."""
    left = dict(earned)
    moved: dict[tuple[Month, int], dict[str, int]] = defaultdict(lambda: defaultdict(int))
    for use in uses:
        moved[use.earned, max(0, use.recorded.minus(use.earned))][use.fate] += use.points
    found: list[Fraction] = []
    for age in range(until.minus(min(earned)) if earned else 0):
        observed = [month for month in left if until.minus(month) > age]
        exposed = sum(left[month] for month in observed)
        if exposed <= 0:
            break
        redeemed = sum(moved[month, age]["redeemed"] for month in observed)
        found.append(min(Fraction(1), max(Fraction(0), Fraction(redeemed, exposed))))
        for month in observed:
            left[month] -= sum(points for fate, points in moved[month, age].items() if fate in FATES)
    return found


def forecast(
    outstanding: Iterable[tuple[Month, Month, int]], observed: Sequence[Fraction], *, now: Month
) -> list[Expected]:
    """What of the outstanding points (month of earning, last valid month, points) will expire.

    Empty without a month of experience. Ages beyond experience have the chance of the oldest one known.
    """
    if not observed:
        return []
    points: dict[Month, int] = defaultdict(int)
    breakage: dict[Month, Fraction] = defaultdict(Fraction)
    escapes: dict[tuple[int, int], Fraction] = {}
    for earned, expiry, amount in outstanding:
        ages = (max(0, now.minus(earned)), max(0, expiry.minus(earned)))
        if ages not in escapes:
            escapes[ages] = _escape(observed, *ages)
        points[expiry] += amount
        breakage[expiry] += amount * escapes[ages]
    return [Expected(month, points[month], round(breakage[month])) for month in sorted(points)]


def _escape(observed: Sequence[Fraction], first: int, last: int) -> Fraction:
    """The chance of being redeemed at none of the ages from `first` to `last`."""
    left = Fraction(1)
    for age in range(first, last + 1):
        left *= 1 - observed[min(age, len(observed) - 1)]
    # Exact fractions grow without end; nine digits are finer than any forecast.
    return left.limit_denominator(10**9)
