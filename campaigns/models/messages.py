"""Messages to members: their texts, each message that was or will be sent, and what allows sending it."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from loyalty.lib import ids


class Channel(models.TextChoices):
    """A way to reach a member."""

    WECHAT_SUBSCRIBE = "wechat_subscribe", _("WeChat subscription message")
    WECHAT_OFFICIAL = "wechat_official", _("WeChat official account")
    WECOM = "wecom", _("WeCom")
    SMS = "sms", _("text message")
    EMAIL = "email", _("e-mail")
    PUSH = "push", _("app push")
    WEBHOOK = "webhook", _("webhook")


class Purpose(models.TextChoices):
    """What a message is for: marketing needs the member's consent, and keeps quiet hours and caps."""

    TRANSACTIONAL = "transactional", _("about the member's own account")
    MARKETING = "marketing", _("marketing")


class MessageTemplate(models.Model):
    """The texts of one kind of message: one code for ever, a draft, and the version that is sent."""

    id = models.UUIDField(primary_key=True, default=ids.new, editable=False)
    code = models.CharField(_("code"), max_length=64, unique=True)
    name = models.JSONField(_("name"), default=dict)
    purpose = models.CharField(_("purpose"), max_length=16, choices=Purpose.choices)
    event = models.CharField(
        _("sent when"),
        max_length=60,
        blank=True,
        default="",
        help_text=_("The event after which it is sent by itself; empty for what is sent by a wake-up run."),
    )
    enabled = models.BooleanField(_("switched on"), default=True)
    channels = models.JSONField(_("channels"), default=list, blank=True)
    draft = models.JSONField(_("draft"), null=True, blank=True)
    current_version = models.PositiveIntegerField(_("version"), null=True, blank=True)
    updated_at = models.DateTimeField(_("changed at"))
    updated_by = models.CharField(_("changed by"), max_length=120, blank=True, default="")

    class Meta:
        verbose_name = _("message template")
        verbose_name_plural = _("message templates")
        constraints = [
            models.UniqueConstraint(
                fields=["event"], condition=~models.Q(event=""), name="messagetemplate_one_an_event"
            ),
            models.CheckConstraint(
                condition=models.Q(draft__isnull=False) | models.Q(current_version__isnull=False),
                name="messagetemplate_has_texts",
            ),
            models.CheckConstraint(
                condition=models.Q(event="") | models.Q(purpose="transactional"),
                name="messagetemplate_events_are_transactional",
            ),
        ]

    def __str__(self) -> str:
        return self.code


class MessageTemplateVersion(models.Model):
    """The texts as they were published, when and by whom. Only ever inserted."""

    id = models.UUIDField(primary_key=True, default=ids.new, editable=False)
    template = models.ForeignKey(
        MessageTemplate, models.PROTECT, related_name="versions", verbose_name=_("message template")
    )
    version = models.PositiveIntegerField(_("version"))
    body = models.JSONField(_("texts"))
    published_at = models.DateTimeField(_("published at"))
    published_by = models.CharField(_("published by"), max_length=120, blank=True, default="")

    class Meta:
        verbose_name = _("version of a message template")
        verbose_name_plural = _("versions of a message template")
        constraints = [
            models.UniqueConstraint(fields=["template", "version"], name="messagetemplateversion_once"),
            models.CheckConstraint(
                condition=models.Q(version__gte=1), name="messagetemplateversion_from_one"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.template_id} v{self.version}"


class Message(models.Model):
    """One message to one member by one channel on one occasion: a due row, sent at most once.

    `occasion` names what it is about (an event, a run); the same one is never queued twice. `facts` are what
    the text is filled with. `reason` says why it was put off, suppressed or failed.
    """

    class Status(models.TextChoices):
        QUEUED = "queued", _("waiting")
        SENDING = "sending", _("being sent")
        SENT = "sent", pgettext_lazy("of a message", "sent")
        DELIVERED = "delivered", _("delivered")
        FAILED = "failed", _("failed")
        SUPPRESSED = "suppressed", _("not sent")
        UNKNOWN = "unknown", _("not known")

    # What may have reached the member: these count for the caps.
    COUNTED = ("sending", "sent", "delivered", "unknown")

    id = models.UUIDField(primary_key=True, default=ids.new, editable=False)
    member = models.ForeignKey(
        "members.Member", models.PROTECT, related_name="+", db_index=False, verbose_name=_("member")
    )
    channel = models.CharField(_("channel"), max_length=20, choices=Channel.choices)
    occasion = models.CharField(_("occasion"), max_length=120)
    template = models.ForeignKey(
        MessageTemplate, models.PROTECT, related_name="+", verbose_name=_("message template")
    )
    version = models.PositiveIntegerField(_("version"))
    purpose = models.CharField(_("purpose"), max_length=16, choices=Purpose.choices)
    facts = models.JSONField(_("facts"), default=dict, blank=True)
    status = models.CharField(_("status"), max_length=12, choices=Status.choices, default=Status.QUEUED)
    reason = models.CharField(_("reason"), max_length=40, blank=True, default="")
    detail = models.CharField(_("what the provider said"), max_length=300, blank=True, default="")
    queued_at = models.DateTimeField(_("queued at"))
    due_at = models.DateTimeField(_("due at"), null=True, blank=True)
    attempts = models.PositiveSmallIntegerField(_("attempts"), default=0)
    claimed_by = models.CharField(_("claimed by"), max_length=80, blank=True, default="")
    lease_until = models.DateTimeField(_("lease until"), null=True, blank=True)
    consent = models.ForeignKey(
        "campaigns.SubscriptionConsent",
        models.PROTECT,
        related_name="+",
        null=True,
        blank=True,
        db_index=False,
        verbose_name=_("subscription consent"),
    )
    provider_id = models.CharField(_("provider's number"), max_length=120, blank=True, default="")
    sent_at = models.DateTimeField(_("sent at"), null=True, blank=True)
    delivered_at = models.DateTimeField(_("delivered at"), null=True, blank=True)
    clicked_at = models.DateTimeField(_("clicked at"), null=True, blank=True)
    returned_at = models.DateTimeField(_("came back at"), null=True, blank=True)
    returned_by = models.CharField(_("came back by"), max_length=20, blank=True, default="")
    wakeup_id = models.UUIDField(_("wake-up run"), null=True, blank=True)
    variant = models.CharField(_("variant"), max_length=40, blank=True, default="")

    class Meta:
        verbose_name = _("message")
        verbose_name_plural = _("messages")
        constraints = [
            models.UniqueConstraint(fields=["member", "occasion", "channel"], name="message_once"),
            models.CheckConstraint(
                condition=models.Q(status="queued", due_at__isnull=False)
                | (~models.Q(status="queued") & models.Q(due_at__isnull=True)),
                name="message_due_while_queued",
            ),
            models.CheckConstraint(
                condition=models.Q(status="sending", lease_until__isnull=False)
                | (~models.Q(status="sending") & models.Q(lease_until__isnull=True)),
                name="message_lease_while_sending",
            ),
            models.CheckConstraint(
                condition=~models.Q(status__in=["failed", "suppressed", "unknown"]) | ~models.Q(reason=""),
                name="message_says_why",
            ),
            models.CheckConstraint(
                condition=~models.Q(status__in=["sent", "delivered", "unknown", "sending"])
                | models.Q(sent_at__isnull=False),
                name="message_sent_at",
            ),
        ]
        indexes = [
            models.Index(fields=["due_at"], condition=models.Q(status="queued"), name="message_due"),
            models.Index(fields=["lease_until"], condition=models.Q(status="sending"), name="message_leased"),
            models.Index(fields=["-queued_at", "-id"], name="message_log"),
            models.Index(fields=["member", "channel", "-sent_at"], name="message_of_member"),
            models.Index(
                fields=["provider_id"], condition=~models.Q(provider_id=""), name="message_provider"
            ),
            models.Index(
                fields=["wakeup_id", "status"],
                condition=models.Q(wakeup_id__isnull=False),
                name="message_wakeup",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.template} · {self.get_channel_display()}"


class SubscriptionConsent(models.Model):
    """How many subscription messages of one of WeChat's templates a member still allows: one consent, one
    message. Counted up by the mini-program, down in the transaction that claims a message."""

    id = models.BigAutoField(primary_key=True)
    member = models.ForeignKey(
        "members.Member", models.PROTECT, related_name="+", db_index=False, verbose_name=_("member")
    )
    app_id = models.CharField(_("app"), max_length=64)
    template_id = models.CharField(_("WeChat's template"), max_length=80)
    remaining = models.PositiveIntegerField(_("messages allowed"), default=0)
    accepted = models.PositiveIntegerField(_("consents given"), default=0)
    updated_at = models.DateTimeField(_("changed at"))

    class Meta:
        verbose_name = _("subscription consent")
        verbose_name_plural = _("subscription consents")
        constraints = [
            models.UniqueConstraint(
                fields=["member", "app_id", "template_id"], name="subscriptionconsent_once"
            ),
            models.CheckConstraint(
                condition=models.Q(remaining__gte=0) & models.Q(remaining__lte=models.F("accepted")),
                name="subscriptionconsent_not_negative",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.template_id}: {self.remaining}"


class MessageChannel(models.Model):
    """A channel as the brand set it up: on or off, its public settings, and its secrets, sealed."""

    id = models.BigAutoField(primary_key=True)
    channel = models.CharField(_("channel"), max_length=20, choices=Channel.choices, unique=True)
    enabled = models.BooleanField(_("switched on"), default=False)
    settings = models.JSONField(_("settings"), default=dict, blank=True)
    # Sealed by loyalty.lib.crypto.
    secrets = models.TextField(_("secrets"), blank=True, default="")
    updated_at = models.DateTimeField(_("changed at"))
    updated_by = models.CharField(_("changed by"), max_length=120, blank=True, default="")

    class Meta:
        verbose_name = _("message channel")
        verbose_name_plural = _("message channels")

    def __str__(self) -> str:
        return str(self.get_channel_display())
