"""Placing and cancelling redemptions: points and stock move together or not at all."""

import hashlib
import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import IntegrityError, transaction
from django.utils.translation import gettext_lazy as _

from loyalty.lib import ids
from loyalty.lib.errors import Invalid
from loyalty.lib.fields import MAX_POINTS
from mall import locks, selectors
from mall.eligibility import Situation, judge
from mall.errors import OfferNotFound, RedemptionNotFound, RedemptionState, RewardNotAvailable
from mall.models import Offer, Redemption, Reward
from mall.services import stock
from mall.services.steps import record
from members import services as members
from members.errors import MemberNotActive
from members.models import Member
from points import services as points
from points.errors import ReferenceConflict
from points.postings import DEFAULT_CURRENCY, AccountState
from points.services import tiers

SOURCE = "redemption"
UNIQUE_VIOLATION = "23505"
# No 0, O, 1, I: a code is read aloud at a till.
_CODE_LETTERS = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ"
_CODE_LENGTH = 12


@dataclass(frozen=True, slots=True)
class Placed:
    """A redemption and the member's account after it; `replayed` when the reference was known already."""

    redemption: Redemption
    account: AccountState
    replayed: bool


def place(
    *,
    member_id: UUID,
    reward_id: UUID,
    quantity: int,
    reference: str,
    actor: str,
    now: datetime,
    offer_id: UUID | None = None,
    address: Mapping[str, Any] | None = None,
) -> Placed:
    """Give a member's points for `quantity` pieces of a reward, by the best offer open to them.

    The same reference with the same content gives the first redemption again. Raises MemberNotFound,
    MemberNotActive, RewardNotFound, OfferNotFound, RewardNotAvailable, NotEligible, LimitReached,
    OutOfStock, InsufficientPoints, AccountFrozen, ReferenceConflict.
    """
    content = _digest(member_id, reward_id, quantity, offer_id, address)
    try:
        with transaction.atomic():
            member = members.get(member_id)
            account = points.lock_account(member_id=member_id, currency=_currency(reward_id), now=now)
            known = Redemption.objects.select_related("reward").filter(reference=reference).first()
            if known is not None:
                if known.content_hash != content:
                    raise ReferenceConflict
                if known.currency != account.currency:
                    account = points.lock_account(member_id=member_id, currency=known.currency, now=now)
                return Placed(known, account, replayed=True)
            if member.status != Member.Status.ACTIVE:
                raise MemberNotActive(member_id=str(member_id))
            reward, offer = _judged(member, reward_id, quantity, offer_id, now)
            return _placed(
                Redemption(
                    id=ids.new(),
                    reference=reference,
                    content_hash=content,
                    member=member,
                    reward=reward,
                    offer=offer,
                    stock=reward.stock,
                    quantity=quantity,
                    points=offer.points * quantity,
                    currency=offer.currency,
                    code=_new_code() if reward.kind == Reward.Kind.COUPON else None,
                    address=dict(address) if address else None,
                    actor=actor,
                    placed_at=now,
                    updated_at=now,
                ),
                now,
            )
    except IntegrityError as error:
        # Another member's call with this reference was faster.
        if getattr(error.__cause__, "sqlstate", None) == UNIQUE_VIOLATION:
            raise ReferenceConflict from None
        raise


def cancel(
    *, redemption_id: UUID, actor: str, now: datetime, reason: str = "", by_member: UUID | None = None
) -> Placed:
    """Undo a redemption that was not sent yet: points back to the very lots, pieces back to stock.

    `by_member`: only this member's own, and only what members may cancel. Cancelling again changes nothing.
    Raises RedemptionNotFound, RedemptionState.
    """
    with transaction.atomic():
        seen = Redemption.objects.filter(pk=redemption_id).values("member_id", "currency").first()
        if seen is None or by_member not in (None, seen["member_id"]):
            raise RedemptionNotFound
        account = points.lock_account(now=now, **seen)
        redemption = locks.redemption(redemption_id)
        if redemption is None:
            raise RedemptionNotFound
        if redemption.status == Redemption.Status.CANCELLED:
            return Placed(redemption, account, replayed=True)
        allowed = redemption.actions if by_member is None else redemption.member_actions
        if "cancel" not in allowed:
            raise RedemptionState(redemption_status=redemption.status, actions=allowed)
        before = redemption.status
        reversed_ = points.reverse(
            entry_id=redemption.entry_id,
            source=SOURCE,
            reference=redemption.reference,
            reason=reason,
            actor=actor,
            now=now,
        )
        redemption.status = Redemption.Status.CANCELLED
        redemption.reversal_id = reversed_.entry.entry_id
        redemption.cancelled_at = redemption.updated_at = now
        redemption.save(update_fields=["status", "reversal_id", "cancelled_at", "updated_at"])
        if redemption.stock_id is not None:
            stock.give_back(stock_id=redemption.stock_id, quantity=redemption.quantity, now=now)
        record(
            redemption,
            before=before,
            actor=actor,
            now=now,
            note=reason,
            reversal_id=str(redemption.reversal_id),
            reason=reason,
        )
        return Placed(redemption, reversed_.account, replayed=False)


def _judged(
    member: Member, reward_id: UUID, quantity: int, offer_id: UUID | None, now: datetime
) -> tuple[Reward, Offer]:
    """The reward and the offer that applies, looked at under the lock on the member's account."""
    reward = selectors.reward(reward_id)
    offers = [offer for offer in reward.offers.all() if offer_id is None or offer.id == offer_id]
    if not offers:
        raise OfferNotFound
    situation = Situation(
        now=now,
        taken=selectors.taken(member.id, [reward_id]),
        closed_tags=selectors.closed_tags(member, "redeem", now),
    )
    if any(offer.tier_min for offer in offers):
        held = tiers.held(member_id=member.id, now=now)
        if held is not None:
            situation = replace(situation, tiers=held.program.codes, tier=held.code)
    verdict = judge(reward, offers, quantity, situation)
    if verdict.refusal is not None:
        raise verdict.refusal
    if verdict.offer is None:
        raise RewardNotAvailable
    if verdict.offer.points * quantity > MAX_POINTS:
        raise Invalid.at("/quantity", "max_value", _("More points than one operation may move."))
    return reward, verdict.offer


def _placed(redemption: Redemption, now: datetime) -> Placed:
    burnt = points.burn(
        member_id=redemption.member_id,
        points=redemption.points,
        source=SOURCE,
        reference=redemption.reference,
        actor=redemption.actor,
        currency=redemption.currency,
        now=now,
    )
    if burnt.replayed:  # an entry of this reference that no redemption stands for
        raise ReferenceConflict
    if redemption.stock_id is not None:
        stock.take(stock_id=redemption.stock_id, quantity=redemption.quantity, now=now)
    redemption.entry_id = burnt.entry.entry_id
    redemption.save(force_insert=True)
    record(redemption, before="", actor=redemption.actor, now=now)
    return Placed(redemption, burnt.account, replayed=False)


def _currency(reward_id: UUID) -> str:
    """Whose account's lock two calls of one member for this reward meet at, whatever offer they name."""
    currencies = set(Offer.objects.filter(reward_id=reward_id).values_list("currency", flat=True))
    return DEFAULT_CURRENCY if DEFAULT_CURRENCY in currencies or not currencies else min(currencies)


def _digest(
    member_id: UUID,
    reward_id: UUID,
    quantity: int,
    offer_id: UUID | None,
    address: Mapping[str, Any] | None,
) -> str:
    content = [str(member_id), str(reward_id), quantity, str(offer_id or ""), dict(address or {})]
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def _new_code() -> str:
    return "".join(secrets.choice(_CODE_LETTERS) for _unused in range(_CODE_LENGTH))
