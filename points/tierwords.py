"""What is missing for a tier, or to keep it, as a sentence in the active language."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from django.utils import formats
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from loyalty.lib import money, words
from loyalty.lib.plurals import one_of
from tenants.context import current_brand


def told(tier: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """A tier as `tiers.tier_view` tells it, with a `text` in `next` and in `keep`."""
    if tier is None:
        return None
    following, keep = tier["next"], tier["keep"]
    return {
        **tier,
        "next": {**following, "text": _next(tier, following)} if following else None,
        "keep": {**keep, "text": _keep(tier, keep)} if keep else None,
    }


def needs(qualify_by: str, missing: int | str) -> str:
    """What has to be earned, spent or visited yet: `380 more points`, `CNY 379.50 more`, `2 more visits`."""
    if qualify_by == "spend":
        code = current_brand().currency
        names = money.CURRENCIES.get(code, (code, code))
        amount = formats.number_format(Decimal(missing), decimal_pos=2, force_grouping=True)
        return _("%(currency)s %(amount)s more") % {
            "currency": names[words.LANGUAGES.index(words.language())],
            "amount": amount,
        }
    count = int(missing)
    number = formats.number_format(count, force_grouping=True)
    if qualify_by == "visits":
        return ngettext("%(number)s more visit", "%(number)s more visits", count) % {"number": number}
    name = current_brand().points_label
    if count == 1 and words.language() == "en":
        name = one_of(name)
    return _("%(number)s more %(points)s") % {"number": number, "points": name}


def _next(tier: Mapping[str, Any], following: Mapping[str, Any]) -> str:
    said = {
        "needs": needs(tier["qualify_by"], following["points_missing"]),
        "tier": words.pick(following["name"]) or following["code"],
    }
    if following["by"] is None:
        return _("%(needs)s to %(tier)s") % said
    return _("%(needs)s to %(tier)s by %(day)s") % {**said, "day": _last_day(following["by"])}


def _keep(tier: Mapping[str, Any], keep: Mapping[str, Any]) -> str:
    said = {"tier": words.pick(tier["name"]) or tier["code"], "day": _last_day(keep["by"])}
    if not Decimal(keep["points_missing"]):
        return _("%(tier)s is kept after %(day)s") % said
    return _("%(needs)s by %(day)s to keep %(tier)s") % {
        **said,
        "needs": needs(tier["qualify_by"], keep["points_missing"]),
    }


def _last_day(end: str) -> str:
    """The last day that counts: an end is the first instant that does not."""
    last = datetime.fromisoformat(end).astimezone(current_brand().tz) - timedelta(microseconds=1)
    return formats.date_format(last.date(), "DATE_FORMAT")
