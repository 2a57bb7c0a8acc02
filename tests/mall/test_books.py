"""I10 notices when redemptions, ledger and stock do not say the same."""

import pytest
from django.db import IntegrityError, ProgrammingError, connection, transaction

from loyalty.lib import clock
from mall import invariants
from mall.models import Redemption, RedemptionStep, StockItem
from points import services as points
from tenants.context import in_brand
from tenants.models import Brand
from tests.mall.conftest import order
from tests.support.brands import ANNA, BORIS
from tests.support.client import Api

pytestmark = pytest.mark.django_db


@pytest.fixture
def placed(api: Api, anna: None, mug: str) -> str:
    """A redemption with which everything is right."""
    return str(api.post("/redemptions", order(mug)).json()["redemption_id"])


def violations() -> list[str]:
    return list(invariants.redemptions().violations)


def test_a_healthy_mall_has_none(placed: str, acme: Brand) -> None:
    with in_brand(acme):
        outcome = invariants.redemptions()
        assert (outcome.rows, list(outcome.violations)) == (1, [])


@pytest.mark.parametrize(
    "change",
    [{"points": 49}, {"reference": "another"}, {"member_id": BORIS}, {"currency": "stars"}],
    ids=str,
)
def test_a_redemption_that_is_not_its_burn(change: dict, placed: str, acme: Brand) -> None:
    with in_brand(acme):
        Redemption.objects.update(**change)
        assert violations() == [f"redemption {placed} has no burn of its member, points and reference"]


def test_a_burn_without_a_redemption(placed: str, acme: Brand) -> None:
    with in_brand(acme):
        burnt = points.burn(member_id=ANNA, points=5, source="redemption", reference="lost", now=clock.now())
        assert violations() == [
            f"entry {burnt.entry.entry_id} is a redemption's burn that no redemption stands for"
        ]


def test_points_given_back_without_a_cancellation(placed: str, acme: Brand) -> None:
    with in_brand(acme):
        entry_id = Redemption.objects.get().entry_id
        points.reverse(entry_id=entry_id, points=20, reference="care", now=clock.now())
        assert violations() == [f"redemption {placed} is placed, but 20 of its 50 points were given back"]


def test_stock_that_does_not_add_up(placed: str, acme: Brand) -> None:
    with in_brand(acme):
        StockItem.objects.update(taken=2, on_hand=8)
        assert violations() == ["stock of MUG: 2 taken, but redemptions took 1"]


def test_a_status_without_its_step(placed: str, acme: Brand) -> None:
    with in_brand(acme):
        Redemption.objects.update(status="completed")
        assert violations() == [f"redemption {placed} is completed, but its last step is placed"]


@pytest.mark.parametrize(
    "change", [{"on_hand": 8}, {"on_hand": -1, "taken": 11}, {"taken": -1, "on_hand": 11}], ids=str
)
def test_the_database_refuses_a_stock_that_cannot_be(change: dict, mug: str, acme: Brand) -> None:
    with in_brand(acme), pytest.raises(IntegrityError), transaction.atomic():
        StockItem.objects.update(**change)


def test_history_is_only_ever_inserted(placed: str, acme: Brand) -> None:
    with in_brand(acme):
        assert connection.tenant.slug == "acme"
        with pytest.raises(ProgrammingError, match="permission denied"), transaction.atomic():
            RedemptionStep.objects.update(note="rewritten")
        with pytest.raises(ProgrammingError, match="permission denied"), transaction.atomic():
            RedemptionStep.objects.all().delete()
