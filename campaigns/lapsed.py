"""What a rule names that the brand has no more: a tier, a currency, a segment, a type of activity.

A rule is checked when it is saved and when it is published; what it names may go away in between, and after.
One that runs goes on running: its condition is met by nobody, or what it waits for no longer comes.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, Final, TypeVar

from django.utils.translation import gettext_lazy as _

from campaigns import selectors
from campaigns.models import ActivityType, Segment
from campaigns.schema import CheckContext, Named, naming
from loyalty.lib.errors import Text

K = TypeVar("K", bound=Hashable)
_SAID: Final[Mapping[str, Text]] = {
    "tier": _("names the tier “%(value)s”, which no longer exists"),
    "currency": _("gives points in “%(value)s”, which the brand no longer has"),
    "segment": _("names the segment “%(value)s”, which no longer exists: nobody is in it"),
    "activity": _("waits for activities “%(value)s”, which the brand does not take any more"),
}


def lapsed(bodies: Mapping[K, Sequence[Mapping[str, Any]]], now: datetime) -> dict[K, list[Text]]:
    """Under each key what its rules (a version, a draft) name that is gone, in words, each once.

    Keys without anything are left out. Three queries, however many rules.
    """
    context = selectors.check_context(now)
    named = {key: [each for body in given for each in naming.of(body)] for key, given in bodies.items()}
    known = _known(context, (each for given in named.values() for each in given))
    found: dict[K, list[Text]] = {}
    for key, given in named.items():
        gone = {(each.kind, each.value): None for each in given if not known(each)}
        if gone:
            found[key] = [_SAID[kind] % {"value": value} for kind, value in gone]
    return found


class _Known:
    """Whether the brand has what a rule names."""

    def __init__(self, context: CheckContext, segments: set[str], disabled: set[str]) -> None:
        self._context, self._segments, self._disabled = context, segments, disabled

    def __call__(self, named: Named) -> bool:
        if named.kind == "tier":
            return named.value in self._context.tiers
        if named.kind == "currency":
            return self._context.currencies is None or named.value in self._context.currencies
        if named.kind == "segment":
            return named.value in self._segments
        return named.value not in self._disabled


def _known(context: CheckContext, named: Iterable[Named]) -> _Known:
    wanted: dict[str, set[str]] = {}
    for each in named:
        wanted.setdefault(each.kind, set()).add(each.value)
    segments = Segment.objects.filter(code__in=wanted.get("segment", ()), archived=False)
    disabled = ActivityType.objects.filter(code__in=wanted.get("activity", ()), enabled=False)
    return _Known(
        context, set(segments.values_list("code", flat=True)), set(disabled.values_list("code", flat=True))
    )
