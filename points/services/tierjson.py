"""What a member holds besides the tier that counts, as JSON in `points_membertier.previous`.

What stood before is a chain: each standing has the one before it as `previous`. Where tiers were granted, the
first of the chain is the tier that orders brought, and `grants` lists what was granted; the row's own columns
are then the best of both.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from points.holdings import Holdings
from points.tiers import Standing

_INSTANTS: Final = ("until", "review_at", "earned_at")


def written(held: Holdings) -> dict[str, Any] | None:
    """The JSON of all that the row's columns do not say; None where they say all."""
    chain: dict[str, Any] | None = None
    for standing in reversed(held.before):
        chain = _plain(standing) | {"previous": chain}
    if not held.grants:
        return chain
    return _plain(held.track) | {"previous": chain, "grants": [_plain(each) for each in held.grants]}


def read(standing: Standing, more: Mapping[str, Any] | None) -> Holdings:
    """What is held, from the row's columns and their JSON."""
    if more is None or "grants" not in more:
        return Holdings(standing, _chain(more))
    grants = tuple(_standing(each) for each in more["grants"])
    return Holdings(_standing(more), _chain(more["previous"]), grants)


def _chain(first: Mapping[str, Any] | None) -> tuple[Standing, ...]:
    found = []
    while first is not None:
        found.append(_standing(first))
        first = first.get("previous")
    return tuple(found)


def _plain(standing: Standing) -> dict[str, Any]:
    told = {name: getattr(standing, name) for name in _INSTANTS}
    return {"code": standing.code, "since": standing.since.isoformat()} | {
        name: at.isoformat() if at else None for name, at in told.items()
    }


def _standing(plain: Mapping[str, Any]) -> Standing:
    told = {name: datetime.fromisoformat(plain[name]) if plain.get(name) else None for name in _INSTANTS}
    return Standing(code=plain["code"], since=datetime.fromisoformat(plain["since"]), **told)
