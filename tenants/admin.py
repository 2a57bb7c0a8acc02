"""Brands and their hosts. `loyalty.console.admin` registers these pages on the platform's console."""

from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.core.validators import RegexValidator
from django.db.models import Model
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from unfold.admin import TabularInline
from unfold.decorators import display
from unfold.widgets import UnfoldAdminTextInputWidget

from loyalty.lib.console import Operation, Page
from loyalty.lib.display import LABELS, Status, link, pretty, status
from loyalty.lib.errors import Text
from tenants import hosts
from tenants.models import Brand, Domain

HOST = RegexValidator(
    r"^(?=.{1,253}$)([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z][a-z0-9-]{0,61}[a-z0-9]$",
    _("Write a host name such as loyalty.example.com."),
)


class DomainForm(forms.ModelForm):  # type: ignore[type-arg]
    """A host in lower case; which brand it belongs to stays as it is."""

    class Meta:
        model = Domain
        fields = ("domain", "is_primary")
        widgets = {"domain": UnfoldAdminTextInputWidget}
        labels = {"domain": _("Host"), "is_primary": _("Main host")}

    def clean_domain(self) -> str:
        """The host in lower case. Raises ValidationError for what is no host name."""
        host = str(self.cleaned_data["domain"]).strip().lower().rstrip(".")
        HOST(host)
        return host


class DomainInline(TabularInline):  # type: ignore[misc]
    """The hosts on the page of their brand."""

    model = Domain
    form = DomainForm
    extra = 0
    fields = ("domain", "is_primary")
    hide_title = True

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """A host may be taken away, but not the last one (see the formset's validation)."""
        return bool(request.user.has_perm("tenants.delete_domain"))

    def get_formset(self, request: HttpRequest, obj: Model | None = None, **kwargs: Any) -> Any:
        """At least one host stays: without one nobody could reach the brand."""
        return super().get_formset(request, obj, min_num=1, validate_min=True, **kwargs)


def suspend(_admin: Any, _request: HttpRequest, brand: Brand, _data: dict[str, Any]) -> Text:
    """From now on every host of the brand answers 403; nothing is deleted."""
    Brand.objects.filter(pk=brand.pk).update(status=Brand.Status.SUSPENDED)
    hosts.forget()
    return _("Suspended. All processes know within five seconds.")


def resume(_admin: Any, _request: HttpRequest, brand: Brand, _data: dict[str, Any]) -> Text:
    """The brand answers again."""
    Brand.objects.filter(pk=brand.pk).update(status=Brand.Status.ACTIVE)
    hosts.forget()
    return _("The brand answers again.")


class BrandAdmin(Page):
    """A brand: made on the command line (it needs the database's owner), looked after here."""

    list_display = ("name", "slug", "state", "timezone", "currency", "template", "created_at")
    list_filter = ("status",)
    search_fields = ("name", "slug", "domains__domain")
    ordering = ("name",)
    inlines = (DomainInline,)
    readonly_fields = ("slug", "status", "currency", "template", "created_at", "policies")
    fieldsets = (
        (None, {"fields": ("name", "slug", "status", "timezone", "currency", "template", "created_at")}),
        (_("Policies that differ from the defaults"), {"fields": ("policies",)}),
    )
    operations = (
        Operation(
            "suspend",
            _("Suspend"),
            _("All hosts of this brand answer 403 until it is resumed. No data is lost."),
            "tenants.change_brand",
            suspend,
            icon="pause_circle",
            danger=True,
            shown=lambda brand: brand.status == Brand.Status.ACTIVE,
        ),
        Operation(
            "resume",
            _("Resume"),
            _("The brand's hosts answer again."),
            "tenants.change_brand",
            resume,
            icon="play_circle",
            shown=lambda brand: brand.status == Brand.Status.SUSPENDED,
        ),
    )

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Only the database's owner may make schema and role: `manage.py create_brand`."""
        return False

    @display(description=_("status"), label=LABELS, ordering="status")
    def state(self, brand: Brand) -> Status:
        """The status, coloured."""
        return status(brand)

    @display(description=_("policies"))
    def policies(self, brand: Brand) -> str:
        """The brand's settings; secrets are sealed and not shown."""
        return pretty(
            {key: "…" if key.endswith("secret") else value for key, value in brand.settings.items()}
        )

    def get_form(
        self, request: HttpRequest, obj: Model | None = None, change: bool = False, **kwargs: Any
    ) -> Any:
        """The form, which knows a time zone when it sees one."""
        form = super().get_form(request, obj, change, **kwargs)
        if "timezone" in form.base_fields:
            form.base_fields["timezone"].validators.append(_known_zone)
        return form

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        """Hosts count at once in this process, within seconds in the others."""
        super().save_related(request, form, formsets, change)
        hosts.forget()


class DomainAdmin(Page):
    """All hosts of all brands."""

    list_display = ("host", "brand", "main")
    search_fields = ("domain", "tenant__name", "tenant__slug")
    list_select_related = ("tenant",)
    ordering = ("domain",)
    form = DomainForm
    readonly_fields = ("brand",)
    fields = ("brand", "domain", "is_primary")

    @display(description=_("Host"), ordering="domain")
    def host(self, domain: Domain) -> str:
        """Without port."""
        return str(domain.domain)

    @display(description=_("Brand"), ordering="tenant__name")
    def brand(self, domain: Domain) -> str:
        """Whose host it is."""
        return link(domain.tenant)

    @display(description=_("Main host"), boolean=True)
    def main(self, domain: Domain) -> bool:
        """Whether links to the brand name this host."""
        return bool(domain.is_primary)

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Hosts are added on the page of their brand."""
        return False


def _known_zone(name: str) -> None:
    from zoneinfo import available_timezones  # noqa: PLC0415  reads the disk

    if name not in available_timezones():
        raise ValidationError(_("Not an IANA time zone such as Asia/Shanghai."))
