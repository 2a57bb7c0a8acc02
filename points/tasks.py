"""Work that time brings, for one brand at a time. Every task may run twice and be cut off at any point."""

from __future__ import annotations

from datetime import timedelta

from celery import shared_task

from loyalty.lib import clock
from points import services as points
from points.services import sealing, tiernotices, tiers
from tenants.fanout import alone, for_each_brand, in_turns

BATCH = 500
NOTICE_BATCH = 2_000
MOST_PORTIONS = 10
"""A task seals at most that many portions of the log at once, so that a large brand does not starve the
others."""
DUE, REVIEWS, NOTICES, FALLS = (
    "points.due",
    "points.reviews",
    "points.announce_expiring",
    "points.announce_falls",
)
SEAL = "points.seal"
MISSED_WITHIN = timedelta(hours=3)
"""How far back the hourly look for entries that the sealer passed by goes; `verify_ledger` looks at all."""


@shared_task
def tick_due() -> int:
    """Ask every active brand to settle what is due."""
    return for_each_brand(settle_due, due=points.is_anything_due, job=DUE)


@shared_task
def tick_notices() -> int:
    """Ask every active brand to announce what is about to expire."""
    return for_each_brand(announce_expiring, due=points.may_announce, job=NOTICES)


@shared_task
def tick_tiers() -> int:
    """Ask every active brand to review the tiers whose period ended."""
    return for_each_brand(review_tiers, due=tiers.is_review_due, job=REVIEWS)


@shared_task
def settle_due() -> None:
    """Settle the brand's accounts on which something is due."""
    in_turns(settle_due, DUE, lambda: points.expire_due(now=clock.now(), limit=BATCH) == BATCH)


@shared_task
def announce_expiring() -> None:
    """Publish `points.expiring` where a stage is reached."""
    in_turns(
        announce_expiring,
        NOTICES,
        lambda: points.announce_portion(now=clock.now(), limit=NOTICE_BATCH).more,
    )


@shared_task
def review_tiers() -> None:
    """Judge the members whose tier is due."""
    in_turns(review_tiers, REVIEWS, lambda: tiers.review_due(now=clock.now(), limit=BATCH) > 0)


@shared_task
def tick_tier_notices() -> int:
    """Ask every active brand to tell whose tier will fall."""
    return for_each_brand(announce_falls, due=tiernotices.is_any_due, job=FALLS)


@shared_task
def announce_falls() -> None:
    """Publish `tier.downgrade_upcoming` where a stage is reached."""
    in_turns(announce_falls, FALLS, lambda: tiernotices.announce_falls(now=clock.now(), limit=BATCH) > 0)


@shared_task
def tick_seal() -> int:
    """Ask every active brand to seal its new entries."""
    return for_each_brand(seal_log, due=sealing.is_behind, job=SEAL)


@shared_task
def tick_missed() -> int:
    """Ask every active brand that has new entries to look for some that were not sealed."""
    return for_each_brand(
        seal_missed, expires_s=600, due=lambda now: sealing.is_any_since(now - MISSED_WITHIN)
    )


@shared_task
def seal_log() -> int:
    """Put what was committed into the brand's transparency log and sign it; returns how many entries."""
    with alone(SEAL) as mine:
        return sealing.seal(now=clock.now(), portions=MOST_PORTIONS) if mine else 0


@shared_task
def seal_missed() -> int:
    """Seal what the sealer passed by in the last hours; returns how many entries there were."""
    now = clock.now()
    with alone(SEAL) as mine:
        return sealing.seal_missed(now=now, since=now - MISSED_WITHIN) if mine else 0
