"""The matrix as it stands for the brand, row by row and cell by cell."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from django.utils.translation import gettext_lazy as _

from loyalty.lib import compliance, compliancewords
from loyalty.lib.errors import Text
from tenants.operators.compliancechanges import Cell
from tenants.operators.models import ComplianceChange

SOME_PEOPLE: Final[Mapping[Cell, Text]] = {
    **{(compliance.TODDLER_TAG, act): _("not to families with a baby") for act in compliance.TODDLER_ACTS},
    **{(compliance.ADULT_TAG, act): _("adults only") for act in compliance.ACTS},
}
"""What law forbids towards some people, whatever else is allowed."""


@dataclass(frozen=True, slots=True)
class Shown:
    """A cell: `state` is never, blocked, unlocked, some or allowed; `since` and `by` of an unlocked one.

    `platform`: it was unlocked before anybody asked here. `waits`: somebody asked for it to be unlocked.
    """

    tag: str
    act: str
    state: str
    words: Text = ""
    since: datetime | None = None
    by: str = ""
    number: int | None = None
    platform: bool = False
    waits: bool = False


@dataclass(frozen=True, slots=True)
class Row:
    """One tag with its cells, in the order of the acts."""

    tag: str
    name: Text
    cells: list[Shown]


def matrix(
    policy: str,
    unlocked: Collection[Cell],
    decided: Mapping[Cell, ComplianceChange],
    waiting: Collection[Cell],
    name_of: Callable[[str], str] = str,
) -> list[Row]:
    """The whole matrix of a policy, with what the brand unlocked and what it has asked for.

    `name_of` says how whoever unlocked a cell is called.
    """
    blocking = compliance.rows(policy)
    return [
        Row(
            tag,
            name,
            [
                _shown((tag, act), blocking[tag], unlocked, decided, waiting, name_of)
                for act in compliancewords.ACTS
            ],
        )
        for tag, name in compliancewords.TAGS.items()
    ]


def _shown(
    cell: Cell,
    blocked: Collection[str],
    unlocked: Collection[Cell],
    decided: Mapping[Cell, ComplianceChange],
    waiting: Collection[Cell],
    name_of: Callable[[str], str],
) -> Shown:
    tag, act = cell
    some = SOME_PEOPLE.get(cell, "")
    if act not in blocked:
        return Shown(tag, act, "some" if some else "allowed", some)
    if tag in compliance.INFANT_TAGS:
        return Shown(tag, act, "never")
    if cell not in unlocked:
        return Shown(tag, act, "blocked", waits=cell in waiting)
    change = decided.get(cell)
    if change is None or not change.opens:
        return Shown(tag, act, "unlocked", some, platform=True)
    by = " + ".join(name_of(who) for who in (change.submitted_by, change.approved_by) if who)
    return Shown(tag, act, "unlocked", some, since=change.ended_at, by=by, number=change.number)
