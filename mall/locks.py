"""Every row lock of this room. A member's points account is locked before any of them, stock last."""

from uuid import UUID

from mall.models import Grant, Offer, Redemption, Reward, StockItem


def redemption(redemption_id: UUID) -> Redemption | None:
    """The redemption with its reward, locked until the transaction ends, or None."""
    rows = Redemption.objects.select_for_update(of=("self",)).select_related("reward")
    return rows.filter(pk=redemption_id).first()


def reward(reward_id: UUID) -> Reward | None:
    """The reward with its stock, locked until the transaction ends, or None."""
    rows = Reward.objects.select_for_update(of=("self",)).select_related("stock")
    return rows.filter(pk=reward_id).first()


def offer(offer_id: UUID) -> Offer | None:
    """The offer with its reward, locked until the transaction ends, or None."""
    rows = Offer.objects.select_for_update(of=("self",)).select_related("reward")
    return rows.filter(pk=offer_id).first()


def stock_item(sku: str) -> StockItem | None:
    """The stock of an article, locked until the transaction ends, or None."""
    return StockItem.objects.select_for_update().filter(sku=sku).first()


def due_grant(grant_id: UUID) -> Grant | None:
    """The grant if it is still due, locked until the transaction ends, or None."""
    return Grant.objects.select_for_update().filter(pk=grant_id, due_at__isnull=False).first()
