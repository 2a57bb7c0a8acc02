"""Rewards and their offers."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from loyalty.lib import ids
from loyalty.lib.errors import Invalid
from mall import locks, selectors
from mall.errors import OfferNotFound, RewardNotFound
from mall.models import Offer, Reward, StockItem
from mall.services.stock import set_stock
from points.services import tiers
from tenants.context import current_brand

REWARD_FIELDS = ("name", "description", "kind", "image", "category", "tags", "sort", "unit_cost")
OFFER_FIELDS = ("points", "currency", "starts_at", "ends_at", "limit_per_member", "tier_min")


def create_reward(*, values: Mapping[str, Any], actor: str, now: datetime) -> Reward:
    """A reward with its main offer, and its stock where `stock` says how many there are.

    A SKU whose stock is kept already is shared with the rewards that have it; `stock` then says how many lie
    ready now. Raises Invalid for tags that compliance forbids, an unknown tier, an offer that ends before it
    begins.
    """
    with transaction.atomic():
        reward_id = ids.new()
        sku, pieces = str(values.get("sku") or ""), values.get("stock")
        if pieces is not None and not sku:
            sku = f"R-{reward_id.hex[-12:].upper()}"
        stock = StockItem.objects.filter(sku=sku).first() if sku else None
        reward = Reward(
            id=reward_id,
            sku=sku,
            stock=stock,
            created_at=now,
            updated_at=now,
            **_of_reward(values),
        )
        _set_status(reward, values.get("status", Reward.Status.DRAFT), now)
        reward.save(force_insert=True)
        if pieces is not None:
            set_stock(sku=sku, on_hand=pieces, actor=actor, now=now)
        offer = Offer(reward=reward, is_main=True, created_at=now, updated_at=now)
        _set_offer(offer, values)
        offer.save(force_insert=True)
        return selectors.reward(reward.id)


def update_reward(*, reward_id: UUID, values: Mapping[str, Any], now: datetime) -> Reward:
    """Change a reward and its main offer; `status` publishes or archives it.

    What was redeemed keeps its points. Raises RewardNotFound, and Invalid as `create_reward` does.
    """
    with transaction.atomic():
        reward = locks.reward(reward_id)
        if reward is None:
            raise RewardNotFound
        for name, value in _of_reward(values).items():
            setattr(reward, name, value)
        _set_status(reward, values.get("status", reward.status), now)
        reward.updated_at = now
        reward.save()
        if any(name in values for name in OFFER_FIELDS):
            offer = reward.offers.get(is_main=True)
            _set_offer(offer, values)
            offer.updated_at = now
            offer.save()
        return selectors.reward(reward.id)


def create_offer(*, reward_id: UUID, values: Mapping[str, Any], now: datetime) -> Offer:
    """One more offer of a reward. Raises RewardNotFound, Invalid."""
    with transaction.atomic():
        reward = locks.reward(reward_id)
        if reward is None:
            raise RewardNotFound
        offer = Offer(reward=reward, created_at=now, updated_at=now, enabled=values.get("enabled", True))
        _set_offer(offer, values)
        offer.save(force_insert=True)
        return offer


def update_offer(*, offer_id: UUID, values: Mapping[str, Any], now: datetime) -> Offer:
    """Change an offer; `enabled: false` ends it. Raises OfferNotFound, Invalid."""
    with transaction.atomic():
        offer = locks.offer(offer_id)
        if offer is None:
            raise OfferNotFound
        offer.enabled = values.get("enabled", offer.enabled)
        _set_offer(offer, values)
        offer.updated_at = now
        offer.save()
        return offer


def _of_reward(values: Mapping[str, Any]) -> dict[str, Any]:
    """The reward's own fields; tags in lower case, as the compliance matrix knows them."""
    found = {name: values[name] for name in REWARD_FIELDS if name in values}
    if "tags" in found:
        found["tags"] = list(dict.fromkeys(str(tag).strip().lower() for tag in found["tags"]))
    currency = current_brand().currency
    if values.get("cost_currency") not in (None, "", currency):
        detail = _("Must be the brand's currency, %(currency)s.") % {"currency": currency}
        raise Invalid.at("/cost_currency", "currency_not_accepted", detail)
    if "unit_cost" in found:
        found["cost_currency"] = "" if found["unit_cost"] is None else currency
    return found


def _set_status(reward: Reward, status: str, now: datetime) -> None:
    if status == Reward.Status.PUBLISHED:
        for act in ("show", "redeem"):
            tag = selectors.matrix().blocked(reward.tags, act)
            if tag is not None:
                raise Invalid.at(
                    "/tags",
                    "compliance",
                    _("The law forbids a reward tagged “%(tag)s”.") % {"tag": tag},
                )
        if reward.status != Reward.Status.PUBLISHED:
            reward.published_at = now
    elif status == Reward.Status.DRAFT and reward.published_at is not None:
        raise Invalid.at("/status", "was_published", _("A reward that was published can only be archived."))
    reward.status = status


def _set_offer(offer: Offer, values: Mapping[str, Any]) -> None:
    for name in OFFER_FIELDS:
        if name in values:
            setattr(offer, name, values[name])
    if offer.starts_at and offer.ends_at and offer.ends_at <= offer.starts_at:
        raise Invalid.at("/ends_at", "order", _("Must lie after starts_at."))
    if offer.tier_min and "tier_min" in values:
        program = tiers.program()
        if program is None or offer.tier_min not in program.codes:
            raise Invalid.at("/tier_min", "unknown", _("The brand has no such tier."))
