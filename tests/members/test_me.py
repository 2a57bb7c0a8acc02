"""`/me`: what a member sees and changes of themselves."""

from collections.abc import Callable

import pytest

from members.models import Member
from tenants.context import in_brand
from tenants.models import Brand
from tests.support.brands import ANNA, BORIS
from tests.support.client import Api
from tests.support.sessions import signed_in

pytestmark = pytest.mark.django_db
Counts = Callable[[], dict[str, int]]


@pytest.fixture
def me(acme: Brand) -> Api:
    """Anna of acme, signed in."""
    return signed_in("acme", ANNA)


def test_a_member_sees_themselves(me: Api) -> None:
    assert me.get("/me").json() == {
        "member_id": str(ANNA),
        "name": "C-anna of acme",
        "birthday": None,
        "region": "",
        "locale": "",
        "consents": [],
        "identities": [{"provider": "external_id", "subject": "C•••na"}],
        "referral_code": "ANNA",
        "enrolled_at": "2026-01-01T00:00:00Z",
        "actions": ["change"],
    }


@pytest.mark.parametrize("method", ["PATCH", "PUT"])
def test_a_member_changes_what_is_theirs(method: str, me: Api, acme: Brand) -> None:
    consent = {"purpose": "marketing", "version": "2026-01", "granted": True}
    answer = me.call(method, "/me", {"name": "Anna", "birthday": "1990-05-17", "consents": [consent]})
    assert answer.status_code == 200
    assert (answer.json()["name"], answer.json()["birthday"]) == ("Anna", "1990-05-17")
    assert answer.json()["consents"] == [{**consent, "at": "2026-11-22T02:00:00Z", "source": ""}]
    assert me.call(method, "/me", {"region": "440100"}).json()["name"] == "Anna"
    with in_brand(acme):
        assert Member.objects.get(pk=BORIS).name == "C-boris of acme"


@pytest.mark.parametrize(
    ("body", "pointers"),
    [
        ({"tags": ["vip"]}, ["/tags"]),
        ({"phone": "+8613800000000"}, ["/phone"]),
        ({"children": []}, ["/children"]),
        ({"name": 7}, ["/name"]),
        ({"birthday": "1890-01-01"}, ["/birthday"]),
        ({"locale": "fr"}, ["/locale"]),
    ],
    ids=str,
)
def test_what_is_not_theirs_to_change_is_named(
    body: dict, pointers: list[str], me: Api, row_counts: Counts
) -> None:
    before = row_counts()
    answer = me.patch("/me", body)
    assert answer.status_code == 422
    assert [e["pointer"] for e in answer.json()["errors"]] == pointers
    assert row_counts() == before
