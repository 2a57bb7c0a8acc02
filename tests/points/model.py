"""The ledger as ledger.md tells it, in plain Python and in memory, written without looking at the SQL."""

from __future__ import annotations

from calendar import monthrange
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from itertools import product
from zoneinfo import ZoneInfo

TZ = ZoneInfo("Asia/Shanghai")
NEVER = datetime.max.replace(tzinfo=TZ)


class Refused(Exception):
    """The operation is refused, with this code."""


@dataclass(eq=False)
class Lot:
    born: int
    entry: Entry
    free: int = 0
    held: int = 0
    pending: bool = False
    opens: datetime | None = None
    waits: str | None = None
    ends: datetime | None = None
    idle_months: int | None = None
    graced: datetime | None = None

    def __lt__(self, other: Lot) -> bool:
        return (self.ends or NEVER, self.born) < (other.ends or NEVER, other.born)

    def pay(self, entry: Entry) -> None:
        paid = min(entry.owed, self.free)
        entry.owed, self.free = entry.owed - paid, self.free - paid


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
    points: int
    placed: datetime
    status: str = "open"
    captured: int = 0


@dataclass(eq=False)
class Account:
    opened: datetime
    active: datetime | None = None
    lots: list[Lot] = field(default_factory=list)
    entries: list[Entry] = field(default_factory=list)
    holds: list[Hold] = field(default_factory=list)
    home: Account | None = None  # after a merge

    def numbers(self) -> tuple[int, int, int, int]:  # available, pending, held, debt
        free, waiting = (sum(lot.free for lot in self.lots if lot.pending is p) for p in (False, True))
        return free, waiting, sum(lot.held for lot in self.lots), sum(entry.owed for entry in self.entries)

    def end(self, lot: Lot) -> datetime:
        if lot.idle_months is None:
            return lot.ends or NEVER
        day = (self.active or self.opened).astimezone(TZ)
        year, month = divmod(day.year * 12 + day.month - 1 + lot.idle_months, 12)
        last = min(day.day, monthrange(year, month + 1)[1])
        return datetime(year, month + 1, last, tzinfo=TZ) + timedelta(1)

    def spendable(self) -> list[Lot]:
        return [lot for lot in sorted(self.lots) if lot.free and not lot.pending]

    def write(self, kind: str, signed: int, **more) -> Entry:
        last = self.entries[-1].balance if self.entries else 0
        self.entries += [Entry(kind, signed, last + signed, self, **more)]
        return self.entries[-1]

    def open(self, entry: Entry, points: int, born: int, **more) -> Lot:
        self.lots.append(Lot(born, entry, free=points, **more))
        return self.lots[-1]

    def repay(self, lot: Lot) -> None:
        for entry in [] if lot.pending else self.entries:
            lot.pay(entry)

    def expire(self, at: datetime, ended: dict[Lot, int] | None = None) -> None:
        gone = {lot: lot.free for lot in self.lots if lot.free and self.end(lot) <= at}
        if gone := {**(ended or {}), **gone}:
            self.write("expiry", -sum(gone.values()))
        for lot, points in gone.items():
            lot.free -= points
        for lot in self.spendable():
            self.repay(lot)

    def release(self, hold: Hold, at: datetime, status: str, capture: Entry | None = None) -> None:
        hold.status, hold.captured = status, -capture.points if capture else 0
        left, ended = hold.captured, {}
        for lot, points in sorted(hold.parts):
            used = min(left, points)
            (capture.takes if capture else []).append([lot, used])
            left, lot.held, lot.free = left - used, lot.held - points, lot.free + points - used
            if points > used and hold.placed < (lot.graced or hold.placed):
                ended[lot] = points - used
        self.expire(at, ended)

    def settle(self, now: datetime) -> None:
        while True:
            due = [hold.ends for hold in self.holds if hold.status == "open"]
            due += [min(self.end(lot), (lot.pending and lot.opens) or NEVER) for lot in self.lots if lot.free]
            at = min(due, default=NEVER)
            if at > now:
                return
            self.expire(at)
            for lot in self.lots:
                if lot.pending and lot.free and lot.opens and lot.opens <= at:
                    lot.pending = False
                    self.repay(lot)
            for hold in [hold for hold in self.holds if hold.status == "open" and hold.ends <= at]:
                self.release(hold, at, "expired")

    def take(self, points: int) -> list[tuple[Lot, int]]:
        if self.numbers()[0] < points:
            raise Refused("insufficient_points")
        taken = []
        for lot in self.spendable():
            taken.append((lot, min(points, lot.free)))
            lot.free, points = lot.free - taken[-1][1], points - taken[-1][1]
        return [part for part in taken if part[1]]

    def burn(self, kind: str, points: int, now: datetime) -> Entry:
        entry = self.write(kind, -points, takes=[list(part) for part in self.take(points)])
        if kind != "adjustment":
            self.active = max(self.active or now, now)
        return entry

    def capture(self, hold: Hold, points: int, now: datetime) -> Entry:
        if hold.status != "open" or points > hold.points:
            raise Refused("hold_ended" if hold.status != "open" else "capture_exceeds_hold")
        entry, self.active = self.write("capture", -points), max(self.active or now, now)
        self.release(hold, now, "captured", entry)
        return entry

    def give_back(self, origin: Entry, points: int, now: datetime, grace: datetime | None) -> None:
        if points > -origin.points - origin.undone or points == 0:
            raise Refused("reversal_exceeds_entry")
        origin.undone += points
        self.write("reversal", points)
        for part in reversed(origin.takes):
            lot, back = part[0], min(points, part[1])
            part[1], points, lot.free = part[1] - back, points - back, lot.free + back
            if back and grace and self.end(lot) <= now:
                lot.ends, lot.idle_months, lot.graced = grace, None, now
        self.expire(now)
        if self.home:
            self.move(self.home)

    def claw(self, items: list[tuple[Entry, int]]) -> None:
        if any(points > origin.points - origin.undone for origin, points in items):
            raise Refused("reversal_exceeds_entry")
        for origin, points in items:
            origin.undone += points
            self.write("clawback", -points).owed = points
        owing = list(zip(self.entries[-len(items) :], [origin for origin, _points in items], strict=True))
        for step in range(3):
            for (entry, origin), lot in product(owing, sorted(self.lots)):
                if (lot.entry is origin, lot.entry.journal == origin.journal, not lot.pending)[step]:
                    lot.pay(entry)

    def move(self, home: Account) -> None:
        debt, born, new = self.numbers()[3], max((lot.born for lot in home.lots + self.lots), default=0), {}
        if total := sum(self.numbers()[:3]):
            self.write("transfer", -total)
            home.write("transfer", total)
        for lot in [lot for lot in sorted(self.lots) if lot.free or lot.held]:
            new[lot] = replace(lot, born=(born := born + 1))
            home.lots.append(new[lot])
            lot.free = lot.held = 0
            home.repay(new[lot])
        for hold in [hold for hold in self.holds if hold.status == "open"]:
            hold.account, hold.parts = home, [(new[lot], points) for lot, points in hold.parts]
            home.holds.append(self.holds.pop(self.holds.index(hold)))
        if debt:
            home.write("clawback", -debt).owed = debt
            for lot in home.spendable():
                home.repay(lot)
            self.repay(self.open(self.write("transfer", debt), debt, born))
