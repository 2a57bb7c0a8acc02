"""Webhooks in the console: endpoints, their deliveries, and every attempt with what was sent and answered."""

from collections.abc import Sequence
from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _
from unfold.decorators import display
from unfold.widgets import (
    UnfoldAdminCheckboxSelectMultipleWidget,
    UnfoldAdminTextInputWidget,
)

from loyalty.lib import clock
from loyalty.lib.console import EndlessPage, Operation, ReadOnlyTable, ServiceForm, ServicePage, ValueFilter
from loyalty.lib.display import LABELS, Status, code, link, number, pretty, status
from loyalty.lib.errors import Text
from loyalty.outbox import registry
from partners import services
from partners.models import WebhookAttempt, WebhookDelivery, WebhookEndpoint


class EndpointForm(ServiceForm):
    """Where to, and which events. The service checks the URL."""

    secret = ""
    url = forms.CharField(
        label=_("URL"),
        max_length=2048,
        help_text=_("https, reachable from the internet."),
        widget=UnfoldAdminTextInputWidget(attrs={"inputmode": "url", "placeholder": "https://"}),
    )
    description = forms.CharField(
        label=_("Description"), max_length=200, required=False, widget=UnfoldAdminTextInputWidget
    )
    event_types = forms.MultipleChoiceField(
        label=_("Event types"),
        required=False,
        help_text=_("None chosen: all of them."),
        widget=UnfoldAdminCheckboxSelectMultipleWidget,
    )

    class Meta:
        model = WebhookEndpoint
        fields = ("url", "description", "event_types")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        choices: Any = self.fields["event_types"]
        choices.choices = [(name, name) for name in registry.event_types()]

    def write(self, data: dict[str, Any]) -> WebhookEndpoint:
        """Create or change the endpoint. Raises UrlNotAllowed."""
        wanted = {name: data[name] for name in ("url", "description", "event_types")}
        if self.instance._state.adding:
            endpoint, self.secret = services.create_endpoint(**wanted, now=clock.now())
            return endpoint
        return services.change_endpoint(endpoint_id=self.instance.pk, changes=wanted, now=clock.now())


def tell_secret(request: HttpRequest, secret: str) -> None:
    """Show a signing secret, once."""
    text = _('The signing secret is <span class="secret">{}</span>. Copy it now: it is shown only once.')
    messages.warning(request, format_html(str(text), secret))


def set_status(new: str, told: Text) -> Any:
    """An operation that changes the endpoint's status."""

    def run(_admin: Any, _request: HttpRequest, endpoint: WebhookEndpoint, _data: dict[str, Any]) -> Text:
        services.change_endpoint(endpoint_id=endpoint.pk, changes={"status": new}, now=clock.now())
        return told

    return run


def rotate(_admin: Any, request: HttpRequest, endpoint: WebhookEndpoint, _data: dict[str, Any]) -> Text:
    """A new secret; the old one signs beside it for a day."""
    _endpoint, secret = services.rotate_secret(endpoint_id=endpoint.pk, now=clock.now())
    tell_secret(request, secret)
    return _("Both secrets sign for 24 hours; then only the new one does.")


def resend(_admin: Any, _request: HttpRequest, delivery: WebhookDelivery, _data: dict[str, Any]) -> Text:
    """A new series of attempts, at once."""
    services.resend(delivery_id=delivery.pk, now=clock.now())
    return _("It is sent again now.")


class EndpointAdmin(ServicePage):
    """Partners' URLs that are told of events."""

    form = EndpointForm
    list_display = ("url", "state", "description", "events", "first_failure_at", "created_at")
    list_filter = ("status",)
    search_fields = ("url", "description")
    ordering = ("-created_at",)
    readonly_fields = (
        "status",
        "disabled_reason",
        "first_failure_at",
        "previous_until",
        "created_at",
        "updated_at",
    )
    operations = (
        Operation(
            "rotate-secret",
            _("Rotate the secret"),
            _("A new signing secret is made and shown once. The old one signs beside it for 24 hours."),
            "partners.rotate_webhookendpoint",
            rotate,
            icon="sync_lock",
            shown=lambda endpoint: endpoint.deleted_at is None,
        ),
        Operation(
            "pause",
            _("Pause"),
            _("Events are kept for this endpoint and sent when it goes on."),
            "partners.change_webhookendpoint",
            set_status(WebhookEndpoint.Status.PAUSED, _("Paused.")),
            icon="pause_circle",
            shown=lambda endpoint: endpoint.status == WebhookEndpoint.Status.ACTIVE,
        ),
        Operation(
            "activate",
            _("Go on"),
            _("What waits is sent, and failures so far are forgotten."),
            "partners.change_webhookendpoint",
            set_status(WebhookEndpoint.Status.ACTIVE, _("It goes on.")),
            icon="play_circle",
            shown=lambda endpoint: (
                endpoint.status != WebhookEndpoint.Status.ACTIVE and endpoint.deleted_at is None
            ),
        ),
    )

    def get_queryset(self, request: HttpRequest) -> Any:
        """Deleted endpoints are gone from here."""
        return super().get_queryset(request).filter(deleted_at__isnull=True)

    def get_fieldsets(self, request: HttpRequest, obj: WebhookEndpoint | None = None) -> Any:
        """A new endpoint has no state yet."""
        wanted = (None, {"fields": ("url", "description", "event_types")})
        if obj is None:
            return (wanted,)
        state = (
            ("status", "first_failure_at"),
            ("disabled_reason", "previous_until"),
            ("created_at", "updated_at"),
        )
        return (wanted, (_("State"), {"fields": state}))

    def get_readonly_fields(
        self, request: HttpRequest, obj: WebhookEndpoint | None = None
    ) -> tuple[str, ...]:
        """Nothing computed on an empty page."""
        return self.readonly_fields if obj else ()

    def save_model(self, request: HttpRequest, obj: WebhookEndpoint, form: Any, change: bool) -> None:
        """Show a new endpoint's secret, once."""
        if form.secret:
            tell_secret(request, form.secret)

    @display(description=_("status"), label=LABELS, ordering="status")
    def state(self, endpoint: WebhookEndpoint) -> Status:
        """The status, coloured."""
        return status(endpoint)

    @display(description=_("event types"))
    def events(self, endpoint: WebhookEndpoint) -> str:
        """Which events it is told of."""
        return ", ".join(endpoint.event_types) or str(_("all"))


class AttemptTable(ReadOnlyTable):
    """Every request and its answer, newest first."""

    model = WebhookAttempt
    fields = ("at", "state", "response_status", "latency", "error", "sent", "answered")
    readonly_fields = ("state", "latency", "sent", "answered")
    ordering = ("-at",)
    fk_name = "delivery"

    @display(description=_("status"))
    def state(self, attempt: WebhookAttempt) -> str:
        """How it ended."""
        return str(attempt.get_status_display())

    @display(description=_("latency (ms)"))
    def latency(self, attempt: WebhookAttempt) -> SafeString:
        """How long it took."""
        return number(attempt.latency_ms)

    @display(description=_("sent"))
    def sent(self, attempt: WebhookAttempt) -> SafeString:
        """Headers and body of the request; signatures are in the headers."""
        return folded(
            pretty(attempt.request_headers) + format_html('<pre class="json">{}</pre>', attempt.request_body)
        )

    @display(description=_("answer"))
    def answered(self, attempt: WebhookAttempt) -> SafeString | str:
        """Headers and body of the response."""
        if attempt.response_headers is None:
            return "–"
        return folded(
            pretty(attempt.response_headers)
            + format_html('<pre class="json">{}</pre>', attempt.response_body)
        )


def folded(content: SafeString) -> SafeString:
    """Long content behind a word."""
    return format_html("<details><summary>{}</summary>{}</details>", _("show"), content)


class TypeFilter(ValueFilter):
    """By type of event."""

    title = _("event type")
    parameter_name = "event_type"

    def values(self) -> Sequence[str]:
        """All declared types."""
        return list(registry.event_types())


class DeliveryAdmin(EndlessPage):
    """One event on its way to one endpoint."""

    list_display = (
        "created_at",
        "event_type",
        "target",
        "state",
        "attempts_n",
        "next_attempt_at",
        "delivered_at",
    )
    list_filter = ("status", TypeFilter)
    list_select_related = ("endpoint",)
    search_fields = ("=event__id",)
    search_help_text = _("The event's id (webhook-id)")
    # By key, which is a UUIDv7: newest first, and the only index over all of them.
    ordering = ("-id",)
    inlines = (AttemptTable,)
    fields = (
        ("event_type", "status"),
        ("target", "event_id_n"),
        ("attempts", "next_attempt_at"),
        ("created_at", "delivered_at"),
    )
    readonly_fields = ("target", "event_id_n")
    operations = (
        Operation(
            "resend",
            _("Send again"),
            _("A new series of attempts begins now. The receiver knows the event by its webhook-id."),
            "partners.resend_webhookdelivery",
            resend,
            icon="replay",
        ),
    )

    @display(description=_("endpoint"))
    def target(self, delivery: WebhookDelivery) -> SafeString | str:
        """Where to."""
        return link(delivery.endpoint)

    @display(description=_("event"))
    def event_id_n(self, delivery: WebhookDelivery) -> SafeString:
        """The event's id, which is the `webhook-id`."""
        return code(delivery.event_id)

    @display(description=_("status"), label=LABELS, ordering="status")
    def state(self, delivery: WebhookDelivery) -> Status:
        """The status, coloured."""
        return status(delivery)

    @display(description=_("attempts"))
    def attempts_n(self, delivery: WebhookDelivery) -> SafeString:
        """Of the present series."""
        return number(delivery.attempts)
