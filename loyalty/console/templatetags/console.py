"""Numbers and days as the console writes them."""

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from django import template
from django.db.models import Model
from django.utils import formats, timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.text import capfirst

from campaigns import selectors
from campaigns.engine import explain
from campaigns.models import Rule
from loyalty.lib import display
from loyalty.lib.display import link, number
from loyalty.lib.words import language
from members.wording import channel_words
from points.postings import DEFAULT_CURRENCY
from tenants.context import current_brand

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
def unsigned_points(value: int) -> SafeString:
    """How many, where the heading says which way they went."""
    return number(abs(value))


@register.filter
def amount(value: Decimal | None) -> str:
    """Money without its currency."""
    if value is None:
        return "–"
    written = formats.number_format(abs(value), decimal_pos=2, use_l10n=True, force_grouping=True)
    return f"−{written}" if value < 0 else written


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


@register.filter
def doer(actor: str | None) -> str:
    """Who did it, in words."""
    return display.doer(actor or "")


@register.filter
def points_currency(code: str) -> str:
    """What points of a currency are called; the brand's main ones by its own name."""
    return current_brand().points_label if code == DEFAULT_CURRENCY else code


@register.filter
def rule_name(rule: Rule) -> str:
    """What an earning rule is called in the page's language."""
    return explain.rule_name(selectors.working_body(rule), language())


@register.filter
def headed(title: Any) -> str:
    """A part of a page's head: our words begin with a capital, what a record is called stays as it is."""
    return str(title) if isinstance(title, Model) else capfirst(str(title))


@register.simple_tag
def console_link(obj: Any, text: str) -> SafeString | str:
    """A link to the object's page; plain words where it has none in this console."""
    return text if obj is None else link(obj, text)
