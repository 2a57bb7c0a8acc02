"""Input of all kinds against the contract, in process: what the fuzz tests of both APIs share.

Schemathesis is imported, and an operation's cases are made, when a test runs: a worker that collects tests,
or runs others, pays nothing for them.
"""

import functools
import json
import os
from pathlib import Path
from typing import Any

CONTRACT = Path(__file__).resolve().parent.parent.parent / "docs" / "openapi" / "loyalty.json"
WANTED = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_schema_conformance",
)
METHODS = ("get", "post", "put", "patch", "delete")
# Few for every change, spread over all that there are; FUZZ_EXAMPLES=50 takes every systematic case.
DEEP = "FUZZ_EXAMPLES" in os.environ
RANDOM_CASES = int(os.environ.get("FUZZ_EXAMPLES", "2"))
SYSTEMATIC_CASES = 2


@functools.cache
def document() -> Any:
    """The contract as it is published; that it is what the code says is a test of its own."""
    return json.loads(CONTRACT.read_text())


def operations(prefix: str) -> list[tuple[str, str]]:
    """Method and path of every operation below a path."""
    return [
        (method.upper(), path)
        for path, item in document()["paths"].items()
        for method in METHODS
        if path.startswith(prefix) and method in item
    ]


@functools.cache
def _schema() -> Any:
    import schemathesis  # noqa: PLC0415 - slow to import, see above
    from schemathesis.checks import load_all_checks  # noqa: PLC0415

    from loyalty.wsgi import application  # noqa: PLC0415

    schemathesis.serializer("application/x-ndjson")(_lines)
    schema = schemathesis.openapi.from_dict(document())
    schema.app = application
    load_all_checks()
    return schema


def _lines(_context: Any, value: Any) -> bytes:
    """A body of newline-delimited JSON; one that is no list is a single line, and text is itself."""
    if isinstance(value, str):
        return value.encode(errors="surrogatepass")
    return b"".join(
        json.dumps(line).encode() + b"\n" for line in (value if isinstance(value, list) else [value])
    )


def holds(method: str, path: str, token: str) -> None:
    """Call an operation with its examples, with systematic and with random input.

    Systematic cases stand at every boundary of the contract, inside and out: missing and unknown fields,
    other types, one above and below each limit. Each answer must be in the contract, and none a 500.
    """
    from schemathesis.checks import CHECKS  # noqa: PLC0415

    operation = _schema()[path][method]
    checks = [check for check in CHECKS.get_all() if check.__name__ in WANTED]
    headers = {"Host": "acme.localhost", "Authorization": f"Bearer {token}"}

    def call(case: Any) -> None:
        case.call_and_validate(checks=checks, headers=headers)

    cases = _systematic(operation)
    taken = len(cases) if DEEP else min(len(cases), SYSTEMATIC_CASES)
    for number in range(taken):
        call(cases[number * len(cases) // taken])
    _examples_and_random(operation, call)()


def _systematic(operation: Any) -> list[Any]:
    from schemathesis.generation.drivers import CoverageGenerator  # noqa: PLC0415
    from schemathesis.generation.feedback import NO_FEEDBACK  # noqa: PLC0415
    from schemathesis.generation.overrides import Override  # noqa: PLC0415

    generation = operation.schema.config.generation_for(operation=operation, phase="coverage")
    cases = CoverageGenerator(
        operation=operation,
        generation_modes=generation.modes,
        generation_config=generation,
        auth_storage=None,
        override=Override(),
        feedback=NO_FEEDBACK,
    )
    return list(cases)


def _examples_and_random(operation: Any, call: Any) -> Any:
    from hypothesis import HealthCheck, settings  # noqa: PLC0415
    from schemathesis.generation.hypothesis import builder  # noqa: PLC0415

    @settings(
        max_examples=RANDOM_CASES,
        deadline=None,
        derandomize=True,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    def test(case: Any) -> None:
        call(case)

    mode = builder.HypothesisTestMode
    config = builder.HypothesisTestConfig(
        project=operation.schema.config, modes=[mode.EXAMPLES, mode.FUZZING]
    )
    return builder.create_test(operation=operation, test_func=test, config=config)
