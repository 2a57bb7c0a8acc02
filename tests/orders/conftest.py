"""Orders and rules as the tests of this folder write them."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.orders.shapes import BASE
from tests.support.client import Api


@pytest.fixture
def publish(api: Api) -> Callable[..., None]:
    """Publish rules through the API."""

    def do(*bodies: dict[str, Any]) -> None:
        for body in bodies:
            created = api.post("/earning-rules", body)
            assert created.status_code == 201, created.content
            published = api.post(f"/earning-rules/{body['code']}/publish")
            assert published.status_code == 200, published.content

    return do


@pytest.fixture
def base_rule(publish: Callable[..., None]) -> None:
    """One point for each yuan."""
    publish(BASE)
