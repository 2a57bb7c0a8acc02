"""What the brand does with a redemption until the member has what the points were given for."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from loyalty.lib.errors import Invalid
from mall import locks
from mall.errors import RedemptionNotFound, RedemptionState
from mall.models import Redemption
from mall.services.steps import record


def ship(
    *,
    redemption_id: UUID,
    actor: str,
    now: datetime,
    address: Mapping[str, Any] | None = None,
    carrier: str = "",
    tracking_number: str = "",
    note: str = "",
) -> Redemption:
    """Say that an article was sent. Saying it again changes nothing.

    Raises RedemptionNotFound, RedemptionState, and Invalid when there is no address to send it to.
    """
    with transaction.atomic():
        redemption = _locked(redemption_id)
        if redemption.status == Redemption.Status.SHIPPED:
            return redemption
        _allow(redemption, "ship")
        if address is not None:
            redemption.address = dict(address)
        if not redemption.address:
            raise Invalid.at("/address", "required", _("An address is needed before it can be sent."))
        before = redemption.status
        redemption.status = Redemption.Status.SHIPPED
        redemption.carrier, redemption.tracking_number = carrier, tracking_number
        redemption.shipped_at = redemption.updated_at = now
        redemption.save()
        record(
            redemption,
            before=before,
            actor=actor,
            now=now,
            note=note,
            carrier=carrier,
            tracking_number=tracking_number,
        )
        return redemption


def complete(*, redemption_id: UUID, actor: str, now: datetime, note: str = "") -> Redemption:
    """Say that the member has it: handed over, delivered, used, donated. Saying it again changes nothing.

    Raises RedemptionNotFound, RedemptionState.
    """
    with transaction.atomic():
        redemption = _locked(redemption_id)
        if redemption.status == Redemption.Status.COMPLETED:
            return redemption
        _allow(redemption, "complete")
        before = redemption.status
        redemption.status = Redemption.Status.COMPLETED
        redemption.completed_at = redemption.updated_at = now
        redemption.save(update_fields=["status", "completed_at", "updated_at"])
        record(redemption, before=before, actor=actor, now=now, note=note)
        return redemption


def set_address(
    *, redemption_id: UUID, address: Mapping[str, Any], now: datetime, by_member: UUID | None = None
) -> Redemption:
    """Say where an article is to be sent, until it was. Raises RedemptionNotFound, RedemptionState."""
    with transaction.atomic():
        redemption = _locked(redemption_id, by_member)
        _allow(redemption, "set_address")
        redemption.address, redemption.updated_at = dict(address), now
        redemption.save(update_fields=["address", "updated_at"])
        return redemption


def _locked(redemption_id: UUID, by_member: UUID | None = None) -> Redemption:
    redemption = locks.redemption(redemption_id)
    if redemption is None or by_member not in (None, redemption.member_id):
        raise RedemptionNotFound
    return redemption


def _allow(redemption: Redemption, action: str) -> None:
    if action not in redemption.actions:
        raise RedemptionState(redemption_status=redemption.status, actions=redemption.actions)
