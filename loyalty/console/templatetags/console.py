"""Numbers and days as the console writes them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Final

from django import template
from django.db.models import Model
from django.forms import BaseForm
from django.forms.formsets import BaseFormSet
from django.urls import reverse
from django.utils import formats, timezone
from django.utils.html import escape, format_html
from django.utils.safestring import SafeString, mark_safe
from django.utils.text import capfirst

from campaigns import selectors
from campaigns.engine import explain
from campaigns.models import Rule
from loyalty.lib import display
from loyalty.lib.display import link, number, rounded
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
    return rounded(value, 2).replace("-", "−")


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


_NAMED: Final = re.compile(r"\b(entry|account) ([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})\b")


@register.filter
def linked(finding: str) -> SafeString:
    """What a check found, with each entry and account that it names a click away."""
    parts, at = [], 0
    for named in _NAMED.finditer(finding):
        kind, key = named.groups()
        page = reverse(f"admin:points_{kind}_change", args=[key])
        parts += [escape(finding[at : named.start()]), format_html('{} <a href="{}">{}</a>', kind, page, key)]
        at = named.end()
    return mark_safe("".join([*parts, escape(finding[at:])]))  # noqa: S308  each part is escaped


@register.simple_tag
def console_link(obj: Any, text: str) -> SafeString | str:
    """A link to the object's page; plain words where it has none in this console."""
    return text if obj is None else link(obj, text)


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that a form lacks: in words, with the label and the id of its field where it has one."""

    text: str
    label: str = ""
    anchor: str = ""


@register.inclusion_tag("console/faults.html")
def faults(*forms: BaseForm | BaseFormSet[Any]) -> dict[str, Any]:
    """What refused forms lack, each a click away from its field; nothing for forms without a fault."""
    return {"faults": [fault for form in forms if form for fault in _faults(form)]}


@register.inclusion_tag("console/faults.html")
def field_faults(form: BaseForm | None) -> dict[str, Any]:
    """The same of one form, where what speaks of no field is told elsewhere."""
    return {"faults": [fault for fault in (_faults(form) if form else ()) if fault.label]}


def _faults(form: BaseForm | BaseFormSet[Any]) -> Iterator[Fault]:
    if isinstance(form, BaseFormSet):
        yield from (Fault(str(text)) for text in form.non_form_errors())
        for each in form.forms:
            yield from _faults(each)
        return
    places = list(form.fields)
    in_order = sorted(
        form.errors.items(), key=lambda each: places.index(each[0]) if each[0] in places else -1
    )
    for name, found in in_order:
        field = form[name] if name in form.fields else None
        for text in found:
            if field is None or field.is_hidden:
                yield Fault(str(text))
            else:
                yield Fault(str(text), str(field.label), field.auto_id)
