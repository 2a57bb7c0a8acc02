"""Placing redemptions: points and stock move together or not at all, in two visits to the database."""

import hashlib
import json
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any
from uuid import UUID

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from loyalty.lib import ids
from loyalty.lib.errors import Invalid
from loyalty.lib.fields import MAX_POINTS
from mall import selectors
from mall.eligibility import Situation, judge
from mall.errors import OfferNotFound, OutOfStock, RewardNotAvailable, RewardNotFound
from mall.models import Offer, PriceCut, Redemption, Reward, StockItem
from mall.prices import Cut, Price
from mall.services import steps, stock
from members.errors import MemberNotActive, MemberNotFound
from members.models import Member
from points import ledger
from points import services as points
from points.errors import ReferenceConflict
from points.postings import AccountState
from points.services import tiers
from tenants.context import current_brand

# No 0, O, 1, I: a code is read aloud at a till.
_CODE_LETTERS = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ"
_CODE_LENGTH = 12


@dataclass(frozen=True, slots=True)
class Placed:
    """A redemption and the member's account after it; `replayed` when the reference was known already."""

    redemption: Redemption
    account: AccountState
    replayed: bool


@dataclass(frozen=True, slots=True)
class _Asked:
    """What is known under the lock on the member's account."""

    account: AccountState
    member: Mapping[str, Any]
    known: UUID | None
    reward: Reward | None
    offers: Sequence[Offer]
    taken: int
    cuts: Sequence[Cut]


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
    with transaction.atomic(savepoint=False):
        asked = _enter(member_id, reward_id, reference, now)
        if asked.known is not None:
            return _again(asked.known, content, asked.account, now)
        if asked.member["status"] != Member.Status.ACTIVE:
            raise MemberNotActive(member_id=str(member_id))
        reward, offer, price = _judged(asked, member_id, quantity, offer_id, now)
        return _placed(
            Redemption(
                id=ids.new(),
                reference=reference,
                content_hash=content,
                member_id=member_id,
                reward=reward,
                offer=offer,
                stock_id=reward.stock_id,
                quantity=quantity,
                points=price.points * quantity,
                currency=offer.currency,
                full_points=price.full * quantity if price.cut else None,
                campaign=price.cut.campaign if price.cut else "",
                code=_new_code() if reward.kind == Reward.Kind.COUPON else None,
                address=dict(address) if address else None,
                actor=actor,
                placed_at=now,
                updated_at=now,
            ),
            now,
        )


def _enter(member_id: UUID, reward_id: UUID, reference: str, now: datetime) -> _Asked:
    found = ledger.call(
        "mall_redemption_enter",
        {
            "p_member": ("uuid", member_id),
            "p_reward": ("uuid", reward_id),
            "p_reference": ("text", reference),
            "p_now": ("timestamptz", now),
            "p_tz": ("text", current_brand().timezone),
        },
    )
    if found is None:
        raise MemberNotFound
    known, row = found["known"], found["reward"]
    reward = _row(Reward, row) if row else None
    if reward is not None:
        reward.stock = _row(StockItem, found["stock"]) if found["stock"] else None
    return _Asked(
        account=ledger.account_state(found["account"], member_id),
        member=found["member"],
        known=UUID(known) if known else None,
        reward=reward,
        offers=[_row(Offer, each) for each in found["offers"] or ()],
        taken=found["taken"],
        cuts=[
            selectors.cut_of(_row(PriceCut, each["cut"]), datetime.fromisoformat(each["until"]))
            for each in found["cuts"] or ()
        ],
    )


def _row(model: type[Any], row: Mapping[str, Any]) -> Any:
    # As JSON it came; ids and instants become what the ORM would have read.
    return model(**{name: _read(name, value) for name, value in row.items()})


def _read(name: str, value: Any) -> Any:
    if isinstance(value, str) and (name == "id" or name.endswith("_id")):
        return UUID(value)
    return ledger.instant(value) if name.endswith("_at") else value


def _again(redemption_id: UUID, content: str, account: AccountState, now: datetime) -> Placed:
    """The redemption of this reference once more. Raises ReferenceConflict for other content."""
    known = Redemption.objects.select_related("reward").get(pk=redemption_id)
    if known.content_hash != content:
        raise ReferenceConflict
    if known.currency != account.currency:
        account = points.lock_account(member_id=known.member_id, currency=known.currency, now=now)
    return Placed(known, account, replayed=True)


def _judged(
    asked: _Asked, member_id: UUID, quantity: int, offer_id: UUID | None, now: datetime
) -> tuple[Reward, Offer, Price]:
    """The reward, the offer that applies and what a piece costs now, under the lock on the account."""
    reward = asked.reward
    if reward is None:
        raise RewardNotFound
    offers = [offer for offer in asked.offers if offer_id is None or offer.id == offer_id]
    if not offers:
        raise OfferNotFound
    birthday = asked.member["birthday"]
    person = Member(
        birthday=date.fromisoformat(birthday) if birthday else None, children=asked.member["children"]
    )
    situation = Situation(
        now=now,
        taken={reward.id: asked.taken},
        closed_tags=selectors.closed_tags(person, "redeem", now),
        cuts=asked.cuts,
    )
    if any(offer.tier_min for offer in offers):
        held = tiers.held(member_id=member_id, now=now)
        if held is not None:
            situation = replace(situation, tiers=held.program.codes, tier=held.code)
    verdict = judge(reward, offers, quantity, situation)
    if verdict.refusal is not None:
        raise verdict.refusal
    if verdict.offer is None or verdict.price is None:
        raise RewardNotAvailable
    if verdict.price.points * quantity > MAX_POINTS:
        raise Invalid.at("/quantity", "max_value", _("More points than one operation may move."))
    return reward, verdict.offer, verdict.price


def _placed(redemption: Redemption, now: datetime) -> Placed:
    payload = steps.payload(redemption, redemption.actor)
    address = redemption.address
    done = ledger.call(
        "mall_redemption_place",
        {
            "p_id": ("uuid", redemption.id),
            "p_reference": ("text", redemption.reference),
            "p_hash": ("text", redemption.content_hash),
            "p_member": ("uuid", redemption.member_id),
            "p_reward": ("uuid", redemption.reward_id),
            "p_offer": ("uuid", redemption.offer_id),
            "p_stock": ("uuid", redemption.stock_id),
            "p_quantity": ("integer", redemption.quantity),
            "p_points": ("bigint", redemption.points),
            "p_currency": ("text", redemption.currency),
            "p_code": ("text", redemption.code),
            "p_address": ("jsonb", json.dumps(address) if address else None),
            "p_actor": ("text", redemption.actor),
            "p_step": ("uuid", ids.new()),
            "p_event": ("uuid", ids.new()),
            "p_payload": ("jsonb", json.dumps(payload)),
            "p_now": ("timestamptz", now),
            "p_tz": ("text", current_brand().timezone),
        },
    )
    if "left" in done:
        raise OutOfStock(left=done["left"])
    if done.get("taken"):
        # Another member's call was faster, or there is an entry of this reference without a redemption.
        raise ReferenceConflict
    burnt = ledger.burn_result(done["burnt"])
    redemption.entry_id = burnt.entry.entry_id
    if done["stock"]:
        stock.tell_if_low(**done["stock"], quantity=redemption.quantity, now=now)
    return Placed(redemption, burnt.account, replayed=False)


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
