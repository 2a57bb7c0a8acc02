"""Operators of a brand or of the platform. `loyalty.console.admin` registers this page on both consoles."""

from typing import Any

from django import forms
from django.conf import settings
from django.contrib import messages
from django.contrib.auth.admin import UserAdmin
from django.contrib.auth.password_validation import validate_password
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.translation import gettext_lazy as _
from unfold.decorators import display
from unfold.forms import AdminPasswordChangeForm
from unfold.widgets import UnfoldAdminEmailInputWidget, UnfoldAdminSelectWidget, UnfoldAdminTextInputWidget

from loyalty.lib.console import Page, errors_of
from loyalty.lib.display import Colours, Status, status
from loyalty.lib.errors import Refusal
from tenants.operators import services
from tenants.operators.models import Operator, Role
from tenants.provisioning import create_operator


class NewOperatorForm(forms.ModelForm):  # type: ignore[type-arg]
    """A new operator; without a password one is generated and shown once."""

    email = forms.EmailField(label=_("E-mail address"), widget=UnfoldAdminEmailInputWidget)
    name = forms.CharField(
        label=_("Full name"), max_length=150, required=False, widget=UnfoldAdminTextInputWidget
    )
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
        fields = ("email", "role")

    def clean_password(self) -> str:
        """A password that passes the validators, or ''. Raises ValidationError."""
        password = self.cleaned_data["password"]
        if password:
            validate_password(password)
        return str(password)

    def clean(self) -> dict[str, Any]:
        """Create the account by its service, whose refusal becomes the form's error."""
        data = super().clean() or self.cleaned_data
        if not self.errors and Operator.objects.filter(username=data["email"].lower()).exists():
            self.add_error("email", _("An operator with this address exists already."))
        return data

    def save(self, commit: bool = True) -> Operator:
        """The account, and its password in `shown_password` when it was generated."""
        data = self.cleaned_data
        operator, password = create_operator(
            email=data["email"], role=data["role"], password=data["password"] or None, name=data["name"]
        )
        Operator.objects.filter(pk=operator.pk).update(language=data["language"])
        operator.language = data["language"]
        self.shown_password = "" if data["password"] else password
        self.save_m2m = lambda: None  # type: ignore[method-assign]
        return operator


class OperatorForm(forms.ModelForm):  # type: ignore[type-arg]
    """Role, name, language, and whether the account is open."""

    first_name = forms.CharField(
        label=_("Full name"), max_length=150, required=False, widget=UnfoldAdminTextInputWidget
    )
    language = forms.ChoiceField(
        label=_("Language"), choices=settings.LANGUAGES, widget=UnfoldAdminSelectWidget
    )

    class Meta:
        model = Operator
        fields = ("first_name", "role", "language", "is_active")


class OperatorAdmin(Page, UserAdmin):  # type: ignore[misc, type-arg]
    """Who works here, in which role."""

    form = OperatorForm
    add_form = NewOperatorForm
    add_form_template = None
    change_password_form = AdminPasswordChangeForm
    list_display = ("address", "full_name", "role_label", "is_active", "last_login")
    list_filter = ("role", "is_active")
    search_fields = ("username", "first_name")
    ordering = ("username",)
    filter_horizontal = ()
    readonly_fields = ("address", "last_login", "date_joined")
    fieldsets = (
        (None, {"fields": ("address", "first_name", "role", "language", "is_active")}),
        (_("Sign-ins"), {"fields": ("last_login", "date_joined")}),
    )
    add_fieldsets = ((None, {"fields": ("email", "name", "role", "language", "password")}),)

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        """The address is the name of the account and stays."""
        return self.readonly_fields if obj else ()

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

    def save_form(self, request: HttpRequest, form: Any, change: bool) -> Any:
        """New accounts are made by their service, which the form calls."""
        return form.save() if not change else super().save_form(request, form, change)

    def save_model(self, request: HttpRequest, obj: Operator, form: Any, change: bool) -> None:
        """Changes go through the service; a generated password is shown once."""
        if change:
            try:
                services.change(
                    operator=Operator.objects.get(pk=obj.pk),
                    role=obj.role,
                    active=obj.is_active,
                    name=obj.first_name,
                    language=obj.language,
                )
            except Refusal as refusal:
                request.refused = True  # type: ignore[attr-defined]
                for line in errors_of(refusal):
                    messages.error(request, line)
        elif form.shown_password:
            text = _('The password of {} is <span class="secret">{}</span>. It is shown only now.')
            messages.warning(request, format_html(str(text), obj.username, form.shown_password))

    def message_user(self, request: HttpRequest, message: Any, *args: Any, **kwargs: Any) -> None:
        """No word of success after a refusal."""
        if not getattr(request, "refused", False):
            super().message_user(request, message, *args, **kwargs)
