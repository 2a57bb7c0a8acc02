"""The commonest journal, one accrual out of the ordinary in nothing: one statement, and little around it."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from uuid import UUID

from loyalty.lib import ids
from points import eventtext, ledger
from points.postings import EntryResult, Posting, PostResult

_encoded = json.JSONEncoder().encode
_CREDIT = (
    "SELECT points_credit(%s::uuid, %s::uuid, %s::uuid, %s::timestamptz, %s::bigint, %s::text, %s::text, "
    "%s::text, %s::text, %s::integer, %s::text, %s::timestamptz, %s::timestamptz, %s::boolean, "
    "%s::timestamptz, %s::timestamptz, %s::text, %s::jsonb, %s::text, %s::text)"
)


def credit(
    member_id: UUID, journal_id: UUID, entry: Posting, now: datetime, event: str, more: str
) -> PostResult | None:
    """What `points_credit` wrote, or None: it wrote nothing, and `points_post` must be asked.

    `more` is what the event says besides, as `, "name": value …`. Raises nothing of its own: what is wrong
    with a credit is for `points_post` to say.
    """
    available_at, expires_at = entry.available_at, entry.expires_at
    pending = available_at is not None and available_at > now
    due_at = expires_at
    if available_at is not None and pending and (expires_at is None or available_at < expires_at):
        due_at = available_at
    if (
        entry.kind != "accrual"
        or (due_at is not None and due_at <= now)
        or entry.waits_for is not None
        or entry.inactivity_months is not None
        or entry.reason
        or entry.actor
        or not ledger.knows_old()
    ):
        return None
    entry_id = ids.new()
    answer = ledger.ask(
        _CREDIT,
        (
            member_id,
            journal_id,
            entry_id,
            now,
            entry.points,
            entry.system_account,
            entry.source,
            entry.reference,
            entry.rule,
            entry.rule_version,
            entry.currency,
            entry.effective_at or now,
            available_at,
            pending,
            expires_at,
            due_at,
            entry.cost_centre,
            None if entry.explanation is None else _encoded(entry.explanation),
            event or None,
            _content(entry, pending, more) if event else "",
        ),
    )
    return None if answer is None else _result(answer, member_id, entry_id, entry, pending)


def _content(entry: Posting, pending: bool, more: str) -> str:
    currency = eventtext.quoted(entry.currency)
    return (
        f'{eventtext.BEGINNING}"kind": "accrual", "points": {entry.points}, "points_currency": {currency}, '
        f'"rule": {eventtext.quoted(entry.rule)}, "version": {_number(entry.rule_version)}, '
        f'"available_at": {_instant(entry.available_at)}, "expires_at": {_instant(entry.expires_at)}, '
        f'"pending": {"true" if pending else "false"}, "debt_repaid": 0, "balance_after": %1$s}}], '
        f"{eventtext.account(currency)}{eventtext.literal(more)}}}"
    )


def _number(value: int | None) -> str:
    return "null" if value is None else str(value)


def _instant(value: datetime | None) -> str:
    return "null" if value is None else f'"{_utc(value).isoformat()}"'


def _utc(value: datetime) -> datetime:
    return value if value.tzinfo is UTC else value.astimezone(UTC)


def _result(answer: str, member_id: UUID, entry_id: UUID, entry: Posting, pending: bool) -> PostResult:
    currency, available_at, expires_at = entry.currency, entry.available_at, entry.expires_at
    account = eventtext.state(answer, member_id, currency)
    written = EntryResult(
        entry_id,
        entry.kind,
        entry.points,
        account.available + account.pending + account.held,
        entry.rule,
        entry.rule_version,
        currency,
        entry_id,
        None if available_at is None else _utc(available_at),
        None if expires_at is None else _utc(expires_at),
        pending,
    )
    return PostResult(account, (written,), {currency: account})
