"""Names that orders had are kept behind the orders: asking for one reads an index, not all lines."""

from datetime import datetime, timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from campaigns import seen
from campaigns.models import SeenName, SeenUntil
from campaigns.services import seennames
from loyalty.lib import clock
from members.models import Purchase
from tenants.models import Brand
from tests.orders.shapes import priced
from tests.support.client import Api

pytestmark = pytest.mark.django_db
NAMED = ["/fresh/dairy/", "fresh", "fres", "dairy"]


@pytest.fixture
def bought(api: Api, in_acme: Brand) -> None:
    """One order of fresh/dairy in store S1, another of luxury in S2 a minute later."""
    for number, (category, store) in enumerate((("fresh/dairy", "S1"), ("/luxury", "S2"))):
        body = priced(f"o{number}", "10", store_id=store)
        body["lines"][0] |= {"category": category, "sku": f"SKU-{number}"}
        body["ordered_at"] = clock.now().isoformat()
        with clock.frozen(clock.now() + timedelta(minutes=number)):
            assert api.post("/orders", body).status_code == 201


def test_what_nobody_came_to_yet_is_seen_too(bought: None) -> None:
    assert SeenName.objects.count() == 0
    assert seen.known("category", NAMED) == {"/fresh/dairy/", "fresh"}
    assert seen.known("store", ["S1", "S2", "S3"]) == {"S1", "S2"}
    assert seen.known("sku", ["SKU-0", "SKU-9"]) == {"SKU-0"}


def test_a_worker_stays_behind_and_then_an_index_is_enough(bought: None, now: datetime) -> None:
    assert seennames.note(now=now + seennames.LAG - timedelta(seconds=1)) is False
    assert seennames.note(now=now + seennames.LAG) is True
    kept = set(SeenName.objects.values_list("kind", "value"))
    assert kept == {("category", "fresh"), ("category", "fresh/dairy"), ("sku", "SKU-0"), ("store", "S1")}
    assert SeenUntil.objects.get().recorded_at == Purchase.objects.get(order_id="o0").recorded_at
    assert seennames.note(now=now + timedelta(hours=1)) is True
    assert seennames.note(now=now + timedelta(hours=1)) is False
    assert SeenName.objects.filter(kind="category").count() == 3
    with CaptureQueriesContext(
        connection,
    ) as asked:
        assert seen.known("category", ["fresh", "luxury"]) == {"fresh", "luxury"}
    assert len(asked) == 1
    assert "members_purchaseline" not in asked[0]["sql"]
    # What no order had costs a look at the orders since the worker's place, by their index.
    with CaptureQueriesContext(connection) as asked:
        assert seen.known("category", ["gone"]) == set()
    assert len(asked) == 3


def test_a_batch_at_a_time_misses_nothing(bought: None, now: datetime) -> None:
    later = now + timedelta(hours=1)
    rounds = [seennames.note(now=later, batch=1) for _round in range(3)]
    assert rounds == [True, True, False]
    assert set(SeenName.objects.filter(kind="store").values_list("value", flat=True)) == {"S1", "S2"}


def test_the_look_at_the_rest_goes_by_the_index_of_the_time(bought: None, now: datetime) -> None:
    seennames.note(now=now + timedelta(hours=1))
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
        cursor.execute("EXPLAIN " + seen._text(), {"after": now, "until": now + timedelta(days=1)})
        plan = "\n".join(row[0] for row in cursor.fetchall())
    assert "purchase_recorded" in plan, plan
    assert "Seq Scan" not in plan, plan
