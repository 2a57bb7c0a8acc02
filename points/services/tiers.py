"""Tiers: what qualifies for them, who holds which, and what a return or the end of a period does to them.

Everything that writes a member's tier runs under the lock on the member's points account
(`points.lock_account`), which the caller takes first.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import Q, QuerySet

from loyalty.lib import instants
from loyalty.lib.transactions import one_by_one
from loyalty.outbox import services as outbox
from points import errors, holdings, locks, tiers
from points.holdings import Holdings
from points.models import MemberTier, TierProgram, TierProgramVersion
from points.services import tierrows as rows
from points.services.accounts import lock_account
from points.services.tierrows import Fact, Held, number
from points.tiers import Program, Standing, Why, Window
from tenants.context import current_brand

__all__ = [
    "Fact",
    "Held",
    "config",
    "config_of",
    "counted_visits",
    "counting",
    "disqualify",
    "grant",
    "held",
    "number",
    "peek",
    "program",
    "qualify",
    "raised",
    "replace_fact",
    "review_due",
    "settled",
    "store_program",
    "tier_view",
    "version",
]


def program() -> Program | None:
    """The brand's tier programme, or None where it has none."""
    row = TierProgram.objects.filter(pk=1).values_list("config", "version").first()
    return None if row is None else Program.of(row[0], row[1])


def config() -> dict[str, Any] | None:
    """The programme as it was stored, for the API and the console; None where there is none."""
    return TierProgram.objects.filter(pk=1).values_list("config", flat=True).first()


def config_of(version: int) -> dict[str, Any] | None:
    """The programme as it was stored in an earlier version; None where that is not known."""
    return TierProgramVersion.objects.filter(pk=version).values_list("config", flat=True).first()


def version() -> int:
    """The version of the programme in force; 0 where there is none."""
    return TierProgram.objects.filter(pk=1).values_list("version", flat=True).first() or 0


def store_program(
    *, config: Mapping[str, Any], actor: str, now: datetime, instead_of: int | None = None
) -> Program:
    """Put `config` (checked, defaults filled in) in force. Storing what is in force changes nothing.

    Members are judged by it as from `now`, at their next order or by the next `review_due`: however many
    programmes follow each other until then, each counts for its time. `instead_of` is the version that the
    caller saw, 0 for none: raises TiersChanged where it is another one by now.
    """
    with transaction.atomic():
        row = locks.tier_program()
        if instead_of is not None and instead_of != (row.version if row is not None else 0):
            raise errors.TiersChanged
        if row is not None and row.config == config:
            return Program.of(row.config, row.version)
        if row is None:
            row = TierProgram(pk=1, version=0)
        row.config, row.version = dict(config), row.version + 1
        row.updated_at, row.updated_by = now, actor
        row.save()
        TierProgramVersion.objects.create(version=row.version, config=row.config, in_force_at=now)
        stored = Program.of(row.config, row.version)
        rows.await_judgement(stored, now)
        outbox.publish(
            type="tiers.changed",
            payload={"version": stored.version, "codes": list(stored.codes), "actor": actor},
            occurred_at=now,
        )
        return stored


def held(*, member_id: UUID, now: datetime, reference: str = "") -> Held | None:
    """What the member holds at `now`, after settling what fell due; None where the brand has no tiers.

    The caller holds the lock on the member's account.
    """
    found = rows.read(member_id)
    return None if found is None else settled(member_id=member_id, found=found, now=now, reference=reference)


def settled(*, member_id: UUID, found: Held, now: datetime, reference: str = "") -> Held:
    """What the member holds at `now`, after settling what fell due of what was `found` under the lock."""
    next_due = found.holdings.next_due
    if (next_due is None or next_due > now) and not _is_stale(found):
        return found
    after, why = _judged(found, now, member_id)
    qualifying = rows.total(member_id, found.program, rows.current_window(found.program, now))
    return rows.store(member_id, found, after, why or "program", qualifying, reference, now)


def peek(*, member_id: UUID, at: datetime) -> Held | None:
    """What the member holds at `at`, worked out and not written; None where the brand has no tiers."""
    found = rows.read(member_id)
    if found is None:
        return None
    return replace(found, holdings=_judged(found, at, member_id)[0])


def qualify(*, member_id: UUID, held: Held | None, fact: Fact, now: datetime) -> Held | None:
    """Count an order towards the tier, and raise the tier at once where it now reaches a higher one.

    The caller holds the lock. A second fact of the same source and reference violates a unique key.
    """
    if held is None or held.program.qualify_by == "visits":
        rows.insert(member_id, fact)
        if held is None:
            return None
        qualifying = counted_visits(member_id=member_id, held=held, at=max(now, fact.at))
    else:
        qualifying = rows.insert_and_sum(member_id, held.program, fact, max(now, fact.at))
    return raised(member_id=member_id, held=held, fact=fact, qualifying=qualifying, now=now)


def raised(*, member_id: UUID, held: Held, fact: Fact, qualifying: Decimal, now: datetime) -> Held:
    """Raise the tier at once where `qualifying`, the sum with `fact` in it, now reaches a higher one.

    A till's clock may be ahead: what is dated after `now` counts in the period of its own date. The caller
    holds the lock and has written the fact.
    """
    program, tz = held.program, current_brand().tz
    after = holdings.reached(program, held.holdings, program.earned(qualifying), max(now, fact.at), tz)
    if after.track.since > now:
        after = replace(after, track=replace(after.track, since=now))
    if fact.at < rows.current_window(program, now).start and program.period != "rolling_months":
        # A late order of a period that is over may still earn what it would have earned in time.
        then = rows.total(member_id, program, tiers.window(program, fact.at, tz))
        level = program.earned(then)
        until = tiers.holds_until(program, level, fact.at, tz)
        if (
            until is not None
            and until > now
            and rows.rank_of(program, level.code) > rows.rank_of(program, after.track.code)
        ):
            late = Standing(level.code, now, until, until, fact.at)
            after, qualifying = holdings.risen(program, held.holdings, late, now), then
    return rows.store(member_id, held, after, "earned", qualifying, fact.reference, now)


def counting(held: Held, at: datetime) -> tuple[str, Window]:
    """What the programme counts (`points`, `spend` or `visits`), and over which time as at `at`."""
    return held.program.qualify_by, rows.current_window(held.program, at)


def counted_visits(*, member_id: UUID, held: Held, at: datetime) -> Decimal:
    """The days with an order in the programme's window at `at`."""
    return rows.total(member_id, held.program, rows.current_window(held.program, at))


def disqualify(*, member_id: UUID, held: Held | None, fact: Fact, now: datetime) -> Held | None:
    """Count a return (negative numbers), and lower the tier at once unless the brand waits for period end.

    What the remaining orders no longer justify falls to what they do, or back to the tier held before the
    upgrade that is undone. The caller holds the lock.
    """
    rows.insert(member_id, fact)
    return _lowered(member_id, held, fact.reference, now)


def replace_fact(*, member_id: UUID, held: Held | None, off: Fact, new: Fact, now: datetime) -> Held | None:
    """Count a correction: take off what a fact counted (negative numbers) and count what it counts now.

    The tier rises or falls at once by the outcome of both. The caller holds the lock.
    """
    rows.insert(member_id, off)
    raised = qualify(member_id=member_id, held=held, fact=new, now=now)
    return _lowered(member_id, raised, new.reference, now)


def _lowered(member_id: UUID, held: Held | None, reference: str, now: datetime) -> Held | None:
    if held is None or held.program.on_return != "at_once":
        return held
    tz, program = current_brand().tz, held.program

    def qualifying(span: Window) -> Decimal:
        return rows.total(member_id, program, span)

    def daily(span: Window) -> Sequence[tuple[date, Decimal]]:
        return rows.by_day(member_id, program, span)

    after = holdings.lowered(program, held.holdings, now, tz, qualifying, daily)
    if after == held.holdings:
        return held
    count = qualifying(rows.current_window(program, now))
    return rows.store(member_id, held, after, "return", count, reference, now)


def grant(
    *, member_id: UUID, code: str, since: datetime, until: datetime | None, now: datetime, reference: str
) -> Held | None:
    """Give a tier that was not earned here (moving in, care): held until `until`, whatever is returned.

    It stands beside what the member holds already, earned or granted: the best counts at any instant. Of two
    grants of one tier the longer counts; one that is over by `now` changes nothing.

    Raises ValueError for a tier that the programme does not have. The caller holds the lock.
    """
    found = held(member_id=member_id, now=now)
    if found is None or found.program.rank(code) is None:
        raise ValueError(f"no tier {code!r}")
    if until is not None and until <= now:
        return found
    after = holdings.granted(found.holdings, Standing(code, since, until, until))
    return rows.store(member_id, found, after, "granted", Decimal(0), reference, now)


def is_review_due(now: datetime) -> bool:
    """Whether `review_due` would find anybody."""
    in_force = program()
    return in_force is not None and _to_review(in_force, now).exists()


def _to_review(in_force: Program, now: datetime) -> QuerySet[MemberTier]:
    return MemberTier.objects.filter(Q(review_at__lte=now) | ~Q(program_version=in_force.version))


def review_due(*, now: datetime, limit: int = 500) -> int:
    """Settle up to `limit` members whose tier falls due or was judged by an older programme.

    Returns how many were. Each member in a transaction of their own, under the account's lock; one that
    fails keeps no other from it. Safe to repeat and to run twice.
    """

    def review(member_id: UUID) -> None:
        with transaction.atomic():
            lock_account(member_id=member_id, now=now)
            held(member_id=member_id, now=now)

    in_force = program()
    if in_force is None:
        return 0
    due = list(_to_review(in_force, now).values_list("member_id", flat=True)[:limit])
    return one_by_one(due, review, failed="tier_not_reviewed")


def tier_view(member_id: UUID, at: datetime) -> dict[str, Any] | None:
    """The member's tier as the API tells it, projected to `at`; None where the brand has no tiers.

    `qualifying_points` and `points_missing` are points, orders' days or money (a decimal string), as the
    programme counts. `next.by` is the end of a calendar period, null where the period rolls on.
    """
    found = rows.read(member_id)
    if found is None:
        return None
    tz, program = current_brand().tz, found.program

    def qualifying(span: Window) -> Decimal:
        return rows.total(member_id, program, span)

    standing = _judged(found, at, member_id)[0].best(program)
    count = qualifying(tiers.window(program, at, tz))
    level, above = program.level(standing.code), program.above(standing.code)
    missing = max(Decimal(0), above.threshold - count) if above else None
    by = tiers.window(program, at, tz).end if program.period != "rolling_months" else None
    return {
        "code": standing.code,
        "name": dict(level.name) if level else {},
        "since": instants.text(standing.since),
        "until": None if program.downgrade == "never" else instants.text(standing.until),
        "qualify_by": program.qualify_by,
        "qualifying_points": number(program, count),
        "next": {
            "code": above.code,
            "name": dict(above.name),
            "points_missing": number(program, missing),
            "by": instants.text(by),
        }
        if above and missing is not None
        else None,
        "keep": _keep(program, standing, qualifying),
    }


def _keep(
    program: Program, standing: Standing, qualifying: Callable[[Window], Decimal]
) -> dict[str, Any] | None:
    """What is missing by the next review to hold the tier on; None where nothing ends it."""
    if standing.until is None or standing.review_at is None or program.downgrade == "never":
        return None
    missing = tiers.missing_to_keep(program, standing, current_brand().tz, qualifying)
    return {"by": instants.text(standing.review_at), "points_missing": number(program, missing)}


def _is_stale(found: Held) -> bool:
    return found.judged_by is not None and found.judged_by != found.program.version


def _judged(found: Held, at: datetime, member_id: UUID) -> tuple[Holdings, Why | None]:
    """What the member holds at `at`: reviews that fell due, by the programme that was in force then, and what
    each programme that was put in force since the last judgement brought."""
    tz = current_brand().tz

    def counted(program: Program) -> Callable[[Window], Decimal]:
        return lambda span: rows.total(member_id, program, span)

    program = found.program
    if found.judged_by is None or not _is_stale(found):
        return holdings.settle(program, found.holdings, at, tz, counted(program))
    after = _through_programs(found, found.judged_by, at, counted)
    after, step = holdings.settle(program, after, at, tz, counted(program))
    return after, step if step == "period_end" else "program"


def _through_programs(
    found: Held, judged_by: int, at: datetime, counted: Callable[[Program], Callable[[Window], Decimal]]
) -> Holdings:
    tz, after = current_brand().tz, found.holdings
    programs = rows.programs_since(judged_by)
    if not programs or programs[-1][0].version != found.program.version:
        programs.append((found.program, at))
    older: Program | None = None
    for newer, in_force_at in programs:
        from_at = min(in_force_at, at)
        if newer.version > judged_by:
            if older is not None:
                after, _why = holdings.settle(older, after, from_at, tz, counted(older))
            after = holdings.changed(newer, after, from_at, tz, counted(newer))
        older = newer
    return after
