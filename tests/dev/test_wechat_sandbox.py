"""The sandbox answers as WeChat does, so that the code that talks to it is the production code."""

import threading
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from loyalty.dev import wechat_sandbox
from loyalty.dev.ports import any_free


@pytest.fixture
def call() -> Iterator[Any]:
    """Calls `jscode2session`; parameters override those of a good call, None leaves one out."""
    port = any_free()
    server = wechat_sandbox.server(port)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    good = {"appid": "wx-demo-0001", "secret": "sandbox-secret", "grant_type": "authorization_code"}

    def ask(**changed: str | None) -> dict[str, Any]:
        query = {key: value for key, value in {**good, **changed}.items() if value is not None}
        answer = httpx.get(f"http://127.0.0.1:{port}/sns/jscode2session", params=query)
        assert answer.status_code == 200
        assert answer.headers["content-type"] == "text/plain"
        return dict(answer.json())

    yield ask
    server.shutdown()
    server.server_close()


def test_a_demo_code_signs_in_the_same_person_as_often_as_wanted(call: Any) -> None:
    first = call(js_code="demo-li")
    assert first["openid"] == "o-li"
    assert first["unionid"] == "u-li"
    assert len(first["session_key"]) == 24
    assert call(js_code="demo-li") == first


def test_any_other_code_works_once(call: Any) -> None:
    assert call(js_code="0a1b2c")["openid"] == "o-0a1b2c"
    again = call(js_code="0a1b2c")
    assert again["errcode"] == 40163
    assert "openid" not in again


@pytest.mark.whole
@pytest.mark.parametrize(
    ("changed", "errcode"),
    [
        ({"js_code": "busy-1"}, 45011),
        ({"js_code": "bad-1"}, 40029),
        ({"js_code": "-1-1"}, -1),
        ({"js_code": "blocked-1"}, 40226),
        ({"js_code": None}, 41008),
        ({"js_code": "demo-li", "appid": "wx-other"}, 40013),
        ({"js_code": "demo-li", "appid": None}, 41002),
        ({"js_code": "demo-li", "secret": "wrong"}, 40125),
        ({"js_code": "demo-li", "secret": None}, 41004),
        ({"js_code": "demo-li", "grant_type": "password"}, 40002),
    ],
)
def test_what_a_caller_must_be_ready_for(call: Any, changed: dict[str, str | None], errcode: int) -> None:
    answer = call(**changed)
    assert answer["errcode"] == errcode
    assert answer["errmsg"]
    assert set(answer) == {"errcode", "errmsg"}
