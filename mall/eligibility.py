"""Who may have what: one judgement for the catalogue that shows it and the service that does it.

Pure: everything it needs to know stands in its arguments.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from loyalty.lib.errors import Refusal
from mall import errors
from mall.models import Offer, Reward
from mall.prices import Cut, Price, price
from points.errors import InsufficientPoints


@dataclass(frozen=True, slots=True)
class Situation:
    """What is known of a member at `now`.

    `tiers` are the brand's tier codes from the lowest; `available` the points to spend by currency (None: not
    to be judged here); `cuts` the price cuts that hold now; `taken` how many pieces of each reward the member
    had so far; `closed_tags` and `hidden_tags` what compliance forbids to redeem and to show.
    """

    now: datetime
    tiers: Sequence[str] = ()
    tier: str | None = None
    available: Mapping[str, int] | None = None
    taken: Mapping[Any, int] = field(default_factory=dict)
    closed_tags: frozenset[str] = frozenset()
    cuts: Sequence[Cut] = ()
    hidden_tags: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Verdict:
    """The offer that applies, what a piece costs by it now, and why it cannot be had, if so."""

    offer: Offer | None
    refusal: Refusal | None = None
    price: Price | None = None


def judge(reward: Reward, offers: Sequence[Offer], quantity: int, situation: Situation) -> Verdict:
    """The offer that applies to this member, and the first reason against it."""
    live = sorted(
        (offer for offer in offers if offer.is_live(situation.now)),
        key=lambda offer: (offer.currency != "points", offer.points, offer.id),
    )
    open_to = [offer for offer in live if _tier_reached(offer, situation)]
    shown = open_to[0] if open_to else live[0] if live else next(iter(offers), None)
    costs = price(shown.points, reward, situation.cuts) if shown is not None else None
    return Verdict(shown, _against(reward, live, open_to, quantity, situation), costs)


def _against(
    reward: Reward, live: Sequence[Offer], open_to: Sequence[Offer], quantity: int, situation: Situation
) -> Refusal | None:
    if reward.status != Reward.Status.PUBLISHED or not live:
        return errors.RewardNotAvailable()
    if situation.closed_tags.intersection(reward.tags):
        return errors.NotEligible(reason="compliance")
    if not open_to:
        return errors.NotEligible(reason="tier", tier_min=live[0].tier_min)
    offer = open_to[0]
    taken = situation.taken.get(reward.id, 0)
    if offer.limit_per_member is not None and taken + quantity > offer.limit_per_member:
        return errors.LimitReached(limit_per_member=offer.limit_per_member, redeemed=taken)
    if reward.stock is not None and reward.stock.on_hand < quantity:
        return errors.OutOfStock(left=reward.stock.on_hand)
    if situation.available is not None:
        costs = price(offer.points, reward, situation.cuts)
        missing = costs.points * quantity - situation.available.get(offer.currency, 0)
        if missing > 0:
            return InsufficientPoints(points_missing=missing)
    return None


def _tier_reached(offer: Offer, situation: Situation) -> bool:
    if not offer.tier_min:
        return True
    if offer.tier_min not in situation.tiers or situation.tier not in situation.tiers:
        return False
    return situation.tiers.index(situation.tier) >= situation.tiers.index(offer.tier_min)
