"""The pages of grants to a whole audience: the form, who agreed, how far it has come."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from django import forms
from django.http import HttpRequest
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.decorators import display
from unfold.widgets import (
    UnfoldAdminIntegerFieldWidget,
    UnfoldAdminSelectWidget,
    UnfoldAdminTextInputWidget,
)

from campaigns.models import AudienceGrant, Segment
from campaigns.services import audiencegrants
from loyalty.console.audiences import sizes
from loyalty.console.audiences.segmentform import CODE, LANGUAGES, NO_SEGMENT
from loyalty.console.audiences.steps import COLOURS, DecidedPage, state_of, steps
from loyalty.lib import clock
from loyalty.lib.console import Facts, ServiceForm
from loyalty.lib.display import Status, code, number, plain
from loyalty.lib.timefields import MomentField


class GrantForm(ServiceForm):
    """To whom, how many points, and the budget. Gifts are given with the API."""

    code = forms.RegexField(
        CODE,
        label=gettext_lazy("Code"),
        max_length=64,
        help_text=gettext_lazy("Small letters, digits and hyphens; it never changes."),
        widget=UnfoldAdminTextInputWidget,
    )
    name_zh = forms.CharField(
        label=gettext_lazy("Name (Chinese)"),
        max_length=120,
        required=False,
        widget=UnfoldAdminTextInputWidget,
    )
    name_en = forms.CharField(
        label=gettext_lazy("Name (English)"),
        max_length=120,
        required=False,
        widget=UnfoldAdminTextInputWidget,
    )
    segment = forms.ChoiceField(label=gettext_lazy("Segment"), widget=UnfoldAdminSelectWidget)
    points = forms.IntegerField(
        label=gettext_lazy("Points for each member"),
        min_value=1,
        max_value=1_000_000,
        widget=UnfoldAdminIntegerFieldWidget,
    )
    budget = forms.IntegerField(
        label=gettext_lazy("Budget, in points"),
        min_value=1,
        max_value=10**12,
        help_text=gettext_lazy("When it is used up nobody else is given any."),
        widget=UnfoldAdminIntegerFieldWidget,
    )
    reason = forms.CharField(
        label=gettext_lazy("Reason"),
        max_length=200,
        help_text=gettext_lazy("It stands in the ledger with every member's points."),
        widget=UnfoldAdminTextInputWidget,
    )
    at = MomentField(
        label=gettext_lazy("Give at"),
        required=False,
        help_text=gettext_lazy("In the brand's time. Left empty: as soon as it is decided."),
    )

    fields_of: ClassVar[Mapping[str, str]] = {"code_taken": "code"}

    class Meta:
        model = AudienceGrant
        fields = ()

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        fields: Any = self.fields
        own: AudienceGrant = self.instance
        found = Segment.objects.filter(archived=False).order_by("code")
        named = [(each.code, f"{each} ({each.code})") for each in found]
        fields["segment"].choices = [("", "–"), *named]
        if not named:
            fields["segment"].help_text = NO_SEGMENT
        self.known = own.segment_id is not None
        if self.known:
            del fields["code"]
            for key, language in LANGUAGES.items():
                fields[f"name_{key}"].initial = own.name.get(language, "")
            fields["segment"].initial = own.segment.code
            for name in ("points", "budget", "reason", "at"):
                fields[name].initial = getattr(own, name)

    def clean(self) -> dict[str, Any]:
        """At least one name; then the service."""
        if not (self.cleaned_data.get("name_zh") or self.cleaned_data.get("name_en")):
            self.add_error("name_zh", gettext_lazy("At least one language is needed."))
        return super().clean()

    def write(self, data: dict[str, Any]) -> AudienceGrant:
        """Create or change the draft. Raises Invalid, CodeTaken, WrongState."""
        values = {name: data[name] for name in ("segment", "points", "budget", "reason", "at")}
        values["name"] = {LANGUAGES[key]: data[f"name_{key}"] for key in LANGUAGES if data[f"name_{key}"]}
        now = clock.now()
        if self.known:
            return audiencegrants.update(code=self.instance.code, changes=values, now=now)
        return audiencegrants.create(code=data["code"], values=values, actor=self.actor, now=now)


class GrantPage(DecidedPage):
    """Points for everybody in a segment, once each."""

    empty_words = gettext_lazy("A grant gives points to everybody of a segment, once, within a budget.")
    form = GrantForm
    list_display = ("title", "state", "segment", "points_n", "given_n", "spent_n", "budget_n")
    list_filter = ("status",)
    list_select_related = ("segment",)
    search_fields = ("code",)
    search_named = ("name",)
    search_help_text = gettext_lazy("Name or code")
    ordering = ("-created_at", "-id")
    readonly_fields = (
        "state", "code_n", "segment", "points_n", "given_n", "spent_n", "budget_n", "at", "reason",
        "submitter", "approver", "note", "started_at", "ended_at", "gift_words",
    )  # fmt: skip
    operations = steps(
        audiencegrants,
        "audiencegrant",
        cancel_words=gettext_lazy("Cancel the grant"),
        size=sizes.of_grant,
        cancelled=gettext_lazy("Nobody else is given any. What was given stays given."),
    )

    def has_change_permission(self, request: HttpRequest, obj: AudienceGrant | None = None) -> bool:
        """Only a draft of points is changed here."""
        allowed: bool = super().has_change_permission(request, obj)
        return allowed and (obj is None or (obj.status == AudienceGrant.Status.DRAFT and obj.points > 0))

    def get_fieldsets(self, request: HttpRequest, obj: AudienceGrant | None = None) -> Any:
        """The draft's fields; of what was decided how far it has come."""
        if obj is not None and not self.has_change_permission(request, obj):
            gift = ("gift_words",) if obj.gift else ("points_n",)
            return [
                (None, {"fields": (("state", "code_n"), ("segment", *gift), "reason", "at")}),
                (
                    _("So far"),
                    {"fields": ("given_n", ("spent_n", "budget_n"), ("started_at", "ended_at"))},
                ),
                (_("Decided"), {"fields": (("submitter", "approver"), "note")}),
            ]
        names: tuple[Any, ...] = (("name_zh", "name_en"),)
        head = (*names, "code") if obj is None else (("state", "code_n"), *names)
        return [(None, {"fields": (*head, "segment", ("points", "budget"), "reason", "at")})]

    def get_readonly_fields(self, request: HttpRequest, obj: AudienceGrant | None = None) -> tuple[str, ...]:
        """Nothing computed on an empty page; of a draft only its state."""
        if obj is None:
            return ()
        return ("state", "code_n") if self.has_change_permission(request, obj) else self.readonly_fields

    def size(self, obj: AudienceGrant) -> Facts:
        """Members, points, budget, money."""
        return sizes.of_grant(obj)

    @display(description=gettext_lazy("name"))
    def title(self, grant: AudienceGrant) -> str:
        """In the language of the page."""
        return str(grant)

    @display(description=gettext_lazy("code"), ordering="code")
    def code_n(self, grant: AudienceGrant) -> SafeString:
        """Its name for ever."""
        return code(grant.code)

    @display(description=gettext_lazy("status"), label=dict(COLOURS), ordering="status")
    def state(self, grant: AudienceGrant) -> Status:
        """The state, coloured."""
        return state_of(grant)

    @display(description=gettext_lazy("points for each"), ordering="points")
    def points_n(self, grant: AudienceGrant) -> SafeString:
        """What each member is given."""
        return number(grant.points or None)

    @display(description=gettext_lazy("gift for each"))
    def gift_words(self, grant: AudienceGrant) -> str:
        """The gift, by its code."""
        gift = grant.gift or {}
        return f"{gift.get('code', '')} × {gift.get('quantity', 1)}"

    @display(description=gettext_lazy("members given"))
    def given_n(self, grant: AudienceGrant) -> str:
        """How many were given it, of how many there were at the start."""
        told = plain(grant.given)
        if grant.audience is not None:
            told = f"{told} / {plain(grant.audience)}"
        if grant.refused:
            told += " · " + _("%(count)s refused") % {"count": plain(grant.refused)}
        return f"{told} · {_('budget used up')}" if grant.budget_reached else told

    @display(description=gettext_lazy("used of the budget"))
    def spent_n(self, grant: AudienceGrant) -> SafeString:
        """Points, or pieces of the gift."""
        return number(grant.spent)

    @display(description=gettext_lazy("budget"))
    def budget_n(self, grant: AudienceGrant) -> SafeString:
        """At the most."""
        return number(grant.budget)
