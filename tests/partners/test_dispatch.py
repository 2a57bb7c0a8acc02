"""Delivery through a real server: what is sent, how often, and what a failure leads to."""

import json
import threading
import time
from datetime import datetime, timedelta

import pytest
from standardwebhooks import WebhookVerificationError
from werkzeug import Response

from loyalty.lib import clock
from loyalty.outbox import relay
from loyalty.outbox.models import OutboxEvent
from partners.models import WebhookAttempt, WebhookDelivery, WebhookEndpoint
from partners.webhooks import queue, results
from tenants import hosts
from tenants.context import in_brand
from tenants.models import Brand
from tests.conftest import NOW
from tests.partners.conftest import Receiver, deliveries, endpoint, happened, send_due, verified
from tests.support.brands import ANNA, BORIS
from tests.support.client import Api


def test_an_event_arrives_signed_and_thin(live: Api, receiver: Receiver) -> None:
    made = endpoint(live, receiver)
    event_id = happened(changed=["region", "姓名"])
    happened(member_id=None)
    send_due()
    (path, headers, body), (_path, _headers, second) = sorted(
        receiver.seen, key=lambda one: json.loads(one[2])["sequence"]
    )
    assert path == "/hook"
    assert verified(made["secret"], headers, body) == {
        "type": "member.updated",
        "timestamp": "2026-11-22T02:00:00Z",
        "data": {"member_id": str(ANNA), "changed": ["region", "姓名"]},
        "brand": "acme",
        "sequence": 1,
        "member_sequence": 1,
    }
    assert headers["webhook-id"] == str(event_id)
    assert headers["webhook-timestamp"] == str(int(NOW.timestamp()))
    assert headers["content-type"] == "application/json"
    assert json.loads(second)["member_sequence"] is None
    with pytest.raises(WebhookVerificationError):
        verified(made["secret"], headers, body + " ")


def test_the_delivery_is_shown_with_request_and_response(live: Api, receiver: Receiver) -> None:
    made = endpoint(live, receiver)
    receiver.answers["/hook"] = [Response("stored", status=202, headers={"X-Request": "r-1"})]
    event_id = happened()
    send_due()
    (shown,) = deliveries(live, made["endpoint_id"])
    (attempt,) = shown.pop("attempts")
    delivery_id = shown.pop("delivery_id")
    assert shown == {
        "endpoint_id": made["endpoint_id"],
        "event_id": str(event_id),
        "event_type": "member.updated",
        "sequence": 1,
        "status": "delivered",
        "attempts_made": 1,
        "next_attempt_at": None,
        "created_at": "2026-11-22T02:00:00Z",
        "delivered_at": "2026-11-22T02:00:00Z",
    }
    assert attempt["status"] == "delivered"
    assert attempt["at"] == "2026-11-22T02:00:00Z"
    assert attempt["error"] is None
    assert 0 <= attempt["latency_ms"] < 15_000
    assert attempt["request"]["url"] == receiver.url()
    assert attempt["request"]["body"] == receiver.seen[0][2]
    for name in ("webhook-id", "webhook-timestamp", "webhook-signature"):
        assert attempt["request"]["headers"][name] == receiver.seen[0][1][name]
    assert attempt["response"]["status"] == 202
    assert attempt["response"]["headers"]["x-request"] == "r-1"
    assert attempt["response"]["body"] == "stored"
    assert live.get(f"/webhook-deliveries/{delivery_id}").json()["attempts"] == [attempt]
    stats = live.get(f"/webhook-endpoints/{made['endpoint_id']}").json()["last_24_hours"]
    assert (stats["attempts"], stats["delivered"], stats["success_rate"]) == (1, 1, "1.0000")


def test_brands_hear_of_their_own_events_only(live: Api, receiver: Receiver) -> None:
    endpoint(live, receiver, "/acme")
    happened("globex")
    mine = happened("acme")
    send_due()
    assert receiver.ids("/acme") == [str(mine)]
    assert len(receiver.seen) == 1


def test_filters_by_type_channel_and_store(live: Api, receiver: Receiver) -> None:
    endpoint(live, receiver, "/type", event_types=["member.enrolled"])
    endpoint(live, receiver, "/channel", channels=["online", "tmall"])
    endpoint(live, receiver, "/store", stores=["S01"], event_types=["member.updated"])
    endpoint(live, receiver, "/all")
    enrolled = happened(kind="member.enrolled", enrolled_at="2026-11-22T02:00:00Z")
    online = happened(channel="online")
    store = happened(channel="store", store_id="S01")
    other = happened(channel="store", store_id="S02")
    send_due()
    got = {path: set(receiver.ids(path)) for path in ("/type", "/channel", "/store", "/all")}
    assert got == {
        "/type": {str(enrolled)},
        "/channel": {str(online)},
        "/store": {str(store)},
        "/all": {str(enrolled), str(online), str(store), str(other)},
    }


def test_an_endpoint_hears_of_what_happens_after_it_was_made(live: Api, receiver: Receiver) -> None:
    endpoint(live, receiver, "/first")
    before = happened()
    endpoint(live, receiver, "/second")  # the event has happened, though nobody was told of it yet
    after = happened()
    send_due()
    assert receiver.ids("/second") == [str(after)]
    assert sorted(receiver.ids("/first")) == sorted([str(before), str(after)])


def test_ten_attempts_at_their_times_with_one_id(live: Api, receiver: Receiver) -> None:
    made = endpoint(live, receiver)
    receiver.answers["/hook"] = [Response(status=500) for _n in range(10)]
    event_id = happened()
    waits = [0, 5, 300, 1800, 7200, 18_000, 36_000, 50_400, 72_000, 86_400]
    at = NOW
    for number, wait in enumerate(waits, 1):
        at += timedelta(seconds=wait)
        if wait:
            with clock.frozen(at - timedelta(seconds=1)):
                send_due()
            assert len(receiver.seen) == number - 1
        with clock.frozen(at):
            send_due()
        assert len(receiver.seen) == number
        (shown,) = deliveries(live, made["endpoint_id"])
        assert shown["attempts_made"] == number
        assert shown["status"] == ("failed" if number == 10 else "pending")
    assert shown["next_attempt_at"] is None
    assert receiver.ids() == [str(event_id)] * 10
    stamps = [int(headers["webhook-timestamp"]) - int(NOW.timestamp()) for _p, headers, _b in receiver.seen]
    assert stamps == [sum(waits[: n + 1]) for n in range(10)]
    with clock.frozen(at + timedelta(days=30)):
        send_due()
    assert len(receiver.seen) == 10


def test_a_failure_then_a_success(live: Api, receiver: Receiver) -> None:
    made = endpoint(live, receiver)
    receiver.answers["/hook"] = [Response("no", status=500)]
    happened()
    send_due()
    shown = live.get(f"/webhook-endpoints/{made['endpoint_id']}").json()
    assert shown["failing_since"] == "2026-11-22T02:00:00Z"
    (waiting,) = deliveries(live, made["endpoint_id"], "?status=pending")
    assert waiting["next_attempt_at"] == "2026-11-22T02:00:05Z"
    with clock.frozen(NOW + timedelta(seconds=5)):
        send_due()
    (shown,) = deliveries(live, made["endpoint_id"])
    assert [a["status"] for a in shown["attempts"]] == ["failed", "delivered"]
    assert shown["attempts"][0]["error"] == "HTTP 500"
    assert live.get(f"/webhook-endpoints/{made['endpoint_id']}").json()["failing_since"] is None


@pytest.mark.sampled(3)
@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_a_redirect_is_a_failure_and_is_not_followed(live: Api, receiver: Receiver, status: int) -> None:
    made = endpoint(live, receiver)
    receiver.answers["/hook"] = [Response(status=status, headers={"Location": receiver.url("/else")})]
    happened()
    send_due()
    assert [path for path, _h, _b in receiver.seen] == ["/hook"]
    (shown,) = deliveries(live, made["endpoint_id"])
    assert (shown["status"], shown["attempts"][0]["error"]) == ("pending", f"HTTP {status}")


def test_no_answer_in_time_is_a_failure(live: Api, receiver: Receiver) -> None:
    def slowly(_request: object) -> Response:
        time.sleep(0.6)
        return Response("late")

    made = endpoint(live, receiver)
    receiver.answers["/hook"] = slowly
    happened()
    send_due(timeout_s=0.2)
    (shown,) = deliveries(live, made["endpoint_id"])
    (attempt,) = shown["attempts"]
    assert (attempt["status"], attempt["response"], attempt["error"]) == (
        "failed",
        None,
        "no answer in time",
    )


def test_nobody_listening_is_a_failure(live: Api, receiver: Receiver) -> None:
    closed = "127.0.0.1:1"
    Brand.objects.filter(slug="acme").update(settings={"webhook_hosts": [receiver.host, closed]})
    hosts.forget()
    made = live.post("/webhook-endpoints", {"url": f"http://{closed}/"}).json()
    happened()
    send_due()
    (shown,) = deliveries(live, made["endpoint_id"])
    assert shown["attempts"][0]["status"] == "failed"
    assert shown["attempts"][0]["error"].startswith("ConnectionRefusedError")


def test_only_the_first_20_kb_of_an_answer_are_kept(live: Api, receiver: Receiver) -> None:
    made = endpoint(live, receiver)
    receiver.answers["/hook"] = [Response("x" * 1_000_000)]
    happened()
    send_due()
    (shown,) = deliveries(live, made["endpoint_id"])
    assert shown["status"] == "delivered"
    assert shown["attempts"][0]["response"]["body"] == "x" * 20_480


@pytest.mark.sampled(3)
@pytest.mark.parametrize(
    ("response", "again_after"),
    [
        (Response(status=429), 5),
        (Response(status=503, headers={"Retry-After": "120"}), 120),
        (Response(status=503, headers={"Retry-After": "Sun, 22 Nov 2026 02:10:00 GMT"}), 600),
        (Response(status=500, headers={"Retry-After": "90"}), 90),
        (Response(status=429, headers={"Retry-After": "soon"}), 5),
        (Response(status=429, headers={"Retry-After": "2"}), 5),
        (Response(status=503, headers={"Retry-After": "99999999999"}), 86_400),
    ],
    ids=lambda value: str(getattr(value, "headers", value)).replace("\n", " "),
)
def test_retry_after_is_honoured(live: Api, receiver: Receiver, response: Response, again_after: int) -> None:
    made = endpoint(live, receiver)
    receiver.answers["/hook"] = [response]
    happened()
    send_due()
    (shown,) = deliveries(live, made["endpoint_id"])
    at = datetime.fromisoformat(shown["next_attempt_at"])
    assert at - NOW == timedelta(seconds=again_after)
    with clock.frozen(at - timedelta(seconds=1)):
        send_due()
    assert len(receiver.seen) == 1
    with clock.frozen(at):
        send_due()
    assert len(receiver.seen) == 2


def test_an_endpoint_that_asks_for_less_is_left_alone_for_other_events_too(
    live: Api, receiver: Receiver
) -> None:
    endpoint(live, receiver)
    receiver.answers["/hook"] = [Response(status=429, headers={"Retry-After": "60"})]
    happened()
    send_due()
    second = happened()
    with clock.frozen(NOW + timedelta(seconds=59)):
        send_due()
    assert len(receiver.seen) == 1
    with clock.frozen(NOW + timedelta(seconds=60)):
        send_due()
    assert str(second) in receiver.ids()
    assert len(receiver.seen) == 3


def test_resending_begins_again_with_the_same_id(live: Api, receiver: Receiver) -> None:
    made = endpoint(live, receiver)
    event_id = happened()
    send_due()
    (shown,) = deliveries(live, made["endpoint_id"])
    path = f"/webhook-deliveries/{shown['delivery_id']}/resend"
    answer = live.post(path)
    assert (answer.status_code, answer.json()["status"], answer.json()["attempts_made"]) == (
        202,
        "pending",
        0,
    )
    with clock.frozen(NOW + timedelta(minutes=1)):
        send_due()
    assert receiver.ids() == [str(event_id)] * 2
    (shown,) = deliveries(live, made["endpoint_id"])
    assert (shown["status"], len(shown["attempts"])) == ("delivered", 2)


def test_what_a_killed_dispatcher_held_is_sent_again_when_the_lease_ends(
    live: Api, receiver: Receiver
) -> None:
    endpoint(live, receiver)
    event_id = happened()
    acme = Brand.objects.get(slug="acme")
    with in_brand(acme):  # a dispatcher leases the delivery, and is killed before it sends
        assert relay.run() == 1
        (row,) = WebhookEndpoint.objects.all()
        jobs, more = queue.fan_out("acme", {row.id: 10}, now=NOW, batch=10)
        assert ([job.event_id for job in jobs], more) == ([str(event_id)], False)
    with clock.frozen(NOW + queue.LEASE - timedelta(seconds=1)):
        send_due()
    assert receiver.seen == []
    with clock.frozen(NOW + queue.LEASE):
        send_due()
    assert receiver.ids() == [str(event_id)]
    with in_brand(acme):
        assert WebhookDelivery.objects.get().status == "delivered"


def test_what_was_sent_but_not_recorded_is_sent_again_with_the_same_id(
    live: Api, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    endpoint(live, receiver)
    event_id = happened()

    class Killed(BaseException):
        pass

    def killed(*_args: object, **_kwargs: object) -> None:
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(results, "record", killed)
        with pytest.raises(Killed):
            send_due()
    assert receiver.ids() == [str(event_id)]
    with clock.frozen(NOW + queue.LEASE):
        send_due()
    assert receiver.ids() == [str(event_id)] * 2
    with in_brand(Brand.objects.get(slug="acme")):
        assert WebhookAttempt.objects.count() == 1


@pytest.mark.whole
def test_hundreds_of_events_arrive_once_each_in_several_brands(live: Api, receiver: Receiver) -> None:
    other = Api("globex.localhost", live.token and live.token.replace("lk_acme", "lk_glob"))
    endpoint(live, receiver, "/acme")
    endpoint(other, receiver, "/globex")
    wanted: dict[str, list[str]] = {"/acme": [], "/globex": []}
    for number in range(150):
        for slug in ("acme", "globex"):
            wanted[f"/{slug}"].append(str(happened(slug, member_id=ANNA if number % 2 else BORIS)))
    send_due()
    for path, ids in wanted.items():
        assert sorted(receiver.ids(path)) == sorted(ids)
    with in_brand(Brand.objects.get(slug="acme")):
        assert WebhookDelivery.objects.filter(status="delivered").count() == 150
        assert OutboxEvent.objects.filter(position__isnull=False).count() == 150


def test_a_dead_endpoint_does_not_hold_up_its_neighbour(live: Api, receiver: Receiver) -> None:
    let_go = threading.Event()

    def hanging(_request: object) -> Response:
        let_go.wait(5)
        return Response("late")

    receiver.answers["/dead"] = hanging
    endpoint(live, receiver, "/dead")
    endpoint(live, receiver, "/well")
    ids = {str(happened()) for _n in range(100)}

    def watch() -> None:
        while len(receiver.ids("/well")) < 100 and not let_go.wait(0.01):
            pass
        let_go.set()

    watcher = threading.Thread(target=watch)
    watcher.start()
    send_due(timeout_s=3)
    let_go.set()
    watcher.join()
    assert set(receiver.ids("/well")) == ids
    # All hundred were there before the first of the dead endpoint's requests came back.
    assert len(receiver.ids("/dead")) >= 1
