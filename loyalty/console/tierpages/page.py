"""The brand's tiers: what they take and give, who holds them, and a form to change them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import Count
from django.forms.formsets import BaseFormSet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.text import slugify
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.widgets import (
    UnfoldAdminRadioSelectWidget,
    UnfoldAdminTextareaWidget,
    UnfoldAdminTextInputWidget,
)

from campaigns.models import TierSubmission
from campaigns.services import tierprogram, tiersubmissions
from campaigns.services.submissions import approval_needed
from loyalty.console.tierpages import asked
from loyalty.console.tierpages.asked import Question
from loyalty.lib import clock, words
from loyalty.lib.console import actor
from loyalty.lib.display import instant
from loyalty.lib.errors import FieldError, Invalid, Refusal
from loyalty.lib.foureyes import LONGEST_NOTE, SubmissionOpen
from loyalty.lib.timefields import MomentField
from members.models import Member
from points.models import MemberTier, TierProgram
from points.services import tierconfig
from points.services.tiers import version

READ: Final = "points.view_tierprogram"
SET: Final = "points.set_tierprogram"
EMPTY_ROWS: Final = 2
FIELDS: Final = ("qualify_by", "period", "downgrade", "grace_days", "on_return")
STARTING: Final[Mapping[str, Any]] = {
    "qualify_by": "points",
    "period": {"type": "rolling_months", "months": 12},
    "downgrade": "one_step",
    "grace_days": 30,
    "on_return": "at_once",
    "levels": [{"code": "silver", "name": {"zh-hans": "银卡", "en": "Silver"}, "threshold": 0}],
}
"""What the form holds where the brand has no tiers yet."""


def urls(site: admin.AdminSite) -> list[URLPattern]:
    """The route of this page on a console."""
    return [path("tiers/", site.admin_view(tiers), name="tiers")]


class ProgramForm(forms.Form):
    """What holds for all levels."""

    qualify_by = forms.ChoiceField(
        label=gettext_lazy("Members qualify by"),
        choices=[
            ("points", gettext_lazy("points earned")),
            ("spend", gettext_lazy("money spent")),
            ("visits", gettext_lazy("days with an order")),
        ],
        widget=UnfoldAdminRadioSelectWidget,
    )
    period = forms.ChoiceField(
        label=gettext_lazy("within"),
        choices=[
            ("rolling_months", gettext_lazy("the months before each instant")),
            ("calendar_year", gettext_lazy("a calendar year")),
            ("calendar_quarter", gettext_lazy("a calendar quarter")),
            ("calendar_month", gettext_lazy("a calendar month")),
        ],
        widget=UnfoldAdminRadioSelectWidget,
    )
    months = forms.IntegerField(
        label=gettext_lazy("Months"),
        required=False,
        min_value=1,
        max_value=tierconfig.MAX_MONTHS,
        help_text=gettext_lazy("Of the first choice above: how many."),
        widget=UnfoldAdminTextInputWidget(
            attrs={"inputmode": "numeric", "data-needs": "period=rolling_months"}
        ),
    )
    downgrade = forms.ChoiceField(
        label=gettext_lazy("A tier that was not earned anew"),
        choices=[
            ("one_step", gettext_lazy("falls by one step")),
            ("by_earned", gettext_lazy("falls to what was earned")),
            ("never", gettext_lazy("is kept for good")),
        ],
        widget=UnfoldAdminRadioSelectWidget,
    )
    grace_days = forms.IntegerField(
        label=gettext_lazy("Days of grace"),
        min_value=0,
        max_value=tierconfig.MAX_GRACE_DAYS,
        help_text=gettext_lazy("How long it is kept after its period."),
        widget=UnfoldAdminTextInputWidget(attrs={"inputmode": "numeric"}),
    )
    on_return = forms.ChoiceField(
        label=gettext_lazy("A return that lowers the tier does so"),
        choices=[
            ("at_once", gettext_lazy("at once")),
            ("period_end", gettext_lazy("at the end of the period")),
        ],
        widget=UnfoldAdminRadioSelectWidget,
    )
    at = MomentField(
        label=gettext_lazy("In force at"),
        required=False,
        help_text=gettext_lazy("In the brand's time. Left empty: at once."),
    )
    note = forms.CharField(
        label=gettext_lazy("Note"),
        required=False,
        max_length=LONGEST_NOTE,
        help_text=gettext_lazy("For who decides: what it is for, and what it may cost."),
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 2}),
    )
    version = forms.IntegerField(widget=forms.HiddenInput)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if approval_needed():
            self.fields["at"].help_text = _("In the brand's time. Left empty: as soon as it is approved.")
        else:
            del self.fields["note"]

    def clean(self) -> dict[str, Any]:
        """A rolling period needs its months."""
        data: dict[str, Any] = super().clean() or self.cleaned_data
        if data.get("period") == "rolling_months" and not data.get("months") and "months" not in self.errors:
            self.add_error("months", _("This field is required."))
        return data


class LevelForm(forms.Form):
    """One level; a row without any text is no level."""

    name_zh = forms.CharField(
        label=gettext_lazy("Chinese name"), required=False, widget=UnfoldAdminTextInputWidget
    )
    name_en = forms.CharField(
        label=gettext_lazy("English name"), required=False, widget=UnfoldAdminTextInputWidget
    )
    code = forms.CharField(label=gettext_lazy("Code"), required=False, widget=UnfoldAdminTextInputWidget)
    threshold = forms.CharField(
        label=gettext_lazy("Threshold"),
        required=False,
        widget=UnfoldAdminTextInputWidget(attrs={"inputmode": "decimal"}),
    )
    multiplier = forms.CharField(
        label=gettext_lazy("Points ×"),
        required=False,
        widget=UnfoldAdminTextInputWidget(attrs={"inputmode": "decimal"}),
    )

    def level(self) -> dict[str, Any] | None:
        """The level as the API takes it; None for an empty row and for one that is taken away."""
        data = self.cleaned_data
        texts = {name: str(data.get(name) or "").strip() for name in self.fields if name != "DELETE"}
        if data.get("DELETE") or not any(texts.values()):
            return None
        named = {"zh-hans": texts["name_zh"], "en": texts["name_en"]}
        return {
            "code": texts["code"] or slugify(texts["name_en"]),
            "name": {language: text for language, text in named.items() if text} or None,
            "threshold": texts["threshold"] or None,
            "multiplier": texts["multiplier"] or "1",
        }


Levels: type[BaseFormSet[LevelForm]] = forms.formset_factory(
    LevelForm, extra=EMPTY_ROWS, can_delete=True, max_num=tierconfig.MAX_LEVELS
)


def tiers(request: HttpRequest) -> HttpResponse:
    """Who holds which tier, and the form. A change is in force at once or at its time; where the brand asks
    for a second operator it waits for one."""
    if not request.user.has_perm(READ):
        raise PermissionDenied
    row = TierProgram.objects.first()
    may_set = request.user.has_perm(SET)
    shown = tierprogram.shown(row.config) if row else STARTING
    opened, draft = tiersubmissions.opened(), _draft(request)
    # A fault of what was turned down is mended from there, instead of typing all of it once more.
    filled = tierconfig.shown(draft.body) if draft else shown
    questions = [each for each in [asked.replacing(request, opened) if approval_needed() else None] if each]
    if request.method == "POST":
        if not may_set:
            raise PermissionDenied
        form = ProgramForm(request.POST)
        levels = Levels(request.POST, prefix="levels", initial=_rows(filled))
        if levels.is_valid() and (told := _stored(request, form, levels, shown, questions)):
            messages.success(request, told)
            return HttpResponseRedirect(reverse("admin:tiers"))
    else:
        form, levels = _program_form(filled, row, draft), Levels(initial=_rows(filled), prefix="levels")
    if not may_set:
        for field in [*form.fields.values(), *(f for each in levels.forms for f in each.fields.values())]:
            field.disabled = True
    context = {
        **admin.site.each_context(request),
        "title": _("Tiers"),
        "form": form,
        "levels": levels,
        "rows": levels.forms if may_set else levels.initial_forms,
        "program": row,
        "held": _held(row),
        "may_set": may_set,
        "opened": opened,
        "opened_words": asked.waiting_words(opened) if opened else "",
        "questions": questions,
        "draft": draft,
        "turned_down": None if opened else _turned_down(row),
        "four_eyes": approval_needed(),
    }
    return TemplateResponse(request, "console/tiers.html", context)


def _stored(
    request: HttpRequest,
    form: ProgramForm,
    levels: BaseFormSet[LevelForm],
    shown: Mapping[str, Any],
    questions: list[Question],
) -> str:
    """What became of the programme; empty where it could not be taken: faults stand at their fields. Those
    of the levels are found also where the form has some: what is `shown` then stands in for it. What has to
    be asked about joins the `questions`."""
    sound, data = form.is_valid(), form.cleaned_data
    given = [(each, level) for each in levels.forms if (level := each.level()) is not None]
    # A new level is written below the others and belongs where its threshold puts it.
    given.sort(key=lambda pair: _order(pair[1]["threshold"]))
    body = _values(data) if sound else {name: shown[name] for name in FIELDS}
    if data.get("qualify_by"):
        body["qualify_by"] = data["qualify_by"]
    body["levels"] = [level for _each, level in given]
    try:
        config = tierprogram.checked(body)
        if (turned := asked.reordering(request, shown, config["levels"])) is not None:
            questions.append(turned)
        if not sound or (turned is not None and not _answered(form, turned)):
            return ""
        waiting = tiersubmissions.publish(
            config=config,
            actor=actor(request),
            now=clock.now(),
            at=data["at"],
            note=data.get("note", ""),
            instead_of=data["version"],
            replaces=next(
                (int(each.value) for each in questions if each.name == asked.REPLACES and each.ticked), None
            ),
        )
    except Invalid as invalid:
        for error in invalid.errors:
            if sound or error.pointer.startswith("/levels"):
                _show(error, form, [each for each, _level in given])
        return ""
    except SubmissionOpen as refusal:
        blocking = tiersubmissions.opened()
        form.add_error(None, asked.waiting_words(blocking) if blocking else str(refusal.detail))
        return ""
    except Refusal as refusal:
        form.add_error(None, str(refusal.detail))
        return ""
    return _said(waiting, changed=version() != data["version"])


def _answered(form: ProgramForm, question: Question) -> bool:
    if not question.ticked:
        form.add_error(None, question.said)
    return question.ticked


def _values(data: Mapping[str, Any]) -> dict[str, Any]:
    period: dict[str, Any] = {"type": data["period"]}
    if data["period"] == "rolling_months":
        period["months"] = data["months"]
    return {**{name: data[name] for name in FIELDS if name != "period"}, "period": period}


def _said(waiting: TierSubmission | None, *, changed: bool) -> str:
    if waiting is None:
        return _("The tiers are in force.") if changed else _("Nothing was changed.")
    if waiting.status == TierSubmission.Status.SCHEDULED:
        return _("The tiers will be in force at %(at)s.") % {"at": instant(waiting.publish_at)}
    return _("Submitted: it waits for a second operator.")


def _show(error: FieldError, form: ProgramForm, rows: list[LevelForm]) -> None:
    """A fault of the API's body at the field of the form that it came from."""
    head, *rest = error.pointer.strip("/").split("/")
    if head == "levels" and rest and rest[0].isdigit():
        field = rest[1] if len(rest) > 1 else "code"
        rows[int(rest[0])].add_error("name_zh" if field == "name" else field, str(error.detail))
    elif head == "period":
        form.add_error("months" if rest == ["months"] else "period", str(error.detail))
    else:
        form.add_error(head if head in form.fields else None, str(error.detail))


def _order(threshold: str | None) -> float:
    try:
        return float(threshold or "inf")
    except ValueError:
        return float("inf")


def _draft(request: HttpRequest) -> TierSubmission | None:
    """The submission that was not put in force and that the operator goes on from."""
    number = request.GET.get("from", "")
    ended = TierSubmission.objects.exclude(status__in=[*TierSubmission.OPEN, TierSubmission.Status.PUBLISHED])
    return ended.filter(number=int(number)).first() if number.isdecimal() and len(number) < 9 else None


def _turned_down(row: TierProgram | None) -> TierSubmission | None:
    """The latest submission where it was rejected and nothing was put in force since."""
    latest = tiersubmissions.latest()
    if latest is None or latest.status != TierSubmission.Status.REJECTED:
        return None
    return latest if latest.instead_of == (row.version if row else 0) else None


def _program_form(
    shown: Mapping[str, Any], row: TierProgram | None, draft: TierSubmission | None
) -> ProgramForm:
    period = shown["period"]
    more = {"note": draft.note} if draft else {}
    flat = {"period": period["type"], "months": period.get("months"), "version": row.version if row else 0}
    return ProgramForm(initial={**shown, **flat, **more})


def _rows(shown: Mapping[str, Any]) -> list[dict[str, Any]]:
    return [
        {
            "code": level["code"],
            "name_zh": level["name"].get("zh-hans", ""),
            "name_en": level["name"].get("en", ""),
            "threshold": level["threshold"],
            "multiplier": level.get("multiplier", "1"),
        }
        for level in shown["levels"]
    ]


def _held(row: TierProgram | None) -> list[dict[str, Any]]:
    """The levels from the highest with the number of members who hold each."""
    if row is None:
        return []
    counts = dict(
        MemberTier.objects.filter(member__status=Member.Status.ACTIVE)
        .values_list("code")
        .annotate(Count("member_id"))
    )
    levels = row.config["levels"]
    # Who has no row yet holds the lowest.
    without = Member.objects.filter(status=Member.Status.ACTIVE).count() - sum(counts.values())
    counts[levels[0]["code"]] = counts.get(levels[0]["code"], 0) + without
    total = sum(counts.values())
    return [
        {
            "name": words.pick(level["name"]) or level["code"],
            "members": counts.get(level["code"], 0),
            "percent": counts.get(level["code"], 0) * 100 / total if total else None,
        }
        for level in reversed(levels)
    ]
