"""Saying what a point costs from now on."""

from datetime import datetime
from decimal import Decimal

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from loyalty.analytics import errors, locks
from loyalty.analytics.finance import costs
from loyalty.analytics.models import UnitCost
from loyalty.lib.errors import Invalid
from points.models import ClosedMonth
from points.postings import DEFAULT_CURRENCY
from tenants.context import current_brand

MOST = Decimal(1_000_000)


def set_unit_cost(
    *,
    points_currency: str,
    cost: Decimal,
    actor: str,
    now: datetime,
    valid_from: datetime | None = None,
) -> UnitCost:
    """Let a point cost `cost`, in the brand's currency, from `valid_from` (default: now) on.

    Reports as of earlier instants stay as they were. Saying the same again for the same instant writes
    nothing. Raises Invalid for a cost below 0, above a million or with more than six digits after the
    point and for a currency that the brand's list has not, and CostOfClosedMonth where `valid_from` lies
    in a month that is closed.
    """
    known_currencies = current_brand().setting("points_currencies")
    if known_currencies is not None and points_currency not in (DEFAULT_CURRENCY, *known_currencies):
        raise Invalid.at(
            "/points_currency",
            "unknown_currency",
            _("Unknown points currency “%(currency)s”.") % {"currency": points_currency},
        )
    exponent = cost.normalize().as_tuple().exponent
    if not 0 <= cost <= MOST or not isinstance(exponent, int) or exponent < -6:
        raise Invalid.at(
            "/cost", "cost", _("From 0 to a million, with at most six digits after the decimal point.")
        )
    with transaction.atomic():
        locks.finance()
        since = valid_from or now
        last = ClosedMonth.objects.filter(ends_at__gt=since).order_by("-ends_at").first()
        if last is not None:
            raise errors.CostOfClosedMonth(
                _("The books are closed up to and with %(month)s: a cost may hold from the month after.")
                % {"month": last}
            )
        known = UnitCost.objects.filter(points_currency=points_currency)
        latest = known.filter(valid_from=since).order_by("-set_at", "-id").first()
        if latest is not None and latest.cost == cost:
            return latest
        if not known.exists():
            # What held until now is written down, so that a change of the setting changes no past report.
            _write(points_currency, costs.load().fallback, costs.BEGINNING, actor, now)
        return _write(points_currency, cost, since, actor, now)


def pin(points_currency: str, *, actor: str, now: datetime) -> None:
    """Write down what a point of a currency without a row of its own has cost so far.

    Under `locks.finance()`. Repeating writes nothing.
    """
    if not UnitCost.objects.filter(points_currency=points_currency).exists():
        _write(points_currency, costs.load().fallback, costs.BEGINNING, actor, now)


def _write(points_currency: str, cost: Decimal, valid_from: datetime, actor: str, now: datetime) -> UnitCost:
    return UnitCost.objects.create(
        points_currency=points_currency,
        cost=cost,
        currency=current_brand().currency,
        valid_from=valid_from,
        set_at=now,
        actor=actor,
    )
