"""The 20 rules of `bench.engine`, written by hand in Python over plain objects."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

TZ = ZoneInfo("Asia/Shanghai")
SCALE = 10**7


@dataclass(slots=True)
class Row:
    """A line, with money and pieces as integers of 1/10^7."""

    category: str
    sku: str
    brand: str
    quantity: int
    unit_price: int
    amount: int


@dataclass(slots=True)
class Facts:
    """An order and its member, ready to be asked."""

    rows: Sequence[Row]
    amount: int
    channel: str
    store_id: str
    region: str
    tier: str
    tags: frozenset[str]
    first_order: bool
    days_since: int
    enrolled_days: int
    birthday_month: bool
    weekday: int
    minute: int

    @classmethod
    def of(cls, event: Any, member: Any) -> "Facts":
        """Read off the objects that the engine gets."""
        order, local = event.order, event.occurred_at.astimezone(TZ)
        rows = [
            Row(
                line.category + "/",
                line.sku,
                line.brand,
                int(line.quantity * SCALE),
                int(line.unit_price * SCALE),
                int((line.quantity * line.unit_price - line.discount) * SCALE),
            )
            for line in order.lines
        ]
        last = datetime(2026, 11, 20, 12, 0, tzinfo=UTC) - timedelta(days=7)
        return cls(
            rows=rows,
            amount=sum(row.amount for row in rows),
            channel=order.channel,
            store_id=order.store_id,
            region=order.region,
            tier=member.tier,
            tags=member.tags,
            first_order=False,
            days_since=(local.date() - last.astimezone(TZ).date()).days,
            enrolled_days=(local.date() - member.enrolled_at.astimezone(TZ).date()).days,
            birthday_month=member.birthday.month == local.month,
            weekday=local.weekday(),
            minute=local.hour * 60 + local.minute,
        )


SKUS = frozenset(("SKU-1", "SKU-2"))
APPS = frozenset(("app", "miniprogram"))
STORES = frozenset(("S01", "S02"))

Predicate = Callable[[Facts, Row], bool]
PREDICATES: tuple[Predicate, ...] = (
    lambda f, row: True,
    lambda f, row: row.category.startswith("fresh/"),
    lambda f, row: row.category.startswith("luxury/"),
    lambda f, row: row.category.startswith("snacks/") and f.channel == "app",
    lambda f, row: row.sku in SKUS,
    lambda f, row: f.amount >= 500 * SCALE,
    lambda f, row: f.first_order,
    lambda f, row: f.tier == "gold",
    lambda f, row: f.tier == "diamond",
    lambda f, row: f.weekday >= 5,
    lambda f, row: f.birthday_month,
    lambda f, row: "new-parent" in f.tags,
    lambda f, row: f.channel in APPS,
    lambda f, row: f.store_id in STORES,
    lambda f, row: f.region == "440100",
    lambda f, row: row.unit_price >= 50 * SCALE and row.quantity >= 2 * SCALE,
    lambda f, row: 18 * 60 + 30 <= f.minute < 21 * 60 + 30 and row.category.startswith("fresh/"),
    lambda f, row: f.enrolled_days >= 365 and "staff" in f.tags,
    lambda f, row: row.brand == "acme",
    lambda f, row: f.days_since >= 60,
)
MULTIPLIERS = (
    ("r08-gold", 7, 2, None), ("r09-diamond", 8, 5, None), ("r10-weekend", 9, 5, None),
    ("r11-birthday", 10, 10, None), ("r12-parents", 11, 3, "promo"), ("r13-app", 12, 1, "promo"),
    ("r14-store", 13, 1, "promo"), ("r16-dear", 15, 2, None), ("r17-evening", 16, 10, None),
    ("r18-old", 17, 1, None), ("r19-brand", 18, 10, None),
)  # fmt: skip
RATES = (("r03-luxury", 2, 5), ("r04-snacks-app", 3, 3), ("r02-fresh", 1, 2), ("r01-default", 0, 1))


def points(f: Facts) -> dict[str, int]:
    """What each rule gives, by code: the rates' best by line, units, fixed points, multipliers."""
    given: dict[str, int] = {}
    base = []
    for row in f.rows:
        own = 0
        for code, place, rate in RATES:
            if PREDICATES[place](f, row):
                own = row.amount * rate
                given[code] = given.get(code, 0) + own
                break
        if PREDICATES[4](f, row):
            given["r05-units"] = given.get("r05-units", 0) + 10 * row.quantity
            own += 10 * row.quantity
        base.append(own)
    found = {code: value // SCALE for code, value in given.items()}
    fixed = (("r06-big", 5, 100), ("r07-first", 6, 50), ("r20-back", 19, 100))
    found |= {code: value for code, place, value in fixed if PREDICATES[place](f, f.rows[0])}
    promo: list[tuple[int, str]] = []
    for code, place, tenths, group in MULTIPLIERS:
        applies = PREDICATES[place]
        more = 0
        for row, own in zip(f.rows, base, strict=True):
            if applies(f, row):
                more += own
        value = more * tenths // (10 * SCALE)
        if group:
            promo.append((-value, code))
        else:
            found[code] = min(value, 200) if code == "r19-brand" else value
    if PREDICATES[14](f, f.rows[0]):
        promo.append((-(sum(base) // (20 * SCALE)), "r15-region"))
    if promo:
        value, code = min(promo)
        found[code] = -value
    return {code: value for code, value in found.items() if value > 0}
