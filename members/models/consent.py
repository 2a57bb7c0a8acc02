"""The ledger of consents: what a member agreed to or withdrew, purpose by purpose. Only ever inserted."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from loyalty.lib import ids


class Consent(models.Model):
    """One consent to one purpose in one version of its text, given or withdrawn.

    The latest by `at` decides. A purpose with a channel behind it (`marketing.sms`) speaks of that channel
    alone, as an opt-out of text messages does. `Member.consents` is the same in the order it came in, for the
    API and the rules.
    """

    id = models.UUIDField(primary_key=True, default=ids.new, editable=False)
    member = models.ForeignKey(
        "members.Member", models.PROTECT, related_name="+", db_index=False, verbose_name=_("member")
    )
    purpose = models.CharField(_("purpose"), max_length=40)
    version = models.CharField(_("version"), max_length=40)
    granted = models.BooleanField(_("granted"))
    at = models.DateTimeField(_("at"))
    source = models.CharField(_("source"), max_length=40, blank=True, default="")
    recorded_at = models.DateTimeField(_("recorded at"))
    # Who wrote it down for the member, and what proves it; empty where the member said it themselves.
    actor = models.CharField(_("by"), max_length=120, blank=True, default="", db_default="")
    note = models.CharField(_("note"), max_length=600, blank=True, default="", db_default="")

    class Meta:
        verbose_name = _("consent")
        verbose_name_plural = _("consents")
        indexes = [
            models.Index(fields=["purpose", "member", "-at", "-recorded_at", "-id"], name="consent_latest"),
            models.Index(fields=["member"], name="consent_member"),
        ]

    def __str__(self) -> str:
        return f"{self.purpose} {self.version}"
