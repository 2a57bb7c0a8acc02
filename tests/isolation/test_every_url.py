"""Every URL of the API, with the credentials of nobody, of the other brand, and of too little right."""

from collections.abc import Callable

import pytest

from tests.isolation.routes import MEMBER, PARTNER, Route
from tests.support import brands
from tests.support.client import Api

pytestmark = pytest.mark.django_db
GUARDED = [route for route in PARTNER if not route.public]
WRITING = [route for route in GUARDED if route.scope and route.scope.endswith(":write")]
READING = [
    route for route in GUARDED if route.method == "GET" and ("dead" in route.path or "nowhere" in route.path)
]
MEMBERS_ONLY = [route for route in MEMBER if not route.public]


def test_the_router_was_read() -> None:
    assert len(GUARDED) >= 25
    assert len(MEMBERS_ONLY) >= 8


@pytest.mark.parametrize("route", GUARDED, ids=str)
def test_every_route_of_the_partner_api_names_its_scope(route: Route) -> None:
    assert route.scope is not None


@pytest.mark.sampled(4)
@pytest.mark.parametrize("route", GUARDED, ids=str)
def test_foreign_and_missing_keys_are_refused(
    route: Route, intruder: Api, row_counts: Callable[[], dict[str, int]]
) -> None:
    before = row_counts()
    for token in (intruder.token, None, "lk_acmefull_" + "x" * 32, "nonsense"):
        answer = Api("acme.localhost", token).call(route.method, route.path, {})
        assert (answer.status_code, answer.json()["code"]) == (401, "not_authenticated")
        assert answer["Content-Type"] == "application/problem+json"
    assert row_counts() == before


@pytest.mark.whole
@pytest.mark.parametrize("route", WRITING, ids=str)
def test_a_reading_key_may_not_write(
    route: Route, reader: Api, row_counts: Callable[[], dict[str, int]]
) -> None:
    before = row_counts()
    answer = reader.call(route.method, route.path, {})
    assert (answer.status_code, answer.json()["code"]) == (403, "scope_missing")
    assert row_counts() == before


@pytest.mark.sampled(4)
@pytest.mark.parametrize("route", READING, ids=str)
def test_an_id_that_is_not_this_brands_is_404(route: Route, api: Api) -> None:
    answer = api.call(route.method, route.path, None)
    assert answer.status_code == 404
    assert answer.json()["code"].endswith("not_found")


@pytest.mark.sampled(4)
@pytest.mark.parametrize("route", MEMBERS_ONLY, ids=str)
def test_member_routes_refuse_everything_but_a_members_token(
    route: Route, acme: object, row_counts: Callable[[], dict[str, int]]
) -> None:
    before = row_counts()
    for token in (None, brands.key("acme"), "eyJhbGciOiJub25lIn0.e30."):
        answer = Api("acme.localhost", token, prefix="/api/member/v1").call(route.method, route.path, {})
        assert (answer.status_code, answer.json()["code"]) == (401, "not_authenticated")
    assert row_counts() == before


@pytest.mark.parametrize(
    "raw",
    [
        b"{",
        b'{"a": NaN}',
        b"[" * 5000,
        b'{"a": "\\u0000"}',
        b'{"a": "\\ud800"}',
        b'{"a": "\xed\xa0\x80"}',
        '{"a": 1}'.encode("utf-16"),
        b"\xff\xfe",
    ],
    ids=repr,
)
def test_malformed_bodies_are_400_or_422_and_write_nothing(
    raw: bytes, api: Api, row_counts: Callable[[], dict[str, int]]
) -> None:
    before = row_counts()
    answer = api.call("POST", "/orders", None, raw=raw)
    assert answer.status_code in (400, 422)
    assert answer["Content-Type"] == "application/problem+json"
    assert row_counts() == before


def test_ten_megabytes_are_413(api: Api) -> None:
    answer = api.call("POST", "/orders", None, raw=b'{"order_id": "' + b"x" * 10_000_000 + b'"}')
    assert (answer.status_code, answer.json()["code"]) == (413, "body_too_large")
    # Read to its end: what a server finds unread ends the connection, and with it the client's next call.
    assert answer.wsgi_request.environ["wsgi.input"].read() == b""


def test_another_content_type_is_415(api: Api) -> None:
    answer = api.call("POST", "/orders", None, raw=b"a=b", content_type="application/x-www-form-urlencoded")
    assert (answer.status_code, answer.json()["code"]) == (415, "unsupported_media_type")


def test_what_is_wrong_with_json_is_said_in_the_callers_language(acme: object) -> None:
    """Without the words of Python's own parser."""
    caller = Api("acme.localhost", brands.key("acme"), language="zh-hans")
    told = [
        caller.call("POST", "/orders", None, raw=raw).json()["detail"]
        for raw in (b'{"a":\n 1,}', b"[" * 9000)
    ]
    assert told == ["请求体不是有效的 JSON：第 2 行第 4 列。", "请求体不是有效的 JSON。"]
