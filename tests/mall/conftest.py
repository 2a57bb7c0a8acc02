"""Rewards to redeem, points to redeem them with, and a look at what came of it."""

from collections.abc import Callable
from datetime import datetime
from typing import Any
from uuid import UUID

import pytest

from loyalty.lib import clock, ids
from mall import invariants
from mall.models import Redemption, StockItem
from points import services as points
from points.models import Account, Lot
from points.postings import Posting
from tenants.context import in_brand
from tenants.models import Brand
from tests.support.brands import ANNA
from tests.support.client import Api

MUG = {
    "name": {"en": "Mug", "zh-hans": "马克杯"},
    "kind": "physical",
    "sku": "MUG",
    "stock": 10,
    "points": 50,
    "limit_per_member": 2,
    "status": "published",
}
ADDRESS = {"name": "Anna", "phone": "+8613800000000", "street": "1 Tiyu West", "city": "Guangzhou"}


def give(brand: Brand, member_id: UUID, amount: int, expires_at: datetime | None = None) -> None:
    """Points of their own lot."""
    with in_brand(brand):
        points.post(
            member_id=member_id,
            journal_id=ids.new(),
            now=clock.now(),
            entries=[
                Posting(
                    kind="accrual",
                    points=amount,
                    direction=1,
                    system_account="issuance",
                    source="test",
                    reference=str(ids.new()),
                    expires_at=expires_at,
                )
            ],
        )


def make(api: Api, **changes: Any) -> str:
    """A published mug, but for `changes`; its reward_id."""
    answer = api.post("/rewards", {k: v for k, v in {**MUG, **changes}.items() if v is not None})
    assert answer.status_code == 201, answer.content
    return str(answer.json()["reward_id"])


def order(reward_id: str, reference: str = "mini-0001", **changes: Any) -> dict[str, Any]:
    """The body of Anna's redemption."""
    wanted = {"member": {"member_id": str(ANNA)}, "reward_id": reward_id, "reference": reference}
    return {**wanted, "quantity": 1, **changes}


def lots(brand: Brand, member_id: UUID = ANNA) -> list[tuple[int, int, str]]:
    """points, remaining and state of each lot, the first to expire first."""
    with in_brand(brand):
        rows = Lot.objects.filter(account__member_id=member_id).order_by("expires_at", "id")
        return list(rows.values_list("points", "remaining", "state"))


def available(brand: Brand, member_id: UUID = ANNA) -> int:
    """The points that the member can spend."""
    with in_brand(brand):
        return Account.objects.get(member_id=member_id).available


def stock(brand: Brand, sku: str = "MUG") -> tuple[int, int, int]:
    """on hand, received, taken."""
    with in_brand(brand):
        item = StockItem.objects.get(sku=sku)
        return item.on_hand, item.received, item.taken


@pytest.fixture
def anna(acme: Brand) -> None:
    """Anna of acme has 120 points: 30 that expire first, and 90 more."""
    give(acme, ANNA, 30, datetime.fromisoformat("2026-12-31T16:00:00+00:00"))
    give(acme, ANNA, 90, datetime.fromisoformat("2027-06-30T16:00:00+00:00"))


@pytest.fixture
def mug(api: Api) -> str:
    """A published mug for 50 points, 10 in stock, 2 for each member."""
    return make(api)


@pytest.fixture
def unchanged(acme: Brand, row_counts: Callable[[], dict[str, int]]) -> Callable[[], Any]:
    """Everything a refusal must leave as it is; compare before and after."""

    def look() -> Any:
        with in_brand(acme):
            accounts = list(Account.objects.order_by("id").values_list("available", "held", "debt"))
            items = list(StockItem.objects.order_by("sku").values_list("sku", "on_hand", "taken"))
            placed = list(Redemption.objects.order_by("id").values_list("status", "address", "carrier"))
            lot_rows = list(Lot.objects.order_by("id").values_list("remaining", "held", "state"))
        return row_counts(), accounts, items, placed, lot_rows

    return look


@pytest.fixture
def books_agree(acme: Brand) -> Callable[[], int]:
    """I10 holds; returns how many redemptions there are."""

    def check() -> int:
        with in_brand(acme):
            outcome = invariants.redemptions()
        assert list(outcome.violations) == []
        return outcome.rows

    return check
