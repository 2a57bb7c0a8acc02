"""Exchange days: rewards cost less while the campaign runs. It says what and when; the mall reckons."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from django.utils.translation import gettext_lazy as _

from campaigns.models import Campaign
from campaigns.services.campaigns import turning
from loyalty.lib.errors import FieldError
from mall import services as mall
from mall.models import Reward

MOST: Final = 200
MOST_PERCENT: Final = 99
OPEN: Final = (Campaign.Status.SCHEDULED, Campaign.Status.RUNNING)


def faults(kind: str, discount: Mapping[str, Any] | None) -> Iterator[FieldError]:
    """What is wrong with a discount (`stored`), with pointers."""
    if discount is None:
        return
    if kind != Campaign.Kind.EXCHANGE_DAY:
        yield FieldError("/discount", "kind", _("Only an exchange day lowers the prices of rewards."))
    percent, points = discount["percent"], discount["points"]
    if (percent is None) == (points is None):
        yield FieldError("/discount", "required", _("Either per cent or points are needed, not both."))
    elif percent is not None and not 1 <= percent <= MOST_PERCENT:
        yield FieldError("/discount/percent", "range", _("From 1 to 99."))
    known = {str(each) for each in _known(discount["rewards"])}
    for number, reward_id in enumerate(discount["rewards"]):
        if reward_id not in known:
            yield FieldError(f"/discount/rewards/{number}", "unknown_reward", _("There is no such reward."))


def stored(discount: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """A discount as it is kept: every field, ids as text, categories without the slashes around them."""
    if discount is None:
        return None
    return {
        "percent": discount.get("percent"),
        "points": discount.get("points"),
        "rewards": sorted({str(each) for each in discount.get("rewards") or ()}),
        "categories": sorted({each.strip().strip("/") for each in discount.get("categories") or ()}),
    }


def follow(campaign: Campaign, now: datetime) -> None:
    """Let the mall's prices be what the locked campaign says now. Repeating it changes nothing."""
    if campaign.discount is None or campaign.status in Campaign.UNPLANNED:
        return
    if campaign.status not in OPEN or campaign.reached_at is not None:
        mall.close_prices(campaign=campaign.code, now=now)
        return
    spans = [(span.start, span.end) for span in turning.spans_of(campaign)]
    mall.cut_prices(campaign=campaign.code, discount=campaign.discount, spans=spans, is_open=True, now=now)


def _known(rewards: Collection[str]) -> Collection[UUID]:
    return set(Reward.objects.filter(pk__in=list(rewards)).values_list("pk", flat=True)) if rewards else ()
