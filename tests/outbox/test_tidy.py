"""What is too old is removed, what is not stays."""

from datetime import timedelta
from typing import Any

import pytest

from loyalty.lib import clock, ids
from loyalty.outbox import tasks
from loyalty.outbox.models import IdempotencyRecord
from partners import services
from partners import tasks as partner_tasks
from partners.models import WebhookAttempt, WebhookDelivery, WebhookEndpoint
from tenants.models import Brand
from tests.conftest import NOW

pytestmark = pytest.mark.django_db


def test_answers_are_dropped_after_thirty_days(in_acme: Brand, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tasks, "TIDY_PORTION", 2)
    values: dict[str, Any] = {"caller": "key:1", "digest": b"", "status": 200, "content_type": ""}
    for number, age in enumerate((31, 30, 30, 29)):
        at = NOW - timedelta(days=age)
        IdempotencyRecord.objects.create(
            route=f"POST /{number}", key=f"k{number}", body=b"", created_at=at, **values
        )
    tasks.tidy()
    assert list(IdempotencyRecord.objects.values_list("key", flat=True)) == ["k3"]


def test_the_history_of_a_deleted_endpoint_goes_after_a_while(
    in_acme: Brand, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(partner_tasks, "TIDY_PORTION", 2)
    kept, _secret = services.create_endpoint(url="https://93.184.215.14/kept", now=NOW)
    gone, _secret = services.create_endpoint(url="https://93.184.215.14/gone", now=NOW)
    for endpoint in (kept, gone):
        for number in range(3):
            delivery = WebhookDelivery.objects.create(
                endpoint=endpoint,
                event_id=ids.new(),
                event_type="member.updated",
                position=number,
                status="delivered",
                created_at=NOW,
            )
            WebhookAttempt.objects.create(
                delivery=delivery,
                endpoint=endpoint,
                at=NOW,
                status="delivered",
                url=endpoint.url,
                request_headers={},
                request_body="",
                latency_ms=1,
            )
    services.delete_endpoint(endpoint_id=gone.id, now=NOW)
    with clock.frozen(NOW + timedelta(days=30) - timedelta(seconds=1)):
        partner_tasks.tidy()
    assert WebhookDelivery.objects.count() == 6
    with clock.frozen(NOW + timedelta(days=30)):
        partner_tasks.tidy()
    assert list(WebhookEndpoint.objects.values_list("pk", flat=True)) == [kept.pk]
    assert set(WebhookDelivery.objects.values_list("endpoint", flat=True)) == {kept.pk}
    assert (WebhookDelivery.objects.count(), WebhookAttempt.objects.count()) == (3, 3)
