"""API keys; webhooks stand in `hookadmin.py`."""

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.translation import gettext_lazy as _
from unfold.decorators import display
from unfold.widgets import (
    UnfoldAdminCheckboxSelectMultipleWidget,
    UnfoldAdminIntegerFieldWidget,
    UnfoldAdminTextInputWidget,
)

from loyalty.lib import clock
from loyalty.lib.console import Operation, ServiceForm, ServicePage
from loyalty.lib.display import LABELS, Status
from loyalty.lib.errors import Text
from loyalty.lib.scopes import SCOPES
from partners import services
from partners.hookadmin import DeliveryAdmin, EndpointAdmin
from partners.models import ApiKey, WebhookDelivery, WebhookEndpoint

SCOPE_WORDS = {
    "members:read": _("read members"),
    "members:write": _("enrol and change members"),
    "orders:write": _("send orders and returns"),
    "points:read": _("read balances and entries"),
    "points:write": _("spend, hold, adjust, transfer points"),
    "rules:write": _("manage earning rules and tiers"),
    "mall:read": _("read the mall"),
    "mall:write": _("manage rewards, redeem"),
    "webhooks:write": _("manage webhooks, read events"),
    "*": _("everything"),
}


class NewKeyForm(ServiceForm):
    """What the key is for, what it may do, and for how long."""

    secret = ""
    name = forms.CharField(
        label=_("Name"),
        max_length=80,
        help_text=_("Who will use it, for example “till system”."),
        widget=UnfoldAdminTextInputWidget,
    )
    scopes = forms.MultipleChoiceField(
        label=_("Scopes"),
        choices=[(scope, scope) for scope in SCOPES],
        widget=UnfoldAdminCheckboxSelectMultipleWidget,
    )
    expires_in_days = forms.IntegerField(
        label=_("Expires in days"),
        required=False,
        min_value=1,
        max_value=3650,
        help_text=_("Left empty, it never expires."),
        widget=UnfoldAdminIntegerFieldWidget,
    )

    class Meta:
        model = ApiKey
        fields = ()

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["scopes"].choices = [(s, f"{s} – {SCOPE_WORDS.get(s, s)}") for s in SCOPES]  # type: ignore[attr-defined]

    def write(self, data: dict[str, Any]) -> ApiKey:
        """Make the key; its secret is in `secret`, for once. Raises Invalid."""
        key, self.secret = services.create_key(
            name=data["name"],
            scopes=data["scopes"],
            expires_in_days=data["expires_in_days"],
            now=clock.now(),
        )
        return key


def revoke(_admin: Any, _request: HttpRequest, key: ApiKey, _data: dict[str, Any]) -> Text:
    """Refuse this key from now on."""
    services.revoke_key(key_id=key.pk, now=clock.now())
    return _("Revoked. All processes refuse it within seconds.")


@admin.register(ApiKey)
class ApiKeyAdmin(ServicePage):
    """Partners' credentials: made here, shown once, revoked here."""

    form = NewKeyForm
    list_display = ("name", "begins", "state", "allowed", "created_at", "expires_at", "last_used_at")
    search_fields = ("name", "prefix")
    ordering = ("-created_at",)
    fieldsets = (
        (
            None,
            {
                "fields": (
                    ("name", "begins"),
                    ("state", "allowed"),
                    ("created_at", "expires_at"),
                    ("last_used_at", "revoked_at"),
                )
            },
        ),
    )
    add_fieldsets = ((None, {"fields": ("name", "scopes", "expires_in_days")}),)
    operations = (
        Operation(
            "revoke",
            _("Revoke"),
            _("Calls with this key are refused from now on. This cannot be undone."),
            "partners.revoke_apikey",
            revoke,
            icon="key_off",
            danger=True,
            shown=lambda key: key.revoked_at is None,
        ),
    )

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """A key is replaced, not changed."""
        return False

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        """Computed columns."""
        return ("begins", "state", "allowed") if obj else ()

    def save_model(self, request: HttpRequest, obj: ApiKey, form: Any, change: bool) -> None:
        """Show the secret, once."""
        text = _(
            'The key is <span class="secret">{}</span>. Copy it now: it is shown once and stored nowhere.'
        )
        messages.warning(request, format_html(str(text), form.secret))

    @display(description=_("begins with"))
    def begins(self, key: ApiKey) -> str:
        """The part of the key that is known."""
        return f"{key.prefix}…"

    @display(description=_("scopes"))
    def allowed(self, key: ApiKey) -> str:
        """What it may do."""
        return ", ".join(key.scopes)

    @display(description=_("status"), label=LABELS)
    def state(self, key: ApiKey) -> Status:
        """Active, expired or revoked."""
        if key.revoked_at is not None:
            return Status(("revoked", _("revoked")))
        if key.expires_at is not None and key.expires_at <= clock.now():
            return Status(("expired", _("expired")))
        return Status(("active", _("active")))


admin.site.register(WebhookEndpoint, EndpointAdmin)
admin.site.register(WebhookDelivery, DeliveryAdmin)
