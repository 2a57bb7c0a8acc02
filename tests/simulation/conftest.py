"""Fixtures of simulations: rules published, orders recorded, a job asked for and run."""

from collections.abc import Callable
from typing import Any

import pytest

from loyalty.analytics import simulations
from loyalty.lib import clock
from loyalty.outbox import jobs
from tenants.context import in_brand
from tenants.models import Brand
from tests.orders.conftest import base_rule, publish
from tests.support.client import Api

__all__ = ["base_rule", "publish"]


@pytest.fixture
def advance(acme: Brand) -> Callable[[], bool]:
    """The worker's turn at the jobs of acme that only read."""
    assert simulations.run

    def turn() -> bool:
        with in_brand(acme):
            return jobs.advance(now=clock.now, lane="reading")

    return turn


@pytest.fixture
def simulate(api: Api, advance: Callable[[], bool]) -> Callable[..., dict[str, Any]]:
    """Ask for a simulation of rules, run it, and give its result."""

    def do(*rules: dict[str, Any], **more: Any) -> dict[str, Any]:
        asked = api.post("/earning-rules/simulate", {"rules": list(rules), **more})
        assert asked.status_code == 202, asked.content
        assert advance()
        job = api.get(asked.json()["job_url"].removeprefix("/api/v1")).json()
        assert job["status"] == "succeeded", job
        answer = api.get(asked.json()["result_url"].removeprefix("/api/v1"))
        assert answer.status_code == 200, answer.content
        result: dict[str, Any] = answer.json()
        return result

    return do
