"""Money is a `Decimal` with a currency (ISO 4217); no float touches it."""

import re
from decimal import Decimal, InvalidOperation
from typing import Final

_DECIMAL = re.compile(r"-?\d{1,14}(\.\d{1,6})?\Z")
CURRENCY = re.compile(r"[A-Z]{3}\Z")
CURRENCIES: Final[dict[str, tuple[str, str]]] = {
    "CNY": ("元", "CNY"),
    "HKD": ("港元", "HKD"),
    "USD": ("美元", "USD"),
    "EUR": ("欧元", "EUR"),
    "GBP": ("英镑", "GBP"),
    "JPY": ("日元", "JPY"),
    "SGD": ("新元", "SGD"),
}
"""What common currencies are called, in Chinese and English."""


def parse(text: object) -> Decimal | None:
    """The exact decimal that a string or an integer spells, or None. Floats and exponents are refused."""
    if isinstance(text, bool) or not isinstance(text, str | int):
        return None
    if not _DECIMAL.match(str(text)):
        return None
    try:
        return Decimal(str(text))
    except InvalidOperation:
        return None


def plain(amount: Decimal, places: int = 2) -> str:
    """The amount as a decimal string with at least `places` digits after the point, never an exponent."""
    text = str(amount)
    if len(text.partition(".")[2]) == places and "E" not in text:
        return text  # as most amounts come
    quantum = Decimal(1).scaleb(-places)
    exact = amount.normalize()
    exponent = exact.as_tuple().exponent
    if isinstance(exponent, int) and -exponent > places:
        return format(exact, "f")
    return format(amount.quantize(quantum), "f")
