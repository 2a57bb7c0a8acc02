"""Asking for a simulation: a job that is run afterwards."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from django.utils.translation import gettext_lazy as _

from campaigns.services.simulation import reading
from campaigns.services.simulation.scenario import MOST_ORDERS, Scenario
from loyalty.lib.errors import Invalid
from loyalty.outbox import jobs
from loyalty.outbox.models import Job

KIND: Final = "rules.simulation"
SCOPE: Final = "rules:write"


def ask(*, scenario: Scenario, asked_by: str, now: datetime) -> Job:
    """Put the job of a simulation into the queue; its steps are the orders of the period.

    Raises Invalid for a period of more than a million orders.
    """
    orders = reading.count(scenario.start, scenario.end, now)
    if orders > MOST_ORDERS:
        detail = _("At most %(max)d orders; the period has %(orders)d.")
        raise Invalid.at("/from", "too_many_orders", detail % {"max": MOST_ORDERS, "orders": orders})
    return jobs.ask(kind=KIND, total=orders, params=scenario.params(), asked_by=asked_by, now=now)
