"""A segment as a form: one field for each fact, and the definition that they make together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, ClassVar, Final

from django import forms
from django.utils.translation import gettext_lazy as _
from unfold.widgets import (
    UnfoldAdminCheckboxSelectMultipleWidget,
    UnfoldAdminIntegerFieldWidget,
    UnfoldAdminSelectWidget,
    UnfoldAdminTextInputWidget,
    UnfoldBooleanSwitchWidget,
)

from campaigns.models import Segment
from campaigns.services import segments
from loyalty.lib import clock, formfaults, money
from loyalty.lib.console import ServiceForm
from loyalty.lib.errors import Invalid, Refusal
from loyalty.lib.words import pick
from mall.models import Reward
from members.models import Consent
from points.services import tiers

LANGUAGES: Final = {"zh": "zh-hans", "en": "en"}
MOST_REWARDS: Final = 200
CODE: Final = r"^[a-z0-9][a-z0-9_-]*\Z"


@dataclass(frozen=True, slots=True)
class Range:
    """Two fields that make `≥`, `≤` or both of a number; `days` names the field of its window."""

    fact: str
    least: str
    most: str
    days: str = ""


RANGES: Final = (
    Range("member.enrolled_days", "enrolled_min", "enrolled_max"),
    Range("member.days_since_last_order", "silent_min", "silent_max"),
    Range("member.orders.count", "orders_min", "orders_max", "orders_days"),
    Range("member.orders.amount", "spent_min", "spent_max", "spent_days"),
    Range("points.available", "points_min", "points_max"),
    Range("member.child_age_months", "child_min", "child_max"),
)
NEEDS: Final[Mapping[str, tuple[str, ...]]] = {
    "orders_days": ("orders_min", "orders_max"),
    "spent_days": ("spent_min", "spent_max"),
    "short_by": ("reward",),
}
"""Fields that say nothing by themselves, and those of which one has to be filled in with them."""
LISTS: Final[Mapping[tuple[str, str], str]] = {
    ("member.tags", "has"): "tags",
    ("member.region", "in"): "regions",
}


def _number(label: Any, help_text: Any = "") -> forms.IntegerField:
    return forms.IntegerField(
        label=label, min_value=0, required=False, help_text=help_text, widget=UnfoldAdminIntegerFieldWidget
    )


def _text(label: Any, help_text: Any = "", most: int = 400) -> forms.CharField:
    return forms.CharField(
        label=label, max_length=most, required=False, help_text=help_text, widget=UnfoldAdminTextInputWidget
    )


def _amount(label: Any) -> forms.DecimalField:
    return forms.DecimalField(
        label=label, min_value=0, decimal_places=2, required=False, widget=UnfoldAdminTextInputWidget
    )


@dataclass(slots=True)
class Made:
    """A definition, and which field each of its conditions came from, by pointer."""

    body: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    fields: dict[str, str] = field(default_factory=dict)

    def add(self, group: str, name: str, **condition: Any) -> None:
        """One more condition of a group."""
        rows = self.body.setdefault(group, [])
        self.fields[f"/definition/{group}/{len(rows)}"] = name
        rows.append(condition)


NO_SEGMENT: Final = _("There is no segment yet: write one under “Segments” first.")


class SegmentForm(ServiceForm):
    """Names, and conditions that all have to hold; what is left empty asks nothing."""

    code = forms.RegexField(
        CODE,
        label=_("Code"),
        max_length=64,
        help_text=_("Small letters, digits and hyphens; it never changes."),
        widget=UnfoldAdminTextInputWidget,
    )
    name_zh = _text(_("Name (Chinese)"), most=120)
    name_en = _text(_("Name (English)"), most=120)
    tiers = forms.MultipleChoiceField(
        label=_("Tiers"), required=False, widget=UnfoldAdminCheckboxSelectMultipleWidget
    )
    regions = _text(_("Regions"), _("Separated by commas."))
    tags = _text(_("With one of these tags"), _("Separated by commas."))
    tags_none = _text(_("With none of these tags"), _("Separated by commas."))
    enrolled_min = _number(_("Enrolled at least … days ago"))
    enrolled_max = _number(_("Enrolled at most … days ago"))
    silent_min = _number(
        _("Last order at least … days ago"), _("Sleeping members. Only those who ever ordered.")
    )
    silent_max = _number(_("Last order at most … days ago"))
    never_ordered = forms.BooleanField(
        label=_("Never ordered anything"), required=False, widget=UnfoldBooleanSwitchWidget
    )
    orders_min = _number(_("Orders, at least"))
    orders_max = _number(_("Orders, at most"))
    orders_days = _number(_("Orders of the last … days"), _("Left empty: all orders."))
    spent_min = _amount(_("Spent, at least"))
    spent_max = _amount(_("Spent, at most"))
    spent_days = _number(_("Spent in the last … days"), _("Left empty: in all."))
    points_min = _number(_("Points available, at least"))
    points_max = _number(_("Points available, at most"))
    expiring_points = _number(_("Points about to end, at least"))
    expiring_days = _number(_("… within days"))
    reward = forms.ChoiceField(label=_("Almost enough for"), required=False, widget=UnfoldAdminSelectWidget)
    short_by = _number(_("… short by at most (points)"))
    falls_days = _number(
        _("Tier is lost within … days"), _("Whoever has not reached yet what keeps the tier.")
    )
    child_min = _number(_("A child's age in months, from"))
    child_max = _number(_("A child's age in months, to"))
    consent = _text(_("Agreed to"), _("The purpose of a consent, such as marketing."), most=40)

    fields_of: ClassVar[Mapping[str, str]] = {"segment_code_taken": "code"}

    class Meta:
        model = Segment
        fields = ()

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        fields: Any = self.fields
        program = tiers.program()
        levels = program.levels if program else ()
        fields["tiers"].choices = [(level.code, pick(level.name) or level.code) for level in levels]
        if not levels:
            del fields["tiers"], fields["falls_days"]
        rewards = Reward.objects.filter(status=Reward.Status.PUBLISHED).order_by("sort", "-id")
        fields["reward"].choices = [
            ("", "–"),
            *((str(each.pk), str(each)) for each in rewards[:MOST_REWARDS]),
        ]
        self.known = not self.instance._state.adding
        self.made = Made()
        if self.known:
            del fields["code"]
            for name, value in (shown(self.instance) or {}).items():
                if name in fields:
                    fields[name].initial = value

    def clean(self) -> dict[str, Any]:
        """At least one name, and nothing that would be left out without a word; then the service."""
        given = self.cleaned_data
        if "name_zh" in self.fields and not (given.get("name_zh") or given.get("name_en")):
            self.add_error("name_zh", _("At least one language is needed."))
        self._refuse_halves()
        return super().clean()

    def clean_consent(self) -> str:
        """A purpose that this brand's members were asked for, or marketing: no other has a consent."""
        text = str(self.cleaned_data["consent"])
        named = {each for each in _listed(text) if each.split(".")[0] != "marketing"}
        known = Consent.objects.filter(purpose__in=named).values_list("purpose", flat=True).distinct()
        unknown = sorted(named - set(known))
        if unknown:
            told = _("No member was ever asked for this purpose: %(names)s.")
            raise forms.ValidationError(told % {"names": ", ".join(unknown)})
        return text

    def _refuse_halves(self) -> None:
        """What needs another field, at that field, unless that one is already faulty."""
        for name, needed in NEEDS.items():
            if self.cleaned_data.get(name) is None or any(each in self.errors for each in needed):
                continue
            if all(self.cleaned_data.get(each) in (None, "") for each in needed):
                told = _("Missing: “%(field)s” says nothing without it.")
                self.add_error(needed[0], told % {"field": self.fields[name].label})

    def write(self, data: dict[str, Any]) -> Segment:
        """Create or change the segment. Raises Invalid, SegmentCodeTaken."""
        self.made, now = made_of(data), clock.now()
        name = {LANGUAGES[key]: data[f"name_{key}"] for key in LANGUAGES if data[f"name_{key}"]}
        if self.known:
            changes = {"name": name, "definition": self.made.body}
            return segments.update(code=self.instance.code, changes=changes, now=now)
        return segments.create(
            code=data["code"], name=name, definition=self.made.body, actor=self.actor, now=now
        )

    def _refused(self, refusal: Refusal) -> None:
        if not isinstance(refusal, Invalid):
            super()._refused(refusal)
            return
        for fault in refusal.errors:
            where = next(
                (n for at, n in self.made.fields.items() if f"{fault.pointer}/".startswith(f"{at}/")),
                formfaults.field_of(self, fault),
            )
            self.add_error(where if where in self.fields else None, str(fault.detail))


class Counted(SegmentForm):
    """The conditions as they stand: looked at as saving would, and nothing is written."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name in ("code", "name_zh", "name_en"):
            del self.fields[name]

    def write(self, data: dict[str, Any]) -> Any:
        """Nothing; the definition is checked where there is one. Raises Invalid."""
        self.made = made_of(data)
        if self.made.body:
            segments.check(self.made.body)

    def told(self) -> list[str]:
        """Its faults, each with the name of its field."""
        return [
            f"{self.fields[name].label}: {fault}" if name in self.fields else str(fault)
            for name, faults in self.errors.items()
            for fault in faults
        ]


def made_of(data: Mapping[str, Any]) -> Made:
    """The definition that the fields make."""
    made = Made()
    if data.get("tiers"):
        made.add("all", "tiers", fact="member.tier", op="in", value=list(data["tiers"]))
    for (fact, op), name in LISTS.items():
        values = _listed(data.get(name))
        if values:
            made.add("all", name, fact=fact, op=op, value=values)
    if _listed(data.get("tags_none")):
        made.add("none", "tags_none", fact="member.tags", op="has", value=_listed(data["tags_none"]))
    for each in RANGES:
        _add_range(made, each, data)
    if data.get("never_ordered"):
        made.add("all", "never_ordered", fact="member.orders.count", op="eq", value=0, window="ever")
    if data.get("expiring_days") is not None or data.get("expiring_points") is not None:
        value, days = data.get("expiring_points"), data.get("expiring_days")
        made.add(
            "all", "expiring_days", fact="points.expiring", op="gte",
            value=1 if value is None else value, within_days=30 if days is None else days,
        )  # fmt: skip
    if data.get("reward"):
        short = data.get("short_by")
        made.add(
            "all", "short_by", fact="points.short_of", op="lte",
            value=100 if short is None else short, reward=data["reward"],
        )  # fmt: skip
    if data.get("falls_days") is not None:
        made.add("all", "falls_days", fact="tier.falls_within_days", op="lte", value=data["falls_days"])
    if data.get("consent"):
        made.add("all", "consent", fact="member.consent", op="has", value=_listed(data["consent"]))
    return made


def shown(segment: Segment) -> dict[str, Any] | None:
    """What the form begins with for a segment; None for a definition that it has no fields for."""
    found: dict[str, Any] = {f"name_{key}": segment.name.get(LANGUAGES[key], "") for key in LANGUAGES}
    definition = segment.definition
    if definition.get("any"):
        return None
    for row in definition.get("none", ()):
        if (row["fact"], row["op"]) != ("member.tags", "has") or "tags_none" in found:
            return None
        found["tags_none"] = _joined(row["value"])
    for row in definition.get("all", ()):
        fields = _fields_of(row)
        if fields is None or found.keys() & fields.keys() - _SHARED:
            return None
        found |= fields
    return found


_SHARED: Final = frozenset({"orders_days", "spent_days"})


def _fields_of(row: Mapping[str, Any]) -> dict[str, Any] | None:
    fact, op, value = row["fact"], row["op"], row["value"]
    if (fact, op) == ("member.tier", "in"):
        return {"tiers": [value] if isinstance(value, str) else value}
    if (fact, op) in LISTS:
        return {LISTS[fact, op]: _joined(value)}
    if fact == "member.consent":
        return {"consent": _joined(value)}
    if (fact, op, value) == ("member.orders.count", "eq", 0) and row.get("window") == "ever":
        return {"never_ordered": True}
    if fact == "points.expiring":
        return {"expiring_points": value, "expiring_days": row["within_days"]}
    if fact == "points.short_of":
        return {"short_by": value, "reward": row["reward"]}
    if fact == "tier.falls_within_days":
        return {"falls_days": value}
    return _fields_of_range(row)


def _fields_of_range(row: Mapping[str, Any]) -> dict[str, Any] | None:
    each = next((one for one in RANGES if one.fact == row["fact"]), None)
    if each is None:
        return None
    least, most = {
        "gte": (row["value"], None),
        "lte": (None, row["value"]),
        "eq": (row["value"], row["value"]),
        "between": tuple(row["value"]) if row["op"] == "between" else (None, None),
    }[row["op"]]
    found = {name: value for name, value in ((each.least, least), (each.most, most)) if value is not None}
    window = str(row.get("window", ""))
    if window.startswith("days:"):
        found[each.days] = int(window.removeprefix("days:"))
    return found


def _add_range(made: Made, each: Range, data: Mapping[str, Any]) -> None:
    least, most = data.get(each.least), data.get(each.most)
    if least is None and most is None:
        return
    more: dict[str, Any] = {}
    if each.days:
        days = data.get(each.days)
        more["window"] = "ever" if days is None else f"days:{days}"
    values = [_plain(value) for value in (least, most) if value is not None]
    op = "between" if len(values) == 2 else "gte" if most is None else "lte"
    value = values if op == "between" else values[0]
    made.add(
        "all", each.least if least is not None else each.most, fact=each.fact, op=op, value=value, **more
    )


def _plain(value: Any) -> Any:
    return money.plain(value) if isinstance(value, Decimal) else value


def _listed(text: Any) -> list[str]:
    return [each.strip() for each in str(text or "").replace("，", ",").split(",") if each.strip()]


def _joined(value: str | Sequence[str]) -> str:
    return value if isinstance(value, str) else ", ".join(value)
