"""What an earning rule that runs for a part of the members brings: its variants side by side.

`treatment` are the members whom the rule's rollout has in it, `control` the others of its audience: the
stable hash of rule and member decides, as in the engine. All of them count, whether they bought or not, so
that the difference is that of offering the rule.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, Final

from django.utils.translation import gettext_lazy as _

from campaigns.errors import RuleNotFound
from campaigns.models import Rule, RuleVersion
from loyalty.analytics.errors import NoExperiment
from loyalty.analytics.finance import costs, queries
from loyalty.lib.errors import Invalid
from tenants.context import current_brand

METRICS: Final = ("orders", "amount", "points", "cost")
VARIANTS: Final = ("treatment", "control")
Z: Final = Decimal("1.96")
"""Of a normal distribution, 95 in 100 lie within so many standard deviations."""


@dataclass(frozen=True, slots=True)
class Variant:
    """One side: its members, how many of them bought, and sums over all of them. `amount` and `cost` are in
    the brand's currency; what came back is taken off."""

    name: str
    members: int
    buyers: int
    sums: Mapping[str, Decimal]
    squares: Mapping[str, Decimal]

    def mean(self, metric: str) -> Decimal:
        """What a member comes to on average; 0 where there is none."""
        return self.sums[metric] / self.members if self.members else Decimal(0)

    def uncertainty(self, metric: str) -> Decimal | None:
        """The variance of that average; None for fewer than two members."""
        if self.members < 2:
            return None
        around = self.squares[metric] - self.sums[metric] ** 2 / self.members
        return max(around, Decimal(0)) / (self.members - 1) / self.members


@dataclass(frozen=True, slots=True)
class Difference:
    """Treatment less control for each member on average, and between what it lies in 95 of 100 cases (None
    where a side has fewer than two members)."""

    difference: Decimal
    low: Decimal | None
    high: Decimal | None


@dataclass(frozen=True, slots=True)
class Experiment:
    """Both sides of a rule's experiment over a period, `until` exclusive."""

    code: str
    version: int
    rollout_percent: Decimal
    since: datetime
    until: datetime
    currency: str
    points_currency: str
    treatment: Variant
    control: Variant

    @property
    def variants(self) -> tuple[Variant, Variant]:
        """Treatment, then control."""
        return self.treatment, self.control

    def difference(self, metric: str) -> Difference:
        """How the sides differ in a metric."""
        found = self.treatment.mean(metric) - self.control.mean(metric)
        one, other = self.treatment.uncertainty(metric), self.control.uncertainty(metric)
        if one is None or other is None:
            return Difference(found, None, None)
        margin = Z * (one + other).sqrt()
        return Difference(found, found - margin, found + margin)


def experiment_of(
    *, code: str, now: datetime, since: datetime | None = None, until: datetime | None = None
) -> Experiment:
    """The experiment of the version that runs, or ran last: by default from its publication to now.

    Points count in the rule's own currency, by when they were earned. Reads the period's orders and the
    rule's entries once.

    Raises RuleNotFound, NoExperiment (never published, or running for all), Invalid (the period is empty).
    """
    rule = Rule.objects.filter(code=code).first()
    if rule is None:
        raise RuleNotFound
    version = rule.versions.filter(version=rule.current_version or 0).first()
    audience = (version.body.get("audience") or {}) if version else {}
    percent = Decimal(str(audience.get("rollout_percent", 100)))
    if version is None or percent >= 100:
        raise NoExperiment
    since, until = since or version.published_at, until or now
    if since > until:
        raise Invalid.at("/to", "ends_before_start", _("Must be after from."))
    return _read(rule.code, version, percent, since, until)


def _read(code: str, version: RuleVersion, percent: Decimal, since: datetime, until: datetime) -> Experiment:
    segment = (version.body.get("audience") or {}).get("segment")
    currency = str((version.body.get("points") or {}).get("currency") or "points")
    priced = costs.load()
    changes = priced.changes(since, until)
    found: dict[bool, Variant] = {}
    rows = queries.rows(
        "experiment",
        {
            "code": code,
            "rollout": percent * 100,
            "segment": None if segment in (None, "", "all") else segment,
            "since": since,
            "until": until,
            "changes": changes,
            "costs": [priced.at(currency, at) for at in (since, *changes)],
        },
    )
    for treated, members, buyers, *sums in rows:
        found[treated] = Variant(
            VARIANTS[0] if treated else VARIANTS[1],
            members,
            buyers,
            dict(zip(METRICS, map(Decimal, sums[::2]), strict=True)),
            dict(zip(METRICS, map(Decimal, sums[1::2]), strict=True)),
        )
    nothing: dict[str, Any] = dict.fromkeys(METRICS, Decimal(0))
    return Experiment(
        code=code,
        version=version.version,
        rollout_percent=percent,
        since=since,
        until=until,
        currency=current_brand().currency,
        points_currency=currency,
        treatment=found.get(True, Variant(VARIANTS[0], 0, 0, nothing, nothing)),
        control=found.get(False, Variant(VARIANTS[1], 0, 0, nothing, nothing)),
    )
