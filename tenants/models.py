"""Brands and the hosts they answer on, in the shared schema."""

import zoneinfo
from typing import Any

from django.db import models
from django.utils.translation import gettext_lazy as _
from django_tenants.models import DomainMixin, TenantMixin

from loyalty.lib import words
from tenants import policies


class Brand(TenantMixin):  # type: ignore[misc]
    """A brand: one tenant, one schema, one set of hosts."""

    class Status(models.TextChoices):
        PROVISIONING = "provisioning", _("being set up")
        ACTIVE = "active", _("active")
        SUSPENDED = "suspended", _("suspended")

    slug = models.SlugField(_("short name"), max_length=40, unique=True)
    name = models.CharField(_("name"), max_length=120)
    status = models.CharField(_("status"), max_length=16, choices=Status.choices, default=Status.PROVISIONING)
    timezone = models.CharField(_("time zone"), max_length=64, default="Asia/Shanghai")
    currency = models.CharField(_("currency"), max_length=3, default="CNY")
    languages = models.JSONField(_("languages"), default=list)
    points_name = models.JSONField(_("name of the points"), default=dict)
    template = models.CharField(_("template"), max_length=16, default="blank")
    settings = models.JSONField(_("settings"), default=dict, blank=True)
    schema_state = models.CharField(_("schema state"), max_length=64, blank=True, default="")
    created_at = models.DateTimeField(_("created at"), auto_now_add=True)
    # What the last verification of the brand's books said; the brand itself cannot write it.
    books_sound = models.BooleanField(_("books sound"), null=True, editable=False)
    books_verified_at = models.DateTimeField(_("books verified"), null=True, editable=False)

    auto_create_schema = False
    auto_drop_schema = False

    class Meta:
        verbose_name = _("brand")
        verbose_name_plural = _("brands")
        constraints = [
            models.CheckConstraint(
                condition=models.Q(status__in=["provisioning", "active", "suspended"]),
                name="brand_status_known",
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def tz(self) -> zoneinfo.ZoneInfo:
        """The zone that business days and hours are meant in."""
        return zoneinfo.ZoneInfo(self.timezone)

    @property
    def points_label(self) -> str:
        """What this brand calls its points, in the active language."""
        return words.pick(self.points_name) or str(_("points"))

    def setting(self, key: str) -> Any:
        """A policy of this brand, or its default. Raises KeyError for a policy that does not exist."""
        return self.settings.get(key, policies.DEFAULTS[key])


class Domain(DomainMixin):  # type: ignore[misc]
    """A host that a brand answers on."""

    class Meta:
        verbose_name = _("host")
        verbose_name_plural = _("hosts")
