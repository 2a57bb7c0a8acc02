"""The rows behind tiers: reading a standing, storing a new one with its history and event, summing."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from functools import lru_cache
from typing import Any
from uuid import UUID

from django.db import connection

from loyalty.lib import ids
from loyalty.outbox import services as outbox
from points import tiers
from points.holdings import Holdings
from points.models import MemberTier, TierChange, TierProgramVersion, TierQualification
from points.services import tierjson
from points.tiers import Program, Standing, Window
from tenants.context import current_brand

READ = """
SELECT program.config, program.version, member.enrolled_at, tier.code, tier.since, tier.until, tier.review_at,
  tier.earned_at, tier.previous, tier.program_version
FROM points_tierprogram program
JOIN members_member member ON member.id = %s
LEFT JOIN points_membertier tier ON tier.member_id = member.id
"""
_QUALIFY = """
WITH added AS (
  INSERT INTO points_tierqualification(id, member_id, at, points, spend, visits, source, reference)
  VALUES (%s, %s, %s, %s, %s, %s, %s, %s)
)
"""
_SUM = {
    "points": "SELECT coalesce(sum(points), 0) FROM points_tierqualification"
    " WHERE member_id = %s AND at >= %s AND at < %s",
    "spend": "SELECT coalesce(sum(spend), 0) FROM points_tierqualification"
    " WHERE member_id = %s AND at >= %s AND at < %s",
}
# A visit is a local day with at least one order that was not wholly returned.
_VISITS = """
SELECT count(*) FROM (
  SELECT 1 FROM points_tierqualification WHERE member_id = %s AND at >= %s AND at < %s
  GROUP BY (at AT TIME ZONE %s)::date HAVING sum(visits) > 0
) day
"""
_BY_DAY = """
SELECT (at AT TIME ZONE %s)::date AS day, sum(points), sum(spend), (sum(visits) > 0)::int
FROM points_tierqualification WHERE member_id = %s AND at >= %s AND at < %s GROUP BY day ORDER BY day
"""


@dataclass(frozen=True, slots=True)
class Held:
    """The programme, and what one member holds in it. `judged_by` is the version that it was last judged by,
    None for a member without a row."""

    program: Program
    holdings: Holdings
    judged_by: int | None = None

    @property
    def standing(self) -> Standing:
        """The best of what is held, which counts."""
        return self.holdings.best(self.program)

    @property
    def code(self) -> str:
        """The code of the tier held."""
        return self.standing.code


@dataclass(frozen=True, slots=True)
class Fact:
    """What one order or return adds to the qualifying numbers, as at the purchase."""

    at: datetime
    points: int
    spend: Decimal
    visits: int
    source: str
    reference: str


def number(program: Program, value: Decimal) -> int | str:
    """A qualifying number as the API writes it: an integer, or money as a decimal string."""
    return f"{value:.2f}" if program.qualify_by == "spend" else int(value)


def await_judgement(stored: Program, now: datetime) -> None:
    # Whoever has qualifying orders gets a row, so that a level inserted or lowered reaches them too: as if
    # judged by the programme before, since that is what they held the lowest tier in.
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO points_membertier(member_id, code, since, program_version, updated_at)"
            " SELECT DISTINCT q.member_id, %s, m.enrolled_at, %s, %s::timestamptz"
            " FROM points_tierqualification q"
            " JOIN members_member m ON m.id = q.member_id AND m.status <> 'merged'"
            " ON CONFLICT (member_id) DO NOTHING",
            [stored.levels[0].code, stored.version - 1, now],
        )


def read(member_id: UUID) -> Held | None:
    with connection.cursor() as cursor:
        cursor.execute(READ, [member_id])
        row = cursor.fetchone()
    return None if row is None else held_of(row)


def held_of(row: Sequence[Any]) -> Held:
    """A row of READ as what the member holds; its first column is the programme's configuration as JSON."""
    text, version, enrolled_at, code, since, until, review_at, earned_at, previous, judged_by = row
    program = _program(text, version)
    if code is None:
        return Held(program, Holdings(tiers.begin(program, enrolled_at)))
    more = json.loads(previous) if isinstance(previous, str) else previous
    standing = Standing(code, since, until, review_at, earned_at)
    return Held(program, tierjson.read(standing, more), judged_by)


def programs_since(version: int) -> list[tuple[Program, datetime]]:
    """The programmes from this version on with the instants from which they were in force, oldest first."""
    rows = TierProgramVersion.objects.filter(version__gte=version).order_by("version")
    return [
        (_program(config, number), from_at)
        for number, config, from_at in rows.values_list("version", "config", "in_force_at")
    ]


def _program(config: Any, version: int) -> Program:
    return _parsed(config if isinstance(config, str) else json.dumps(config), version)


@lru_cache(maxsize=512)
def _parsed(text: str, version: int) -> Program:
    return Program.of(json.loads(text), version)


def store(
    member_id: UUID,
    before: Held,
    after: Holdings,
    why: str,
    qualifying: Decimal,
    reference: str,
    now: datetime,
) -> Held:
    """Write what the member holds from now on, with history and event where another tier counts."""
    if after == before.holdings and before.judged_by in (None, before.program.version):
        return before
    version = before.program.version
    held = Held(before.program, after, version)
    standing = held.standing
    MemberTier.objects.update_or_create(
        member_id=member_id,
        defaults={
            "code": standing.code,
            "since": standing.since,
            "until": standing.until,
            "review_at": standing.review_at,
            "earned_at": standing.earned_at,
            "previous": tierjson.written(after),
            "program_version": version,
            "updated_at": now,
        },
    )
    if standing.code != before.code:
        _tell(member_id, before, standing, why, qualifying, reference, now)
    return held


def _tell(
    member_id: UUID,
    before: Held,
    after: Standing,
    why: str,
    qualifying: Decimal,
    reference: str,
    now: datetime,
) -> None:
    upgraded = rank_of(before.program, after.code) > rank_of(before.program, before.code)
    TierChange.objects.create(
        member_id=member_id,
        from_code=before.code,
        to_code=after.code,
        why=why,
        qualifying=qualifying,
        reference=reference,
        at=after.since,
        recorded_at=now,
    )
    outbox.publish(
        type="tier.upgraded" if upgraded else "tier.downgraded",
        payload={
            "member_id": str(member_id),
            "from": before.code,
            "to": after.code,
            "why": why,
            "since": after.since.isoformat(),
            "until": after.until.isoformat() if after.until else None,
            "qualifying": number(before.program, qualifying),
            "reference": reference,
        },
        member_id=member_id,
        occurred_at=now,
    )


def insert(member_id: UUID, fact: Fact) -> None:
    TierQualification.objects.create(
        member_id=member_id,
        at=fact.at,
        points=fact.points,
        spend=fact.spend,
        visits=fact.visits,
        source=fact.source,
        reference=fact.reference,
    )


def insert_and_sum(member_id: UUID, program: Program, fact: Fact, at: datetime) -> Decimal:
    span = current_window(program, at)
    added: list[Any] = [
        ids.new(),
        member_id,
        fact.at,
        fact.points,
        fact.spend,
        fact.visits,
        fact.source,
        fact.reference,
    ]
    with connection.cursor() as cursor:
        cursor.execute(_QUALIFY + _SUM[program.qualify_by], [*added, member_id, span.start, span.end])
        before = Decimal(cursor.fetchone()[0])
    # The statement reads what stood before it: the new row is added here.
    if not span.start <= fact.at < span.end:
        return before
    return before + (fact.points if program.qualify_by == "points" else fact.spend)


def total(member_id: UUID, program: Program, span: Window) -> Decimal:
    with connection.cursor() as cursor:
        if program.qualify_by == "visits":
            cursor.execute(_VISITS, [member_id, span.start, span.end, current_brand().timezone])
        else:
            cursor.execute(_SUM[program.qualify_by], [member_id, span.start, span.end])
        return Decimal(cursor.fetchone()[0])


def by_day(member_id: UUID, program: Program, span: Window) -> list[tuple[date, Decimal]]:
    """What qualified on each local day of a time; of visits at most one a day."""
    with connection.cursor() as cursor:
        cursor.execute(_BY_DAY, [current_brand().timezone, member_id, span.start, span.end])
        which = tiers.QUALIFY_BY.index(program.qualify_by)
        return [(day, Decimal(counts[which])) for day, *counts in cursor.fetchall()]


def current_window(program: Program, at: datetime) -> Window:
    return tiers.window(program, at, current_brand().tz)


def rank_of(program: Program, code: str) -> int:
    rank = program.rank(code)
    return -1 if rank is None else rank
