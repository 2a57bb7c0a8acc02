"""Members, the identities they are known by, and the keys and tokens of their sessions."""

from django.db import models
from django.db.models.functions import ExtractDay, ExtractMonth, Right
from django.utils.translation import gettext_lazy as _

from loyalty.lib import ids


class Member(models.Model):
    """A person who takes part. Ledger entries name only the random id, never anything personal."""

    class Status(models.TextChoices):
        ACTIVE = "active", _("active")
        MERGED = "merged", _("merged into another")
        CLOSED = "closed", _("closed")

    id = models.UUIDField(primary_key=True, default=ids.new, editable=False)
    status = models.CharField(_("status"), max_length=16, choices=Status.choices, default=Status.ACTIVE)
    name = models.CharField(_("name"), max_length=120, blank=True, default="")
    birthday = models.DateField(_("birthday"), null=True, blank=True)
    region = models.CharField(_("region"), max_length=32, blank=True, default="")
    tags = models.JSONField(_("tags"), default=list, blank=True)
    children = models.JSONField(_("children"), default=list, blank=True)
    consents = models.JSONField(_("consents"), default=list, blank=True)
    source = models.CharField(_("source"), max_length=40, blank=True, default="")
    locale = models.CharField(_("language"), max_length=8, blank=True, default="")
    referral_code = models.CharField(_("referral code"), max_length=12, unique=True)
    referrer = models.ForeignKey(
        "self",
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="referred",
        verbose_name=_("invited by"),
    )
    merged_into = models.ForeignKey(
        "self",
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="merged",
        verbose_name=_("merged into"),
    )
    enrolled_at = models.DateTimeField(_("enrolled at"))
    updated_at = models.DateTimeField(_("updated at"), auto_now=True)

    class Meta:
        verbose_name = _("member")
        verbose_name_plural = _("members")
        # Migration 0005 adds `member_name`: the console finds the beginning of a name in either case.
        indexes = [
            models.Index(fields=["-enrolled_at", "-id"], name="member_enrolled"),
            # Whose birthday it is.
            models.Index(
                ExtractMonth("birthday"),
                ExtractDay("birthday"),
                name="member_birthday",
                condition=models.Q(birthday__isnull=False),
            ),
        ]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(status__in=["active", "merged", "closed"]), name="member_status_known"
            ),
            models.CheckConstraint(
                condition=models.Q(status="merged", merged_into__isnull=False)
                | (~models.Q(status="merged") & models.Q(merged_into__isnull=True)),
                name="member_merged_somewhere",
            ),
        ]

    def __str__(self) -> str:
        return self.name or str(self.id)[-12:]


class Identity(models.Model):
    """One way a member is known: a phone, a card, an openid of one mini-program …"""

    id = models.UUIDField(primary_key=True, default=ids.new, editable=False)
    member = models.ForeignKey(Member, on_delete=models.CASCADE, related_name="identities")
    provider = models.CharField(_("kind"), max_length=40)
    app_id = models.CharField(_("app"), max_length=64, blank=True, default="")
    subject = models.CharField(_("value"), max_length=200)
    verified_at = models.DateTimeField(_("verified at"), null=True, blank=True)
    created_at = models.DateTimeField(_("since"))

    class Meta:
        verbose_name = _("identity")
        verbose_name_plural = _("identities")
        constraints = [
            models.UniqueConstraint(fields=["provider", "app_id", "subject"], name="identity_unique"),
        ]
        indexes = [
            models.Index(fields=["subject"], name="identity_subject"),
            # The console finds a caller by the last four digits of the phone.
            models.Index(
                Right("subject", 4),
                name="identity_phone_tail",
                condition=models.Q(provider="phone"),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.provider}: {self.subject}"


class SigningKey(models.Model):
    """The key that signs this brand's member tokens. The newest signs, all that are not retired verify."""

    id = models.UUIDField(primary_key=True, default=ids.new, editable=False)
    secret = models.TextField(help_text="Sealed by loyalty.lib.crypto.")
    created_at = models.DateTimeField()
    retired_at = models.DateTimeField(null=True, blank=True)


class RefreshToken(models.Model):
    """One refresh token of a family. Each is used once; a second use revokes the family.

    The token itself is random and known to the client alone: `digest` is its SHA-256.
    """

    id = models.UUIDField(primary_key=True, default=ids.new, editable=False)
    digest = models.CharField(max_length=64, unique=True, editable=False)
    family = models.UUIDField(db_index=True)
    member = models.ForeignKey(Member, on_delete=models.CASCADE, related_name="refresh_tokens")
    device_id = models.CharField(max_length=80, blank=True, default="")
    issued_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    used_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True)
