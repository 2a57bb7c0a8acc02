"""Exact numbers: decimal strings become rationals, and rationals become scaled integers where they fit.

Money, prices and quantities are held as whole multiples of 1/SCALE. Nearly every real amount is such a
multiple, and integers are several times faster than ``Fraction``; an amount that is not (a discount
prorated by quantity, say) stays a ``Fraction`` of the same unit. Nothing is ever rounded here.
"""

from __future__ import annotations

from decimal import Context, Decimal, Inexact, InvalidOperation, Overflow
from fractions import Fraction
from functools import lru_cache
from typing import Any, Final

from campaigns.engine.types import Exact

PLACES: Final = 7
SCALE: Final = 10**PLACES
# Wide enough for the product of any two numbers that an order may hold; what does not fit raises.
WIDE: Final = Context(prec=200, traps=[Inexact, InvalidOperation, Overflow])
MAX_DIGITS: Final = 40


def parse_number(value: Any) -> Fraction | None:
    """The exact value of an int, Decimal, Fraction or decimal string; None for anything else.

    A float is read by its shortest decimal form, as JSON wrote it; booleans are not numbers.
    """
    if isinstance(value, int | Fraction):
        return None if isinstance(value, bool) else Fraction(value)
    if isinstance(value, float):
        value = repr(value)
    if isinstance(value, str) and len(value) <= MAX_DIGITS:
        try:
            value = Decimal(value.strip())
        except InvalidOperation:
            return None
    if not isinstance(value, Decimal) or not value.is_finite() or abs(value.adjusted()) > MAX_DIGITS:
        return None
    return Fraction(value)


def number(value: Any) -> Fraction:
    """As ``parse_number``, but raises ValueError for what is not a number."""
    parsed = parse_number(value)
    if parsed is None:
        raise ValueError(f"not a number: {value!r}")
    return parsed


def simplify(value: Exact) -> Exact:
    """An int where the value is whole, else the Fraction itself."""
    if isinstance(value, Fraction) and value.denominator == 1:
        return value.numerator
    return value


def times(value: Exact, factor: Fraction) -> Exact:
    """The product, in integers where it is whole."""
    if isinstance(value, int):
        quotient, rest = divmod(value, factor.denominator)
        if not rest:
            return quotient * factor.numerator
    return simplify(value * factor)


@lru_cache(maxsize=1 << 15)
def scaled(value: Decimal | Fraction | int) -> Exact:
    """The value in units of 1/SCALE. Prices and quantities come again and again, so they are remembered."""
    if isinstance(value, Decimal):
        units = value.scaleb(PLACES, WIDE)
        whole = int(units)
        return whole if whole == units else Fraction(units)
    return simplify(Fraction(value) * SCALE)


def product(left: Exact, right: Exact) -> Exact:
    """The product of two scaled numbers, scaled."""
    if isinstance(left, int) and isinstance(right, int):
        whole, rest = divmod(left * right, SCALE)
        if not rest:
            return whole
    return simplify(Fraction(left) * right / SCALE)


def unscaled(value: Exact) -> Fraction:
    """The inverse of ``scaled``."""
    return Fraction(value) / SCALE


@lru_cache(maxsize=1 << 14)
def plain(value: Exact | Decimal) -> str:
    """A number for people and for JSON: ``33.30`` → ``33.3``, ``1/3`` stays ``1/3``. Remembered."""
    fraction = Fraction(value)
    denominator = fraction.denominator
    digits = 0
    while denominator % 10 == 0:
        denominator //= 10
        digits += 1
    twos = fives = 0
    while denominator % 2 == 0:
        denominator //= 2
        twos += 1
    while denominator % 5 == 0:
        denominator //= 5
        fives += 1
    if denominator != 1:
        return str(fraction)
    digits += max(twos, fives)
    if digits == 0:
        return str(fraction.numerator)
    sign = "-" if fraction < 0 else ""
    whole, rest = divmod(abs(fraction.numerator) * 10**digits // fraction.denominator, 10**digits)
    return f"{sign}{whole}.{rest:0{digits}d}".rstrip("0").rstrip(".")
