"""The pages of segments: a form that counts while it is filled in, and the members it means."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Final
from urllib.parse import urlencode

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.urls import URLPattern, path, reverse
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.decorators import display

from campaigns.models import Segment
from campaigns.services import segments
from loyalty.console.audiences.segmentform import Counted, SegmentForm, shown
from loyalty.lib import clock
from loyalty.lib.console import Operation, ServicePage, errors_of
from loyalty.lib.display import code, instant, number, plain
from loyalty.lib.errors import Invalid, Text

FIRST: Final = (
    (gettext_lazy("Sleeping for 60 days"), {"silent_min": 60, "consent": "marketing"}),
    (gettext_lazy("Points about to end"), {"expiring_days": 30, "expiring_points": 100}),
    (gettext_lazy("Almost enough for a reward"), {"points_min": 100, "short_by": 100}),
    (gettext_lazy("Tier about to fall"), {"falls_days": 30}),
    (gettext_lazy("New and silent"), {"enrolled_min": 14, "enrolled_max": 60, "never_ordered": "on"}),
)
NOBODY: Final = gettext_lazy("The conditions contradict each other: nobody can be in it.")


def _archive(_admin: Any, _request: HttpRequest, segment: Segment, _data: dict[str, Any]) -> Text:
    segments.update(code=segment.code, changes={"archived": True}, now=clock.now())
    return gettext_lazy("Archived.")


def _restore(_admin: Any, _request: HttpRequest, segment: Segment, _data: dict[str, Any]) -> Text:
    segments.update(code=segment.code, changes={"archived": False}, now=clock.now())
    return gettext_lazy("In use again.")


class SegmentPage(ServicePage):
    """Whom a brand speaks of: conditions, how many members they mean, and some of them."""

    empty_words = gettext_lazy("A segment says whom you mean: for rules, wake-ups and grants.")

    form = SegmentForm
    list_display = ("title", "code_n", "sentence", "kept_size", "updated_at")
    list_filter = ("archived",)
    search_fields = ("code",)
    search_named = ("name",)
    search_help_text = gettext_lazy("Name or code")
    ordering = ("archived", "code")
    readonly_fields = ("code_n", "sentence", "kept_size")
    change_form_before_template = "console/audiences/segment_head.html"
    change_form_after_template = "console/audiences/segment_after.html"
    operations = (
        Operation(
            "archive",
            gettext_lazy("Archive"),
            gettext_lazy("Nothing new can be sent to the segment. What is under way goes on."),
            "campaigns.change_segment",
            _archive,
            icon="archive",
            danger=True,
            shown=lambda segment: not segment.archived,
        ),
        Operation(
            "restore",
            gettext_lazy("Take out of the archive"),
            gettext_lazy("The segment can be used again."),
            "campaigns.change_segment",
            _restore,
            icon="unarchive",
            shown=lambda segment: segment.archived,
        ),
    )

    class Media:
        js: ClassVar = ("console/audiences/segment.js",)

    def get_urls(self) -> list[URLPattern]:
        """The admin's routes, and that of the count."""
        count = path("count/", self.admin_site.admin_view(self.count), name="campaigns_segment_count")
        return [count, *super().get_urls()]

    def has_change_permission(self, request: HttpRequest, obj: Segment | None = None) -> bool:
        """What the form has no fields for is changed where it was made: by the API."""
        allowed: bool = super().has_change_permission(request, obj)
        return allowed and (obj is None or shown(obj) is not None)

    def get_fieldsets(self, request: HttpRequest, obj: Segment | None = None) -> Any:
        """Names first, then what members are, did and hold."""
        if obj is not None and not self.has_change_permission(request, obj):
            return [(None, {"fields": ("code_n", "sentence", "kept_size")})]
        known = self.get_form(request, obj)(instance=obj).fields
        head: tuple[Any, ...] = (("name_zh", "name_en"),)
        parts = (
            (None, (*head, "code") if obj is None else head),
            (
                _("Who they are"),
                ("tiers", "regions", ("tags", "tags_none"), ("enrolled_min", "enrolled_max")),
            ),
            (
                _("What they did"),
                (
                    ("silent_min", "silent_max"),
                    "never_ordered",
                    ("orders_min", "orders_max"),
                    "orders_days",
                    ("spent_min", "spent_max"),
                    "spent_days",
                ),
            ),
            (
                _("What they hold"),
                (
                    ("points_min", "points_max"),
                    ("expiring_points", "expiring_days"),
                    ("reward", "short_by"),
                    "falls_days",
                ),
            ),
            (_("Family and consent"), (("child_min", "child_max"), "consent")),
        )
        return [(title, {"fields": tuple(_present(row, known) for row in rows)}) for title, rows in (
            (title, [row for row in rows if _present(row, known)]) for title, rows in parts
        )]  # fmt: skip

    def get_readonly_fields(self, request: HttpRequest, obj: Segment | None = None) -> tuple[str, ...]:
        """Nothing computed on an empty page."""
        return self.readonly_fields if obj else ()

    def panels(self, request: HttpRequest, obj: Segment) -> Mapping[str, Any]:
        """Whom the segment means now."""
        return {"meant": looked_at(obj.definition), "by_api": shown(obj) is None}

    def render_change_form(
        self,
        request: HttpRequest,
        context: dict[str, Any],
        add: bool = False,
        change: bool = False,
        form_url: str = "",
        obj: Segment | None = None,
    ) -> HttpResponse:
        """The form; on an empty one what may be begun with."""
        context["count_url"] = reverse("admin:campaigns_segment_count")
        if obj is None:
            context["begin_with"] = [(title, f"?{urlencode(fields)}") for title, fields in FIRST]
        return super().render_change_form(request, context, add, change, form_url, obj)

    def count(self, request: HttpRequest) -> HttpResponse:
        """How many members the fields mean just now, and the conditions in words."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        form = Counted(request.POST)
        if not form.is_valid():
            return JsonResponse({"told": " ".join(form.told()), "sentence": ""})
        if not form.made.body:
            return JsonResponse({"told": _("No condition yet."), "sentence": ""})
        meant = looked_at(form.made.body)
        told = " ".join(meant["problems"]) if "problems" in meant else meant["told"]
        if segments.contradicts_itself(form.made.body):
            told = f"{told} · {NOBODY}"
        return JsonResponse({"told": told, "sentence": meant.get("sentence", "")})

    def save_model(self, request: HttpRequest, obj: Segment, form: Any, change: bool) -> None:
        """The service has written it; whoever wrote what nobody can meet is told."""
        super().save_model(request, obj, form, change)
        if segments.contradicts_itself(obj.definition):
            messages.warning(request, NOBODY)

    @display(description=gettext_lazy("name"))
    def title(self, segment: Segment) -> str:
        """In the language of the page."""
        return str(segment)

    @display(description=gettext_lazy("code"), ordering="code")
    def code_n(self, segment: Segment) -> SafeString:
        """Its name for ever."""
        return code(segment.code)

    @display(description=gettext_lazy("in words"))
    def sentence(self, segment: Segment) -> str:
        """The conditions in words."""
        try:
            return segments.sentence(segments.definition_of(segment))
        except Invalid:
            return _("It no longer holds: what it names is gone. Nobody is in it.")

    @display(description=gettext_lazy("members for rules"))
    def kept_size(self, segment: Segment) -> SafeString | str:
        """How many there were when rules last read it; nothing where no rule names it."""
        if not segment.kept or segment.size is None:
            return number(None)
        return f"{plain(segment.size)} · {instant(segment.refreshed_at)}"


def looked_at(definition: Any) -> dict[str, Any]:
    """Whom a definition means, for a page; or why it means nobody."""
    try:
        found = segments.preview(definition=definition, now=clock.now())
    except Invalid as invalid:
        return {"problems": errors_of(invalid)}
    about = _("about %(count)s members") if found.count.estimated else _("%(count)s members")
    return {
        "told": about % {"count": plain(found.count.members)},
        "sentence": found.sentence,
        "members": found.members,
    }


def _present(row: str | tuple[str, ...], known: Mapping[str, Any]) -> Any:
    """The fields of a row that the form has."""
    if isinstance(row, str):
        return row if row in known else ()
    return tuple(name for name in row if name in known)
