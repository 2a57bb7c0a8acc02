"""`POST /members/{id}/freeze` and `/unfreeze`."""

from collections.abc import Callable

import pytest

from points.models import Account
from tenants.context import in_brand
from tenants.models import Brand
from tests.support.brands import ANNA
from tests.support.client import Api

pytestmark = pytest.mark.django_db
Counts = Callable[[], dict[str, int]]
ACCOUNT = {"points_currency": "points", "available": 0, "pending": 0, "held": 0, "debt": 0}


def burn(api: Api, reference: str) -> tuple[int, str | None]:
    body = {"member": {"member_id": str(ANNA)}, "points": 10, "reference": reference}
    answer = api.post("/burns", body)
    return answer.status_code, answer.json().get("code")


def adjust(api: Api, reference: str, points: int) -> int:
    body = {"member": {"member_id": str(ANNA)}, "points": points, "reason": "x", "reference": reference}
    return api.post("/adjustments", body).status_code


def test_spending_is_frozen_and_opened_again(api: Api, acme: Brand) -> None:
    assert adjust(api, "gift", 100) == 201
    answer = api.post(f"/members/{ANNA}/freeze", {"burn": True, "reason": "card stolen"})
    assert (answer.status_code, answer.json()) == (
        200,
        {
            "member_id": str(ANNA),
            "accounts": [{**ACCOUNT, "available": 100, "earn_frozen": False, "burn_frozen": True}],
        },
    )
    assert burn(api, "b-1") == (403, "account_frozen")
    seen = api.get(f"/members/{ANNA}/account").json()
    assert (seen["available"], seen["burn_frozen"], seen["earn_frozen"]) == (100, True, False)
    with in_brand(acme):
        assert Account.objects.get(member_id=ANNA).freeze_reason == "card stolen"
    opened = api.post(f"/members/{ANNA}/unfreeze").json()
    assert opened["accounts"] == [{**ACCOUNT, "available": 100, "earn_frozen": False, "burn_frozen": False}]
    assert burn(api, "b-1") == (201, None)


def test_who_has_no_account_yet_is_frozen_too(api: Api) -> None:
    answer = api.post(f"/members/{ANNA}/freeze", {"earn": True, "burn": True, "reason": "fraud"})
    assert answer.json()["accounts"] == [{**ACCOUNT, "earn_frozen": True, "burn_frozen": True}]


@pytest.mark.parametrize(
    ("body", "pointers"),
    [
        ({}, ["/reason"]),
        ({"reason": "why not"}, [""]),
        ({"burn": True}, ["/reason"]),
        ({"burn": True, "reason": ""}, ["/reason"]),
        ({"burn": "yes", "reason": "x"}, ["/burn"]),
        ({"spend": True, "burn": True, "reason": "x"}, ["/spend"]),
    ],
    ids=str,
)
def test_bad_input_is_named(body: dict, pointers: list[str], api: Api, row_counts: Counts) -> None:
    before = row_counts()
    answer = api.post(f"/members/{ANNA}/freeze", body)
    assert answer.status_code == 422
    assert [e["pointer"] for e in answer.json()["errors"]] == pointers
    assert row_counts() == before


@pytest.mark.parametrize("action", ["freeze", "unfreeze"])
def test_a_member_of_another_brand_does_not_exist_here(
    action: str, api: Api, foreign: Api, reader: Api, row_counts: Counts
) -> None:
    stranger = api.post("/members", {"external_id": "C123"}).json()["member_id"]
    body = {"burn": True, "reason": "x"} if action == "freeze" else {}
    before = row_counts()
    answer = foreign.post(f"/members/{stranger}/{action}", body)
    assert (answer.status_code, answer.json()["code"]) == (404, "member_not_found")
    assert reader.post(f"/members/{stranger}/{action}", body).json()["code"] == "scope_missing"
    assert row_counts() == before
