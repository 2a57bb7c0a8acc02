"""What the dashboard reads: bounded, grouped queries over a span of brand-local days."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any, cast
from zoneinfo import ZoneInfo

from django.db.models import Count, DateField, F, Q, Sum
from django.db.models.functions import TruncDate, TruncWeek

from loyalty.analytics.finance import costs
from loyalty.analytics.models import Verification
from loyalty.lib import clock
from mall.models import Redemption
from members.models import Member, Purchase
from points.models import Account, Entry
from points.postings import DEFAULT_CURRENCY
from tenants.context import current_brand

SPANS = (30, 90)
"""How many days the dashboard may look back."""

FLOWS: Mapping[str, Q] = {
    "accrued": Q(kind=Entry.Kind.ACCRUAL),
    "burned": Q(kind__in=[Entry.Kind.BURN, Entry.Kind.CAPTURE]),
    "expired": Q(kind=Entry.Kind.EXPIRY),
    "taken_back": Q(kind=Entry.Kind.CLAWBACK),
}
"""Streams of points by the kinds of entries that they consist of."""

LIVELY = [Entry.Kind.ACCRUAL, Entry.Kind.BURN, Entry.Kind.CAPTURE]
"""An entry of these kinds makes a member active on its day."""


@dataclass(frozen=True, slots=True)
class Span:
    """Brand-local days: `days` of them, ending with `last`; the same number before it is `before`."""

    last: date
    days: int
    zone: ZoneInfo

    @classmethod
    def of(cls, *, days: int, now: datetime) -> "Span":
        """The span of the current brand that ends today."""
        zone = current_brand().tz
        return cls(now.astimezone(zone).date(), days, zone)

    @property
    def first(self) -> date:
        """The first day."""
        return self.last - timedelta(days=self.days - 1)

    @property
    def before(self) -> "Span":
        """The same length, just before."""
        return Span(self.first - timedelta(days=1), self.days, self.zone)

    @property
    def dates(self) -> list[date]:
        """All days, in order."""
        return [self.first + timedelta(days=n) for n in range(self.days)]

    @property
    def start(self) -> datetime:
        """The instant at which the first day begins."""
        return datetime.combine(self.first, datetime.min.time(), self.zone)

    @property
    def end(self) -> datetime:
        """The instant at which the last day has ended."""
        return datetime.combine(self.last + timedelta(days=1), datetime.min.time(), self.zone)


Series = dict[date, int]


def flows(span: Span) -> dict[str, Series]:
    """Points by stream and day. One query over the entries recorded in the span."""
    rows = (
        Entry.objects.filter(recorded_at__gte=span.start, recorded_at__lt=span.end)
        .values(day=TruncDate("recorded_at", tzinfo=span.zone))
        .annotate(
            **{name: Sum("points", filter=kinds, default=0) for name, kinds in FLOWS.items()},
            given_back=Sum("points", filter=Q(kind=Entry.Kind.REVERSAL), default=0),
            net=Sum(F("points") * F("direction"), default=0),
        )
        .order_by("day")
    )
    found = cast("list[dict[str, Any]]", list(rows))
    return {name: {row["day"]: int(row[name]) for row in found} for name in (*FLOWS, "given_back", "net")}


def active_members(span: Span, *, weekly: bool = False) -> Series:
    """Members who earned or redeemed, by day, or by week under its first day in the span. One query."""
    within = Entry.objects.filter(recorded_at__gte=span.start, recorded_at__lt=span.end, kind__in=LIVELY)
    local = (
        TruncWeek("recorded_at", tzinfo=span.zone, output_field=DateField())
        if weekly
        else TruncDate("recorded_at", tzinfo=span.zone)
    )
    rows = within.values(day=local).annotate(members=Count("account", distinct=True))
    return {max(row["day"], span.first): row["members"] for row in rows}


def active_total(span: Span) -> int:
    """Members who earned or redeemed at least once within the span. One query."""
    found = Entry.objects.filter(recorded_at__gte=span.start, recorded_at__lt=span.end, kind__in=LIVELY)
    return int(found.aggregate(members=Count("account", distinct=True))["members"])


def orders(span: Span) -> dict[date, tuple[int, Decimal]]:
    """Orders that were not cancelled and their amount, by day of purchase. One query.

    `recorded_at` is indexed and never more than a day before `ordered_at`, so it bounds the search.
    """
    rows = (
        Purchase.objects.filter(
            recorded_at__gte=span.start - timedelta(days=2),
            ordered_at__gte=span.start,
            ordered_at__lt=span.end,
        )
        .exclude(status=Purchase.Status.CANCELLED)
        .values(day=TruncDate("ordered_at", tzinfo=span.zone))
        .annotate(count=Count("pk"), amount=Sum("amount"))
    )
    return {row["day"]: (row["count"], row["amount"]) for row in rows}


def redemptions(span: Span) -> Series:
    """Redemptions that were not cancelled, by day. One query."""
    rows = (
        Redemption.objects.filter(placed_at__gte=span.start, placed_at__lt=span.end)
        .exclude(status=Redemption.Status.CANCELLED)
        .values(day=TruncDate("placed_at", tzinfo=span.zone))
        .annotate(count=Count("pk"))
    )
    return {row["day"]: row["count"] for row in rows}


def enrolled(span: Span) -> int:
    """Members who joined within the span. One query."""
    return Member.objects.filter(enrolled_at__gte=span.start, enrolled_at__lt=span.end).count()


@dataclass(frozen=True, slots=True)
class Liability:
    """What members are owed: points, and what they cost."""

    points: int
    amount: Decimal
    unit_cost: Decimal
    currency: str


def liability() -> Liability:
    """Outstanding points now and their cost; `unit_cost` is the default currency's. Two queries."""
    now, known = clock.now(), costs.load()
    balance = Sum(F("available") + F("pending") + F("held") - F("debt"))
    owed = dict(Account.objects.order_by().values_list("currency").annotate(points=balance))
    return Liability(
        points=int(sum(owed.values())),
        amount=sum((int(points) * known.at(name, now) for name, points in owed.items()), Decimal(0)),
        unit_cost=known.at(DEFAULT_CURRENCY, now),
        currency=known.currency,
    )


def outstanding(now_points: int, net: Series, span: Span) -> Series:
    """Outstanding points at the end of each day, reckoned back from now by what each day added."""
    level, levels = now_points, Series()
    for day in reversed(span.dates):
        levels[day] = level
        level -= net.get(day, 0)
    return dict(sorted(levels.items()))


def by_week(
    series: Mapping[date, int], days: Sequence[date], merge: Callable[[Iterable[int]], Any] = sum
) -> Series:
    """Days brought together into weeks from Monday on, each under its first day in the span."""
    weeks: dict[date, list[int]] = {}
    names: dict[date, date] = {}
    for day in days:
        monday = day - timedelta(days=day.weekday())
        weeks.setdefault(monday, []).append(series.get(day, 0))
        names.setdefault(monday, day)
    return {names[monday]: merge(values) for monday, values in weeks.items()}


def latest_verification() -> Verification | None:
    """The run of all checks that began last, whatever became of it. One query by an index."""
    return Verification.objects.filter(started_at__isnull=False).order_by("-started_at").first()


def latest_verdict() -> Verification | None:
    """The last run that came to its end: the books were sound, or violated."""
    ended = [Verification.Status.SOUND, Verification.Status.VIOLATED]
    return (
        Verification.objects.filter(started_at__isnull=False, status__in=ended)
        .order_by("-started_at")
        .first()
    )
