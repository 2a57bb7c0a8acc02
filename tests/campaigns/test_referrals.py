"""Members who bring friends: both earn, once, and give it back when the first order comes back."""

from collections.abc import Callable
from datetime import datetime
from typing import Any
from uuid import UUID

import pytest

from campaigns.models import Moment
from campaigns.services import moments
from members.models import Member, RefreshToken
from tenants.models import Brand
from tests.campaigns.test_moments import held
from tests.orders.shapes import line, order
from tests.orders.test_activities import fixed
from tests.support.brands import ANNA, BORIS
from tests.support.client import Api

pytestmark = pytest.mark.django_db


@pytest.fixture
def invite(publish: Callable[..., None]) -> None:
    """50 for the referrer when a friend registers; 500 and 300 at the friend's first order."""
    publish(
        fixed("friend", 50, "referral.registered", to="referrer"),
        fixed("invite", 500, "referral.first_order", to="referrer"),
        fixed("invited", 300, "referral.first_order", to="referee"),
    )


@pytest.fixture
def settle(in_acme: Brand, now: datetime) -> Callable[[], int]:
    """Judge what is due, as is done after each commit and by the tick."""
    return lambda: moments.settle_due(now=now)


def friend_of(api: Api, referrer: UUID, name: str = "C-friend") -> str:
    code = api.get(f"/members/{referrer}").json()["referral_code"]
    answer = api.post("/members", {"external_id": name, "referrer_code": code})
    assert answer.status_code == 201, answer.content
    return str(answer.json()["member_id"])


def buy(api: Api, order_id: str, name: str = "C-friend", quantity: str = "1") -> None:
    lines = [line("10.00", quantity)]
    answer = api.post("/orders", order(order_id, lines=lines, member={"external_id": name}))
    assert answer.status_code == 201, answer.content


def test_both_earn_at_the_first_order_and_never_again(
    api: Api, invite: None, settle: Callable[[], int]
) -> None:
    friend = friend_of(api, ANNA)
    assert settle() == 1
    assert [held(api, m) for m in (ANNA, friend)] == [50, 0]
    buy(api, "O-1")
    assert settle() == 1
    assert [held(api, m) for m in (ANNA, friend)] == [550, 300]
    buy(api, "O-2")
    assert settle() == 0
    assert [held(api, m) for m in (ANNA, friend)] == [550, 300]
    entry = api.get(f"/members/{ANNA}/entries").json()["items"][0]
    assert (entry["rule"], entry["points"], entry["reference"]) == ("invite", 500, "O-1")


def test_both_by_one_rule(api: Api, publish: Callable[..., None], settle: Callable[[], int]) -> None:
    publish(fixed("both", 20, "referral.first_order", to="both"))
    friend = friend_of(api, ANNA)
    buy(api, "O-1")
    settle()
    assert [held(api, m) for m in (ANNA, friend)] == [20, 20]


def test_a_first_order_that_comes_back_takes_both_rewards_back(
    api: Api, invite: None, settle: Callable[[], int]
) -> None:
    friend = friend_of(api, ANNA)
    buy(api, "O-1")
    settle()
    spent = {"member": {"member_id": str(ANNA)}, "points": 550, "reference": "till-1"}
    assert api.post("/burns", spent).status_code == 201
    api.post("/orders/O-1/returns", {"return_id": "R-1", "all": True})
    assert settle() == 1
    assert held(api, friend) == 0
    assert api.get(f"/members/{ANNA}/account").json()["debt"] == 500
    assert settle() == 0
    # The next order is the first that counts.
    buy(api, "O-2")
    assert settle() == 1
    assert held(api, friend) == 300
    assert api.get(f"/members/{ANNA}/account").json()["debt"] == 0
    states = dict(Moment.objects.filter(trigger=moments.FIRST_ORDER).values_list("reference", "status"))
    assert states == {"O-1": "undone", "O-2": "given"}


@pytest.fixture
def above_20(publish: Callable[..., None]) -> None:
    """60 for both at a first order of 20 or more."""
    enough = {"all": [{"fact": "order.amount", "op": "gte", "value": "20"}]}
    publish(fixed("both", 60, "referral.first_order", to="both", when=enough))


def test_what_is_left_of_a_first_order_must_still_deserve_the_rewards(
    api: Api, above_20: None, settle: Callable[[], int]
) -> None:
    friend = friend_of(api, ANNA)
    buy(api, "O-1", quantity="5")
    settle()
    for number, (quantity, earned) in enumerate((("2", 60), ("2", 0)), 1):
        part = {"return_id": f"R-{number}", "lines": [{"line_id": "1", "quantity": quantity}]}
        assert api.post("/orders/O-1/returns", part).status_code == 201
        settle()
        assert [held(api, m) for m in (ANNA, friend)] == [earned, earned]
    # It stays the first: what is bought later is none.
    buy(api, "O-2", quantity="5")
    assert settle() == 0
    assert [held(api, m) for m in (ANNA, friend)] == [0, 0]
    assert Moment.objects.get(trigger=moments.FIRST_ORDER).status == "undone"


@pytest.mark.parametrize(("first", "corrected"), [("1", "5"), ("5", "1")])
def test_a_corrected_first_order_is_judged_as_it_is(
    api: Api, above_20: None, settle: Callable[[], int], first: str, corrected: str
) -> None:
    friend = friend_of(api, ANNA)
    for revision, quantity in ((1, first), (2, corrected)):
        body = order("O-1", lines=[line("10.00", quantity)], member={"external_id": "C-friend"})
        answer = (
            api.post("/orders", body)
            if revision == 1
            else api.put("/orders/O-1", body | {"revision": revision})
        )
        assert answer.status_code in (200, 201), answer.content
        settle()
        earned = 60 if quantity == "5" else 0
        assert [held(api, m) for m in (ANNA, friend)] == [earned, earned]


@pytest.mark.parametrize(
    ("bought", "earned"),
    [
        pytest.param("2026-11-21T23:59:59+08:00", 0, id="a-day-before"),
        pytest.param("2026-11-22T00:00:00+08:00", 300, id="that-day"),
    ],
)
def test_who_bought_before_they_joined_was_brought_by_nobody(
    api: Api, invite: None, settle: Callable[[], int], bought: str, earned: int
) -> None:
    friend = friend_of(api, ANNA)
    Member.objects.filter(pk=friend).update(enrolled_at="2026-11-22T10:00:00+08:00")
    body = order("O-1", lines=[line("10.00")], member={"external_id": "C-friend"}, ordered_at=bought)
    assert api.post("/orders", body).status_code == 201
    settle()
    assert held(api, friend) == earned
    # Nor is the next one their first.
    buy(api, "O-2")
    settle()
    assert held(api, friend) == earned


@pytest.mark.parametrize("judged", [True, False])
def test_the_friend_s_earliest_order_that_is_left_takes_the_place_of_the_first(
    api: Api, invite: None, settle: Callable[[], int], judged: bool
) -> None:
    friend = friend_of(api, ANNA)
    settle()
    buy(api, "O-1")
    if judged:
        settle()
    buy(api, "O-2")
    buy(api, "O-3")
    states = {}
    for number, earned in (("O-1", (550, 300)), ("O-2", (550, 300)), ("O-3", (50, 0))):
        # Never more than once, however many come and go.
        api.post(f"/orders/{number}/returns", {"return_id": f"R-{number}", "all": True})
        settle()
        assert (held(api, ANNA), held(api, friend)) == earned
        states = dict(Moment.objects.filter(trigger=moments.FIRST_ORDER).values_list("reference", "status"))
    first = "undone" if judged else "refused"
    assert states == {"O-1": first, "O-2": "undone", "O-3": "undone"}
    assert api.get(f"/members/{ANNA}/account").json()["debt"] == 0


def test_a_return_of_a_part_takes_nothing_back(api: Api, invite: None, settle: Callable[[], int]) -> None:
    friend = friend_of(api, ANNA)
    buy(api, "O-1", quantity="2")
    settle()
    api.post("/orders/O-1/returns", {"return_id": "R-1", "lines": [{"line_id": "1", "quantity": "1"}]})
    assert settle() == 0
    assert [held(api, m) for m in (ANNA, friend)] == [550, 300]


def test_an_order_that_came_back_before_it_was_judged_gives_nothing(
    api: Api, invite: None, settle: Callable[[], int]
) -> None:
    friend = friend_of(api, ANNA)
    buy(api, "O-1")
    api.post("/orders/O-1/cancel")
    settle()
    assert [held(api, m) for m in (ANNA, friend)] == [50, 0]
    assert Moment.objects.get(trigger=moments.FIRST_ORDER).refused_for == "order_returned"
    buy(api, "O-2")
    settle()
    assert [held(api, m) for m in (ANNA, friend)] == [550, 300]


def test_the_reward_waits_for_the_order_s_completion(
    api: Api, publish: Callable[..., None], settle: Callable[[], int]
) -> None:
    publish(
        fixed(
            "both",
            20,
            "referral.first_order",
            to="both",
            points={"pending": {"until": "order.completed"}},
        )
    )
    friend = friend_of(api, ANNA)
    buy(api, "O-1")
    settle()
    assert [held(api, m) for m in (ANNA, friend)] == [0, 0]
    api.post("/orders/O-1/complete")
    assert [held(api, m) for m in (ANNA, friend)] == [20, 20]


def test_one_device_one_person(api: Api, invite: None, settle: Callable[[], int], now: datetime) -> None:
    friend = friend_of(api, ANNA)
    for number, member_id in enumerate((str(ANNA), friend)):
        RefreshToken.objects.create(
            digest=str(number),
            family=UUID(int=number),
            member_id=member_id,
            device_id="phone-1",
            issued_at=now,
            expires_at=now,
        )
    buy(api, "O-1")
    settle()
    assert [held(api, m) for m in (ANNA, friend)] == [0, 0]
    assert set(Moment.objects.values_list("refused_for", flat=True)) == {"self_referral"}


def test_a_ring_earns_nothing(api: Api, invite: None, settle: Callable[[], int]) -> None:
    friend = friend_of(api, ANNA)
    Member.objects.filter(pk=ANNA).update(referrer_id=BORIS)
    Member.objects.filter(pk=BORIS).update(referrer_id=friend)
    buy(api, "O-1")
    settle()
    assert [held(api, m) for m in (ANNA, friend)] == [0, 0]
    assert set(Moment.objects.values_list("refused_for", flat=True)) == {"ring"}


def test_merged_into_one_another_before_it_was_judged(
    api: Api, invite: None, settle: Callable[[], int]
) -> None:
    friend = friend_of(api, ANNA)
    buy(api, "O-1")
    assert api.post(f"/members/{friend}/merge", {"into": str(ANNA)}).status_code == 200
    settle()
    assert held(api, ANNA) == 0
    assert set(Moment.objects.values_list("refused_for", flat=True)) == {"self_referral"}


def test_an_unknown_code_enrols_nobody(api: Api, invite: None, row_counts: Callable[[], Any]) -> None:
    before = row_counts()
    answer = api.post("/members", {"external_id": "C-x", "referrer_code": "NOBODY99"})
    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, "/referrer_code")
    assert row_counts() == before
