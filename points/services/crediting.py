"""The commonest journal, one accrual out of the ordinary in nothing: one statement, and little around it."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from json.encoder import encode_basestring_ascii as _quoted
from uuid import UUID

from loyalty.lib import ids
from points import ledger
from points.postings import AccountState, EntryResult, Posting, PostResult

_encoded = json.JSONEncoder().encode
_OLD_IS_KNOWN = 180000
"""The Postgres version from which RETURNING knows the row before its update."""
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
        or ledger.server_version() < _OLD_IS_KNOWN
    ):
        return None
    entry_id = ids.new()
    row = ledger.ask(
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
    return None if row is None else _result(row, member_id, entry_id, entry, pending)


def _content(entry: Posting, pending: bool, more: str) -> str:
    """What the event says, with places for what the database knows, or spells quicker."""
    currency = _literal(_quoted(entry.currency))
    return (
        '{"member_id": "%7$s", "journal": "%8$s", "entries": [{"entry_id": "%9$s", '
        f'"kind": "accrual", "points": {entry.points}, "points_currency": {currency}, '
        f'"rule": {_literal(_quoted(entry.rule))}, "version": {_number(entry.rule_version)}, '
        f'"available_at": {_instant(entry.available_at)}, "expires_at": {_instant(entry.expires_at)}, '
        f'"pending": {"true" if pending else "false"}, "debt_repaid": 0, "balance_after": %1$s}}], '
        '"account": {"account_id": "%2$s", "available": %3$s, "pending": %4$s, "held": %5$s, "debt": 0, '
        f'"lifetime_accrued": %6$s, "points_currency": {currency}}}{_literal(more)}}}'
    )


def _literal(text: str) -> str:
    return text.replace("%", "%%") if "%" in text else text


def _number(value: int | None) -> str:
    return "null" if value is None else str(value)


def _instant(value: datetime | None) -> str:
    return "null" if value is None else f'"{_utc(value).isoformat()}"'


def _utc(value: datetime) -> datetime:
    return value if value.tzinfo is UTC else value.astimezone(UTC)


def _result(row: str, member_id: UUID, entry_id: UUID, entry: Posting, pending: bool) -> PostResult:
    account_id, *numbers = row.split(" ")
    available, waiting, held, lifetime = map(int, numbers)
    currency, available_at, expires_at = entry.currency, entry.available_at, entry.expires_at
    # In their order: names cost as much again.
    account = AccountState(ids.known(account_id), member_id, currency, available, waiting, held, 0, lifetime)
    written = EntryResult(
        entry_id,
        entry.kind,
        entry.points,
        available + waiting + held,
        entry.rule,
        entry.rule_version,
        currency,
        entry_id,
        None if available_at is None else _utc(available_at),
        None if expires_at is None else _utc(expires_at),
        pending,
    )
    return PostResult(account, (written,), {currency: account})
