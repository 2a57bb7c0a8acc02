"""`GET /members/{id}/entries`: by kind, source, reference and time; what it does not know it names."""

from __future__ import annotations

from base64 import urlsafe_b64encode
from datetime import datetime, timedelta

import pytest

from points import services as points
from tenants.context import in_brand
from tenants.models import Brand
from tests.points.support import earn
from tests.support.brands import ANNA, BORIS
from tests.support.client import Api
from tests.support.sessions import signed_in

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _history(acme: Brand, globex: Brand, now: datetime) -> None:
    """An order a day, the second spent; and the same numbers with another member and brand."""
    with in_brand(acme):
        for number in (1, 2, 3):
            at = now - timedelta(days=4 - number)
            earn(ANNA, number * 10, f"o-{number}", now=at)
            if number == 2:
                points.burn(member_id=ANNA, points=5, reference="o-2", now=at)
        earn(BORIS, 7, "b-1", now=now)
    with in_brand(globex):
        earn(ANNA, 99, "o-2", now=now)


def found(api: Api, query: str, path: str = f"/members/{ANNA}/entries") -> list[tuple[str, int]]:
    answer = api.get(f"{path}?{query}")
    assert answer.status_code == 200, answer.content
    return [(entry["reference"], entry["points"]) for entry in answer.json()["items"]]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("reference=o-2", [("o-2", -5), ("o-2", 20)]),
        ("reference=o-2&source=order", [("o-2", 20)]),
        ("reference=o-2&kind=burn", [("o-2", -5)]),
        ("source=burn", [("o-2", -5)]),
        ("reference=o", []),
        ("reference=b-1", []),
        ("from=2026-11-21T02:00:00Z", [("o-3", 30)]),
        ("to=2026-11-20T02:00:00Z", [("o-1", 10)]),
        ("from=2026-11-20T10:00:00%2B08:00&to=2026-11-21T02:00:00Z", [("o-2", -5), ("o-2", 20)]),
        ("points_currency=stars&reference=o-2", []),
        ("kind=accrual&limit=1", [("o-3", 30)]),
    ],
)
def test_only_what_was_asked_for(api: Api, query: str, expected: list[tuple[str, int]]) -> None:
    assert found(api, query) == expected


def test_a_filtered_list_is_paged(api: Api) -> None:
    path = f"/members/{ANNA}/entries?kind=accrual&limit=2"
    first = api.get(path).json()
    rest = api.get(f"{path}&cursor={first['next_cursor']}").json()
    pages = [[entry["reference"] for entry in page["items"]] for page in (first, rest)]
    assert (pages, rest["next_cursor"]) == ([["o-3", "o-2"], ["o-1"]], None)


def test_a_member_filters_their_own() -> None:
    assert found(signed_in("acme", ANNA), "reference=o-2&kind=accrual", "/me/entries") == [("o-2", 20)]
    assert found(signed_in("acme", BORIS), "reference=o-2", "/me/entries") == []


@pytest.mark.parametrize(
    ("query", "pointer", "code"),
    [
        ("referense=o-2", "/referense", "unknown_field"),
        ("kind=gift", "/kind", "invalid_choice"),
        ("source=", "/source", "blank"),
        ("from=yesterday", "/from", "invalid"),
        ("to=2026-11-20T02:00:00", "/to", "offset"),
        ("from=2026-11-20T02:00:00Z&to=2026-11-20T02:00:00Z", "/to", "not_after_from"),
    ],
)
def test_what_makes_no_sense_is_named(api: Api, query: str, pointer: str, code: str) -> None:
    answer = api.get(f"/members/{ANNA}/entries?{query}")
    assert answer.status_code == 422
    assert [(error["pointer"], error["code"]) for error in answer.json()["errors"]] == [(pointer, code)]


@pytest.mark.parametrize("path", [f"/members/{ANNA}/entries", "/members", "/rewards"])
def test_a_cursor_of_brackets_within_brackets_is_none(api: Api, path: str) -> None:
    cursor = urlsafe_b64encode(b"[" * 3000).decode()
    answer = api.get(f"{path}?cursor={cursor}")
    assert (answer.status_code, [e["pointer"] for e in answer.json()["errors"]]) == (422, ["/cursor"])
