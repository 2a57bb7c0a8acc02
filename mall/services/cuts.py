"""Price cuts: what a campaign takes off the prices of rewards while it runs."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from django.db import transaction

from mall.models import PriceCut, PriceCutSpan


def cut_prices(
    *,
    campaign: str,
    discount: Mapping[str, Any],
    spans: Sequence[tuple[datetime, datetime]],
    is_open: bool,
    now: datetime,
) -> PriceCut:
    """Let a campaign take `discount` off the prices in these stretches, while it is open: `percent` or
    `points`, of `rewards`, `categories` or all. It replaces what was there; repeating changes nothing.

    Redemptions judge by the time of each: nothing has to happen when a stretch begins or ends.
    """
    with transaction.atomic():
        row, _made = PriceCut.objects.update_or_create(
            campaign=campaign,
            defaults={
                "percent": discount.get("percent"),
                "points": discount.get("points"),
                "rewards": [str(reward) for reward in discount.get("rewards", ())],
                "categories": list(discount.get("categories", ())),
                "is_open": is_open,
                "updated_at": now,
            },
        )
        known = set(row.spans.values_list("starts_at", "ends_at"))
        if known != set(spans):
            row.spans.all().delete()
            PriceCutSpan.objects.bulk_create(
                [PriceCutSpan(cut=row, starts_at=start, ends_at=end) for start, end in spans]
            )
        return row


def close_prices(*, campaign: str, now: datetime) -> None:
    """Let a campaign take nothing off any more. Repeating it changes nothing."""
    PriceCut.objects.filter(campaign=campaign, is_open=True).update(is_open=False, updated_at=now)
