"""Shared reads of the mall."""

from collections.abc import Collection, Iterable, Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db.models import Exists, OuterRef, Prefetch, Q, QuerySet, Sum

from loyalty.lib.compliance import ComplianceMatrix
from mall.eligibility import Situation
from mall.errors import OfferNotFound, RedemptionNotFound, RewardNotFound, StockNotFound
from mall.models import Grant, Offer, PriceCut, PriceCutSpan, Redemption, RedemptionStep, Reward, StockItem
from mall.prices import Cut
from members import selectors as member_selectors
from members.models import Member
from points import selectors as points_selectors
from points.services import tiers
from tenants.context import current_brand


def matrix() -> ComplianceMatrix:
    """The current brand's compliance matrix."""
    brand = current_brand()
    return ComplianceMatrix.of(brand.setting("compliance"), brand.setting("compliance_unlocked"))


def rewards() -> QuerySet[Reward]:
    """Rewards with stock and offers, whatever their status."""
    offers = Offer.objects.order_by("-is_main", "id")
    return Reward.objects.select_related("stock").prefetch_related(Prefetch("offers", queryset=offers))


def reward(reward_id: UUID) -> Reward:
    """One reward with stock and offers. Raises RewardNotFound."""
    found = rewards().filter(pk=reward_id).first()
    if found is None:
        raise RewardNotFound
    return found


def catalog(situation: Situation) -> QuerySet[Reward]:
    """What a member may be shown: published, with an open offer, and not hidden by compliance."""
    now = situation.now
    live = Offer.objects.filter(
        Q(starts_at__isnull=True) | Q(starts_at__lte=now),
        Q(ends_at__isnull=True) | Q(ends_at__gt=now),
        reward=OuterRef("pk"),
        enabled=True,
    )
    found = rewards().filter(Exists(live), status=Reward.Status.PUBLISHED)
    if situation.hidden_tags:
        found = found.exclude(tags__has_any_keys=sorted(situation.hidden_tags))
    return found


def cuts(now: datetime) -> list[Cut]:
    """The price cuts that hold at `now`. One query."""
    spans = PriceCutSpan.objects.filter(cut__is_open=True, starts_at__lte=now, ends_at__gt=now)
    return [cut_of(span.cut, span.ends_at) for span in spans.select_related("cut")]


def cut_of(row: PriceCut, until: datetime) -> Cut:
    """A stored cut as prices are reckoned by it."""
    return Cut(
        row.campaign, row.percent, row.points, frozenset(row.rewards), frozenset(row.categories), until
    )


def offer(offer_id: UUID) -> Offer:
    """One offer. Raises OfferNotFound."""
    found = Offer.objects.select_related("reward").filter(pk=offer_id).first()
    if found is None:
        raise OfferNotFound
    return found


def stock_item(sku: str) -> StockItem:
    """The stock of an article. Raises StockNotFound."""
    found = None if "\0" in sku else StockItem.objects.filter(sku=sku).first()
    if found is None:
        raise StockNotFound
    return found


def redemptions(member_id: UUID | None = None, status: str | None = None) -> QuerySet[Redemption]:
    """Redemptions with their rewards, for lists."""
    found = Redemption.objects.select_related("reward")
    if member_id is not None:
        found = found.filter(member_id=member_id)
    return found if status is None else found.filter(status=status)


def redemption(redemption_id: UUID, member_id: UUID | None = None) -> Redemption:
    """One redemption with its reward and steps; only this member's where one is named.

    Raises RedemptionNotFound.
    """
    steps = Prefetch("steps", queryset=RedemptionStep.objects.order_by("at", "id"))
    found = redemptions(member_id).prefetch_related(steps).filter(pk=redemption_id).first()
    if found is None:
        raise RedemptionNotFound
    return found


def taken(member_id: UUID, reward_ids: Iterable[UUID]) -> dict[UUID, int]:
    """How many pieces of each reward the member has redeemed; cancelled ones are not counted."""
    return dict(
        Redemption.objects.filter(member_id=member_id, reward_id__in=list(reward_ids))
        .exclude(status=Redemption.Status.CANCELLED)
        .values_list("reward_id")
        .annotate(Sum("quantity"))
    )


def closed_tags(member: Member, act: str, now: datetime) -> frozenset[str]:
    """The tags that keep a reward from this member: `redeem` or `show`."""
    facts: Mapping[str, Any] = member_selectors.age_facts(member, now, current_brand().tz)
    return matrix().blocking_tags(act, **facts)


def situation_of(member: Member, now: datetime) -> Situation:
    """What the catalogue needs to know of a member, read here: balances by currency, and the tier."""
    available = {
        account.currency: points_selectors.account_view(member.id, now, currency=account.currency).available
        for account in points_selectors.accounts(member.id)
    }
    return situation(member, now, available=available, tier=tiers.tier_view(member.id, now))


def situation(
    member: Member, now: datetime, *, available: Mapping[str, int], tier: Mapping[str, Any] | None
) -> Situation:
    """What the catalogue needs to know of a member; `tier` as `points` tells it, None without tiers.

    How many of each reward were taken is added for the rewards at hand (`taken`).
    """
    program = tiers.program() if tier else None
    return Situation(
        now=now,
        tiers=program.codes if program else (),
        tier=tier["code"] if tier else None,
        available=available,
        closed_tags=closed_tags(member, "redeem", now),
        hidden_tags=closed_tags(member, "show", now),
        cuts=cuts(now),
    )


def grants_of(member_id: UUID) -> QuerySet[Grant]:
    """What rules gave a member besides points."""
    return Grant.objects.filter(member_id=member_id)


def benefits_of(member_id: UUID) -> list[tuple[str, datetime, datetime | None]]:
    """The member's benefits that were not taken back: code, valid from, valid until (exclusive)."""
    rows = grants_of(member_id).filter(kind=Grant.Kind.BENEFIT, revoked_at__isnull=True)
    return list(rows.values_list("code", "valid_from", "valid_until"))


def benefits_ever(member_ids: Collection[UUID]) -> list[Grant]:
    """All benefits that these members were ever granted, also those that were taken back."""
    rows = Grant.objects.filter(member_id__in=member_ids, kind=Grant.Kind.BENEFIT)
    return list(rows.order_by("member_id", "granted_at", "id"))
