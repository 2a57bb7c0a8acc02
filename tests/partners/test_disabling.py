"""An endpoint's life while events arrive: disabled, paused, deleted, and with a new secret."""

import json
from datetime import timedelta

import pytest
from standardwebhooks import WebhookVerificationError
from werkzeug import Response

from loyalty.lib import clock
from partners.models import WebhookEndpoint
from tenants.context import in_brand
from tenants.models import Brand
from tests.conftest import NOW
from tests.partners.conftest import Receiver, endpoint, happened, send_due, verified
from tests.support.client import Api


def test_410_disables_the_endpoint_and_says_so(live: Api, receiver: Receiver) -> None:
    made = endpoint(live, receiver, "/gone", event_types=["member.updated"])
    endpoint(live, receiver, "/watch", event_types=["webhook_endpoint.disabled"])
    receiver.answers["/gone"] = [Response(status=410)]
    happened()
    send_due()
    shown = live.get(f"/webhook-endpoints/{made['endpoint_id']}").json()
    assert (shown["status"], shown["disabled_reason"]) == ("disabled", "gone")
    assert shown["disabled_at"] == "2026-11-22T02:00:00Z"
    (told,) = [json.loads(body) for path, _h, body in receiver.seen if path == "/watch"]
    assert told["type"] == "webhook_endpoint.disabled"
    assert told["data"] == {
        "endpoint_id": made["endpoint_id"],
        "url": receiver.url("/gone"),
        "reason": "gone",
        "failing_since": "2026-11-22T02:00:00Z",
        "disabled_at": "2026-11-22T02:00:00Z",
    }
    happened()
    with clock.frozen(NOW + timedelta(days=1)):
        send_due()
    assert len(receiver.ids("/gone")) == 1


def test_five_days_of_failures_disable_and_enabling_sends_what_waits(live: Api, receiver: Receiver) -> None:
    made = endpoint(live, receiver, event_types=["member.updated"])
    path = f"/webhook-endpoints/{made['endpoint_id']}"
    receiver.answers["/hook"] = lambda _request: Response(status=500)
    first = happened()
    send_due()
    with clock.frozen(NOW + timedelta(days=5) - timedelta(seconds=1)):
        send_due()
        assert live.get(path).json()["status"] == "active"
    with clock.frozen(NOW + timedelta(days=5)):
        second = happened()
        send_due()
        shown = live.get(path).json()
        assert (shown["status"], shown["disabled_reason"]) == ("disabled", "failing")
    missed = happened()
    sent = len(receiver.seen)
    with clock.frozen(NOW + timedelta(days=7)):
        send_due()
        assert len(receiver.seen) == sent
        receiver.answers.clear()
        assert live.patch(path, {"status": "active"}).json()["failing_since"] is None
        send_due()
    assert set(receiver.ids()[sent:]) == {str(first), str(second)}
    assert str(missed) not in receiver.ids()


def test_a_success_in_between_ends_the_streak(live: Api, receiver: Receiver) -> None:
    made = endpoint(live, receiver, event_types=["member.updated"])
    receiver.answers["/hook"] = [Response(status=500), Response("ok"), Response(status=500)]
    happened()
    send_due()
    with clock.frozen(NOW + timedelta(days=4)):
        send_due()
        happened()
        send_due()
    with clock.frozen(NOW + timedelta(days=6)):
        happened()
        send_due()
    assert live.get(f"/webhook-endpoints/{made['endpoint_id']}").json()["status"] == "active"


def test_a_pause_keeps_events_and_the_end_of_it_sends_them(live: Api, receiver: Receiver) -> None:
    made = endpoint(live, receiver)
    path = f"/webhook-endpoints/{made['endpoint_id']}"
    assert live.patch(path, {"status": "paused"}).json()["status"] == "paused"
    ids = {str(happened()) for _n in range(3)}
    send_due()
    assert receiver.seen == []
    assert live.patch(path, {"status": "active"}).json()["status"] == "active"
    send_due()
    assert set(receiver.ids()) == ids


def test_a_deleted_endpoint_is_not_called_and_not_found(live: Api, receiver: Receiver) -> None:
    made = endpoint(live, receiver)
    path = f"/webhook-endpoints/{made['endpoint_id']}"
    happened()
    assert live.delete(path).status_code == 204
    send_due()
    assert receiver.seen == []
    for answer in (live.get(path), live.delete(path), live.get(path + "/deliveries")):
        assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
    with in_brand(Brand.objects.get(slug="acme")):
        assert WebhookEndpoint.objects.get(pk=made["endpoint_id"]).secret == ""


def test_rotation_signs_with_both_secrets_until_the_overlap_ends(live: Api, receiver: Receiver) -> None:
    made = endpoint(live, receiver)
    path = f"/webhook-endpoints/{made['endpoint_id']}"
    answer = live.post(path + "/rotate-secret", {"overlap_s": 3600})
    assert answer.status_code == 200
    new = answer.json()["secret"]
    assert new != made["secret"]
    assert answer.json()["previous_secret_until"] == "2026-11-22T03:00:00Z"
    assert "secret" not in live.get(path).json()
    happened()
    with clock.frozen(NOW + timedelta(minutes=59)):
        send_due()
    _path, headers, body = receiver.seen[-1]
    assert len(headers["webhook-signature"].split(" ")) == 2
    for secret in (made["secret"], new):
        assert verified(secret, headers, body)["sequence"] == 1
    happened()
    with clock.frozen(NOW + timedelta(hours=1)):
        send_due()
    _path, headers, body = receiver.seen[-1]
    assert verified(new, headers, body)["sequence"] == 2
    with pytest.raises(WebhookVerificationError):
        verified(made["secret"], headers, body)


def test_rotation_without_overlap_ends_the_old_secret_at_once(live: Api, receiver: Receiver) -> None:
    made = endpoint(live, receiver)
    answer = live.post(f"/webhook-endpoints/{made['endpoint_id']}/rotate-secret", {"overlap_s": 0})
    assert answer.json()["previous_secret_until"] is None
    happened()
    send_due()
    _path, headers, body = receiver.seen[-1]
    assert verified(answer.json()["secret"], headers, body)["sequence"] == 1
    with pytest.raises(WebhookVerificationError):
        verified(made["secret"], headers, body)


def test_secrets_are_sealed_at_rest(live: Api, receiver: Receiver) -> None:
    made = endpoint(live, receiver)
    assert made["secret"].startswith("whsec_")
    with in_brand(Brand.objects.get(slug="acme")):
        stored = WebhookEndpoint.objects.get(pk=made["endpoint_id"]).secret
    assert made["secret"] not in stored
    assert made["secret"][6:] not in stored
