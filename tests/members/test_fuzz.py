"""Random input against every operation of the member API, as a member: no 500, no undocumented answer."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
from django.core.signals import request_finished, request_started
from django.db import close_old_connections
from drf_spectacular.generators import SchemaGenerator
from hypothesis import HealthCheck, settings
from schemathesis.checks import CHECKS, load_all_checks

from loyalty.wsgi import application
from tests.support.brands import ANNA
from tests.support.sessions import access_token

load_all_checks()
WANTED = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_schema_conformance",
)
DOCUMENT = json.loads(
    json.dumps(SchemaGenerator(urlconf="loyalty.urls").get_schema(request=None, public=True))
)
SCHEMA = schemathesis.openapi.from_dict(DOCUMENT).include(path_regex="^/api/member/")
SCHEMA.app = application
pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _one_connection(db: None) -> Iterator[None]:
    """As Django's own test client does: the end of a request leaves the test's transaction alone."""
    for signal in (request_started, request_finished):
        signal.disconnect(close_old_connections)
    yield
    for signal in (request_started, request_finished):
        signal.connect(close_old_connections)


@SCHEMA.parametrize()
@settings(
    max_examples=6,
    deadline=None,
    derandomize=True,
    suppress_health_check=[
        HealthCheck.function_scoped_fixture,
        HealthCheck.too_slow,
        HealthCheck.filter_too_much,
    ],
)
def test_no_input_breaks_an_operation(case: Any, acme: Any) -> None:
    token = access_token("acme", ANNA)
    case.call_and_validate(
        checks=[check for check in CHECKS.get_all() if check.__name__ in WANTED],
        headers={"Host": "acme.localhost", "Authorization": f"Bearer {token}"},
    )
