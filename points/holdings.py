"""All that a member holds: the tier that orders brought, and tiers that were given until a date. Pure.

The best of what is still valid counts at any instant: the highest tier, of two alike that which lasts longer.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, tzinfo
from decimal import Decimal

from points import tiers
from points.expiry import midnight
from points.tiers import Fall, Level, Program, Qualifying, Standing, Why, Window

# What qualified on each brand-local day of a time.
Daily = Callable[[Window], Sequence[tuple[date, Decimal]]]
FOREVER = datetime.max.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Holdings:
    """`track` is what orders brought the member to, and what follows at the end of a period; `before` is what
    stood before it and may stand again; `grants` are tiers given until a date, which no return touches."""

    track: Standing
    before: tuple[Standing, ...] = ()
    grants: tuple[Standing, ...] = ()

    def best(self, program: Program) -> Standing:
        """The standing that counts."""
        return max((self.track, *self.grants), key=lambda each: _worth(program, each))

    @property
    def next_due(self) -> datetime | None:
        """When something of it comes up for review; None where nothing ever does."""
        due = [each.review_at for each in (self.track, *self.grants) if each.review_at is not None]
        return min(due, default=None)


def _rank(program: Program, standing: Standing) -> int:
    rank = program.rank(standing.code)
    return -1 if rank is None else rank


def _worth(program: Program, standing: Standing) -> tuple[int, datetime]:
    return _rank(program, standing), standing.review_at or FOREVER


def settle(
    program: Program, held: Holdings, at: datetime, tz: tzinfo, qualifying: Qualifying
) -> tuple[Holdings, Why | None]:
    """What is held after everything that fell due by `at`, in the order of time, and why (None: nothing)."""
    why: Why | None = None
    while (due := held.next_due) is not None and due <= at:
        held, step = _step(program, held, due, tz, qualifying)
        why = step or why
    return replace(held, before=_still(program, held.before, at)), why


def _step(
    program: Program, held: Holdings, due: datetime, tz: tzinfo, qualifying: Qualifying
) -> tuple[Holdings, Why | None]:
    if held.track.review_at == due:
        after, why = tiers.one_review(program, held.track, tz, qualifying)
        if why != "period_end":
            return replace(held, track=after), why
        return _fallen(program, held, after, due, tz, qualifying), why
    ending = next(each for each in held.grants if each.review_at == due)
    others = replace(held, grants=tuple(each for each in held.grants if each is not ending))
    if _rank(program, others.best(program)) >= _rank(program, ending):
        # Something else holds the member as high: nothing ends for them.
        return others, None
    after, why = tiers.one_review(program, ending, tz, qualifying)
    if why is None:
        # A grace, or a programme under which no tier is lost.
        return replace(others, grants=(*others.grants, after)), None
    return risen(program, others, after, due), why


def _fallen(
    program: Program, held: Holdings, after: Standing, due: datetime, tz: tzinfo, qualifying: Qualifying
) -> Holdings:
    """At the end of a period: to `after`, or to what stood before where that lasts longer and is higher."""
    lasting = [each for each in held.before if _lasts(each, due)]
    higher = [each for each in lasting if _rank(program, each) > _rank(program, after)]
    kept = _first_justified(program, higher, due, tz, qualifying)
    if kept is None:
        return replace(held, track=after, before=tuple(lasting))
    return replace(held, track=kept, before=(after, *_without(lasting, kept)))


def _lasts(standing: Standing, at: datetime) -> bool:
    # Earned while no tier was ever lost: that held as long as the programme said so.
    return standing.earned_at is None if standing.review_at is None else standing.review_at > at


def _still(program: Program, before: tuple[Standing, ...], at: datetime) -> tuple[Standing, ...]:
    if program.downgrade == "never":
        return tuple(
            replace(each, until=None, review_at=None) if each.review_at and each.review_at <= at else each
            for each in before
        )
    return tuple(each for each in before if each.review_at is None or each.review_at > at)


def _first_justified(
    program: Program, among: Iterable[Standing], at: datetime, tz: tzinfo, qualifying: Qualifying
) -> Standing | None:
    """The best of these that was granted, or that the orders still justify."""
    for each in sorted(among, key=lambda one: _worth(program, one), reverse=True):
        level = tiers.justified(program, each, at, tz, qualifying)
        if level is None or level.code == each.code:
            return each
    return None


def _without(among: Iterable[Standing], one: Standing) -> tuple[Standing, ...]:
    return tuple(each for each in among if each is not one)


def reached(program: Program, held: Holdings, earned: Level, at: datetime, tz: tzinfo) -> Holdings:
    """What is held after an order that brought the qualifying number of the current period to `earned`."""
    return risen(program, held, tiers.reached(program, held.track, earned, at, tz), at)


def risen(program: Program, held: Holdings, track: Standing, at: datetime) -> Holdings:
    """Held with `track` where that is higher, or as high and held longer. What it rises above is kept."""
    if _worth(program, track) < _worth(program, held.track):
        return held
    if track.review_at == held.track.review_at and track.code == held.track.code:
        return replace(held, track=track)
    return replace(held, track=track, before=(held.track, *_still(program, held.before, at)))


def lowered(
    program: Program, held: Holdings, at: datetime, tz: tzinfo, qualifying: Qualifying, daily: Daily
) -> Holdings:
    """What is held after a return: what the orders no longer justify falls to what they do, or back to what
    stood before the upgrade that is undone, or to what they would have reached on a day since then without
    what came back. What was granted stays."""
    level = tiers.justified(program, held.track, at, tz, qualifying)
    if level is None or level.code == held.track.code:
        return held
    earned_at = held.track.earned_at or at
    until = tiers.holds_until(program, level, earned_at, tz)
    if until is not None and until <= at:
        # A changed programme had put the end of the tier off: what it falls to ends with it.
        until = held.track.review_at
    after = Standing(level.code, at, until, until, earned_at)
    before = [each for each in held.before if each.review_at is None or each.review_at > at]
    alike = [each for each in before if _rank(program, each) >= _rank(program, after)]
    kept = _first_justified(program, alike, at, tz, qualifying)
    again = _reached_since(program, earned_at, at, tz, daily)
    if again is not None and _rank(program, again) > _rank(program, kept or after):
        return replace(held, track=again, before=tuple(before))
    if kept is None:
        return replace(held, track=after, before=tuple(before))
    return replace(held, track=kept, before=_without(before, kept))


def _reached_since(
    program: Program, since: datetime, at: datetime, tz: tzinfo, daily: Daily
) -> Standing | None:
    """What orders reached best on a day from `since` on, where it is still held. Of rolling periods: the
    calendar ones that matter are two, the present one and the one that earned the tier."""
    if program.period != "rolling_months":
        return None
    first = tiers.window(program, since, tz).start
    days = [each for each in daily(Window(first, at)) if each[1]]
    found: list[Standing] = []
    for start in (midnight(day, tz) for day, _count in days):
        span = tiers.window(program, start, tz)
        if span.end <= since:
            continue
        total = sum((n for day, n in days if span.start <= midnight(day, tz) < span.end), Decimal(0))
        level = program.earned(total)
        until = tiers.holds_until(program, level, start, tz)
        if until is None or until > at:
            found.append(Standing(level.code, at, until, until, start))
    return max(found, key=lambda each: _worth(program, each), default=None)


def granted(held: Holdings, grant: Standing) -> Holdings:
    """What is held with one more tier given; of two grants of one tier the longer counts."""
    ends = grant.until or FOREVER
    if any(each.code == grant.code and (each.review_at or FOREVER) >= ends for each in held.grants):
        return held
    others = tuple(each for each in held.grants if each.code != grant.code)
    return replace(held, grants=(*others, grant))


def merged(program: Program, kept: Holdings, lost: Holdings, at: datetime) -> Holdings:
    """What a member holds into whom another was merged at `at`: all that either held."""
    track, before, grants = (
        replace(lost.track, since=at),
        [replace(each, since=at) for each in lost.before if _rank(program, each) > 0],
        [replace(each, since=at) for each in lost.grants],
    )
    rows = [kept.track, track] if _rank(program, track) > 0 else [kept.track]
    best = max(rows, key=lambda each: _worth(program, each))
    held = Holdings(best, (*_without(rows, best), *kept.before, *before), kept.grants)
    for grant in grants:
        held = granted(held, grant)
    return held


def changed(program: Program, held: Holdings, at: datetime, tz: tzinfo, qualifying: Qualifying) -> Holdings:
    """What is held when `program` takes the place of another at `at`. It lowers no tier that still exists.

    A tier that is gone gives way to what else is held or earned, and waits should it come back. What was
    earned while no tier was ever lost is held for a period from now on, where tiers are lost again.
    """
    gone = program.rank(held.track.code) is None
    higher = [each for each in held.before if _rank(program, each) > _rank(program, held.track)]
    kept = _first_justified(program, [s for s in higher if _lasts(s, at)], at, tz, qualifying)
    if kept is not None:
        held = replace(held, track=kept, before=(held.track, *_without(held.before, kept)))
    elif gone:
        held = replace(held, track=tiers.begin(program, at), before=(held.track, *held.before))
    earned = program.earned(qualifying(tiers.window(program, at, tz)))
    after = reached(program, held, earned, at, tz)
    if after.track.code != held.track.code:
        held = after
    return replace(
        held,
        track=tiers.ending(program, held.track, at, tz),
        before=tuple(tiers.ending(program, each, at, tz) for each in held.before),
    )


def next_fall(
    program: Program, held: Holdings, before: datetime, tz: tzinfo, qualifying: Qualifying
) -> Fall | None:
    """The first fall up to `before` by what has been bought so far; None where there is none."""
    while (due := held.next_due) is not None and due <= before:
        best = held.best(program)
        held, _why = _step(program, held, due, tz, qualifying)
        after = held.best(program)
        if _rank(program, after) < _rank(program, best):
            return Fall(due, after.code, tiers.missing_to_keep(program, best, tz, qualifying))
    return None
