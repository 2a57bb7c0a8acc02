"""How the console writes numbers, money, ids, JSON, states, links, and who did something."""

import json
from collections.abc import Mapping
from datetime import datetime
from decimal import ROUND_HALF_UP, Decimal
from typing import Any, Final

from django.contrib.admin.utils import quote
from django.db import models
from django.urls import reverse
from django.utils import formats, timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from loyalty.lib.errors import Text

NOBODY: Final[Mapping[str, Text]] = {
    "worker": gettext_lazy("the system"),
    "template": gettext_lazy("the brand's template"),
    "demo": gettext_lazy("demo data"),
}
"""Who acts in nobody's name."""


def doer(actor: str) -> str:
    """Who did it, as people are told: an operator by address, a partner; a second operator behind a +."""
    parts = []
    for part in actor.split(" + "):
        kind, _colon, name = part.partition(":")
        if kind == "operator":
            parts.append(name)
        elif kind == "key":
            parts.append(_("partner (API)"))
        elif kind == "member":
            parts.append(_("the member"))
        elif part:
            parts.append(str(NOBODY.get(part, part)))
    return " + ".join(parts)


def number(value: int | None, *, signed: bool = False) -> SafeString:
    """Points for a table: grouped digits, aligned right, coloured by sign where `signed`."""
    if value is None:
        return format_html('<span class="num">{}</span>', "–")
    text = formats.number_format(abs(value), use_l10n=True, force_grouping=True)
    sign = "−" if value < 0 else "+" if signed and value > 0 else ""
    tone = ("num-in" if value > 0 else "num-out") if signed and value else ""
    return format_html('<span class="num {}">{}{}</span>', tone, sign, text)


def plain(value: int, *, signed: bool = False) -> str:
    """Points in a sentence: grouped digits, with a true minus."""
    text = formats.number_format(abs(value), use_l10n=True, force_grouping=True)
    return f"{'−' if value < 0 else '+' if signed and value > 0 else ''}{text}"


def rounded(value: Decimal | float, places: int) -> str:
    """Grouped digits with `places` after the point, a half rounded up: Django by itself cuts off."""
    exact = Decimal(str(value)).quantize(Decimal(1).scaleb(-places), ROUND_HALF_UP)
    # Adding nothing takes the sign from what became 0.
    return formats.number_format(exact + 0, decimal_pos=places, use_l10n=True, force_grouping=True)


def aligned(text: object) -> SafeString:
    """A word in a column of numbers."""
    return format_html('<span class="num">{}</span>', text)


def money(amount: Any, currency: str = "", places: int | None = 2) -> SafeString:
    """An amount or a quantity for a table, with its currency. `places` None: as many as it has."""
    if amount is None:
        return format_html('<span class="num">{}</span>', "–")
    text = formats.number_format(amount, force_grouping=True) if places is None else rounded(amount, places)
    return format_html('<span class="num">{}</span>', f"{text} {currency}".strip())


def instant(at: datetime | None) -> str:
    """An instant in the active time zone, the brand's."""
    return "–" if at is None else formats.date_format(timezone.localtime(at), "DATETIME_FORMAT")


def code(text: object) -> SafeString:
    """An id or a code, in a fixed-width face."""
    return format_html('<code class="ident">{}</code>', text)


def pretty(data: Any) -> SafeString:
    """JSON for reading."""
    return format_html(
        '<pre class="json">{}</pre>', json.dumps(data, ensure_ascii=False, indent=2, default=str)
    )


def link(obj: models.Model | None, text: object | None = None) -> SafeString | str:
    """A link to an object's page in this console."""
    if obj is None:
        return "–"
    meta = obj._meta
    target = reverse(f"admin:{meta.app_label}_{meta.model_name}_change", args=[quote(obj.pk)])
    return format_html('<a class="text-link" href="{}">{}</a>', target, obj if text is None else text)


class Colours(dict[str, str]):
    """The colour of a status, by its value; what is not named is grey."""

    def __missing__(self, value: str) -> str:
        return "default"


LABELS = Colours(
    dict.fromkeys(
        ("active", "published", "completed", "delivered", "open", "approved", "accepted", "sound", "sent"),
        "success",
    )
    | dict.fromkeys(
        ("shipped", "placed", "recorded", "paid", "waiting", "running", "queued", "sending"), "info"
    )
    | dict.fromkeys(
        ("pending", "draft", "provisioning", "paused", "pending_approval", "expired", "unknown"), "warning"
    )
    | dict.fromkeys(
        ("suspended", "cancelled", "failed", "disabled", "revoked", "blocked", "violated", "broken"), "danger"
    )
)


class Status(tuple[str, Any]):
    """A value and its words: a coloured label in a list, plain words elsewhere."""

    __slots__ = ()

    def __str__(self) -> str:
        return str(self[1])


def status(obj: Any, field: str = "status") -> Status:
    """A status with its words, for `@display(label=LABELS)`."""
    return Status((getattr(obj, field), getattr(obj, f"get_{field}_display")()))
