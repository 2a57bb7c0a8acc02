"""Signing in with WeChat, through the member API, against a server that speaks `jscode2session`."""

import socket
import threading
from collections.abc import Callable
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from loyalty.dev import wechat_sandbox
from loyalty.lib import clock
from loyalty.outbox.models import OutboxEvent
from members import wechat as client
from members.models import Identity, Member, RefreshToken
from tenants.context import in_brand
from tenants.models import Brand
from tests.members.conftest import enable
from tests.support import brands
from tests.support.client import Api
from tests.support.sessions import PREFIX, signed_in

pytestmark = pytest.mark.django_db
Counts = Callable[[], dict[str, int]]


def sign_in(anybody: Api, code: str, **more: object) -> dict:
    answer = anybody.post("/auth/wechat", {"code": code, **more})
    assert answer.status_code == 200, answer.content
    return answer.json()


def test_a_new_person_becomes_a_member(anybody: Api, wechat: str, acme: Brand) -> None:
    answer = sign_in(anybody, "first-visit")
    assert answer["new_member"] is True
    assert (answer["token_type"], answer["expires_in_s"], answer["refresh_expires_in_s"]) == (
        "Bearer",
        900,
        2_592_000,
    )
    with in_brand(acme):
        member = Member.objects.get(pk=answer["member_id"])
        assert (member.source, member.status) == ("wechat", "active")
        known = Identity.objects.filter(member=member).order_by("provider")
        assert [(i.provider, i.app_id, i.subject, i.verified_at is not None) for i in known] == [
            ("openid", wechat_sandbox.APP_ID, "o-first-visit", True),
            ("unionid", "", "u-first-visit", True),
        ]
        assert OutboxEvent.objects.filter(type="member.enrolled", member_id=member.id).count() == 1
        stored = RefreshToken.objects.get(member=member)
        assert answer["refresh_token"] not in stored.digest
        assert len(stored.digest) == 64
    me = Api("acme.localhost", answer["access_token"], prefix=PREFIX).get("/me")
    assert (me.status_code, me.json()["member_id"]) == (200, answer["member_id"])


def test_coming_back_is_the_same_member(anybody: Api, wechat: str, acme: Brand) -> None:
    first, second = sign_in(anybody, "demo-li"), sign_in(anybody, "demo-li")
    assert second["new_member"] is False
    assert second["member_id"] == first["member_id"]
    assert second["refresh_token"] != first["refresh_token"]


def test_a_unionid_that_a_partner_named_is_the_same_member(anybody: Api, wechat: str, api: Api) -> None:
    enrolled = api.post("/members", {"external_id": "C-77", "unionid": "u-mei"}).json()
    answer = sign_in(anybody, "demo-mei")
    assert (answer["member_id"], answer["new_member"]) == (enrolled["member_id"], False)
    known = api.get(f"/members/{enrolled['member_id']}").json()["identities"]
    assert [(i["provider"], i["subject"]) for i in known] == [
        ("external_id", "C-77"),
        ("openid", "o-mei"),
        ("unionid", "u-mei"),
    ]


def test_the_device_is_recorded(anybody: Api, wechat: str, acme: Brand) -> None:
    anybody.post("/auth/wechat", {"code": "demo-li"}, headers={"X-Device-Id": "iPhone-7\t" + "x" * 200})
    with in_brand(acme):
        assert RefreshToken.objects.get().device_id == "iPhone-7" + "x" * 72


@pytest.mark.parametrize(
    ("code", "status", "problem"),
    [
        ("bad-code", 401, "wechat_code_invalid"),
        ("busy-now", 503, "wechat_unavailable"),
        ("-1-system", 503, "wechat_unavailable"),
        ("blocked-user", 403, "wechat_user_blocked"),
    ],
)
def test_what_wechat_refuses_writes_nothing(
    code: str, status: int, problem: str, anybody: Api, wechat: str, row_counts: Counts
) -> None:
    before = row_counts()
    answer = anybody.post("/auth/wechat", {"code": code})
    assert (answer.status_code, answer.json()["code"]) == (status, problem)
    assert answer["Content-Type"] == "application/problem+json"
    assert ("Retry-After" in answer) is (status == 503)
    assert row_counts() == before


def test_a_code_works_once(anybody: Api, wechat: str, row_counts: Counts) -> None:
    sign_in(anybody, "only-once")
    before = row_counts()
    again = anybody.post("/auth/wechat", {"code": "only-once"})
    assert (again.status_code, again.json()["code"], again.json()["wechat_errcode"]) == (
        401,
        "wechat_code_invalid",
        40163,
    )
    assert row_counts() == before


def test_a_wrong_secret_is_the_operators_to_correct(
    anybody: Api, wechat: str, acme: Brand, row_counts: Counts
) -> None:
    enable(acme, wechat_sandbox.APP_ID, "not-the-secret")
    before = row_counts()
    answer = anybody.post("/auth/wechat", {"code": "demo-li"})
    assert (answer.status_code, answer.json()["code"], answer.json()["wechat_errcode"]) == (
        502,
        "wechat_misconfigured",
        40125,
    )
    assert "not-the-secret" not in answer.content.decode()
    assert row_counts() == before


def test_a_brand_without_a_mini_program_says_so(acme: Brand, globex: Brand, row_counts: Counts) -> None:
    before = row_counts()
    answer = Api("globex.localhost", None, prefix=PREFIX).post("/auth/wechat", {"code": "demo-li"})
    assert (answer.status_code, answer.json()["code"]) == (409, "wechat_not_enabled")
    assert row_counts() == before


@pytest.mark.parametrize(
    ("body", "pointers"),
    [
        ({}, ["/code"]),
        ({"code": ""}, ["/code"]),
        ({"code": 7}, ["/code"]),
        ({"code": "x" * 129}, ["/code"]),
        ({"code": "demo-li", "app_id": "wx-of-somebody-else"}, ["/app_id"]),
        ({"code": "demo-li", "appid": "wx"}, ["/appid"]),
    ],
)
def test_bad_input_is_named(
    body: dict, pointers: list[str], anybody: Api, wechat: str, row_counts: Counts
) -> None:
    before = row_counts()
    answer = anybody.post("/auth/wechat", body)
    assert answer.status_code == 422
    assert [e["pointer"] for e in answer.json()["errors"]] == pointers
    assert row_counts() == before


def test_nobody_listening_is_503(anybody: Api, wechat: str, settings: object, row_counts: Counts) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        settings.WECHAT_API_URL = f"http://127.0.0.1:{taken.getsockname()[1]}"
        before = row_counts()
        answer = anybody.post("/auth/wechat", {"code": "demo-li"})
    assert (answer.status_code, answer.json()["code"]) == (503, "wechat_unavailable")
    assert row_counts() == before


class _Flaky(BaseHTTPRequestHandler):
    """Hangs up on the first `hang_ups` calls, then answers `reply`."""

    hang_ups = 0
    calls = 0
    reply = b'{"openid": "o-flaky", "session_key": "x"}'
    status = 200

    def do_GET(self) -> None:
        type(self).calls += 1
        if self.calls <= self.hang_ups:
            self.close_connection = True
            return
        self.send_response(self.status)
        self.send_header("Content-Length", str(len(self.reply)))
        self.end_headers()
        self.wfile.write(self.reply)

    def log_message(self, *args: object) -> None:
        """Nothing."""


@pytest.mark.parametrize(
    ("hang_ups", "status", "reply", "expected", "calls"),
    [
        (1, 200, b'{"openid": "o-flaky"}', 200, 2),
        (2, 200, b'{"openid": "o-flaky"}', 503, 2),
        (0, 502, b"<html>bad gateway</html>", 503, 1),
        (0, 200, b"[]", 503, 1),
        (0, 200, b'{"session_key": "x"}', 503, 1),
    ],
)
def test_broken_connections_and_answers(
    hang_ups: int,
    status: int,
    reply: bytes,
    expected: int,
    calls: int,
    anybody: Api,
    wechat: str,
    settings: object,
) -> None:
    handler = type("Handler", (_Flaky,), {"hang_ups": hang_ups, "status": status, "reply": reply, "calls": 0})
    with HTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        settings.WECHAT_API_URL = f"http://127.0.0.1:{server.server_port}"
        try:
            answer = anybody.post("/auth/wechat", {"code": "demo-li"})
        finally:
            server.shutdown()
            thread.join(timeout=5)
    assert answer.status_code == expected
    assert handler.calls == calls


def test_a_wechat_that_does_not_answer_in_time_is_503(
    anybody: Api, wechat: str, settings: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client, "TIMEOUT_S", 0.05)
    client._client.cache_clear()
    try:
        with socket.socket() as silent:
            silent.bind(("127.0.0.1", 0))
            silent.listen()
            settings.WECHAT_API_URL = f"http://127.0.0.1:{silent.getsockname()[1]}"
            answer = anybody.post("/auth/wechat", {"code": "demo-li"})
    finally:
        client._client.cache_clear()
    assert (answer.status_code, answer.json()["code"]) == (503, "wechat_unavailable")


def test_a_token_of_acme_is_nothing_at_globex(
    anybody: Api, wechat: str, acme: Brand, globex: Brand, row_counts: Counts
) -> None:
    signed_in("globex", brands.ANNA)
    token = signed_in("acme", brands.ANNA).token
    before = row_counts()
    answer = Api("globex.localhost", token, prefix=PREFIX).patch("/me", {"name": "somebody else"})
    assert (answer.status_code, answer.json()["code"]) == (401, "not_authenticated")
    assert answer["WWW-Authenticate"] == 'Bearer realm="member API"'
    assert row_counts() == before
    with in_brand(globex):
        assert Member.objects.get(pk=brands.ANNA).name == "C-anna of globex"


def test_an_access_token_lasts_a_quarter_of_an_hour(acme: Brand) -> None:
    member = signed_in("acme", brands.ANNA)
    at = clock.now()
    with clock.frozen(at + timedelta(minutes=15) - timedelta(seconds=1)):
        assert member.get("/me").status_code == 200
    with clock.frozen(at + timedelta(minutes=15)):
        assert member.get("/me").status_code == 401


def test_who_is_no_longer_active_is_signed_out(acme: Brand) -> None:
    member = signed_in("acme", brands.ANNA)
    with in_brand(acme):
        Member.objects.filter(pk=brands.ANNA).update(status="closed")
    assert member.get("/me").status_code == 401


@pytest.mark.parametrize("scheme", ["Basic", "Bearer x", ""])
def test_odd_headers_are_401(scheme: str, acme: Brand) -> None:
    token = signed_in("acme", brands.ANNA).token
    answer = Api("acme.localhost", None, prefix=PREFIX).get(
        "/me", headers={"Authorization": f"{scheme} {token}"}
    )
    assert (answer.status_code, answer.json()["code"]) == (401, "not_authenticated")
