"""The owner of a brand is told by mail that an endpoint was disabled, in their language."""

from typing import Any

import pytest
from django.core import mail
from django.db import transaction

from loyalty.outbox import handling, registry, relay
from partners import services
from partners.models import WebhookEndpoint
from partners.webhooks import results
from tenants.models import Brand
from tenants.provisioning import create_operator
from tests.conftest import NOW

pytestmark = pytest.mark.django_db


def handle() -> int:
    relay.run()
    return handling.run(only=[h for h in registry.handlers() if h.name == "partners.tell_owner"])


@pytest.fixture
def disabled(in_acme: Brand) -> WebhookEndpoint:
    """An endpoint that was disabled, with its event."""
    made, _secret = services.create_endpoint(url="https://93.184.215.14/", now=NOW)
    with transaction.atomic():
        results.disable(made, "gone", NOW)
    return made


def test_owners_are_told_and_nobody_else(disabled: WebhookEndpoint) -> None:
    _chinese, _password = create_operator(email="owner@acme.example", role="owner")
    english, _password = create_operator(email="boss@acme.example", role="owner")
    english.language = "en"
    english.save()
    create_operator(email="care@acme.example", role="care")
    assert handle() == 1
    sent = {message.to[0]: message for message in mail.outbox}
    assert set(sent) == {"owner@acme.example", "boss@acme.example"}
    assert sent["boss@acme.example"].subject == "Acme: a webhook endpoint was disabled"
    assert "https://93.184.215.14/" in sent["boss@acme.example"].body
    assert "410 Gone" in sent["boss@acme.example"].body
    assert handle() == 0
    assert len(mail.outbox) == 2


def test_an_endpoint_that_works_again_is_no_news(disabled: WebhookEndpoint, settings: Any) -> None:
    create_operator(email="owner@acme.example", role="owner")
    services.change_endpoint(endpoint_id=disabled.pk, changes={"status": "active"}, now=NOW)
    assert handle() == 1
    assert mail.outbox == []
