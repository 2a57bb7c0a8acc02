"""Numbers and days as the console writes them."""

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from django import template
from django.utils import formats, timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString

from loyalty.lib.display import link, number
from members.wording import channel_words

register = template.Library()


@register.filter
def points(value: int | None) -> str:
    """Grouped digits."""
    return "–" if value is None else formats.number_format(value, use_l10n=True, force_grouping=True)


@register.filter
def signed_points(value: int) -> SafeString:
    """With its sign and colour."""
    return number(value, signed=True)


@register.filter
def amount(value: Decimal | None) -> str:
    """Money without its currency."""
    if value is None:
        return "–"
    return formats.number_format(value, decimal_pos=2, use_l10n=True, force_grouping=True)


@register.filter
def money(value: str, currency: str = "") -> str:
    """An exact amount that came as text, to the cent; the currency behind it where one is given."""
    return f"{amount(Decimal(value))} {currency}".strip()


@register.filter
def signed_money(value: str) -> SafeString:
    """An exact amount that came as text, to the cent, with its sign and colour."""
    exact = Decimal(value)
    tone = "num-in" if exact > 0 else "num-out" if exact < 0 else ""
    sign = "+" if exact > 0 else "−" if exact < 0 else ""
    return format_html('<span class="num {}">{}{}</span>', tone, sign, amount(abs(exact)))


@register.filter
def channel(name: str) -> str:
    """Where an order was placed, in words."""
    return channel_words(name)


@register.filter
def last_valid_day(expires_at: datetime | None) -> str:
    """The last day on which points can be spent: `expires_at` is exclusive, usually midnight."""
    if expires_at is None:
        return "–"
    local = timezone.localtime(expires_at - timedelta(microseconds=1))
    return formats.date_format(local, "DATE_FORMAT")


@register.simple_tag
def console_link(obj: Any, text: str) -> SafeString | str:
    """A link to the object's page; plain words where it has none in this console."""
    return text if obj is None else link(obj, text)
