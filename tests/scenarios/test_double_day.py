"""A double-points day is exact to the second of the purchase, however late the order, whatever clocks do."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest

from loyalty.lib import clock
from tenants import hosts
from tenants.models import Brand
from tests.orders.shapes import BASE, line, multiplier, order
from tests.support.client import Api

pytestmark = pytest.mark.django_db
DAY = {"rrule": "FREQ=YEARLY;BYMONTH=11;BYMONTHDAY=11"}
SPAN = {"starts_at": "2026-11-11T00:00:00+08:00", "ends_at": "2026-11-12T00:00:00+08:00"}
MIDNIGHT = {
    "2026-11-10T15:59:59Z": False,
    "2026-11-10T16:00:00Z": True,
    "2026-11-11T15:59:59Z": True,
    "2026-11-11T16:00:00Z": False,
}
SPRING = {"rrule": "FREQ=YEARLY;BYMONTH=3;BYMONTHDAY=29"}
AUTUMN = {"rrule": "FREQ=YEARLY;BYMONTH=10;BYMONTHDAY=25"}
NIGHT = [["02:00", "03:00"]]
# Zone, schedule, and instants of purchase with whether they are doubled.
DAYS: dict[str, tuple[str, dict[str, Any], dict[str, bool]]] = {
    "Shanghai, a day of the year": ("Asia/Shanghai", DAY, MIDNIGHT),
    "Shanghai, from instant to instant": ("Asia/Shanghai", SPAN, MIDNIGHT),
    "Berlin, a day of 23 hours": (
        "Europe/Berlin",
        SPRING,
        {
            "2026-03-28T22:59:59Z": False,
            "2026-03-28T23:00:00Z": True,
            "2026-03-29T21:59:59Z": True,
            "2026-03-29T22:00:00Z": False,
        },
    ),
    "Berlin, a day of 25 hours": (
        "Europe/Berlin",
        AUTUMN,
        {
            "2026-10-24T21:59:59Z": False,
            "2026-10-24T22:00:00Z": True,
            "2026-10-25T22:59:59Z": True,
            "2026-10-25T23:00:00Z": False,
        },
    ),
    "Berlin, an hour that does not exist": (
        "Europe/Berlin",
        {**SPRING, "hours": NIGHT},
        {"2026-03-29T00:59:59Z": False, "2026-03-29T01:00:00Z": False},
    ),
    "Berlin, an hour that there is twice": (
        "Europe/Berlin",
        {**AUTUMN, "hours": NIGHT},
        {
            "2026-10-24T23:59:59Z": False,
            "2026-10-25T00:00:00Z": True,
            "2026-10-25T00:59:59Z": True,
            "2026-10-25T01:00:00Z": True,
            "2026-10-25T01:59:59Z": True,
            "2026-10-25T02:00:00Z": False,
        },
    ),
    "St John's, an hour that there is twice, half an hour off": (
        "America/St_Johns",
        {"rrule": "FREQ=YEARLY;BYMONTH=11;BYMONTHDAY=1", "hours": [["01:00", "02:00"]]},
        {
            "2026-11-01T03:29:59Z": False,
            "2026-11-01T03:30:00Z": True,
            "2026-11-01T05:29:59Z": True,
            "2026-11-01T05:30:00Z": False,
        },
    ),
}


@pytest.mark.sampled(3)
@pytest.mark.parametrize(("zone", "schedule", "instants"), DAYS.values(), ids=DAYS)
def test_to_the_second(
    api: Api,
    publish: Callable[..., None],
    acme: Brand,
    zone: str,
    schedule: dict[str, Any],
    instants: dict[str, bool],
) -> None:
    Brand.objects.filter(pk=acme.pk).update(timezone=zone)
    hosts.forget()
    publish(BASE, multiplier("double", "2", schedule=schedule))

    def bought(order_id: str, at: str) -> dict[str, int]:
        answer = api.post("/orders", order(order_id, ordered_at=at, lines=[line("10.00")]))
        assert answer.status_code == 201, answer.content
        return {entry["rule"]: entry["points"] for entry in answer.json()["entries"]}

    wanted = {at: {"base": 10, "double": 10} if doubled else {"base": 10} for at, doubled in instants.items()}
    punctual = {}
    for at in instants:
        with clock.frozen(datetime.fromisoformat(at)):
            punctual[at] = bought(f"on time {at}", at)
    assert punctual == wanted
    # By now the day is long over; the last purchase arrives first.
    assert {at: bought(f"late {at}", at) for at in reversed(instants)} == wanted
