"""The demo's receiver believes what the official library believes."""

import json
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest
from standardwebhooks.webhooks import Webhook

from loyalty.dev import receiver
from loyalty.dev.ports import any_free

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
OTHER = "whsec_AAKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
# One for all: each would read the certificates of the world anew.
CLIENT = httpx.Client()


@pytest.fixture
def base(tmp_path: Path) -> Iterator[str]:
    (tmp_path / "secret").write_text(SECRET + "\n")
    port = any_free()
    server = receiver.server(port, receiver.Inbox(tmp_path / "secret"))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{port}"
    server.shutdown()
    server.server_close()


def deliver(
    base: str, secret: str, payload: object, webhook_id: str = "evt_1", late_s: int = 0
) -> httpx.Response:
    body = json.dumps(payload)
    at = datetime.now(UTC) - timedelta(seconds=late_s)
    headers = {
        "webhook-id": webhook_id,
        "webhook-timestamp": str(int(at.timestamp())),
        "webhook-signature": Webhook(secret).sign(webhook_id, at, body),
    }
    return CLIENT.post(base + "/", content=body, headers=headers)


def test_a_signed_event_is_taken_and_listed(base: str) -> None:
    assert deliver(base, SECRET, {"type": "points.accrued", "data": {"points": 39}}).status_code == 204
    kept = CLIENT.get(base + "/events").json()
    assert kept["count"] == 1
    assert kept["items"][0]["verified"] is True
    assert kept["items"][0]["webhook_id"] == "evt_1"
    assert kept["items"][0]["payload"] == {"type": "points.accrued", "data": {"points": 39}}
    assert kept["items"][0]["repeated"] is False


def test_a_repeated_delivery_is_marked(base: str) -> None:
    deliver(base, SECRET, {"type": "a"})
    deliver(base, SECRET, {"type": "a"})
    assert [event["repeated"] for event in CLIENT.get(base + "/events").json()["items"]] == [True, False]


def test_a_wrong_signature_and_an_old_one_are_refused_and_shown(base: str) -> None:
    assert deliver(base, OTHER, {"type": "a"}).status_code == 401
    assert deliver(base, SECRET, {"type": "a"}, late_s=600).status_code == 401
    assert CLIENT.post(base + "/", content=b"no json").status_code == 401
    items = CLIENT.get(base + "/events").json()["items"]
    assert [event["verified"] for event in items] == [False, False, False]
    assert items[0]["trouble"] == "the body is not JSON"


def test_another_endpoint_verifies_with_its_secret_on_a_line_of_its_own(base: str, tmp_path: Path) -> None:
    assert deliver(base, OTHER, {"type": "a"}).status_code == 401
    with (tmp_path / "secret").open("a") as file:
        file.write("whsec_no base64 at all\n" + OTHER + "\n")
    assert deliver(base, OTHER, {"type": "a"}).status_code == 204
    assert deliver(base, SECRET, {"type": "a"}).status_code == 204
    (tmp_path / "secret").unlink()
    assert deliver(base, SECRET, {"type": "a"}).status_code == 401
    assert CLIENT.get(base + "/events").json()["items"][0]["trouble"] == "no secret in secret yet"


def test_the_page_shows_what_came_without_running_it(base: str) -> None:
    deliver(base, SECRET, {"type": "<script>alert(1)</script>"})
    page = CLIENT.get(base + "/")
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert "1 received" in page.text
    assert "&lt;script&gt;" in page.text
    assert "<script" not in page.text


def test_only_the_last_fifty_are_kept_and_too_much_is_refused(base: str) -> None:
    for number in range(53):
        deliver(base, SECRET, {"type": "a"}, webhook_id=f"evt_{number}")
    kept = CLIENT.get(base + "/events").json()
    assert kept["count"] == 53
    assert [event["webhook_id"] for event in kept["items"]] == [f"evt_{n}" for n in range(52, 2, -1)]
    assert CLIENT.post(base + "/", content=b"x" * 1_000_001).status_code == 413
