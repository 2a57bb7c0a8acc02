"""The reasons of messages in words."""

from typing import Final

from django.utils.translation import gettext_lazy as _

from loyalty.lib.errors import Text

REASONS: Final[dict[str, Text]] = {
    "unreachable": _("the member has no address on this channel"),
    "channel_off": _("the channel is switched off"),
    "template_off": _("the message is switched off"),
    "member_closed": _("the member closed the account"),
    "compliance": _("it is about an article that may not be advertised to this member"),
    "minor": _("the member is a minor"),
    "no_consent": _("no consent to marketing"),
    "opted_out": _("opted out of this channel"),
    "quiet_hours": _("waits for the end of the quiet hours"),
    "cap": _("the member has had enough messages for now"),
    "consent_gone": _("no subscription consent is left"),
    "fact_missing": _("the text names something that is not known"),
    "template_missing": _("the provider's template is not entered"),
    "address_invalid": _("the provider does not know the address"),
    "not_following": _("the member does not follow the account"),
    "template_refused": _("the provider refused the template or its texts"),
    "provider_refused": _("the provider refused it"),
    "provider_busy": _("the provider was busy"),
    "quota_used": _("the day's quota at the provider is used up"),
    "credentials": _("the provider does not accept the channel's credentials"),
    "token_refused": _("the provider does not accept its own token"),
    "unreachable_provider": _("the provider could not be reached"),
    "no_answer": _("the provider took it and did not answer"),
    "worker_lost": _("the sender was cut off; it may have arrived"),
    "sender_failed": _("the sender failed"),
    "merged": _("the member has it under a card that was merged with this one"),
    "withdrawn": _("the wake-up was cancelled before it was sent"),
    "not_delivered": _("the provider could not deliver it"),
}


def reason(code: str) -> str:
    """A reason in words; '' for none."""
    return str(REASONS.get(code, code))
