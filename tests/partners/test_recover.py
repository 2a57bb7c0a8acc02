"""Recovering an endpoint: what failed and what was never sent is sent again, all of it."""

import pytest
from werkzeug import Response

from loyalty.outbox import relay
from partners.models import WebhookDelivery, WebhookEndpoint
from partners.services import recoveries
from tenants.context import in_brand
from tenants.models import Brand
from tests.partners.conftest import Receiver, happened, send_due
from tests.support.client import Api


def test_recovering_sends_what_failed_and_what_was_never_sent(live: Api, receiver: Receiver) -> None:
    before_it = str(happened())
    made = live.post("/webhook-endpoints", {"url": receiver.url()}).json()
    path = f"/webhook-endpoints/{made['endpoint_id']}"
    receiver.answers["/hook"] = [Response(status=500)]
    failed = str(happened())
    send_due()
    well = str(happened())
    send_due()
    del receiver.seen[:]
    answer = live.post(path + "/recover", {"since": "2020-01-01T00:00:00+08:00"})
    assert answer.status_code == 202
    shown = answer.json()
    assert (shown["status"], shown["done"], shown["total"], shown["queued"]) == ("succeeded", 3, 3, 2)
    assert shown["include"] == ["failed", "missing"]
    assert live.get(path + "/recover").json()["items"] == [shown]
    send_due()
    assert sorted(receiver.ids()) == sorted([before_it, failed])
    assert well not in receiver.ids()


def test_recovering_failures_only_and_from_a_time_that_has_nothing(live: Api, receiver: Receiver) -> None:
    happened()
    made = live.post("/webhook-endpoints", {"url": receiver.url()}).json()
    path = f"/webhook-endpoints/{made['endpoint_id']}"
    shown = live.post(path + "/recover", {"since": "2020-01-01T00:00:00Z", "include": ["failed"]}).json()
    assert (shown["queued"], shown["include"]) == (0, ["failed"])
    with in_brand(Brand.objects.get(slug="acme")):
        relay.run()
    shown = live.post(path + "/recover", {"since": "2199-01-01T00:00:00Z"}).json()
    assert (shown["status"], shown["queued"]) == ("succeeded", 0)
    send_due()
    assert receiver.seen == []


def test_recovering_respects_the_subscription(live: Api, receiver: Receiver) -> None:
    happened()
    wanted = str(happened(kind="member.enrolled", channel="online"))
    happened(kind="member.enrolled", channel="store")
    body = {"url": receiver.url(), "event_types": ["member.enrolled"], "channels": ["online"]}
    made = live.post("/webhook-endpoints", body).json()
    send_due()
    answer = live.post(f"/webhook-endpoints/{made['endpoint_id']}/recover", {"since": "2020-01-01T00:00:00Z"})
    assert answer.json()["queued"] == 1
    send_due()
    assert receiver.ids() == [wanted]


def test_a_long_recovery_goes_on_in_the_background_without_a_cap(
    live: Api, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recoveries, "PORTION", 2)
    ids = [str(happened()) for _n in range(7)]
    made = live.post("/webhook-endpoints", {"url": receiver.url()}).json()
    send_due()
    path = f"/webhook-endpoints/{made['endpoint_id']}/recover"
    del receiver.seen[:]
    with in_brand(Brand.objects.get(slug="acme")):
        WebhookDelivery.objects.all().delete()
        WebhookEndpoint.objects.update(after_position=7)
    shown = live.post(path, {"since": "2020-01-01T00:00:00Z"}).json()
    assert (shown["status"], shown["done"], shown["total"], shown["queued"]) == ("running", 2, 7, 2)
    send_due()
    (shown,) = live.get(path).json()["items"]
    assert (shown["status"], shown["done"], shown["queued"]) == ("succeeded", 7, 7)
    assert sorted(receiver.ids()) == sorted(ids)
