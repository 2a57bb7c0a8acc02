"""Setting a channel up, and trying it: one message to an address of the operator's own."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from django.conf import settings as django_settings
from django.db import transaction
from django.utils.translation import gettext_lazy as _

from campaigns import locks
from campaigns.channels import Answer, Outcome, Outgoing, Setup, Wire, client_for
from campaigns.models import Channel, MessageChannel, MessageTemplate, Purpose
from campaigns.services.messages import links, reach, templating, texts
from loyalty.lib import crypto, ids
from loyalty.lib.errors import FieldError, Invalid, Text
from tenants.context import current_brand


@dataclass(frozen=True, slots=True)
class Field:
    """One setting of a channel; `needed` to switch it on, `secret` when it is kept sealed and never shown."""

    name: str
    label: Text
    needed: bool = True
    secret: bool = False


FIELDS: Final[Mapping[str, tuple[Field, ...]]] = {
    Channel.WECHAT_SUBSCRIBE: (
        Field("app_id", _("App id of the mini-program (empty: the one members sign in with)"), needed=False),
        Field("secret", _("App secret"), needed=False, secret=True),
    ),
    Channel.WECHAT_OFFICIAL: (
        Field("app_id", _("App id of the official account")),
        Field("secret", _("App secret"), secret=True),
    ),
    Channel.WECOM: (
        Field("corp_id", _("Corp id")),
        Field("sender", _("Employee who sends (userid)"), needed=False),
        Field("secret", _("Secret of customer contact"), secret=True),
    ),
    Channel.SMS: (
        Field("signature", _("Signature")),
        Field("access_key_id", _("Access key id")),
        Field("secret", _("Access key secret"), secret=True),
    ),
    Channel.EMAIL: (Field("from", _("Sender's address")),),
    Channel.PUSH: (Field("app_key", _("App key")), Field("secret", _("Master secret"), secret=True)),
    Channel.WEBHOOK: (),
}


def save(
    *, channel: str, enabled: bool, values: Mapping[str, str], actor: str, now: datetime
) -> MessageChannel:
    """Set a channel up. A secret that is left empty stays as it was. Raises Invalid."""
    if channel not in Channel.values:
        raise Invalid.at("/channel", "unknown", _("There is no such channel."))
    with transaction.atomic():
        row = locks.message_channel(channel) or MessageChannel(channel=channel)
        public = {f.name: values.get(f.name, "").strip() for f in FIELDS[channel] if not f.secret}
        secrets = reach.setup_secrets(row)
        secrets |= {f.name: values[f.name] for f in FIELDS[channel] if f.secret and values.get(f.name)}
        missing = [
            FieldError(f"/{f.name}", "required", _("Needed to switch the channel on."))
            for f in FIELDS[channel]
            if enabled and f.needed and not (secrets if f.secret else public).get(f.name)
        ]
        if channel == Channel.WECHAT_SUBSCRIBE and enabled and not public["app_id"]:
            missing += _no_mini_program()
        if channel == Channel.EMAIL and enabled and not django_settings.MAIL_IS_SENT:
            missing.append(FieldError("/from", "no_mail_server", _("The platform has no mail server yet.")))
        if missing:
            raise Invalid(missing)
        row.enabled, row.settings, row.updated_at, row.updated_by = enabled, public, now, actor
        row.secrets = crypto.seal(json.dumps(secrets)) if secrets else ""
        row.save()
        return row


def send_test(*, channel: MessageChannel, template: MessageTemplate, address: str, language: str) -> Answer:
    """Send a template with sample facts to an address at once, whoever's it is; nothing is recorded.

    Goes over the network: never call it inside a transaction. Raises Invalid where there is nothing to send.
    """
    setup = reach.setup_of(channel)
    outgoing = _sample(setup, template, address.strip(), language)
    return asyncio.run(_send(setup, outgoing))


def _no_mini_program() -> list[FieldError]:
    if current_brand().setting("wechat_app_id"):
        return []
    return [FieldError("/app_id", "required", _("Members do not sign in with a mini-program: name one."))]


def _sample(setup: Setup, template: MessageTemplate, address: str, language: str) -> Outgoing:
    body = templating.working(template)
    part = body.get("channels", {}).get(setup.channel)
    if part is None or setup.channel == Channel.WEBHOOK:
        raise Invalid.at("/template", "no_texts", _("The template has no texts for this channel."))
    number = texts.template_id(part, language)
    if setup.channel in reach.NEED_TEMPLATE and not number:
        raise Invalid.at("/template", "template_missing", _("The provider's template is not entered yet."))
    facts = templating.sample_facts(template, part)
    stoppable = setup.channel == Channel.EMAIL and template.purpose == Purpose.MARKETING
    return Outgoing(
        message_id=ids.text(),
        address=address,
        template_id=number,
        fields=texts.fields(part, facts, channel=setup.channel, language=language, tz=current_brand().tz),
        language=language,
        link=links.maker().click(UUID(int=0)) if body.get("link") else "",
        unsubscribe=links.maker().unsubscribe(UUID(int=0)) if stoppable else "",
        page=str(part.get("page", "")),
    )


async def _send(setup: Setup, outgoing: Outgoing) -> Answer:
    async with Wire(trust_env=django_settings.PRODUCTION) as wire:
        return await client_for(setup, wire).send(outgoing)


def went_well(answer: Answer) -> bool:
    """Whether the provider took it."""
    return answer.outcome == Outcome.SENT


def shown_settings(row: MessageChannel) -> dict[str, Any]:
    """The settings that may be shown: no secret."""
    return {f.name: row.settings.get(f.name, "") for f in FIELDS.get(row.channel, ()) if not f.secret}
