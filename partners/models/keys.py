"""API keys."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from loyalty.lib import ids


class ApiKey(models.Model):
    """A partner's credential. The secret is shown once; only its SHA-256 is stored."""

    id = models.UUIDField(primary_key=True, default=ids.new, editable=False)
    name = models.CharField(_("name"), max_length=80)
    prefix = models.CharField(_("begins with"), max_length=16, unique=True)
    digest = models.CharField(max_length=64, editable=False)
    scopes = models.JSONField(_("scopes"), default=list)
    rate_per_s = models.PositiveIntegerField(_("requests per second"), default=5000)
    created_at = models.DateTimeField(_("created at"))
    expires_at = models.DateTimeField(_("expires at"), null=True, blank=True)
    revoked_at = models.DateTimeField(_("revoked at"), null=True, blank=True)
    last_used_at = models.DateTimeField(_("last used"), null=True, blank=True)

    class Meta:
        verbose_name = _("API key")
        verbose_name_plural = _("API keys")

    def __str__(self) -> str:
        return f"{self.name} ({self.prefix}…)"
