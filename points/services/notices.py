"""The brand's demand that points do not end unless their member was told."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction

from points.models import NoticePolicy

MOST_DAYS = 90


def notice_days() -> int | None:
    """How many full days before their end points must have been announced; None: they end anyway."""
    return NoticePolicy.objects.filter(pk=1).values_list("days", flat=True).first()


def require_notice(*, days: int | None, actor: str, now: datetime) -> int | None:
    """Let points end only if a notice went out `days` full days before (1 to 90), or take that back (None).

    From then on the end of points that nobody was told of in time is put off: they are announced when it
    comes, and end at midnight after `days` more days. What has expired stays expired.
    """
    if days is not None and not 1 <= days <= MOST_DAYS:
        raise ValueError(f"{days} days of notice")
    with transaction.atomic():
        NoticePolicy.objects.update_or_create(
            pk=1, defaults={"days": days, "updated_at": now, "updated_by": actor[:80]}
        )
    return days
