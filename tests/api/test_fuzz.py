"""Input of all kinds against every operation of both APIs: no 500, no undocumented answer."""

from collections.abc import Iterator

import pytest
from django.core.signals import request_finished, request_started
from django.db import close_old_connections

from tests.support import brands, fuzz
from tests.support.sessions import access_token

pytestmark = [pytest.mark.django_db, pytest.mark.whole]
PARTNER, MEMBER = fuzz.operations("/api/v1/"), fuzz.operations("/api/member/v1/")


@pytest.fixture(autouse=True)
def _one_connection(db: None) -> Iterator[None]:
    """As Django's own test client does: the end of a request leaves the test's transaction alone."""
    for signal in (request_started, request_finished):
        signal.disconnect(close_old_connections)
    yield
    for signal in (request_started, request_finished):
        signal.connect(close_old_connections)


def test_the_contract_was_read() -> None:
    assert len(PARTNER) >= 60
    assert len(MEMBER) >= 15


@pytest.mark.parametrize(("method", "path"), PARTNER)
def test_no_input_breaks_an_operation_of_partners(method: str, path: str, acme: object) -> None:
    fuzz.holds(method, path, brands.key("acme"))


@pytest.mark.parametrize(("method", "path"), MEMBER)
def test_no_input_breaks_an_operation_of_members(method: str, path: str, acme: object) -> None:
    fuzz.holds(method, path, access_token("acme", brands.ANNA))
