"""Random input against the contract, in process: what the fuzz tests of both APIs share."""

import json
import os
from typing import Any

import schemathesis
from drf_spectacular.generators import SchemaGenerator
from hypothesis import HealthCheck, settings
from schemathesis.checks import CHECKS, load_all_checks

from loyalty.wsgi import application

WANTED = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_schema_conformance",
)
# Few for every change; FUZZ_EXAMPLES=50 digs deeper.
gently = settings(
    max_examples=int(os.environ.get("FUZZ_EXAMPLES", "3")),
    deadline=None,
    derandomize=True,
    suppress_health_check=[
        HealthCheck.function_scoped_fixture,
        HealthCheck.too_slow,
        HealthCheck.filter_too_much,
    ],
)


def contract(paths: str) -> Any:
    """The operations of the contract whose path begins like the regular expression `paths`."""
    document = SchemaGenerator(urlconf="loyalty.urls").get_schema(request=None, public=True)
    schema = schemathesis.openapi.from_dict(json.loads(json.dumps(document))).include(path_regex=paths)
    schema.app = application
    load_all_checks()
    return schema


def holds(case: Any, token: str) -> None:
    """Call the operation of `case` and check the answer against the contract."""
    case.call_and_validate(
        checks=[check for check in CHECKS.get_all() if check.__name__ in WANTED],
        headers={"Host": "acme.localhost", "Authorization": f"Bearer {token}"},
    )
