"""Calendar months in a brand's time zone. No Django, no database."""

import re
from dataclasses import dataclass
from datetime import date, datetime
from zoneinfo import ZoneInfo

_TEXT = re.compile(r"(\d{4})-(0[1-9]|1[0-2])\Z", re.ASCII)
_YEARS = range(1971, 2199)


@dataclass(frozen=True, slots=True, order=True)
class Month:
    """A month of a year."""

    year: int
    month: int

    @classmethod
    def parse(cls, text: str) -> "Month | None":
        """The month that `2026-10` spells, or None."""
        found = _TEXT.match(text)
        if found is None or int(found[1]) not in _YEARS:
            return None
        return cls(int(found[1]), int(found[2]))

    @classmethod
    def of(cls, at: datetime | date) -> "Month":
        """The month of a date, or of an instant in its own zone."""
        return cls(at.year, at.month)

    @property
    def first(self) -> date:
        """Its first day."""
        return date(self.year, self.month, 1)

    def plus(self, months: int) -> "Month":
        """So many months later, or earlier."""
        year, month = divmod(self.year * 12 + self.month - 1 + months, 12)
        return Month(year, month + 1)

    def minus(self, other: "Month") -> int:
        """How many months later than `other` it is."""
        return (self.year - other.year) * 12 + self.month - other.month

    def starts_at(self, zone: ZoneInfo) -> datetime:
        """The instant at which it begins in the zone."""
        return datetime(self.year, self.month, 1, tzinfo=zone)

    def ends_at(self, zone: ZoneInfo) -> datetime:
        """The instant at which the next one begins: exclusive."""
        return self.plus(1).starts_at(zone)

    def __str__(self) -> str:
        return f"{self.year:04d}-{self.month:02d}"
