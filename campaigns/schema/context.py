"""What a check needs to know of the brand, and what it says."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, tzinfo
from typing import Any

from loyalty.lib.errors import FieldError


@dataclass(frozen=True, slots=True)
class CheckContext:
    """The brand as far as rules speak of it. ``currencies`` None = any points currency is accepted;
    ``currency`` is the money that orders are in, ``expiry`` the policy of rules that say none."""

    timezone: tzinfo
    today: date
    tiers: tuple[str, ...] = ()
    currencies: frozenset[str] | None = None
    currency: str | None = None
    expiry: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Named:
    """A category, SKU or store that a rule names: a warning if no order ever had it; or a segment."""

    kind: str
    value: str
    pointer: str


@dataclass(frozen=True, slots=True)
class Checked:
    """The outcome of a check: the body made plain, what is wrong with it, what it names, what is odd."""

    body: Mapping[str, Any]
    errors: tuple[FieldError, ...] = ()
    named: tuple[Named, ...] = field(default=())
    warnings: tuple[FieldError, ...] = ()
