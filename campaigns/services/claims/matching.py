"""Whether an order is the one on a member's receipt, and giving it to them if it is."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction
from typing import Final

from campaigns import locks
from campaigns.errors import OrderNotClaimable
from campaigns.models import Claim
from campaigns.services.orders import claiming, stored, visits
from campaigns.services.orders.told import NOTHING
from members.models import Purchase
from tenants.context import current_brand

# Of so many claims that named a guest order with other figures, the next is for an operator: whoever tries
# totals on several accounts does not get far.
MOST_GUESSES: Final = 5
BY_MATCH: Final = "receipt"
Finding = Claim.Finding
_CENT: Final = Decimal("0.01")


def apply(claim: Claim, known: visits.Known, now: datetime) -> None:
    """Look at the order of an open claim, and give it to the member if it fits the receipt.

    The caller entered the member's account for this order and, if the claim is stored, locked it after that.
    The claim is changed, not saved. Two members who claim one order wait for each other at the order's row.
    """
    purchase = locks.purchase(known.purchase_id) if known.purchase_id is not None else None
    claim.finding = look(claim, purchase, known, now)
    if claim.finding == Finding.FITS and purchase is not None:
        claiming.give_to_member(purchase=purchase, known=known, now=now)
        accept(claim, purchase, actor=BY_MATCH, now=now)
    elif claim.finding != Finding.UNKNOWN:
        claim.waits_until = None


def accept(claim: Claim, purchase: Purchase, *, actor: str, now: datetime, reason: str = "") -> None:
    """Note that the order is the member's, and what it gave. The claim is changed, not saved."""
    claim.status, claim.outcome = Claim.Status.ACCEPTED, Claim.Outcome.ORDER
    claim.purchase_id = purchase.pk
    claim.points = purchase.evaluation.get("points", NOTHING)["accrued"]
    claim.waits_until, claim.decided_at = None, now
    claim.decided_by, claim.reason = actor, reason


def accept_own(claim: Claim, purchase: Purchase, *, actor: str, now: datetime, reason: str = "") -> None:
    """Note that the order is the member's already and gave what it gave, unless another claim says so.

    Raises OrderNotClaimable.
    """
    told = Claim.objects.filter(purchase=purchase, status=Claim.Status.ACCEPTED, outcome=Claim.Outcome.ORDER)
    if told.exists():
        raise OrderNotClaimable(finding=str(Finding.OWN))
    accept(claim, purchase, actor=actor, now=now, reason=reason)


def look(claim: Claim, purchase: Purchase | None, known: visits.Known, now: datetime) -> Finding:
    """What is to be said of the order that the claim names; `purchase` is locked."""
    if purchase is None:
        return Finding.UNKNOWN
    finding = obstacle(purchase, known)
    if finding is not None:
        return finding
    if _guesses(claim) >= MOST_GUESSES:
        return Finding.GUESSED
    if not fits(claim, purchase):
        return Finding.DIFFERS
    days = int(current_brand().setting("claim_days"))
    oldest = claim.filed_at.astimezone(current_brand().tz).date() - timedelta(days=days)
    return Finding.TOO_OLD if _day(purchase) < oldest else Finding.FITS


def obstacle(purchase: Purchase, known: visits.Known) -> Finding | None:
    """Why a locked order cannot become the member's, whatever the receipt says; None if it can."""
    if purchase.member_id is not None:
        return Finding.OWN if purchase.member_id == known.id else Finding.TAKEN
    if known.account.earn_frozen:
        return Finding.FROZEN
    cancelled = purchase.status == Purchase.Status.CANCELLED
    if cancelled or not stored.remaining(stored.lines_of(purchase)):
        return Finding.RETURNED
    return None


def _guesses(claim: Claim) -> int:
    wrong = Claim.objects.filter(order_id=claim.order_id, finding__in=[Finding.DIFFERS, Finding.GUESSED])
    return wrong.exclude(pk=claim.pk).count()


def fits(claim: Claim, purchase: Purchase) -> bool:
    """Whether the order has the receipt's total, and all that it says of day and store."""
    if claim.amount not in _totals(purchase):
        return False
    if claim.store_id and claim.store_id != purchase.store_id:
        return False
    return claim.ordered_on is None or claim.ordered_on == _day(purchase)


def _totals(purchase: Purchase) -> tuple[Decimal, Decimal]:
    """What a till may print: the rounded sum, or the sum of rounded lines."""
    by_line = Decimal(0)
    for line in stored.lines_of(purchase):
        exact = Fraction(line.quantity) * Fraction(line.unit_price) - Fraction(line.discount)
        scaled = Decimal(exact.numerator * 10**8 // exact.denominator).scaleb(-8)
        by_line += scaled.quantize(_CENT, ROUND_HALF_UP)
    return purchase.amount, by_line


def _day(purchase: Purchase) -> date:
    return purchase.ordered_at.astimezone(current_brand().tz).date()
