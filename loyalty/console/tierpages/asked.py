"""What the page of tiers asks before it does it: replacing what waits, putting levels in another order."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from django.http import HttpRequest
from django.utils.translation import gettext as _

from campaigns.models import TierSubmission
from loyalty.lib import words
from loyalty.lib.display import doer

REPLACES: Final = "replaces"
REORDERS: Final = "reorders"


@dataclass(frozen=True, slots=True)
class Question:
    """A box to tick: its value names what was looked at, so that a yes is to nothing else."""

    name: str
    value: str
    said: str
    yes: str
    ticked: bool


def replacing(request: HttpRequest, opened: TierSubmission | None) -> Question | None:
    """Whether what waits for somebody else's decision may give way; None where nothing waits."""
    if opened is None or opened.status != TierSubmission.Status.PENDING_APPROVAL:
        return None
    yes = _("Replace submission %(number)s of %(who)s by this one") % _of(opened)
    return _question(request, REPLACES, str(opened.number), waiting_words(opened), yes)


def reordering(
    request: HttpRequest, before: Mapping[str, Any], levels: Sequence[Mapping[str, Any]]
) -> Question | None:
    """Whether levels that members hold may change places; None where they keep their order."""
    old, new = in_order(before["levels"], levels), in_order(levels, before["levels"])
    if [each["code"] for each in old] == [each["code"] for each in new]:
        return None
    said = _("The order of the levels changes: it was %(old)s, and would be %(new)s.") % {
        "old": named(old),
        "new": named(new),
    }
    yes = _("Change the order of the levels; members keep the level that they hold")
    return _question(request, REORDERS, " ".join(each["code"] for each in new), said, yes)


def in_order(
    levels: Sequence[Mapping[str, Any]], others: Sequence[Mapping[str, Any]]
) -> list[Mapping[str, Any]]:
    """Those of the levels that the others have, too."""
    codes = {each["code"] for each in others}
    return [each for each in levels if each["code"] in codes]


def named(levels: Sequence[Mapping[str, Any]]) -> str:
    """The levels by name, in their order."""
    return " < ".join(words.pick(each["name"] or {}) or str(each["code"]) for each in levels)


def waiting_words(opened: TierSubmission) -> str:
    """What stands in the way of a submission: which one, and whose."""
    if opened.status == TierSubmission.Status.SCHEDULED:
        return _("Submission %(number)s of %(who)s is scheduled: withdraw it first.") % _of(opened)
    return _("Submission %(number)s of %(who)s waits for a second operator.") % _of(opened)


def _of(opened: TierSubmission) -> dict[str, Any]:
    return {"number": opened.number, "who": doer(opened.submitted_by)}


def _question(request: HttpRequest, name: str, value: str, said: str, yes: str) -> Question:
    return Question(name, value, said, yes, ticked=request.POST.get(name) == value)
