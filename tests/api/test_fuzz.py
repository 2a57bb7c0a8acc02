"""Random input against every operation of both APIs: no 500, no undocumented answer."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.core.signals import request_finished, request_started
from django.db import close_old_connections

from tests.support import brands, fuzz
from tests.support.sessions import access_token

pytestmark = pytest.mark.django_db
PARTNER, MEMBER = fuzz.contract("^/api/v1/"), fuzz.contract("^/api/member/v1/")


@pytest.fixture(autouse=True)
def _one_connection(db: None) -> Iterator[None]:
    """As Django's own test client does: the end of a request leaves the test's transaction alone."""
    for signal in (request_started, request_finished):
        signal.disconnect(close_old_connections)
    yield
    for signal in (request_started, request_finished):
        signal.connect(close_old_connections)


@PARTNER.parametrize()
@fuzz.gently
def test_no_input_breaks_an_operation_of_partners(case: Any, acme: Any) -> None:
    fuzz.holds(case, brands.key("acme"))


@MEMBER.parametrize()
@fuzz.gently
def test_no_input_breaks_an_operation_of_members(case: Any, acme: Any) -> None:
    fuzz.holds(case, access_token("acme", brands.ANNA))
