"""Putting a tier programme in force: the levels in `points`, their multipliers as earning rules here."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from campaigns import schema, selectors
from campaigns.services import phrases, tierrules
from loyalty.lib.errors import FieldError, Invalid
from points.services import tierconfig, tiers
from points.tiers import Program


def checked(data: Any) -> dict[str, Any]:
    """The programme in `data` in its stored form. Raises Invalid with a pointer for every wrong field:
    also for a name of a level that law forbids, since members read it."""
    errors = list(_forbidden(data))
    try:
        config = tierconfig.checked(data)
    except Invalid as invalid:
        raise Invalid([*invalid.errors, *errors]) from invalid
    if errors:
        raise Invalid(errors)
    return config


def _forbidden(data: Any) -> Iterator[FieldError]:
    levels = data.get("levels") if isinstance(data, Mapping) else None
    for number, level in enumerate(levels if isinstance(levels, list) else ()):
        name = level.get("name") if isinstance(level, Mapping) else None
        for language, text in name.items() if isinstance(name, Mapping) else ():
            yield from phrases.faults(f"/levels/{number}/name/{language}", str(text))


def put_in_force(
    *, config: Mapping[str, Any], actor: str, now: datetime, instead_of: int | None = None
) -> Program:
    """Store a checked programme and publish, change or retire the rules of its multipliers, together.

    Raises Invalid for a multiplier that no rule may have, TiersChanged where the version in force is not
    `instead_of` any more.
    """
    with transaction.atomic():
        program = tiers.store_program(config=config, actor=actor, now=now, instead_of=instead_of)
        tierrules.sync(levels=program.levels, actor=actor, now=now)
        return program


def shown(config: Mapping[str, Any]) -> dict[str, Any]:
    """A stored programme as it is told: each multiplier as its rule has it, and 1 where none runs.

    The rule may be changed or retired by itself, and nothing else multiplies.
    """
    factors = {
        body["code"]: str(body["effect"]["factor"])
        for body, _version in selectors.published_bodies()
        if body["effect"]["type"] == "multiplier"
    }
    told = tierconfig.shown(config)
    levels = [
        {**level, "multiplier": factors.get(tierrules.code_of(level["code"]), "1")}
        for level in told["levels"]
    ]
    return {**told, "levels": levels}


def orphans(*, now: datetime) -> list[FieldError]:
    """A warning for each tier that a rule in force names and that is no more: it waits for nobody."""
    context = selectors.check_context(now)
    told = _("The earning rule “%(rule)s” is in force and names a tier that is no more: %(what)s")
    return [
        FieldError("/levels", "tier_in_use", told % {"rule": body["code"], "what": error.detail})
        for body, _version in selectors.published_bodies()
        for error in schema.check(body, context).errors
        if error.code == "unknown_tier"
    ]
