"""Templates of messages: drafted, checked, published as versions that never change, and previewed."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from django.db import IntegrityError, transaction
from django.utils.translation import gettext_lazy as _

from campaigns import locks, occasions
from campaigns.channels import Outgoing
from campaigns.errors import MessageTemplateNotFound, MessageTemplateTaken, NothingToPublish
from campaigns.models import Channel, MessageTemplate, MessageTemplateVersion, Purpose
from campaigns.services import phrases
from campaigns.services.messages import claiming, links, texts
from loyalty.lib import words
from loyalty.lib.errors import FieldError, Invalid
from members.models import Member
from tenants.context import current_brand

CODE: Final = re.compile(r"[a-z0-9][a-z0-9-]{0,63}")
FIELD: Final = re.compile(r"[a-z][a-z0-9_]{0,31}", re.IGNORECASE)
NEEDED: Final[Mapping[str, tuple[str, ...]]] = {
    Channel.WECOM: ("text",),
    Channel.SMS: ("text",),
    Channel.EMAIL: ("subject", "text"),
    Channel.PUSH: ("title", "text"),
}
LONGEST: Final = 2000


def save(
    *,
    code: str,
    name: Mapping[str, str],
    purpose: str,
    event: str,
    enabled: bool,
    channels: Sequence[str],
    body: Mapping[str, Any],
    actor: str,
    now: datetime,
    new: bool = False,
) -> MessageTemplate:
    """Create a template, or change its settings and its draft; what is sent changes with `publish`.

    Raises Invalid with a pointer for each fault, MessageTemplateTaken, MessageTemplateNotFound.
    """
    faults = list(_faults(code, purpose, event, channels, body, links.hosts_allowed()))
    if faults:
        raise Invalid(faults)
    try:
        with transaction.atomic():
            template = MessageTemplate(code=code) if new else locks.message_template(code)
            if template is None:
                raise MessageTemplateNotFound
            if template.current_version is not None and template.purpose != purpose:
                # Wake-ups were approved with it, and consent, age and quiet hours go by it.
                raise Invalid.at(
                    "/purpose", "published", _("The purpose stands once the message was published.")
                )
            template.name, template.purpose, template.event = dict(name), purpose, event
            template.enabled, template.channels = enabled, list(channels)
            if new or body != running(template):
                template.draft = dict(body)
            template.updated_at, template.updated_by = now, actor
            template.save(force_insert=new)
            return template
    except IntegrityError as error:
        raise MessageTemplateTaken from error


def publish(*, code: str, actor: str, now: datetime) -> MessageTemplate:
    """Make the draft the version that is sent from now on. Raises MessageTemplateNotFound, NothingToPublish,
    Invalid (a text that may not be said, or names what is not known)."""
    hosts = links.hosts_allowed()
    with transaction.atomic():
        template = locks.message_template(code)
        if template is None:
            raise MessageTemplateNotFound
        if template.draft is None:
            raise NothingToPublish
        # A draft may be older than what is asked of it today.
        faults = [*_body_faults(template.event, template.draft), *_link(template.draft, hosts)]
        if faults:
            raise Invalid(faults)
        template.current_version = (template.current_version or 0) + 1
        MessageTemplateVersion.objects.create(
            template=template,
            version=template.current_version,
            body=template.draft,
            published_at=now,
            published_by=actor,
        )
        template.draft, template.updated_at, template.updated_by = None, now, actor
        template.save()
        return template


def running(template: MessageTemplate) -> dict[str, Any]:
    """The texts that are sent; empty before the first publication."""
    if template.current_version is None or template._state.adding:
        return {}
    version = template.versions.filter(version=template.current_version).first()
    return version.body if version else {}


def working(template: MessageTemplate) -> dict[str, Any]:
    """The texts that are worked on: the draft, or what is sent."""
    return template.draft if template.draft is not None else running(template)


def preview(
    *, template: MessageTemplate, channel: str, member: Member, facts: Mapping[str, Any] | None = None
) -> Outgoing:
    """What the member would be sent by this channel, with these facts, or else samples; with everything that
    the sender adds. Raises texts.FactMissing."""
    body = working(template)
    if facts is None:
        known = sample_facts(template, body.get("channels", {}).get(channel, {}))
        facts = {name: value for name, value in known.items() if name not in occasions.ALWAYS}
        if "name" in facts:
            facts["name"] = member.name or facts["name"]
    maker = links.maker()
    stoppable = channel == Channel.EMAIL and template.purpose == Purpose.MARKETING
    return claiming.write_out(
        message_id=UUID(int=0),
        channel=channel,
        facts=facts,
        member=member,
        body=body,
        address="",
        link=maker.click(UUID(int=0)) if body.get("link") else "",
        unsubscribe=maker.unsubscribe(UUID(int=0)) if stoppable else "",
    )


def sample_facts(template: MessageTemplate, part: Mapping[str, Any]) -> dict[str, Any]:
    """Sample values for all that a channel's texts name, with the brand's own name and link; what nobody
    knows stands in brackets."""
    brand = current_brand()
    samples = {
        **occasions.facts_of(template.event),
        "brand": brand.name,
        "link": links.maker().click(UUID(int=0)),
    }
    for named in ("currency", "points_name"):
        if named in samples and brand.points_name:
            samples[named] = brand.points_name
    wanted = {name for each in _texts(part) for name in each}
    return {**{name: f"[{name}]" for name in sorted(wanted - set(samples))}, **samples}


def named_in(body: Mapping[str, Any], channel: str) -> set[str]:
    """The facts that the texts for a channel name."""
    return {name for each in _texts(body.get("channels", {}).get(channel, {})) for name in each}


def _texts(part: Mapping[str, Any]) -> Iterator[set[str]]:
    for said in part.get("fields", {}).values():
        for text in said.values():
            yield texts.placeholders(text)


def _faults(
    code: str,
    purpose: str,
    event: str,
    channels: Sequence[str],
    body: Mapping[str, Any],
    hosts: frozenset[str],
) -> Iterator[FieldError]:
    if not CODE.fullmatch(code):
        yield FieldError("/code", "code", _("Small letters, digits and hyphens, at most 64."))
    if purpose not in Purpose.values:
        yield FieldError("/purpose", "unknown", _("There is no such purpose."))
    if event and event not in occasions.OCCASIONS:
        yield FieldError("/event", "unknown", _("There is no such occasion."))
    if event and purpose == Purpose.MARKETING:
        yield FieldError("/purpose", "transactional", _("What an event sends by itself is no marketing."))
    for place, channel in enumerate(channels):
        if channel not in Channel.values:
            yield FieldError(f"/channels/{place}", "unknown", _("There is no such channel."))
        elif channel not in body.get("channels", {}):
            yield FieldError(
                f"/channels/{place}", "no_texts", _("The template has no texts for this channel.")
            )
    yield from _body_faults(event, body)
    yield from _link(body, hosts)


def _body_faults(event: str, body: Mapping[str, Any]) -> Iterator[FieldError]:
    parts = body.get("channels")
    if not isinstance(parts, Mapping):
        yield FieldError("/body/channels", "type", _("Must be an object."))
        return
    tags = body.get("tags", [])
    if not isinstance(tags, list) or not all(isinstance(tag, str) for tag in tags):
        yield FieldError("/body/tags", "type", _("Must be a list of labels."))
    for channel, part in parts.items():
        pointer = f"/body/channels/{channel}"
        if channel not in Channel.values:
            yield FieldError(pointer, "unknown", _("There is no such channel."))
        elif not isinstance(part, Mapping) or not isinstance(part.get("fields", {}), Mapping):
            yield FieldError(pointer, "type", _("Must be an object."))
        else:
            yield from _part_faults(pointer, channel, event, part)


def _part_faults(pointer: str, channel: str, event: str, part: Mapping[str, Any]) -> Iterator[FieldError]:
    fields = part.get("fields", {})
    for name in NEEDED.get(channel, ()):
        if name not in fields:
            yield FieldError(f"{pointer}/fields/{name}", "required", _("This channel needs this text."))
    for name, said in fields.items():
        where = f"{pointer}/fields/{name}"
        if not FIELD.fullmatch(name) or not isinstance(said, Mapping) or not said:
            yield FieldError(where, "type", _("Must be a text by language."))
            continue
        for language, text in said.items():
            at = f"{where}/{language}"
            if language not in words.LANGUAGES:
                yield FieldError(at, "unknown", _("Must be zh-hans or en."))
            elif not isinstance(text, str) or not text.strip() or len(text) > LONGEST:
                yield FieldError(at, "text", _("Must be a text of at most 2,000 characters."))
            else:
                yield from _text_faults(at, event, text)
                yield from phrases.faults(at, text)


def _text_faults(at: str, event: str, text: str) -> Iterator[FieldError]:
    """A text names only what is known when it is sent: another would keep the message from everybody."""
    for unknown in sorted(texts.placeholders(text) - set(occasions.facts_of(event))):
        here = (
            _("“%(name)s” is not known on this occasion.")
            if event
            else _("“%(name)s” is not known to a wake-up. Known are: %(known)s.")
        )
        # To a wake-up `{member}` and `{name}` are the same: it is offered by one name.
        known = ", ".join(sorted({*occasions.facts_of(event)} - {"member"}))
        yield FieldError(at, "unknown_fact", here % {"name": unknown, "known": known})
    rest = texts.PLACEHOLDER.sub("", text)
    if "{" in rest or "}" in rest:
        yield FieldError(at, "brace", _("Braces stand only around the name of a fact, such as {member}."))


def _link(body: Mapping[str, Any], hosts: frozenset[str]) -> Iterator[FieldError]:
    if body.get("link") and not links.allowed(body["link"], hosts):
        detail = _("Must lead to the brand's own host or one that it allows, by https.")
        yield FieldError("/body/link", "link_not_allowed", detail)
