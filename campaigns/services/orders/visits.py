"""An order's two visits to the database (campaigns/sql/orders.sql): what is known, and what was decided."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from campaigns.services.orders.content import Content, MemberRef, line_json
from loyalty.lib import ids, money
from members.models import Purchase
from points import ledger
from points.postings import AccountState
from points.services import posting, tierrows, tiers
from tenants.context import current_brand


@dataclass(frozen=True, slots=True)
class Known:
    """A member under the lock on their account, and what is known of the order at hand."""

    id: UUID
    status: str
    tags: Sequence[str]
    segments: Sequence[str]
    region: str
    enrolled_at: datetime
    birthday: date | None
    children: Sequence[Mapping[str, Any]]
    referrer_id: UUID | None
    account: AccountState
    held: tiers.Held | None
    revision: UUID | None
    purchase_id: UUID | None
    has_parked: bool


@dataclass(frozen=True, slots=True)
class Closed:
    """A member who takes no part any more."""

    id: UUID


@dataclass(frozen=True, slots=True)
class Decided:
    """What came of an order: the record of its evaluation, entries, and what counts for the tier."""

    evaluation: dict[str, Any]
    visible_earn: bool = True
    visible_bonus: bool = True
    entries: Sequence[dict[str, Any]] = ()
    fact: tiers.Fact | None = None
    event: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Written:
    """An order as written. `account` is None where nothing was posted, `qualifying` where nobody asked."""

    points: dict[str, int]
    account: AccountState | None
    qualifying: Decimal | None


def enter(ref: MemberRef, order_id: str, now: datetime) -> Known | Closed | None:
    """Lock the member's account, settle what is due on it, and read what an order asks; None if unknown."""
    key = ref.keys[0] if ref.member_id is None else None
    found = ledger.call(
        "campaigns_order_enter",
        {
            "p_member": ("uuid", ref.member_id),
            "p_provider": ("text", key.provider if key else None),
            "p_app": ("text", key.app_id if key else None),
            "p_subject": ("text", key.subject if key else None),
            "p_order": ("text", order_id),
            "p_now": ("timestamptz", now),
            "p_tz": ("text", current_brand().timezone),
        },
    )
    if found is None:
        return None
    member_id = UUID(found["id"])
    if "account" not in found:
        return Closed(member_id)
    enrolled_at = datetime.fromisoformat(found["enrolled_at"])
    return Known(
        id=member_id,
        status=found["status"],
        tags=found["tags"],
        segments=found["segments"],
        region=found["region"],
        enrolled_at=enrolled_at,
        birthday=date.fromisoformat(found["birthday"]) if found["birthday"] else None,
        children=found["children"],
        referrer_id=_id(found["referrer_id"]),
        account=ledger.account_state(found["account"], member_id),
        held=_held(found["tier"], enrolled_at),
        revision=_id(found["revision"]),
        purchase_id=_id(found["purchase_id"]),
        has_parked=found["has_parked"],
    )


def _id(text: str | None) -> UUID | None:
    return UUID(text) if text else None


def _held(tier: Sequence[Any] | None, enrolled_at: datetime) -> tiers.Held | None:
    if tier is None:
        return None
    config, version, code, since, until, review_at, earned_at, previous, judged_by = tier
    instants = [ledger.instant(text) for text in (since, until, review_at, earned_at)]
    return tierrows.held_of([config, version, enrolled_at, code, *instants, previous, judged_by])


def record(
    content: Content,
    member_id: UUID | None,
    decided: Decided,
    *,
    held: tiers.Held | None,
    now: datetime,
) -> Written | None:
    """Write the order and all that was decided of it; None if the order number is taken.

    The caller undoes the rest of the transaction then. Raises ReferenceConflict.
    """
    fact = decided.fact
    by, span = (
        tiers.counting(held, max(now, fact.at)) if held is not None and fact is not None else (None, None)
    )
    lines = [
        {**line_json(line), "id": ids.text(), "position": number}
        for number, line in enumerate(content.lines, 1)
    ]
    payments = [{"method": method, "amount": money.plain(amount)} for method, amount in content.payments]
    status = Purchase.Status.COMPLETED if content.completed_at else Purchase.Status.RECORDED
    more = posting.more_data({"source": "order", "reference": content.order_id})
    done = ledger.call(
        "campaigns_order_record",
        {
            "p_purchase": ("uuid", ids.new()),
            "p_order": ("text", content.order_id),
            "p_member": ("uuid", member_id),
            "p_status": ("text", status.value),
            "p_ordered_at": ("timestamptz", content.ordered_at),
            "p_completed_at": ("timestamptz", content.completed_at),
            "p_channel": ("text", content.channel),
            "p_store": ("text", content.store_id),
            "p_region": ("text", content.region),
            "p_currency": ("text", content.currency),
            "p_amount": ("numeric", content.amount),
            "p_attributes": ("jsonb", json.dumps(content.attributes)),
            "p_payments": ("jsonb", json.dumps(payments)),
            "p_hash": ("text", content.digest()),
            "p_evaluation": ("jsonb", json.dumps(decided.evaluation)),
            "p_visible_earn": ("boolean", decided.visible_earn),
            "p_visible_bonus": ("boolean", decided.visible_bonus),
            "p_lines": ("jsonb", json.dumps(lines)),
            "p_journal": ("uuid", ids.new()),
            "p_entries": ("jsonb", json.dumps(list(decided.entries)) if decided.entries else None),
            "p_data": ("text", more),
            "p_qualification": ("uuid", ids.new() if fact else None),
            "p_count": ("bigint", fact.points if fact else None),
            "p_spend": ("numeric", fact.spend if fact else None),
            "p_visits": ("integer", fact.visits if fact else None),
            "p_qualify_by": ("text", by),
            "p_from": ("timestamptz", span.start if span else None),
            "p_to": ("timestamptz", span.end if span else None),
            "p_event": ("uuid", ids.new()),
            "p_payload": ("jsonb", json.dumps(decided.event)),
            "p_now": ("timestamptz", now),
            "p_tz": ("text", current_brand().timezone),
        },
    )
    if not done["recorded"]:
        return None
    account = None
    if done["posted"] is not None:
        account = ledger.account_states(done["posted"]).get("points")
    qualifying = None if done["qualifying"] is None else Decimal(done["qualifying"])
    return Written(done["points"], account, qualifying)
