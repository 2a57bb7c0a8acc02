"""The ledger as ledger.md tells it, in plain Python and in memory, written without looking at the SQL."""

from __future__ import annotations

import calendar
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

TZ = ZoneInfo("Asia/Shanghai")
NEVER = datetime.max.replace(tzinfo=TZ)


class Refused(Exception):
    """The operation is refused, with this code."""


@dataclass(eq=False)
class Lot:
    points: int
    born: int
    entry: Entry
    free: int = 0
    held: int = 0
    pending: bool = False
    opens: datetime | None = None
    waits: str | None = None
    ends: datetime | None = None
    idle_months: int | None = None


@dataclass(eq=False)
class Entry:
    kind: str
    points: int
    balance: int
    account: Account
    takes: list[list] = field(default_factory=list)  # [lot, points], in order
    journal: str = ""
    undone: int = 0
    owed: int = 0


@dataclass(eq=False)
class Hold:
    account: Account
    parts: list[tuple[Lot, int]]
    ends: datetime
    status: str = "open"
    captured: int = 0

    @property
    def points(self) -> int:
        return sum(points for _lot, points in self.parts)


@dataclass(eq=False)
class Account:
    active: datetime
    lots: list[Lot] = field(default_factory=list)
    entries: list[Entry] = field(default_factory=list)
    holds: list[Hold] = field(default_factory=list)

    def numbers(self) -> tuple[int, int, int, int]:
        """available, pending, held, debt."""
        free, waiting = (sum(lot.free for lot in self.lots if lot.pending is p) for p in (False, True))
        return free, waiting, sum(lot.held for lot in self.lots), sum(entry.owed for entry in self.entries)

    def end(self, lot: Lot) -> datetime:
        if lot.idle_months is None:
            return lot.ends or NEVER
        day = self.active.astimezone(TZ).date()
        year, month = divmod(day.year * 12 + day.month - 1 + lot.idle_months, 12)
        month += 1
        day = day.replace(year=year, month=month, day=min(day.day, calendar.monthrange(year, month)[1]))
        return datetime(day.year, day.month, day.day, tzinfo=TZ) + timedelta(days=1)

    def in_order(self) -> list[Lot]:
        return sorted(self.lots, key=lambda lot: (lot.ends or NEVER, lot.born))

    def spendable(self) -> list[Lot]:
        return [lot for lot in self.in_order() if lot.free and not lot.pending]

    def write(self, kind: str, signed: int, journal: str = "") -> Entry:
        last = self.entries[-1].balance if self.entries else 0
        self.entries.append(Entry(kind, signed, last + signed, self, journal=journal))
        return self.entries[-1]

    def open(self, entry: Entry, points: int, born: int, **more) -> Lot:
        self.lots.append(Lot(points, born, entry, free=points, **more))
        return self.lots[-1]

    def repay(self, lot: Lot) -> None:
        for entry in self.entries:
            paid = 0 if lot.pending else min(entry.owed, lot.free)
            entry.owed -= paid
            lot.free -= paid

    def expire(self, at: datetime) -> None:
        gone = [lot for lot in self.lots if lot.free and self.end(lot) <= at]
        if gone:
            self.write("expiry", -sum(lot.free for lot in gone))
        for lot in gone:
            lot.free = 0

    def release(self, hold: Hold, at: datetime, status: str, captured: int = 0) -> None:
        hold.status, hold.captured, left = status, captured, captured
        for lot, points in sorted(hold.parts, key=lambda part: (part[0].ends or NEVER, part[0].born)):
            used = min(left, points)
            left -= used
            lot.held -= points
            lot.free += points - used
        self.expire(at)
        for lot in self.spendable():
            self.repay(lot)

    def settle(self, now: datetime) -> None:
        while True:
            due = [self.end(lot) for lot in self.lots if lot.free]
            due += [lot.opens for lot in self.lots if lot.free and lot.pending and lot.opens]
            due += [hold.ends for hold in self.holds if hold.status == "open"]
            at = min(due, default=NEVER)
            if at > now:
                return
            self.expire(at)
            for lot in self.lots:
                if lot.pending and lot.free and lot.opens and lot.opens <= at:
                    lot.pending = False
                    self.repay(lot)
            for hold in self.holds:
                if hold.status == "open" and hold.ends <= at:
                    self.release(hold, at, "expired")

    def take(self, points: int) -> list[tuple[Lot, int]]:
        if self.numbers()[0] < points:
            raise Refused("insufficient_points")
        taken = []
        for lot in self.spendable():
            taken.append((lot, min(points, lot.free)))
            lot.free -= taken[-1][1]
            points -= taken[-1][1]
        return [part for part in taken if part[1]]

    def burn(self, kind: str, points: int, now: datetime) -> Entry:
        taken = self.take(points)
        entry = self.write(kind, -points)
        entry.takes = [list(part) for part in taken]
        if kind != "adjustment":
            self.active = max(self.active, now)
        return entry

    def capture(self, hold: Hold, points: int, now: datetime) -> Entry:
        if hold.status != "open":
            raise Refused("hold_ended")
        if points > hold.points:
            raise Refused("capture_exceeds_hold")
        entry, left = self.write("capture", -points), points
        for lot, part in sorted(hold.parts, key=lambda part: (part[0].ends or NEVER, part[0].born)):
            entry.takes += [[lot, min(left, part)]] if left else []
            left -= min(left, part)
        self.active = max(self.active, now)
        self.release(hold, now, "captured", points)
        return entry

    def give_back(self, origin: Entry, points: int, now: datetime, grace: datetime | None) -> None:
        if points > -origin.points - origin.undone or points == 0:
            raise Refused("reversal_exceeds_entry")
        origin.undone += points
        self.write("reversal", points)
        for part in reversed(origin.takes):
            lot, back = part[0], min(points, part[1])
            part[1] -= back
            points -= back
            lot.free += back
            if back and grace and self.end(lot) <= now:
                lot.ends, lot.idle_months = grace, None
        self.expire(now)
        for lot in self.spendable():
            self.repay(lot)

    def claw(self, items: list[tuple[Entry, int]]) -> None:
        if any(points > origin.points - origin.undone for origin, points in items):
            raise Refused("reversal_exceeds_entry")
        for origin, points in items:
            origin.undone += points
            self.write("clawback", -points).owed = points
        owing = list(zip(self.entries[-len(items) :], [origin for origin, _points in items], strict=True))
        for entry, origin in owing:
            self._claw(entry, [lot for lot in self.in_order() if lot.entry is origin])
        for entry, origin in owing:
            self._claw(entry, [lot for lot in self.in_order() if lot.entry.journal == origin.journal])
        for entry, _origin in owing:
            self._claw(entry, self.spendable())

    @staticmethod
    def _claw(entry: Entry, lots: list[Lot]) -> None:
        for lot in lots:
            part = min(entry.owed, lot.free)
            entry.owed -= part
            lot.free -= part
