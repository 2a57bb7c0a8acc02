"""How accounts, entries and holds are written in answers. Pure rendering."""

from __future__ import annotations

from typing import Any

from loyalty.lib.instants import text as instant
from points import selectors
from points.models import Entry
from points.postings import AccountState, EntryResult, HoldResult
from points.selectors import AccountView


def account(state: AccountState | AccountView) -> dict[str, Any]:
    """The four numbers of an account after an operation."""
    return {
        "points_currency": state.currency,
        "available": state.available,
        "pending": state.pending,
        "held": state.held,
        "debt": state.debt,
    }


def account_view(view: AccountView) -> dict[str, Any]:
    """An account at an instant, with what expires when."""
    return {
        **account(view),
        "lifetime_accrued": view.lifetime_accrued,
        "expiring": [{"expires_at": instant(at), "points": points} for at, points in view.expiring],
        "earn_frozen": view.earn_frozen,
        "burn_frozen": view.burn_frozen,
        "at": instant(view.at),
    }


def entry(row: Entry) -> dict[str, Any]:
    """An entry with its lots, from the member's side."""
    return {
        "entry_id": str(row.id),
        "member_id": str(row.account.member_id),
        "points": row.signed_points,
        "points_currency": row.account.currency,
        "kind": row.kind,
        "journal": str(row.journal_id),
        "source": row.source,
        "reference": row.reference,
        "rule": row.rule,
        "version": row.rule_version,
        "reverses": str(row.reverses_id) if row.reverses_id else None,
        "effective_at": instant(row.effective_at),
        "recorded_at": instant(row.recorded_at),
        "balance_after": row.balance_after,
        "reason": row.reason,
        "actor": row.actor,
        "cost_centre": row.cost_centre,
        "lots": [
            {
                "lot_id": str(part["lot_id"]),
                "points": part["points"],
                "entry_id": str(part["entry_id"]),
                "expires_at": instant(part["expires_at"]),
            }
            for part in selectors.lot_trace(row)
        ],
        "explanation": row.explanation,
    }


def moved(result: EntryResult, state: AccountState) -> dict[str, Any]:
    """What an operation with a single entry answers."""
    return {
        "entry_id": str(result.entry_id),
        "kind": result.kind,
        "points": result.points,
        "balance_after": result.balance_after,
        "account": account(state),
    }


def hold(result: HoldResult) -> dict[str, Any]:
    """A hold as it stands, and the entry of its capture."""
    return {
        "hold_id": str(result.hold_id),
        "status": result.status,
        "points": result.points,
        "captured": result.captured,
        "released": result.released,
        "expires_at": instant(result.expires_at),
        "entry_id": str(result.entry.entry_id) if result.entry else None,
        "account": account(result.account),
    }
