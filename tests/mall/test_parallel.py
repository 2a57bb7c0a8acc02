"""Redemptions at the same time: real threads, real commits."""

from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import pytest
from django.db import connections

from loyalty.lib import clock
from mall import invariants
from mall.models import Redemption
from members import services as members
from members.identities import Key
from points.models import Account, Entry
from tenants.context import in_brand
from tenants.models import Brand
from tests.conftest import NOW
from tests.mall.conftest import ADDRESS, available, give, make, order, stock
from tests.support import brands
from tests.support.brands import ANNA
from tests.support.client import Api
from tests.support.sessions import signed_in

THREADS = 20


@pytest.fixture
def shop(committed_db: None) -> Api:
    return Api("acme.localhost", brands.key("acme"))


@pytest.fixture
def brand(committed_db: None) -> Brand:
    return Brand.objects.get(slug="acme")


def at_once(calls: list[Callable[[Api], Any]]) -> list[Any]:
    """Every call from a thread of its own, all let go together."""
    gate = Barrier(len(calls))

    def run(call: Callable[[Api], Any]) -> Any:
        try:
            with clock.frozen(NOW):
                api = Api("acme.localhost", brands.key("acme"))
                gate.wait(20)
                return call(api)
        finally:
            connections.close_all()

    with ThreadPoolExecutor(len(calls)) as pool:
        return list(pool.map(run, calls))


def outcomes(answers: list[Any]) -> dict[Any, int]:
    """How often each status or refusal came."""
    return dict(Counter(a.status_code if a.status_code < 300 else a.json()["code"] for a in answers))


def check_books(brand: Brand) -> int:
    with in_brand(brand):
        outcome = invariants.redemptions()
    assert list(outcome.violations) == []
    return outcome.rows


def crowd(brand: Brand, points: int) -> list[str]:
    """As many members as there are threads, with points each."""
    with in_brand(brand):
        ids = [members.enrol(keys=[Key("external_id", f"X-{n}")], now=NOW)[0].id for n in range(THREADS)]
    for member_id in ids:
        give(brand, member_id, points)
    return [str(member_id) for member_id in ids]


def test_the_last_piece_goes_once(shop: Api, brand: Brand) -> None:
    reward = make(shop, stock=1)
    people = crowd(brand, 50)
    answers = at_once(
        [
            lambda api, n=n, who=who: api.post(
                "/redemptions", order(reward, f"last-{n}", member={"member_id": who})
            )
            for n, who in enumerate(people)
        ]
    )
    assert outcomes(answers) == {201: 1, "out_of_stock": THREADS - 1}
    assert stock(brand) == (0, 1, 1)
    with in_brand(brand):
        assert Redemption.objects.count() == 1
        assert Entry.objects.filter(kind="burn").count() == 1
        assert sorted(Account.objects.values_list("available", flat=True)) == [0] + [50] * (THREADS - 1)
    assert check_books(brand) == 1


def test_the_limit_holds_under_parallel_calls(shop: Api, brand: Brand) -> None:
    reward = make(shop, stock=None, sku=None, kind="virtual", limit_per_member=3)
    give(brand, ANNA, 50 * THREADS)
    answers = at_once(
        [lambda api, n=n: api.post("/redemptions", order(reward, f"limit-{n}")) for n in range(THREADS)]
    )
    assert outcomes(answers) == {201: 3, "limit_reached": THREADS - 3}
    assert available(brand) == 50 * (THREADS - 3)
    assert check_books(brand) == 3


def test_points_for_one_buy_one(shop: Api, brand: Brand) -> None:
    reward = make(shop, stock=THREADS, limit_per_member=None)
    give(brand, ANNA, 99)
    answers = at_once(
        [lambda api, n=n: api.post("/redemptions", order(reward, f"one-{n}")) for n in range(THREADS)]
    )
    assert outcomes(answers) == {201: 1, "insufficient_points": THREADS - 1}
    assert (available(brand), stock(brand)) == (49, (THREADS - 1, THREADS, 1))
    assert check_books(brand) == 1


def test_the_same_reference_is_one_redemption(shop: Api, brand: Brand) -> None:
    reward = make(shop, limit_per_member=None)
    give(brand, ANNA, 1000)
    answers = at_once([lambda api: api.post("/redemptions", order(reward))] * THREADS)
    assert outcomes(answers) == {201: 1, 200: THREADS - 1}
    assert len({a.json()["redemption_id"] for a in answers}) == 1
    assert (available(brand), stock(brand)) == (950, (9, 10, 1))


def test_one_reference_of_different_members_is_one_redemption(shop: Api, brand: Brand) -> None:
    reward = make(shop, stock=THREADS)
    people = crowd(brand, 50)
    answers = at_once(
        [
            lambda api, who=who: api.post("/redemptions", order(reward, member={"member_id": who}))
            for who in people
        ]
    )
    assert outcomes(answers) == {201: 1, "reference_conflict": THREADS - 1}
    assert stock(brand) == (THREADS - 1, THREADS, 1)
    assert check_books(brand) == 1


def test_one_key_has_one_effect(shop: Api, brand: Brand) -> None:
    reward = make(shop, limit_per_member=None)
    give(brand, ANNA, 1000)
    key = "the-same-key-for-all"
    answers = at_once([lambda api: api.post("/redemptions", order(reward), key=key)] * THREADS)
    told = outcomes(answers)
    assert set(told) <= {201, "idempotency_in_flight"}
    assert told[201] >= 1
    assert len({a.content for a in answers if a.status_code == 201}) == 1
    assert available(brand) == 950


def test_cancelling_at_once_gives_back_once(shop: Api, brand: Brand) -> None:
    reward = make(shop)
    give(brand, ANNA, 50)
    placed = shop.post("/redemptions", order(reward)).json()["redemption_id"]
    answers = at_once([lambda api: api.post(f"/redemptions/{placed}/cancel")] * THREADS)
    assert outcomes(answers) == {200: THREADS}
    assert (available(brand), stock(brand)) == (50, (10, 10, 0))
    assert check_books(brand) == 1


def test_cancelling_and_sending_at_once_end_in_one_of_both(shop: Api, brand: Brand) -> None:
    reward = make(shop, limit_per_member=None)
    give(brand, ANNA, 500)
    for number in range(5):
        placed = shop.post("/redemptions", order(reward, f"race-{number}")).json()["redemption_id"]
        answers = at_once(
            [
                lambda api, at=placed: api.post(f"/redemptions/{at}/cancel"),
                lambda api, at=placed: api.post(f"/redemptions/{at}/fulfil", {"address": ADDRESS}),
            ]
        )
        assert outcomes(answers) == {200: 1, "redemption_state": 1}
    assert check_books(brand) == 5


def test_members_and_partners_meet_at_the_same_lock(shop: Api, brand: Brand) -> None:
    reward = make(shop, limit_per_member=1)
    give(brand, ANNA, 1000)
    mine = signed_in("acme", ANNA)
    body = {"reward_id": reward, "quantity": 1}
    answers = at_once(
        [
            lambda api, n=n: (
                api.post("/redemptions", order(reward, f"till-{n}"))
                if n % 2
                else Api("acme.localhost", mine.token, prefix=mine.prefix).post(
                    "/redemptions", {**body, "reference": f"app-{n}"}
                )
            )
            for n in range(10)
        ]
    )
    assert outcomes(answers) == {201: 1, "limit_reached": 9}
    assert available(brand) == 950


def test_deliveries_at_once_are_all_counted(shop: Api, brand: Brand) -> None:
    answers = at_once([lambda api: api.post("/stock", {"sku": "NEW", "add": 5})] * THREADS)
    assert outcomes(answers) == {200: THREADS}
    assert stock(brand, "NEW") == (5 * THREADS, 5 * THREADS, 0)
