"""Sending an example to an endpoint, once, while the caller waits."""

import asyncio
import json
from datetime import datetime

from django.utils.translation import gettext_lazy as _

from loyalty.lib import crypto, ids
from loyalty.lib.errors import Refusal
from loyalty.outbox import registry
from partners.models import WebhookAttempt, WebhookEndpoint
from partners.webhooks import payloads, targets
from partners.webhooks.sender import Answer, Sender
from partners.webhooks.signing import Signer
from partners.webhooks.wire import Target
from tenants.context import current_brand

DEFAULT_TYPE = "points.accrued"


class NoExample(Refusal):
    """There is no event type whose example could be sent."""

    code = "no_example"
    title = _("There is no example of this event type.")


def send_example(
    endpoint: WebhookEndpoint, *, event_type: str | None, now: datetime
) -> tuple[str, WebhookAttempt]:
    """Deliver the example of an event type, signed like any other, and answer the attempt, which is not kept.

    Makes no retry and changes nothing. Raises NoExample.
    """
    known = registry.event_types()
    name = event_type or next(iter(endpoint.event_types), DEFAULT_TYPE)
    if name not in known:
        raise NoExample(event_type=name)
    brand = current_brand()
    body = payloads.body(
        kind=name,
        at=now,
        data_json=json.dumps(dict(known[name].example), ensure_ascii=False),
        brand=brand.slug,
        sequence=None,
        member_sequence=None,
    )
    attempt_id = ids.new()
    signer = Signer([crypto.unseal(text) for text in endpoint.sealed_secrets(now)])
    signature = signer.headers(str(attempt_id), now, body)
    anywhere = targets.is_allowed_pair(endpoint.url, targets.allowed_pairs(brand))
    target = Target.of(endpoint.url, anywhere=anywhere)
    answer = asyncio.run(_send(target, body, signature, now))
    return name, WebhookAttempt(
        id=attempt_id,
        endpoint=endpoint,
        at=now,
        status=answer.outcome,
        url=endpoint.url,
        request_headers=answer.request_headers,
        request_body=body,
        response_status=answer.status,
        response_headers=answer.headers,
        response_body=answer.body,
        latency_ms=answer.latency_ms,
        error=answer.error,
    )


async def _send(target: Target, body: str, signature: dict[str, str], at: datetime) -> Answer:
    async with Sender() as sender:
        return await sender.send(target, body.encode(), signature, at=at)
