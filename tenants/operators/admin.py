"""Operators of a brand or of the platform. `loyalty.console.admin` registers both pages."""

from collections.abc import Sequence
from typing import Any

from django import forms
from django.conf import settings
from django.contrib import messages
from django.contrib.auth.password_validation import validate_password
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.translation import gettext_lazy as _
from unfold.decorators import display
from unfold.widgets import (
    UnfoldAdminEmailInputWidget,
    UnfoldAdminSelectWidget,
    UnfoldAdminTextInputWidget,
    UnfoldBooleanSwitchWidget,
)

from loyalty.lib.console import Operation, ServiceForm, ServicePage
from loyalty.lib.display import Colours, Status, status
from loyalty.lib.errors import Text
from tenants.operators import services
from tenants.operators.models import Operator, Role
from tenants.provisioning import create_operator


class NewOperatorForm(ServiceForm):
    """A new operator; without a password one is generated and shown once."""

    shown_password = ""
    superuser = False
    email = forms.EmailField(label=_("E-mail address"), widget=UnfoldAdminEmailInputWidget)
    name = forms.CharField(
        label=_("Full name"), max_length=150, required=False, widget=UnfoldAdminTextInputWidget
    )
    role = forms.ChoiceField(label=_("Role"), choices=Role.choices, widget=UnfoldAdminSelectWidget)
    language = forms.ChoiceField(
        label=_("Language"), choices=settings.LANGUAGES, widget=UnfoldAdminSelectWidget
    )
    password = forms.CharField(
        label=_("Password"),
        required=False,
        help_text=_("Left empty, one is generated and shown once."),
        widget=UnfoldAdminTextInputWidget(attrs={"autocomplete": "new-password"}),
    )

    class Meta:
        model = Operator
        fields = ()

    def clean_password(self) -> str:
        """A password that passes the validators, or ''. Raises ValidationError."""
        password = str(self.cleaned_data["password"])
        if password:
            validate_password(password)
        return password

    def write(self, data: dict[str, Any]) -> Operator:
        """Create the account; a generated password is in `shown_password`. Raises Invalid."""
        operator, password = create_operator(
            email=data["email"],
            role=data.get("role", Role.OWNER),
            password=data["password"] or None,
            name=data["name"],
        )
        Operator.objects.filter(pk=operator.pk).update(language=data["language"], is_superuser=self.superuser)
        self.shown_password = "" if data["password"] else password
        return operator


class OperatorForm(ServiceForm):
    """Role, name, language, and whether the account is open."""

    name = forms.CharField(
        label=_("Full name"), max_length=150, required=False, widget=UnfoldAdminTextInputWidget
    )
    role = forms.ChoiceField(label=_("Role"), choices=Role.choices, widget=UnfoldAdminSelectWidget)
    language = forms.ChoiceField(
        label=_("Language"), choices=settings.LANGUAGES, widget=UnfoldAdminSelectWidget
    )
    active = forms.BooleanField(label=_("May sign in"), required=False, widget=UnfoldBooleanSwitchWidget)

    class Meta:
        model = Operator
        fields = ()

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        operator = self.instance
        now = {"name": operator.first_name, "role": operator.role, "language": operator.language}
        for name, value in {**now, "active": operator.is_active}.items():
            if name in self.fields:
                self.fields[name].initial = value

    def write(self, data: dict[str, Any]) -> Operator:
        """Change the account. Raises LastOwner."""
        return services.change(
            operator=Operator.objects.get(pk=self.instance.pk),
            role=data.get("role", self.instance.role),
            active=data["active"],
            name=data["name"],
            language=data["language"],
        )


def reset_password(_admin: Any, request: HttpRequest, operator: Operator, _data: dict[str, Any]) -> Text:
    """A new password, shown once; the old one and all sessions end."""
    tell_password(request, operator, services.reset_password(operator=operator))
    return _("The old password no longer works.")


def tell_password(request: HttpRequest, operator: Operator, password: str) -> None:
    """Show a password, once."""
    text = _('The password of {} is <span class="secret">{}</span>. It is shown only now.')
    messages.warning(request, format_html(str(text), operator.username, password))


class OperatorAdmin(ServicePage):
    """Who works here, in which role."""

    form = OperatorForm
    add_form = NewOperatorForm
    list_display: Sequence[str] = ("address", "full_name", "role_label", "is_active", "last_login")
    list_filter: Sequence[str] = ("role", "is_active")
    search_fields = ("username", "first_name")
    ordering = ("username",)
    fieldsets: Sequence[Any] = (
        (None, {"fields": ("address", "name", "role", "language", "active")}),
        (_("Sign-ins"), {"fields": ("last_login", "date_joined")}),
    )
    add_fieldsets: Sequence[Any] = ((None, {"fields": ("email", "name", "role", "language", "password")}),)
    operations = (
        Operation(
            "reset-password",
            _("New password"),
            _("A password is generated and shown once. The old one no longer works."),
            "operators.change_operator",
            reset_password,
            icon="lock_reset",
            danger=True,
        ),
    )

    def form_of(self, obj: Any) -> type[ServiceForm]:
        """New operators have a form of their own."""
        return self.form if obj is not None else self.add_form

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        """The address is the name of the account and stays."""
        return ("address", "last_login", "date_joined") if obj else ()

    def save_model(self, request: HttpRequest, obj: Operator, form: Any, change: bool) -> None:
        """A generated password is shown once."""
        if not change and form.shown_password:
            tell_password(request, obj, form.shown_password)

    @display(description=_("E-mail address"), ordering="username")
    def address(self, operator: Operator) -> str:
        """The address, by which they sign in."""
        return operator.username

    @display(description=_("Full name"), ordering="first_name")
    def full_name(self, operator: Operator) -> str:
        """What they are called."""
        return operator.first_name or "–"

    @display(description=_("role"), ordering="role", label=Colours({Role.OWNER: "info"}))
    def role_label(self, operator: Operator) -> Status:
        """The role, in words."""
        return status(operator, "role")


class NewPlatformOperatorForm(NewOperatorForm):
    """The platform knows no roles: who works here may do everything here."""

    superuser = True
    role = None  # type: ignore[assignment]


class PlatformOperatorForm(OperatorForm):
    """Without a role."""

    role = None  # type: ignore[assignment]


class PlatformOperatorAdmin(OperatorAdmin):
    """Who watches over the brands. They have no rights in any of them."""

    form = PlatformOperatorForm
    add_form = NewPlatformOperatorForm
    list_display = ("address", "full_name", "is_active", "last_login")
    list_filter = ("is_active",)
    fieldsets = (
        (None, {"fields": ("address", "name", "language", "active")}),
        (_("Sign-ins"), {"fields": ("last_login", "date_joined")}),
    )
    add_fieldsets = ((None, {"fields": ("email", "name", "language", "password")}),)
