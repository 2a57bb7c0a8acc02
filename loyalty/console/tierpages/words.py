"""A tier programme in words, part by part, and what differs between two of them."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from django.utils import formats
from django.utils.translation import gettext as _

from campaigns.engine.differences import Difference
from loyalty.console.tierpages.asked import in_order, named
from loyalty.console.tierpages.page import ProgramForm
from loyalty.lib import words


def parts(config: Mapping[str, Any] | None) -> dict[str, tuple[str, str]]:
    """Label and words of each part, by its name; a level is a part. Nothing for no programme."""
    if config is None:
        return {}
    period = config["period"]
    length = f" ({period['months']})" if "months" in period else ""
    found = {
        "qualify_by": _chosen("qualify_by", config["qualify_by"]),
        "period": _chosen("period", period["type"], length),
        "downgrade": _chosen("downgrade", config["downgrade"]),
        "grace_days": (_label("grace_days"), str(config["grace_days"])),
        "on_return": _chosen("on_return", config["on_return"]),
    }
    return found | {f"level {level['code']}": _level(level) for level in config["levels"]}


def differing(before: Mapping[str, Any] | None, after: Mapping[str, Any]) -> list[Difference]:
    """The parts that differ: what is new has nothing before, what is gone nothing after."""
    old, new = parts(before), parts(after)
    return _turned(before, after) + [
        Difference(
            name, (new.get(name) or old[name])[0], old.get(name, ("", ""))[1], new.get(name, ("", ""))[1]
        )
        for name in [*new, *(name for name in old if name not in new)]
        if old.get(name) != new.get(name)
    ]


def _turned(before: Mapping[str, Any] | None, after: Mapping[str, Any]) -> list[Difference]:
    """That levels which stay change places: no part alone says so."""
    if before is None:
        return []
    old, new = in_order(before["levels"], after["levels"]), in_order(after["levels"], before["levels"])
    if [each["code"] for each in old] == [each["code"] for each in new]:
        return []
    return [Difference("levels", _("Order of the levels"), named(old), named(new))]


def _level(level: Mapping[str, Any]) -> tuple[str, str]:
    said = _("%(name)s: from %(threshold)s, points × %(multiplier)s") % {
        "name": words.pick(level["name"]) or level["code"],
        "threshold": formats.number_format(
            Decimal(str(level["threshold"])), use_l10n=True, force_grouping=True
        ),
        "multiplier": level["multiplier"],
    }
    return _("Level %(code)s") % {"code": level["code"]}, said


def _chosen(name: str, value: str, more: str = "") -> tuple[str, str]:
    choices = {str(key): str(said) for key, said in ProgramForm.base_fields[name].choices}  # type: ignore[attr-defined]
    return _label(name), choices.get(value, value) + more


def _label(name: str) -> str:
    return str(ProgramForm.base_fields[name].label)
