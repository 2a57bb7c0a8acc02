"""The form of a message template: a box for each text, no JSON. Read back into the template's body.

WeChat's templates have fields of their own names; they are written a line each, `thing1: text`. A text
message's parameters are the facts that its text names.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from django import forms
from django.utils.text import capfirst
from django.utils.translation import gettext_lazy as _
from unfold.widgets import (
    UnfoldAdminCheckboxSelectMultipleWidget,
    UnfoldAdminSelectWidget,
    UnfoldAdminTextareaWidget,
    UnfoldAdminTextInputWidget,
    UnfoldBooleanSwitchWidget,
)

from campaigns.models import Channel, MessageTemplate, Purpose
from campaigns.occasions import OCCASIONS
from campaigns.services.messages import standard, templating, texts
from campaigns.services.messages.reach import NEED_TEMPLATE
from loyalty.lib import clock
from loyalty.lib.console import ServiceForm
from loyalty.lib.errors import FieldError, Invalid, Refusal
from loyalty.lib.words import LANGUAGES

BY_LINE: Final = (Channel.WECHAT_SUBSCRIBE, Channel.WECHAT_OFFICIAL)
IN_LANGUAGE: Final = {"zh-hans": _("Chinese"), "en": _("English")}
LABELS: Final = {
    "fields": _("fields"),
    "text": _("text"),
    "subject": _("subject"),
    "title": _("title"),
}
LINE: Final = re.compile(r"\s*([A-Za-z][A-Za-z0-9_]*)\s*[:\uff1a]\s*(.*\S)\s*")


def boxes() -> Iterator[tuple[str, str, str, str]]:
    """Each text's box: its name in the form, the channel, which text, and the language."""
    for channel in Channel.values:
        names = ("fields",) if channel in BY_LINE else templating.NEEDED.get(channel, ())
        for name in names:
            for language in LANGUAGES:
                yield f"{channel}__{name}__{language.replace('-', '_')}", channel, name, language


def number_box(channel: str) -> str:
    """The name of the box for the provider's template."""
    return f"{channel}__template_id"


def box_of(pointer: str) -> str:
    """The name of the box that a fault of the body is about: of the language named, else of Chinese."""
    _root, *rest = pointer.removeprefix("/body").split("/")
    if rest[:1] != ["channels"] or len(rest) < 2:
        return rest[0] if rest else ""
    channel, _fields, name, language, *_more = [*rest[1:], "", "", ""]
    which = "fields" if channel in BY_LINE else name
    return f"{channel}__{which}__{(language or 'zh-hans').replace('-', '_')}"


def words_of(form: TemplateForm, fault: FieldError) -> str:
    """A fault in words, with the channel and the box that it is about."""
    name = box_of(fault.pointer)
    if name not in form.fields:
        return str(fault.detail)
    channel = name.partition("__")[0]
    shown = [str(Channel(channel).label)] if channel in Channel.values else []
    return f"{' · '.join([*shown, str(form.fields[name].label)])}: {fault.detail}"


class TemplateForm(ServiceForm):
    """A template: what it is for, when and how it is sent, and its texts."""

    fields_of = {"name": "name_zh"}
    code = forms.CharField(label=_("code"), max_length=64, widget=UnfoldAdminTextInputWidget)
    name_zh = forms.CharField(label=_("name in Chinese"), max_length=80, widget=UnfoldAdminTextInputWidget)
    name_en = forms.CharField(
        label=_("name in English"), max_length=80, required=False, widget=UnfoldAdminTextInputWidget
    )
    purpose = forms.ChoiceField(label=_("purpose"), choices=Purpose.choices, widget=UnfoldAdminSelectWidget)
    event = forms.ChoiceField(
        label=_("sent when"),
        required=False,
        choices=[("", _("a wake-up run sends it")), *((o.code, o.name) for o in OCCASIONS.values())],
        widget=UnfoldAdminSelectWidget,
    )
    enabled = forms.BooleanField(label=_("switched on"), required=False, widget=UnfoldBooleanSwitchWidget)
    channels = forms.MultipleChoiceField(
        label=_("channels"),
        choices=Channel.choices,
        required=False,
        help_text=_("The first by which the member can be reached is taken."),
        widget=UnfoldAdminCheckboxSelectMultipleWidget,
    )
    link = forms.CharField(
        label=_("where its link leads"),
        required=False,
        max_length=500,
        help_text=_("Texts show it as {link}; the click is counted."),
        widget=UnfoldAdminTextInputWidget,
    )
    tags = forms.CharField(
        label=_("tags of the articles it is about"),
        required=False,
        max_length=200,
        help_text=_("Separated by commas; who may not be told of such articles is not sent it."),
        widget=UnfoldAdminTextInputWidget,
    )

    class Meta:
        model = MessageTemplate
        fields = ()

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        known = not self.instance._state.adding
        body = templating.working(self.instance) if known else standard.body_of("points.arrived")
        for name, channel, which, language in boxes():
            self.fields[name] = forms.CharField(
                label=_("%(what)s (%(language)s)")
                % {"what": LABELS[which], "language": IN_LANGUAGE[language]},
                required=False,
                max_length=4000,
                initial=_written(body, channel, which, language) if known else "",
                help_text=_("One a line, such as “thing1: text”.") if which == "fields" else "",
                widget=UnfoldAdminTextareaWidget(attrs={"rows": 3}),
            )
        for channel in sorted(NEED_TEMPLATE):
            self.fields[number_box(channel)] = forms.CharField(
                label=_("number of the provider's template"),
                required=False,
                max_length=80,
                initial=texts.template_id(body.get("channels", {}).get(channel, {}), "zh-hans"),
                widget=UnfoldAdminTextInputWidget,
            )
        for field in self.fields.values():
            field.label = capfirst(field.label or "")
        if known:
            self.fields["code"].disabled = True
            self._begin_with(body)

    def _begin_with(self, body: Mapping[str, Any]) -> None:
        row = self.instance
        begin = {
            "code": row.code,
            "name_zh": row.name.get("zh-hans", ""),
            "name_en": row.name.get("en", ""),
            "purpose": row.purpose,
            "event": row.event,
            "enabled": row.enabled,
            "channels": row.channels,
            "link": body.get("link", ""),
            "tags": ", ".join(body.get("tags", ())),
        }
        for name, value in begin.items():
            self.fields[name].initial = value

    def clean(self) -> dict[str, Any]:
        """Each line of the boxes with fields is one; then the service."""
        for name, _channel, which, _language in boxes():
            lines = str(self.cleaned_data.get(name) or "").splitlines()
            if which == "fields" and not all(LINE.fullmatch(line) for line in lines if line.strip()):
                self.add_error(
                    name, _("Each line is a field and its text, such as “thing1: Points arrived”.")
                )
        return super().clean()

    def _refused(self, refusal: Refusal) -> None:
        """A fault of the body stands at its box."""
        if not isinstance(refusal, Invalid):
            return super()._refused(refusal)
        for fault in refusal.errors:
            box = box_of(fault.pointer)
            if box in self.fields:
                self.add_error(box, str(fault.detail))
            else:
                super()._refused(Invalid([fault]))
        return None

    def write(self, data: dict[str, Any]) -> MessageTemplate:
        """Save the settings and the draft. Raises Invalid, MessageTemplateTaken."""
        adding = self.instance._state.adding
        before = [] if adding else self.instance.channels
        # The order stands as it was; new channels come last.
        wanted = [each for each in before if each in data["channels"]]
        wanted += [each for each in data["channels"] if each not in wanted]
        name = {"zh-hans": data["name_zh"], "en": data["name_en"]}
        return templating.save(
            code=data["code"],
            name={language: text for language, text in name.items() if text},
            purpose=data["purpose"],
            event=data["event"],
            enabled=data["enabled"],
            channels=wanted,
            body=body_of(data, {} if adding else templating.working(self.instance)),
            actor=self.actor,
            now=clock.now(),
            new=adding,
        )


def body_of(data: Mapping[str, Any], before: Mapping[str, Any]) -> dict[str, Any]:
    """The template's body as the boxes say; a channel without any text is left out."""
    parts: dict[str, dict[str, Any]] = {}
    for name, channel, which, language in boxes():
        text = (data.get(name) or "").replace("\r\n", "\n").strip()
        if not text:
            continue
        fields = parts.setdefault(channel, {"fields": {}})["fields"]
        said = _lines(text) if which == "fields" else {which: text}
        for field, words in said.items():
            fields.setdefault(field, {})[language] = words
    for channel, part in parts.items():
        if channel == Channel.SMS:
            named = {each for text in part["fields"]["text"].values() for each in texts.placeholders(text)}
            part["fields"] |= {each: {"zh-hans": f"{{{each}}}"} for each in sorted(named)}
        if channel in NEED_TEMPLATE:
            part["template_id"] = (data.get(number_box(channel)) or "").strip()
        page = before.get("channels", {}).get(channel, {}).get("page")
        if page:
            part["page"] = page
    if Channel.WEBHOOK in data["channels"]:
        parts.setdefault(Channel.WEBHOOK, {"fields": {}})
    tags = [tag.strip() for tag in data["tags"].split(",") if tag.strip()]
    return {"channels": parts, "link": data["link"].strip(), "tags": tags}


def _lines(text: str) -> dict[str, str]:
    found = [LINE.fullmatch(line) for line in text.split("\n") if line.strip()]
    return {match.group(1): match.group(2) for match in found if match}


def _written(body: Mapping[str, Any], channel: str, which: str, language: str) -> str:
    fields = body.get("channels", {}).get(channel, {}).get("fields", {})
    if which == "fields":
        said = {name: texts_.get(language, "") for name, texts_ in fields.items()}
        return "\n".join(f"{name}: {text}" for name, text in said.items() if text)
    return str(fields.get(which, {}).get(language, ""))
