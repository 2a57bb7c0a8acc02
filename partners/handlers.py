"""What this room does when something happened elsewhere, or here."""

import structlog
from django.conf import settings
from django.core.mail import send_mail
from django.utils import translation
from django.utils.translation import gettext as _

from loyalty.outbox.models import OutboxEvent
from loyalty.outbox.registry import on_event
from partners.models import WebhookEndpoint
from tenants.context import current_brand
from tenants.operators.models import Operator, Role

log = structlog.get_logger(__name__)


@on_event("webhook_endpoint.disabled", name="partners.tell_owner")
def tell_owner(event: OutboxEvent) -> None:
    """Write to the brand's owners that an endpoint is no longer called, each in their language.

    Not again for an endpoint that works once more by now. A mail server that is away is tried again: that is
    why the mail is sent within the transaction of the handler, rare as it is.
    """
    said = event.payload
    endpoint = WebhookEndpoint.objects.filter(pk=said["endpoint_id"], deleted_at__isnull=True).first()
    if endpoint is None or endpoint.status != WebhookEndpoint.Status.DISABLED:
        return
    owners = Operator.objects.filter(role=Role.OWNER, is_active=True).exclude(email="")
    for owner in owners:
        with translation.override(owner.language):
            send_mail(
                _("%(brand)s: a webhook endpoint was disabled") % {"brand": current_brand().name},
                _text(said),
                settings.DEFAULT_FROM_EMAIL,
                [owner.email],
            )
    log.info("webhook_owner_told", endpoint_id=said["endpoint_id"], mails=len(owners))


def _text(said: dict[str, str]) -> str:
    if said["reason"] == "gone":
        why = _("It answered 410 Gone.")
    else:
        why = _("Every attempt since %(since)s has failed.") % {"since": said["failing_since"]}
    return _(
        "Webhooks are no longer sent to %(url)s.\n%(why)s\n\n"
        "Enable it again in the console or by PATCH /webhook-endpoints/%(id)s, "
        "and recover what it missed with POST /webhook-endpoints/%(id)s/recover."
    ) % {"url": said["url"], "why": why, "id": said["endpoint_id"]}
