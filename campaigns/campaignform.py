"""The form of a campaign, as operators fill it in: no JSON, no calendar rule to write."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from django import forms
from django.utils.translation import gettext_lazy as _
from unfold.widgets import (
    UnfoldAdminCheckboxSelectMultipleWidget,
    UnfoldAdminDecimalFieldWidget,
    UnfoldAdminIntegerFieldWidget,
    UnfoldAdminSelectWidget,
    UnfoldAdminTextareaWidget,
    UnfoldAdminTextInputWidget,
)

from campaigns import gallery, selectors
from campaigns.engine import explain
from campaigns.exchangeform import DiscountFields, choose, discount_of, shown_discount
from campaigns.models import Campaign, Rule
from campaigns.services import campaigns
from campaigns.services.campaigns import content as contents
from campaigns.services.campaigns.content import MOST_RULES, Content
from campaigns.services.campaigns.writing import OPEN_FIELDS
from loyalty.lib import clock
from loyalty.lib.console import ServiceForm
from loyalty.lib.errors import FieldError
from loyalty.lib.timefields import MomentField
from loyalty.lib.words import language
from points.postings import MAX_POINTS

LANGUAGES: Final = {"zh": "zh-hans", "en": "en"}
WEEKDAYS: Final = (
    ("MO", _("Monday")),
    ("TU", _("Tuesday")),
    ("WE", _("Wednesday")),
    ("TH", _("Thursday")),
    ("FR", _("Friday")),
    ("SA", _("Saturday")),
    ("SU", _("Sunday")),
)
RECURS: Final = (
    ("", _("all the time")),
    ("WEEKLY", _("on days of the week")),
    ("MONTHLY", _("on days of the month")),
)
_DISCOUNT: Final = {f"discount_{name}" for name in ("percent", "points", "rewards", "categories")}
LATELY: Final = 200
"""How many drafts are offered at most."""


class CampaignForm(ServiceForm, DiscountFields):
    """Names, time, rules, budgets; of a campaign under way only names, texts and budgets."""

    fields_of = {
        "name": "name_zh",
        "announcement": "announcement_zh",
        "rrule": "recurs",
        "discount": "discount_percent",
    }
    name_zh = forms.CharField(
        label=_("Name (Chinese)"), max_length=120, required=False, widget=UnfoldAdminTextInputWidget
    )
    name_en = forms.CharField(
        label=_("Name (English)"), max_length=120, required=False, widget=UnfoldAdminTextInputWidget
    )
    code = forms.CharField(
        label=_("Code"),
        max_length=60,
        help_text=_("Lower-case letters, digits and hyphens. It never changes."),
        widget=UnfoldAdminTextInputWidget,
    )
    kind = forms.ChoiceField(label=_("Kind"), choices=Campaign.Kind.choices, widget=UnfoldAdminSelectWidget)
    starts_at = MomentField(label=_("From"), help_text=_("In the brand's time."))
    ends_at = MomentField(label=_("Until"), help_text=_("Exclusive: a day ends at 00:00 of the next one."))
    recurs = forms.ChoiceField(
        label=_("Runs"), choices=RECURS, required=False, widget=UnfoldAdminSelectWidget
    )
    weekdays = forms.MultipleChoiceField(
        label=_("Days of the week"),
        choices=WEEKDAYS,
        required=False,
        widget=UnfoldAdminCheckboxSelectMultipleWidget,
    )
    month_days = forms.CharField(
        label=_("Days of the month"),
        max_length=80,
        required=False,
        help_text=_("Such as 8, 18, 28."),
        widget=UnfoldAdminTextInputWidget(attrs={"data-needs": "recurs=MONTHLY"}),
    )
    multiplier = forms.CharField(
        label=_("Multiply base points by"),
        max_length=10,
        required=False,
        help_text=_("Makes a rule of its own: 2 for double points. Left empty, there is none."),
        widget=UnfoldAdminTextInputWidget(attrs={"inputmode": "decimal"}),
    )
    templates = forms.MultipleChoiceField(
        label=_("Rules from templates"), required=False, widget=UnfoldAdminCheckboxSelectMultipleWidget
    )
    rules = forms.MultipleChoiceField(
        label=_("Drafts of rules"),
        required=False,
        help_text=_("They are published with the campaign, and give nothing but in its time."),
        widget=UnfoldAdminCheckboxSelectMultipleWidget,
    )
    budget_points = forms.IntegerField(
        label=_("Budget in points"),
        min_value=1,
        max_value=MAX_POINTS,
        required=False,
        help_text=_("Alarm at 80 %, stop at 100 %. Left empty, there is none."),
        widget=UnfoldAdminIntegerFieldWidget,
    )
    budget_amount = forms.DecimalField(
        label=_("Budget in money"),
        min_value=1,
        max_value=10**12,
        decimal_places=2,
        required=False,
        help_text=_("By what a point costs."),
        widget=UnfoldAdminDecimalFieldWidget,
    )
    control_percent = forms.IntegerField(
        label=_("Control group in per cent"),
        min_value=0,
        max_value=50,
        required=False,
        help_text=_("So many members get nothing of it, so that you see what it brings. 10 is usual."),
        widget=UnfoldAdminIntegerFieldWidget,
    )
    cost_centre = forms.CharField(
        label=_("Cost centre"), max_length=64, required=False, widget=UnfoldAdminTextInputWidget
    )
    announcement_zh = forms.CharField(
        label=_("Announcement (Chinese)"),
        max_length=500,
        required=False,
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 2}),
    )
    announcement_en = forms.CharField(
        label=_("Announcement (English)"),
        max_length=500,
        required=False,
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 2}),
    )

    class Meta:
        model = Campaign
        fields = ()

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.known = not self.instance._state.adding
        fields: Any = self.fields
        fields["rules"].choices = _drafts(self.instance if self.known else None)
        fields["weekdays"].widget.attrs["data-needs"] = "recurs=WEEKLY"
        fields["templates"].choices = _templates()
        if not fields["rules"].choices:
            fields["rules"].help_text = _(
                "No draft of a rule is free. One that you write under “Earning rules” shows here."
            )
        choose(fields, self.instance.discount if self.known else None)
        if not self.known:
            return
        for name in ("code", "templates", "multiplier"):
            del self.fields[name]
        for name, value in shown(self.instance).items():
            self.fields[name].initial = value
        if fields["recurs"].initial not in dict(RECURS):
            fields["recurs"].choices = [*RECURS, (self.instance.rrule, self.instance.rrule)]
        if self.instance.status != Campaign.Status.DRAFT:
            for name in set(self.fields) - {*_texts("name"), *_texts("announcement"), *OPEN_FIELDS}:
                del self.fields[name]

    def clean(self) -> dict[str, Any]:
        """At least one name, and days where it recurs; then the service."""
        if not (self.cleaned_data.get("name_zh") or self.cleaned_data.get("name_en")):
            self.add_error("name_zh", _("At least one language is needed."))
        needed = {"WEEKLY": "weekdays", "MONTHLY": "month_days"}.get(self.cleaned_data.get("recurs", ""))
        if needed and not self.cleaned_data.get(needed):
            self.add_error(needed, _("This field is required."))
        return super().clean()

    def faults(self, data: dict[str, Any]) -> Iterable[FieldError]:
        """What the service would say of the fields that could be read."""
        texts = {name: data.get(name, "") for name in (*_texts("name"), *_texts("announcement"))}
        own = self.instance if self.known else None
        multiplier, templates = data.get("multiplier") or None, data.get("templates", ())
        said = _values({**data, **texts})
        if not any(said["name"].values()):
            del said["name"]
        if "code" in data:
            said["code"] = data["code"]
        return campaigns.faults(said, own=own, templates=templates, multiplier=multiplier, now=clock.now())

    def write(self, data: dict[str, Any]) -> Campaign:
        """Create or change the campaign. Raises Invalid, CampaignCodeTaken, CampaignState."""
        now, values = clock.now(), _values(data)
        if self.known:
            return campaigns.change(code=self.instance.code, changes=values, actor=self.actor, now=now)
        return campaigns.create(
            content=Content(code=data["code"], **values),
            templates=data["templates"],
            multiplier=data["multiplier"] or None,
            actor=self.actor,
            now=now,
        )


def shown(campaign: Campaign) -> dict[str, Any]:
    """What the form shows of a campaign."""
    content = contents.of(campaign)
    plain = ("kind", "starts_at", "ends_at", "cost_centre", "control_percent", "budget_points")
    recurs, weekdays, month_days = _recurrence(campaign.rrule)
    return {
        **{name: getattr(content, name) for name in plain},
        **{f"name_{short}": content.name.get(full, "") for short, full in LANGUAGES.items()},
        **{f"announcement_{short}": content.announcement.get(full, "") for short, full in LANGUAGES.items()},
        "budget_amount": content.budget_amount,
        **shown_discount(content.discount),
        "rules": list(content.rules),
        "recurs": recurs,
        "weekdays": weekdays,
        "month_days": month_days,
    }


def _texts(name: str) -> tuple[str, ...]:
    return tuple(f"{name}_{short}" for short in LANGUAGES)


def _values(data: Mapping[str, Any]) -> dict[str, Any]:
    """The form's data as the service takes them; only what the form has."""
    same = ("kind", "starts_at", "ends_at", "cost_centre", "budget_points", "budget_amount")
    values = {name: data[name] for name in same if name in data}
    for name in ("name", "announcement"):
        values[name] = {
            full: data[f"{name}_{short}"] for short, full in LANGUAGES.items() if data[f"{name}_{short}"]
        }
    if "control_percent" in data:
        values["control_percent"] = data["control_percent"] or 0
    if "rules" in data:
        values["rules"] = tuple(sorted(data["rules"]))
    if "recurs" in data and {"weekdays", "month_days"} <= set(data):
        values["rrule"] = _rrule(data)
    if set(data) >= _DISCOUNT:
        values["discount"] = discount_of(data)
    return values


def _rrule(data: Mapping[str, Any]) -> str:
    if data["recurs"] == "WEEKLY":
        return "FREQ=WEEKLY;BYDAY=" + ",".join(data["weekdays"])
    if data["recurs"] == "MONTHLY":
        days = data["month_days"].replace("，", ",").replace("、", ",").replace(" ", ",")
        return "FREQ=MONTHLY;BYMONTHDAY=" + ",".join(day for day in days.split(",") if day)
    # A rule of another kind, which the API wrote, stays as it is.
    return str(data["recurs"])


def _recurrence(rrule: str) -> tuple[str, list[str], str]:
    """What the form shows of a calendar rule; one that it has no fields for is a choice of its own."""
    for kind, part in (("WEEKLY", "BYDAY"), ("MONTHLY", "BYMONTHDAY")):
        head = f"FREQ={kind};{part}="
        if rrule.startswith(head) and ";" not in rrule.removeprefix(head):
            days = rrule.removeprefix(head).split(",")
            return (kind, days, "") if kind == "WEEKLY" else (kind, [], ", ".join(days))
    return rrule, [], ""


def _drafts(own: Campaign | None) -> list[tuple[str, str]]:
    """Drafts that no campaign has, and the campaign's own rules."""
    free = Rule.objects.filter(status=Rule.Status.DRAFT, campaign_of__isnull=True).order_by("-updated_at")
    found = list(free[:LATELY])
    if own is not None:
        found += list(Rule.objects.filter(campaign_of__campaign=own))
    names = {rule.code: explain.rule_name(selectors.working_body(rule), language()) for rule in found}
    return sorted((code, f"{name} ({code})") for code, name in names.items())


def _templates() -> list[tuple[str, str]]:
    codes = selectors.tier_codes()
    return [
        (each.key, explain.rule_name(each.body, language()))
        for each in gallery.GALLERY
        if each.key != "base" and gallery.fitted(each.body, codes) is not None
    ][: MOST_RULES * 2]
