"""The published contract: complete, exampled, and changed only on purpose (`make schema`)."""

import json
from pathlib import Path
from typing import Any

import pytest
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.validation import validate_schema

SNAPSHOT = Path(__file__).resolve().parent.parent.parent / "docs" / "openapi" / "loyalty.json"
METHODS = ("get", "post", "put", "patch", "delete")


@pytest.fixture(scope="module")
def document() -> Any:
    return json.loads(
        json.dumps(SchemaGenerator(urlconf="loyalty.urls").get_schema(request=None, public=True))
    )


def operations(document: Any) -> list[tuple[str, str, dict]]:
    return [
        (method.upper(), path, item[method])
        for path, item in document["paths"].items()
        for method in METHODS
        if method in item
    ]


@pytest.mark.whole
def test_it_is_valid_openapi_3_1(document: Any) -> None:
    assert document["openapi"].startswith("3.1")
    validate_schema(document)


def test_it_equals_the_snapshot(document: Any) -> None:
    assert json.loads(SNAPSHOT.read_text()) == document, "run `make schema` and look at the difference"


def test_every_operation_is_described_and_every_body_has_an_example(document: Any) -> None:
    poor = []
    for method, path, operation in operations(document):
        if not operation.get("summary") and not operation.get("description"):
            poor.append(f"{method} {path}: no words")
        bodies = operation.get("requestBody", {}).get("content", {}).values()
        poor += [f"{method} {path}: no example of a request" for media in bodies if not media.get("examples")]
        successes = [a for status, a in operation["responses"].items() if status.startswith("2")]
        contents = [media for answer in successes for media in answer.get("content", {}).values()]
        if contents and not any(media.get("examples") for media in contents):
            poor.append(f"{method} {path}: no example of an answer")
    assert poor == []


def test_operation_ids_are_unique(document: Any) -> None:
    names = [operation["operationId"] for _method, _path, operation in operations(document)]
    assert len(names) == len(set(names))
    assert len(names) > 30
