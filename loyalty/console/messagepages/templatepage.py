"""Message templates in the console: texts in a form, and what a chosen member would be sent."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _
from unfold.decorators import display

from campaigns.models import Channel, MessageTemplate, Purpose
from campaigns.occasions import OCCASIONS
from campaigns.services.messages import templating, texts
from campaigns.services.messages.reach import NEED_TEMPLATE
from loyalty.console.messagepages import arrival, templateform
from loyalty.console.messagepages.templateform import TemplateForm
from loyalty.lib import clock, words
from loyalty.lib.console import Operation, ServicePage, actor
from loyalty.lib.display import LABELS, Status, code
from loyalty.lib.errors import FieldError, Invalid, Text
from members.models import Member
from members.selectors import found_by


def publish(_admin: Any, request: HttpRequest, template: MessageTemplate, _data: dict[str, Any]) -> Text:
    """The draft is sent from now on."""
    try:
        saved = templating.publish(code=template.code, actor=actor(request), now=clock.now())
    except Invalid as refusal:
        raise _in_words(template, refusal) from refusal
    return _("Version %(version)s is sent from now on.") % {"version": saved.current_version}


def _in_words(template: MessageTemplate, refusal: Invalid) -> Invalid:
    """The same without places in the body: each fault with its box, which is a click away."""
    form = TemplateForm(instance=template)
    page = reverse("admin:campaigns_messagetemplate_change", args=[template.pk])
    return Invalid(
        [
            FieldError(
                "",
                each.code,
                format_html(
                    '<a href="{}#id_{}">{}</a>',
                    page,
                    templateform.box_of(each.pointer),
                    templateform.words_of(form, each),
                ),
            )
            for each in refusal.errors
        ]
    )


class TemplatePage(ServicePage):
    """The brand's messages."""

    form = TemplateForm
    list_display = ("title", "code_n", "purpose", "when", "by", "on", "state", "updated_at")
    list_filter = ("purpose", "enabled")
    search_fields = ("code",)
    search_named = ("name",)
    search_help_text = _("Name or code")
    ordering = ("code",)
    change_form_outer_after_template = "console/messages/preview.html"
    operations = (
        Operation(
            "publish",
            _("Publish"),
            _("The draft is what members are sent from now on; what is queued keeps its version."),
            "campaigns.change_messagetemplate",
            publish,
            icon="publish",
            shown=lambda template: template.draft is not None,
        ),
    )

    def get_fieldsets(self, request: HttpRequest, obj: MessageTemplate | None = None) -> Any:
        """First what it is, then the texts of each channel."""
        if obj is not None and not self.has_change_permission(request, obj):
            return ((None, {"fields": ("title", "code_n", "when", "by")}),)
        sets: list[Any] = [
            (
                None,
                {
                    "fields": (
                        ("code", "purpose"),
                        ("name_zh", "name_en"),
                        ("event", "enabled"),
                        "channels",
                        ("link", "tags"),
                    )
                },
            )
        ]
        for channel, label in Channel.choices:
            names = [name for name, each, _which, _language in templateform.boxes() if each == channel]
            rows: list[Any] = [tuple(names[at : at + 2]) for at in range(0, len(names), 2)]
            if channel in NEED_TEMPLATE:
                rows.insert(0, templateform.number_box(channel))
            if rows:
                sets.append((label, {"fields": tuple(rows)}))
        return tuple(sets)

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        """For those who may only look."""
        return ("title", "code_n", "when", "by") if obj else ()

    def panels(self, request: HttpRequest, obj: MessageTemplate) -> Mapping[str, Any]:
        """What the member who was asked for would be sent, by each channel."""
        term = request.GET.get("preview", "").strip()
        member = Member.objects.filter(found_by(term)).first() if term else None
        shown = member or Member.objects.filter(status=Member.Status.ACTIVE).order_by("-enrolled_at").first()
        return {
            "preview_term": term,
            "preview_member": shown,
            "preview_unknown": bool(term) and member is None,
            "previews": previews(obj, shown) if shown else [],
        }

    @display(description=_("name"))
    def title(self, template: MessageTemplate) -> str:
        """What it is called."""
        return words.pick(template.name) or template.code

    @display(description=_("code"), ordering="code")
    def code_n(self, template: MessageTemplate) -> SafeString:
        """Its name for ever."""
        return code(template.code)

    @display(description=_("sent when"), empty_value="–")
    def when(self, template: MessageTemplate) -> str | None:
        """The occasion."""
        occasion = OCCASIONS.get(template.event)
        return str(occasion.name) if occasion else None

    @display(description=_("channels"), empty_value="–")
    def by(self, template: MessageTemplate) -> str:
        """In their order."""
        return " · ".join(str(Channel(each).label) for each in template.channels)

    @display(description=_("switched on"), boolean=True)
    def on(self, template: MessageTemplate) -> bool:
        """Whether it is sent."""
        return template.enabled

    @display(description=_("status"), label=LABELS)
    def state(self, template: MessageTemplate) -> Status:
        """Whether a draft waits."""
        if template.current_version is None:
            return Status(("draft", _("draft")))
        if template.draft is not None:
            return Status(("draft", _("published, with a draft")))
        return Status(("published", _("published")))


def previews(template: MessageTemplate, member: Member) -> list[dict[str, Any]]:
    """Each channel's texts as this member would have them, with sample facts."""
    found = []
    body = templating.working(template)
    for channel in Channel.values:
        part = body.get("channels", {}).get(channel)
        if part is None or channel == Channel.WEBHOOK:
            continue
        label = Channel(channel).label
        try:
            written = templating.preview(template=template, channel=channel, member=member)
        except texts.FactMissing as missing:
            found.append({"channel": label, "missing": str(missing)})
            continue
        marketing = template.purpose == Purpose.MARKETING
        found.append(
            {
                "channel": label,
                "fields": arrival.shown(channel, written, marketing=marketing),
                "note": arrival.note(channel, marketing=marketing),
                "used": channel in template.channels,
                "no_number": channel in NEED_TEMPLATE and not written.template_id,
            }
        )
    return found
