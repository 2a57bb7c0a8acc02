"""Every earning scheme of the table: set up through the API, earned by, brought back in part and in full."""

from datetime import datetime
from typing import Any

import pytest
from django.db import transaction

from tenants.models import Brand
from tests.scenarios import earning
from tests.support.client import Api

pytestmark = [pytest.mark.django_db, pytest.mark.whole]
SCHEMES = earning.schemes()
ids = [scheme["scheme"] for scheme in SCHEMES]


def test_the_table_is_large_enough() -> None:
    cases = [(scheme["scheme"], case) for scheme in SCHEMES for case in scheme["cases"]]
    names = [(scheme, case["name"]) for scheme, case in cases]
    assert len(set(names)) == len(names)
    # What can be brought back is: an order's goods by quantity, an event's points by reversal.
    assert all("part" in case or "pending" in case for _scheme, case in cases if case["points"])
    assert sum("order" in case and "part" in case for _scheme, case in cases) >= 70
    assert sum("order" in case for _scheme, case in cases) + 15 <= len(cases)


@pytest.mark.parametrize("scheme", SCHEMES, ids=ids)
def test_scheme(api: Api, in_acme: Brand, now: datetime, scheme: dict[str, Any]) -> None:
    earning.set_up(api, scheme)
    for case in scheme["cases"]:
        # Each case alone: what it wrote is undone before the next.
        with transaction.atomic():
            story = earning.Story(api, scheme, case, now)
            assert (case["name"], story.play()) == (case["name"], story.expected())
            transaction.set_rollback(True)
