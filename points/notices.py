"""The ends of points that nobody was told of in time, as the ledger functions will put them off."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace
from datetime import date, datetime, timedelta, tzinfo
from uuid import UUID

from loyalty.lib import clock
from points import expiry, lots
from points.models import Account, ExpiryNotice, Lot, NoticePolicy


def put_off(account: Account, holdings: lots.Holdings, tz: tzinfo) -> lots.Holdings:
    """The holdings with the ends that their lots will have where the brand demands a notice.

    What can still be announced in time is taken to be; what cannot, or whose day has come, ends so many
    days after a notice that goes out now.
    """
    policy = NoticePolicy.objects.filter(pk=1, days__isnull=False).first()
    if policy is None or policy.days is None:
        return holdings
    days, soonest = policy.days, expiry.grace_until(clock.now(), policy.days, tz)
    due = {
        lot.id: end
        for lot in holdings.lots
        if (end := lots.ends_at(lot, holdings.active_at, tz)) is not None and end < soonest
    }
    if not due:
        return holdings
    recorded = _recorded(list(due))
    told = _told(account)

    def in_time(lot_id: UUID) -> bool:
        end, since = due[lot_id], recorded[lot_id]
        if since is None:
            return True
        last_day = (end - timedelta(microseconds=1)).astimezone(tz).date()
        return any(at >= since and expiry.grace_until(at, days, tz) <= end for at in told[last_day])

    return replace(
        holdings,
        lots=[
            lot
            if lot.id not in due or in_time(lot.id)
            else replace(lot, expires_at=soonest, inactivity_months=None)
            for lot in holdings.lots
        ],
    )


def _recorded(lot_ids: list[UUID]) -> dict[UUID, datetime | None]:
    """When the lots' points came to this person; None for a gift, which needs no notice."""
    found: dict[UUID, datetime | None] = {}
    for lot in Lot.objects.select_related("entry").filter(pk__in=lot_ids):
        origin = lot
        while origin.from_lot_id is not None and origin.entry.source == "merge":
            origin = Lot.objects.select_related("entry").get(pk=origin.from_lot_id)
        gift = lot.entry.kind == "transfer" and lot.entry.source != "merge"
        found[lot.pk] = None if gift else origin.entry.recorded_at
    return found


def _told(account: Account) -> dict[date, list[datetime]]:
    told: dict[date, list[datetime]] = defaultdict(list)
    for notice in ExpiryNotice.objects.filter(account=account):
        told[notice.expires_on].append(notice.announced_at)
    return told
