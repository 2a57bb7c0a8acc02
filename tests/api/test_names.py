"""Names in paths that nothing can have."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.support.client import Api

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("name", ["%00", "a%00b"])
@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("get", "/orders/{}"),
        ("post", "/orders/{}/cancel"),
        ("get", "/campaigns/{}"),
        ("patch", "/earning-rules/{}"),
        ("post", "/activities/{}/approve"),
        ("get", "/segments/{}"),
        ("post", "/wakeups/{}/submit"),
        ("get", "/audience-grants/{}"),
    ],
)
def test_a_name_that_the_database_cannot_hold_names_nothing(
    api: Api, row_counts: Callable[[], Any], method: str, path: str, name: str
) -> None:
    before = row_counts()
    body = () if method == "get" else ({},)
    answer = getattr(api, method)(path.format(name), *body)
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
    assert answer["Content-Type"] == "application/problem+json"
    assert row_counts() == before
