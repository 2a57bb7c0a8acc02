"""How many members another tier programme would move, counted by the database before it is in force."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from django.db import OperationalError, connection, transaction

from points.services import tierrows
from points.services.tiers import program
from points.tiers import Program
from tenants.context import current_brand

LONGEST_MS: Final = 5000
"""A page waits no longer for the count."""
_SUMMED: Final = """
  SELECT member_id, sum({what}) AS total FROM points_tierqualification
  WHERE at >= %(start)s AND at < %(end)s GROUP BY member_id
"""
_QUALIFYING: Final = {
    "points": _SUMMED.format(what="points"),
    "spend": _SUMMED.format(what="spend"),
    # As in `tierrows`: a local day with at least one order that was not wholly returned.
    "visits": """
  SELECT member_id, count(*) AS total FROM (
    SELECT member_id FROM points_tierqualification WHERE at >= %(start)s AND at < %(end)s
    GROUP BY member_id, (at AT TIME ZONE %(zone)s)::date HAVING sum(visits) > 0
  ) day GROUP BY member_id
""",
}
_MATRIX: Final = """
SELECT coalesce(tier.code, %(lowest)s), width_bucket(coalesce(q.total, 0), %(thresholds)s::numeric[]),
  count(*)
FROM members_member member
LEFT JOIN points_membertier tier ON tier.member_id = member.id
LEFT JOIN ({qualifying}) q ON q.member_id = member.id
WHERE member.status = 'active' GROUP BY 1, 2
"""


@dataclass(frozen=True, slots=True)
class Moves:
    """Members who would rise and fall at once, and those who keep a level only until its period ends, since
    they would not have earned it by the new programme."""

    up: int = 0
    down: int = 0
    short: int = 0


def moves(config: Mapping[str, Any], now: datetime) -> Moves | None:
    """What a checked programme would move if it were in force at `now`; None where counting takes too long.

    A change lowers nobody whose level goes on (`holdings.changed`): those fall whose level is taken away.
    """
    new, old = Program.of(config), program()
    try:
        with transaction.atomic():
            return _counted(new, old, _matrix(new, old, now))
    except OperationalError:
        return None


def _matrix(new: Program, old: Program | None, now: datetime) -> list[tuple[str, int, int]]:
    """Members by the level that they hold and the rank that they would have earned."""
    span = tierrows.current_window(new, now)
    given: dict[str, Any] = {
        "lowest": (old or new).levels[0].code,
        "thresholds": [level.threshold for level in new.levels],
        "start": span.start,
        "end": span.end,
        "zone": current_brand().timezone,
    }
    with connection.cursor() as cursor:
        cursor.execute("SELECT set_config('statement_timeout', %s, true)", [str(LONGEST_MS)])
        cursor.execute(_MATRIX.format(qualifying=_QUALIFYING[new.qualify_by]), given)
        found = [(code, max(bucket - 1, 0), count) for code, bucket, count in cursor.fetchall()]
        cursor.execute("SET LOCAL statement_timeout TO DEFAULT")
        return found


def _counted(new: Program, old: Program | None, matrix: Iterable[tuple[str, int, int]]) -> Moves:
    up = down = short = 0
    for code, reached, count in matrix:
        rank = new.rank(code)
        if rank is None:
            # The level is taken away: what was earned counts, seen from where it stood before.
            there = old.rank(new.levels[reached].code) if old else None
            before = (old.rank(code) if old else None) or 0
            after = reached if there is None else there
            up, down = up + count * (after > before), down + count * (after < before)
        elif reached > rank:
            up += count
        elif reached < rank and new.downgrade != "never":
            short += count
    return Moves(up, down, short)
