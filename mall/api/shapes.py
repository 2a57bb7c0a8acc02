"""How the mall's rows are written in answers. Pure rendering; `schemas` describes the same."""

from collections.abc import Sequence
from typing import Any

from django.utils.translation import gettext as _

from loyalty.lib import money, words
from loyalty.lib.errors import Refusal
from loyalty.lib.instants import text as instant
from loyalty.lib.plurals import one_of
from mall.eligibility import Situation, judge
from mall.models import Offer, Redemption, Reward, StockItem
from mall.prices import Cut, price
from points.errors import InsufficientPoints
from points.postings import DEFAULT_CURRENCY, AccountState
from tenants.context import current_brand


def offer(row: Offer) -> dict[str, Any]:
    """An offer, for the brand."""
    return {
        "offer_id": str(row.id),
        "reward_id": str(row.reward_id),
        "points": row.points,
        "points_currency": row.currency,
        "starts_at": instant(row.starts_at),
        "ends_at": instant(row.ends_at),
        "limit_per_member": row.limit_per_member,
        "tier_min": row.tier_min,
        "enabled": row.enabled,
        "main": row.is_main,
    }


def reward(row: Reward, cuts: Sequence[Cut] = ()) -> dict[str, Any]:
    """A reward with its offers and stock, for the brand; the main offer's terms stand beside it too, and with
    the price `cuts` that hold now what it costs by them."""
    offers = list(row.offers.all())
    now = price(next(o for o in offers if o.is_main).points, row, cuts)
    main = offer(next(o for o in offers if o.is_main))
    terms = ("points", "points_currency", "starts_at", "ends_at", "limit_per_member", "tier_min")
    return {
        "reward_id": str(row.id),
        "name": row.name,
        "description": row.description,
        "kind": row.kind,
        "sku": row.sku,
        "stock": row.stock.on_hand if row.stock else None,
        **{name: main[name] for name in terms},
        "points_now": now.points,
        "campaign": now.cut.campaign if now.cut else None,
        "unit_cost": None if row.unit_cost is None else money.plain(row.unit_cost),
        "cost_currency": row.cost_currency or None,
        "image": row.image,
        "category": row.category,
        "tags": row.tags,
        "sort": row.sort,
        "status": row.status,
        "offers": [offer(o) for o in offers],
        "published_at": instant(row.published_at),
        "created_at": instant(row.created_at),
        "updated_at": instant(row.updated_at),
        "actions": row.actions,
    }


def stock(row: StockItem) -> dict[str, Any]:
    """How many pieces lie ready."""
    return {
        "sku": row.sku,
        "on_hand": row.on_hand,
        "low_at": row.low_at,
        "low": row.on_hand <= row.low_at,
        "taken": row.taken,
        "updated_at": instant(row.updated_at),
    }


def redemption(row: Redemption, account: AccountState | None = None) -> dict[str, Any]:
    """A redemption, for the brand; with the member's account after an operation."""
    return {
        "redemption_id": str(row.id),
        "reference": row.reference,
        "member_id": str(row.member_id),
        "reward_id": str(row.reward_id),
        "offer_id": str(row.offer_id),
        "reward_name": row.reward.name,
        "kind": row.reward.kind,
        "sku": row.reward.sku,
        "quantity": row.quantity,
        "points": row.points,
        "full_points": row.full_points or row.points,
        "campaign": row.campaign or None,
        "points_currency": row.currency,
        "status": row.status,
        "entry_id": str(row.entry_id),
        "reversal_id": str(row.reversal_id) if row.reversal_id else None,
        **_delivery(row),
        "actor": row.actor,
        "actions": row.actions,
        **({"account": _account(account)} if account else {}),
    }


def redemption_in_full(row: Redemption) -> dict[str, Any]:
    """A redemption with its history."""
    return {
        **redemption(row),
        "steps": [
            {
                "from": step.from_status or None,
                "to": step.to_status,
                "at": instant(step.at),
                "actor": step.actor,
                "note": step.note,
            }
            for step in row.steps.all()
        ],
    }


def own_redemption(row: Redemption, account: AccountState | None = None) -> dict[str, Any]:
    """A redemption, as its member sees it."""
    return {
        "redemption_id": str(row.id),
        "reference": row.reference.removeprefix(own_prefix(row.member_id)),
        "reward_id": str(row.reward_id),
        "name": words.pick(row.reward.name),
        "image": row.reward.image,
        "kind": row.reward.kind,
        "quantity": row.quantity,
        "points": row.points,
        "full_points": row.full_points or row.points,
        "points_currency": row.currency,
        "status": row.status,
        **_delivery(row),
        "actions": row.member_actions,
        **({"account": _account(account)} if account else {}),
    }


def own_prefix(member_id: Any) -> str:
    """What sets a member's references apart from those of all others."""
    return f"member/{member_id}/"


def catalog_item(row: Reward, situation: Situation) -> dict[str, Any]:
    """A reward as one member sees it: what it costs them, and whether they can have it."""
    verdict = judge(row, list(row.offers.all()), 1, situation)
    terms, costs = verdict.offer, verdict.price
    return {
        "reward_id": str(row.id),
        "offer_id": str(terms.id) if terms else None,
        "name": words.pick(row.name),
        "description": words.pick(row.description),
        "kind": row.kind,
        "image": row.image,
        "category": row.category,
        "points": costs.points if costs else None,
        "full_points": costs.full if costs else None,
        "campaign": costs.cut.campaign if costs and costs.cut else None,
        "campaign_ends_at": instant(costs.cut.until) if costs and costs.cut else None,
        "points_currency": terms.currency if terms else None,
        "ends_at": instant(terms.ends_at) if terms else None,
        "tier_min": terms.tier_min if terms else "",
        "limit_per_member": terms.limit_per_member if terms else None,
        "redeemed": situation.taken.get(row.id, 0),
        "left": row.stock.on_hand if row.stock else None,
        "actions": [] if verdict.refusal else ["redeem"],
        "blocked": blocked(verdict.refusal, terms.currency if terms else DEFAULT_CURRENCY),
    }


def blocked(refusal: Refusal | None, currency: str) -> dict[str, Any] | None:
    """Why a reward cannot be had: the code that a redemption would be refused with, words, and figures.

    `currency` is the one that the reward costs.
    """
    if refusal is None:
        return None
    text = str(refusal.title)
    if isinstance(refusal, InsufficientPoints):
        text = _missing(refusal.data["points_missing"], currency)
    return {"code": refusal.code, "text": text, **refusal.data}


def _missing(count: int, currency: str) -> str:
    """How many points are missing, in the brand's word for them; another currency goes by its code."""
    name = current_brand().points_label if currency == DEFAULT_CURRENCY else currency
    if count == 1 and words.language() == "en":
        name = one_of(name)
    return _("%(count)d %(points)s missing") % {"count": count, "points": name}


def _delivery(row: Redemption) -> dict[str, Any]:
    return {
        "code": row.code,
        "address": row.address,
        "carrier": row.carrier,
        "tracking_number": row.tracking_number,
        "placed_at": instant(row.placed_at),
        "shipped_at": instant(row.shipped_at),
        "completed_at": instant(row.completed_at),
        "cancelled_at": instant(row.cancelled_at),
    }


def _account(state: AccountState) -> dict[str, Any]:
    return {
        "points_currency": state.currency,
        "available": state.available,
        "pending": state.pending,
        "held": state.held,
        "debt": state.debt,
    }
