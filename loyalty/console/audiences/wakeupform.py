"""The form of a wake-up, as operators fill it in."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Final

from django import forms
from django.utils.translation import gettext_lazy as _
from unfold.widgets import (
    UnfoldAdminCheckboxSelectMultipleWidget,
    UnfoldAdminIntegerFieldWidget,
    UnfoldAdminRadioSelectWidget,
    UnfoldAdminSelectWidget,
    UnfoldAdminTextInputWidget,
)

from campaigns.models import Channel, MessageTemplate, Purpose, Segment, Wakeup
from campaigns.services import wakeups
from loyalty.console.audiences.segmentform import CODE, LANGUAGES, NO_SEGMENT
from loyalty.lib import clock
from loyalty.lib.console import ServiceForm
from loyalty.lib.errors import Invalid, Refusal
from loyalty.lib.timefields import ClockField, ClockInput, MomentField
from loyalty.lib.words import pick

WEEKDAYS: Final = (
    ("MO", _("Monday")),
    ("TU", _("Tuesday")),
    ("WE", _("Wednesday")),
    ("TH", _("Thursday")),
    ("FR", _("Friday")),
    ("SA", _("Saturday")),
    ("SU", _("Sunday")),
)
EMPTY: Final = ("", "–")
PLACES: Final[Mapping[str, str]] = {
    "/segment": "segment",
    "/channel": "channel",
    "/variants/0": "template_a",
    "/variants/1": "template_b",
    "/variants": "template_a",
    "/schedule/at": "at",
    "/schedule/time": "time_of_day",
    "/schedule/weekdays": "weekdays",
    "/schedule/until": "ends_at",
    "/task/days": "task_days",
    "/task/budget": "task_budget",
    "/task/min_spend": "task_min_spend",
    "/code": "code",
}


def _number(label: Any, help_text: Any = "", least: int = 0, most: int = 10**12) -> forms.IntegerField:
    return forms.IntegerField(
        label=label,
        min_value=least,
        max_value=most,
        required=False,
        help_text=help_text,
        widget=UnfoldAdminIntegerFieldWidget,
    )


def _moment(label: Any, help_text: Any) -> MomentField:
    return MomentField(label=label, required=False, help_text=help_text)


class WakeupForm(ServiceForm):
    """Whom, what, when, and how it is measured."""

    code = forms.RegexField(
        CODE,
        label=_("Code"),
        max_length=64,
        help_text=_("Small letters, digits and hyphens; it never changes."),
        widget=UnfoldAdminTextInputWidget,
    )
    name_zh = forms.CharField(
        label=_("Name (Chinese)"), max_length=120, required=False, widget=UnfoldAdminTextInputWidget
    )
    name_en = forms.CharField(
        label=_("Name (English)"), max_length=120, required=False, widget=UnfoldAdminTextInputWidget
    )
    segment = forms.ChoiceField(label=_("Segment"), widget=UnfoldAdminSelectWidget)
    channel = forms.ChoiceField(
        label=_("Channel"), choices=[EMPTY, *Channel.choices], widget=UnfoldAdminSelectWidget
    )
    template_a = forms.ChoiceField(label=_("Message"), widget=UnfoldAdminSelectWidget)
    template_b = forms.ChoiceField(
        label=_("Second message, to compare"), required=False, widget=UnfoldAdminSelectWidget
    )
    share_b = _number(_("Its share, in percent"), _("Left empty: half."), 1, 99)
    every = forms.ChoiceField(
        label=_("How often"),
        choices=Wakeup.Every.choices,
        initial="once",
        widget=UnfoldAdminRadioSelectWidget,
    )
    at = _moment(_("Send at"), _("Once: in the brand's time. Left empty: as soon as it is decided."))
    time_of_day = ClockField(
        label=_("Time of day"),
        required=False,
        help_text=_("Daily or weekly, by the brand's clock."),
        widget=ClockInput({"data-needs": "every=daily weekly"}),
    )
    weekdays = forms.MultipleChoiceField(
        label=_("Days of the week"),
        choices=WEEKDAYS,
        required=False,
        widget=UnfoldAdminCheckboxSelectMultipleWidget,
    )
    ends_at = _moment(_("Until"), _("Daily or weekly. Left empty: until it is cancelled."))
    repeat_days = _number(
        _("Again after … days"), _("Left empty: each member gets it once for ever."), 1, 3650
    )
    holdout_percent = _number(
        _("Held out, in percent"),
        _("They get nothing, so that it shows what the message makes of the others."),
        0,
        90,
    )
    return_days = _number(_("A return counts within … days"), "", 1, 365)
    task_points = _number(_("Points for coming back"), _("For the first order in time. Left empty: none."), 1)
    task_days = _number(_("… within days"), "", 1, 365)
    task_min_spend = forms.DecimalField(
        label=_("… for an order of at least"),
        required=False,
        min_value=0,
        max_digits=16,
        decimal_places=2,
        help_text=_("In the brand's currency, without what came back. Left empty: any order."),
        widget=UnfoldAdminTextInputWidget(),
    )
    task_budget = _number(_("Budget, in points"), _("When it is used up nobody else is paid."), 1)

    fields_of: ClassVar[Mapping[str, str]] = {"code_taken": "code"}

    class Meta:
        model = Wakeup
        fields = ()

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        fields: Any = self.fields
        own = self.instance.segment_id
        found = Segment.objects.filter(archived=False).order_by("code")
        existing = [(each.code, f"{each} ({each.code})") for each in found]
        fields["segment"].choices = [EMPTY, *existing]
        if not existing:
            fields["segment"].help_text = NO_SEGMENT
        templates = MessageTemplate.objects.filter(
            purpose=Purpose.MARKETING, current_version__isnull=False, enabled=True
        )
        named = [(each.code, pick(each.name) or each.code) for each in templates.order_by("code")]
        fields["template_a"].choices = [EMPTY, *named]
        fields["template_b"].choices = [EMPTY, *named]
        if not named:
            fields["template_a"].help_text = _(
                "No marketing template is published and on: write one under “Message templates” first."
            )
        fields["holdout_percent"].initial, fields["return_days"].initial = 10, 7
        fields["weekdays"].widget.attrs["data-needs"] = "every=weekly"
        fields["at"].widget.attrs["data-needs"] = "every=once"
        fields["ends_at"].widget.attrs["data-needs"] = "every=daily weekly"
        self.known = own is not None
        if self.known:
            del fields["code"]
            for name, value in shown(self.instance).items():
                fields[name].initial = value

    def clean(self) -> dict[str, Any]:
        """At least one name; then the service."""
        if not (self.cleaned_data.get("name_zh") or self.cleaned_data.get("name_en")):
            self.add_error("name_zh", _("At least one language is needed."))
        return super().clean()

    def write(self, data: dict[str, Any]) -> Wakeup:
        """Create or change the draft. Raises Invalid, CodeTaken, WrongState."""
        now, values = clock.now(), values_of(data)
        if self.known:
            return wakeups.update(code=self.instance.code, changes=values, now=now)
        return wakeups.create(code=data["code"], values=values, actor=self.actor, now=now)

    def _refused(self, refusal: Refusal) -> None:
        if not isinstance(refusal, Invalid):
            super()._refused(refusal)
            return
        for fault in refusal.errors:
            where = next((n for at, n in PLACES.items() if fault.pointer.startswith(at)), None)
            self.add_error(where if where in self.fields else None, str(fault.detail))


def values_of(data: Mapping[str, Any]) -> dict[str, Any]:
    """What the service takes of the fields."""
    share = (data["share_b"] or 50) if data["template_b"] else 0
    variants = [{"code": "a", "template": data["template_a"], "share": 100 - share}]
    if data["template_b"]:
        variants.append({"code": "b", "template": data["template_b"], "share": share})
    return {
        "name": {LANGUAGES[key]: data[f"name_{key}"] for key in LANGUAGES if data[f"name_{key}"]},
        "variants": variants,
        "holdout_percent": data["holdout_percent"] or 0,
        "return_days": data["return_days"] or 7,
        **{name: data[name] or 0 for name in ("task_points", "task_days", "task_min_spend", "task_budget")},
        **{
            name: data[name]
            for name in (
                "segment",
                "channel",
                "every",
                "at",
                "time_of_day",
                "weekdays",
                "ends_at",
                "repeat_days",
            )
        },
    }


def shown(wakeup: Wakeup) -> dict[str, Any]:
    """What the form begins with for a draft that exists."""
    second = wakeup.variants[1] if len(wakeup.variants) > 1 else {"template": "", "share": None}
    names = ("channel", "every", "at", "time_of_day", "weekdays", "ends_at", "repeat_days", "holdout_percent")
    return {
        **{f"name_{key}": wakeup.name.get(LANGUAGES[key], "") for key in LANGUAGES},
        "segment": wakeup.segment.code,
        "template_a": wakeup.variants[0]["template"],
        "template_b": second["template"],
        "share_b": second["share"],
        **{name: getattr(wakeup, name) for name in names},
        "return_days": wakeup.return_days,
        **{
            name: getattr(wakeup, name) or None
            for name in ("task_points", "task_days", "task_min_spend", "task_budget")
        },
    }
