"""Giving points to many members in a few statements: batches of orders, imports."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any
from uuid import UUID

from django.db import IntegrityError, transaction

from loyalty.lib import ids
from loyalty.lib.database import connection
from loyalty.lib.errors import Refusal
from loyalty.outbox import news
from points import errors
from points.postings import Posting, PostResult
from points.services import posting
from tenants.context import current_brand

ROWS_AT_ONCE = 2000
"""How many lines go to the server in one piece."""
ATTEMPTS = 3

_COLUMNS = """
    line integer, journal integer, member_id uuid, journal_id uuid, event_id uuid, more text, id uuid,
    said text, kind text, points bigint, system_account text, source text, reference text, rule text,
    rule_version integer, currency text, effective_at timestamptz, available_at timestamptz,
    waits_for text, waits_ref text, expires_at timestamptz, inactivity_months smallint, cost_centre text,
    explanation jsonb, reason text, actor text"""
# Temporary tables are made by statements of their own, never inside a function, and are gone with the
# transaction: nothing of one brand is left on the connection when the next one works on it.
_STAGED = f"CREATE TEMPORARY TABLE points_staged ({_COLUMNS}, fate text) ON COMMIT DROP"
_BULK = """CREATE TEMPORARY TABLE points_bulk (LIKE points_staged, account_id uuid, waits boolean, seq bigint,
    available bigint, pending bigint, held bigint, lifetime bigint, active_at timestamptz,
    opened_at timestamptz) ON COMMIT DROP"""
_COPY = f"COPY points_staged({', '.join(c.split()[0] for c in _COLUMNS.split(','))}) FROM STDIN"
_SPECIAL = re.compile(r"[\\\t\n\r]").search
_ESCAPED = str.maketrans({"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r"})


@dataclass(frozen=True, slots=True)
class Journal:
    """One business fact of a bulk: what `post` takes, for one member."""

    member_id: UUID
    journal_id: UUID
    entries: Sequence[Posting]
    event_data: Mapping[str, Any] | None = None


@dataclass(slots=True)
class BulkResult:
    """What became of the journals, by their place in the bulk.

    `posted` counts the journals written now, `replayed` those that had been before. `results` has what
    `post` would have returned, where it was asked for; `refused` the refusals.
    """

    posted: int = 0
    replayed: int = 0
    results: dict[int, PostResult] = field(default_factory=dict)
    refused: dict[int, Refusal] = field(default_factory=dict)


def post_bulk(
    *, journals: Sequence[Journal], now: datetime, event: str = "points.accrued", results: bool = False
) -> BulkResult:
    """Post many journals; the outcome is that of `post` for one after the other, refusals set apart.

    A refused journal (ReferenceConflict, AccountFrozen, PointsOutOfRange) leaves nothing behind but its
    account, opened, and stops no other. All accounts are locked in the order of their keys, and all
    journals are written in one transaction: some ten thousand at a time keep it short.
    `results`: also return what each wrote. Each journal has one entry at least.

    What is out of the ordinary goes through `post`: accounts in debt or frozen, lots that end in the past,
    several currencies in one journal, references posted before with other content.
    """
    for _attempt in range(ATTEMPTS):
        try:
            with transaction.atomic():
                return _post(journals, now, event, results)
        except IntegrityError as error:
            # Somebody posted one of our references meanwhile; the next look at it sees it.
            failure = error
    raise failure


def _post(journals: Sequence[Journal], now: datetime, event: str, results: bool) -> BulkResult:
    result = BulkResult()
    sound = [place for place, journal in enumerate(journals) if _in_range(place, journal, result)]
    if not sound:
        return result
    zone = current_brand().timezone
    with connection.cursor() as cursor:
        # A bulk sorts and joins all of its lines; of their distribution only the outline matters.
        cursor.execute(
            "SELECT set_config('work_mem', '64MB', true), set_config('default_statistics_target', '10', true)"
        )
        cursor.execute(_STAGED)
        cursor.execute(_BULK)
        with cursor.cursor.copy(_COPY) as copy:
            for rows in _pieces(journals, sound, now):
                copy.write(rows)
        cursor.execute("ANALYZE points_staged")
        cursor.execute("SELECT points_bulk_enter(%s, %s)", [now, zone])
        cursor.execute("SELECT points_bulk_sort(%s, %s)", [now, zone])
        cursor.execute("SELECT points_bulk_write(%s, %s, %s)", [now, zone, event])
        cursor.execute(
            "SELECT DISTINCT journal, fate FROM points_staged WHERE fate IS NOT NULL ORDER BY journal"
        )
        fates = cursor.fetchall()
        if results:
            cursor.execute("SELECT journal, told FROM points_bulk_told()")
            for place, told in cursor.fetchall():
                result.results[place] = posting.post_result(json.loads(told))
        cursor.execute("DROP TABLE points_bulk, points_staged")
    result.posted = len(sound) - len(fates)
    for place, fate in fates:
        if fate == "known" and not results:
            result.replayed += 1
        else:
            _post_one(place, journals[place], now, event, results, result)
    news.after_commit()
    return result


def _in_range(place: int, journal: Journal, result: BulkResult) -> bool:
    try:
        for entry in journal.entries:
            posting.check_points(entry.points)
    except errors.PointsOutOfRange as refusal:
        result.refused[place] = refusal
        return False
    return True


def _post_one(
    place: int, journal: Journal, now: datetime, event: str, results: bool, result: BulkResult
) -> None:
    try:
        with transaction.atomic():
            posted = posting.post(
                member_id=journal.member_id,
                journal_id=journal.journal_id,
                entries=journal.entries,
                now=now,
                event=event,
                event_data=journal.event_data,
            )
    except Refusal as refusal:
        result.refused[place] = refusal
        return
    result.posted += not posted.replayed
    result.replayed += posted.replayed
    if results:
        result.results[place] = posted


def _pieces(journals: Sequence[Journal], places: Sequence[int], now: datetime) -> Iterator[str]:
    rows: list[str] = []
    line = 0
    for place in places:
        journal = journals[place]
        head = f"{place}\t{journal.member_id}\t{journal.journal_id}\t{ids.text()}"
        more = _text(posting.more_data(journal.event_data))
        for entry in journal.entries:
            line += 1
            rows.append(f"{line}\t{head}\t{more}\t{_row(entry, now)}\n")
            more = "\\N"
        if len(rows) >= ROWS_AT_ONCE:
            yield "".join(rows)
            rows.clear()
    yield "".join(rows)


def _row(entry: Posting, now: datetime) -> str:
    explanation = None if entry.explanation is None else json.dumps(entry.explanation)
    return (
        f"{ids.text()}\t{_text(_said(entry, now))}\t{_text(entry.kind)}\t{entry.points}"
        f"\t{_text(entry.system_account)}\t{_text(entry.source)}\t{_text(entry.reference)}\t{_text(entry.rule)}"
        f"\t{_or_null(entry.rule_version)}\t{_text(entry.currency)}\t{_instant(entry.effective_at or now)}"
        f"\t{_or_null(entry.available_at)}\t{_text(entry.waits_for)}\t{_text(entry.waits_ref)}"
        f"\t{_or_null(entry.expires_at)}\t{_or_null(entry.inactivity_months)}\t{_text(entry.cost_centre)}"
        f"\t{_text(explanation)}\t{_text(entry.reason)}\t{_text(entry.actor)}"
    )


def _said(entry: Posting, now: datetime) -> str:
    """What the event says of the entry, but for its id and the balance, which the database knows."""
    pending = entry.waits_for is not None or (entry.available_at is not None and entry.available_at > now)
    return (
        f'"kind": {_quoted(entry.kind)}, "points": {entry.points}, '
        f'"points_currency": {_quoted(entry.currency)}, '
        f'"rule": {_quoted(entry.rule)}, "version": {_quoted(entry.rule_version)}, '
        f'"available_at": {_told_at(entry.available_at)}, "expires_at": {_told_at(entry.expires_at)}, '
        f'"pending": {"true" if pending else "false"}, "debt_repaid": 0'
    )


# Of these there are few different ones in a bulk.
_quoted = lru_cache(4096)(json.dumps)
_instant = lru_cache(4096)(str)


@lru_cache(4096)
def _told_at(at: datetime | None) -> str:
    return "null" if at is None else f'"{at.astimezone(UTC).isoformat()}"'


def _text(value: str | None) -> str:
    if value is None:
        return "\\N"
    return value.translate(_ESCAPED) if _SPECIAL(value) else value


def _or_null(value: object) -> str:
    return "\\N" if value is None else str(value)
