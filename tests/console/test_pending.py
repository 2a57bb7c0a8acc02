"""Care decides pending points, one entry at a time, with a reason."""

from __future__ import annotations

from datetime import datetime

import pytest

from points.models import Entry
from tenants.context import in_brand
from tenants.models import Brand
from tests.console.pages import signed_in
from tests.points.support import earn, numbers
from tests.support.brands import ANNA

pytestmark = pytest.mark.django_db


def test_pending_points_are_freed_or_taken_back(acme: Brand, now: datetime) -> None:
    waits = {"waits_for": "activity.approved", "waits_ref": "review"}
    with in_brand(acme):
        good, bad = (
            earn(ANNA, amount, f"r-{amount}", now=now, **waits).entries[0].entry_id for amount in (30, 12)
        )
    care = signed_in(acme, "care")
    assert "Make available" in care.get(f"points/entry/{good}/change/").content.decode()
    assert care.post(f"points/entry/{good}/activate/", {"reason": "approved"}).status_code == 302
    assert care.post(f"points/entry/{bad}/cancel-pending/", {"reason": "copied"}).status_code == 302
    assert "Make available" not in care.get(f"points/entry/{good}/change/").content.decode()
    shop = signed_in(acme, "shop")
    assert shop.post(f"points/entry/{good}/activate/", {"reason": "x"}).status_code in (403, 404)
    with in_brand(acme):
        assert numbers(ANNA) == (30, 0, 0, 0)
        taken = Entry.objects.get(kind="clawback")
        assert (taken.reverses_id, taken.reason, taken.actor) == (bad, "copied", "operator:care@acme.example")
