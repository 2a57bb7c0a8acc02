"""Giving points to many members in a few statements: batches of orders, imports."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from django.db import IntegrityError, transaction

from loyalty.lib.database import connection
from loyalty.lib.errors import Refusal
from loyalty.outbox import news
from points import errors
from points.postings import Journal, PostResult
from points.services import posting
from points.services.bulklines import Lines
from tenants.context import current_brand

ATTEMPTS = 3

# Temporary tables are made by statements of their own, never inside a function, and are gone with the
# transaction: nothing of one brand is left on the connection when the next one works on it. What many lines
# have in common stands once, in `points_shapes`, and so does what concerns an account.
_TABLES = """
CREATE TEMPORARY TABLE points_staged (
    line integer, journal integer, account integer, shape integer, journal_id uuid, event_id uuid, id uuid,
    points bigint, reference text, waits_ref text, explanation jsonb, more text, fate text) ON COMMIT DROP;
CREATE TEMPORARY TABLE points_shapes (
    shape integer, said text, kind text, system_account text, source text, rule text, rule_version integer,
    currency text, effective_at timestamptz, available_at timestamptz, pending boolean, waits_for text,
    expires_at timestamptz, inactivity_months smallint, cost_centre text, reason text, actor text
    ) ON COMMIT DROP;
CREATE TEMPORARY TABLE points_asked (
    account integer, member_id uuid, currency text, odd boolean) ON COMMIT DROP;
CREATE TEMPORARY TABLE points_entered (
    account integer, due boolean, earn_frozen boolean, odd boolean, account_id uuid, member_id uuid,
    last_seq bigint, available bigint, pending bigint, held bigint, lifetime bigint, active_at timestamptz,
    opened_at timestamptz) ON COMMIT DROP;
CREATE TEMPORARY TABLE points_bulk (
    line integer, journal integer, account integer, shape integer, journal_id uuid, event_id uuid, id uuid,
    points bigint, reference text, waits_ref text, explanation jsonb, more text, account_id uuid,
    member_id uuid, seq bigint, balance bigint, pending bigint, held bigint, lifetime bigint,
    active_at timestamptz, opened_at timestamptz) ON COMMIT DROP"""
_DROP = "DROP TABLE points_bulk, points_entered, points_asked, points_shapes, points_staged"
_STAGED = (
    "COPY points_staged(line, journal, account, shape, journal_id, event_id, id, points, reference,"
    " waits_ref, explanation, more) FROM STDIN"
)


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
    lines = Lines(now)
    with connection.cursor() as cursor:
        cursor.execute("SELECT set_config('work_mem', '64MB', true)")
        cursor.execute(_TABLES)
        for command, pieces in (
            (_STAGED, lines.staged(journals, sound)),
            ("COPY points_shapes FROM STDIN", lines.shapes()),
            ("COPY points_asked FROM STDIN", lines.asked()),
        ):
            with cursor.cursor.copy(command) as copy:
                for rows in pieces:
                    copy.write(rows)
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
        cursor.execute(_DROP)
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
