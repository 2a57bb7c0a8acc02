"""What a campaign says, checked field by field before anything is written."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Final

from django.utils.translation import gettext_lazy as _

from campaigns.engine.occurrences import spans
from campaigns.engine.schedule import ScheduleError, contradicts_itself, rrule_parts
from campaigns.models import Campaign, CampaignRule, Rule
from campaigns.schema.schedules import RRULE_FAULTS
from campaigns.services import phrases
from campaigns.services.campaigns import exchange
from loyalty.lib.errors import FieldError
from tenants.context import current_brand

CODE: Final = re.compile(r"[a-z0-9][a-z0-9-]{0,59}\Z", re.ASCII)
LONGEST: Final = timedelta(days=5 * 366)
MOST_RULES: Final = 20
_SCHEDULE: Final = {
    "rrule_not_daily": _("A campaign recurs on days; it cannot recur each hour, minute or second."),
    "invalid": _("This is no iCalendar rule of days."),
}


@dataclass(frozen=True, slots=True)
class Content:
    """A campaign as it is asked for. `starts_at` until before `ends_at`; `rules` are codes."""

    code: str
    name: Mapping[str, str]
    kind: str
    starts_at: datetime
    ends_at: datetime
    rrule: str = ""
    announcement: Mapping[str, str] = field(default_factory=dict)
    cost_centre: str = ""
    control_percent: int = 0
    budget_points: int | None = None
    budget_amount: Decimal | None = None
    discount: Mapping[str, Any] | None = None
    rules: Sequence[str] = ()

    def said(self) -> dict[str, Any]:
        """All that it says, by name."""
        return {name: getattr(self, name) for name in self.__slots__}

    def fields(self) -> dict[str, Any]:
        """The columns of a campaign that it fills."""
        return {name: value for name, value in self.said().items() if name != "rules"}


def of(campaign: Campaign) -> Content:
    """What a campaign says now."""
    names = [name for name in Content.__slots__ if name != "rules"]
    rules = tuple(campaign.bound.order_by("rule__code").values_list("rule__code", flat=True))
    return Content(**{name: getattr(campaign, name) for name in names}, rules=rules)


def merged(campaign: Campaign, changes: Mapping[str, Any]) -> Content:
    """What it says with some fields changed."""
    return replace(of(campaign), **changes)


def faults(said: Mapping[str, Any], *, own: Campaign | None = None) -> Iterator[FieldError]:
    """What is wrong with the fields of a campaign, with a pointer to each. Fields that are not `said`, since
    they could not be read, are passed over. `own` is the campaign that is changed."""
    yield from _of_texts(said)
    yield from _of_time(said)
    yield from _of_rules(said.get("rules", ()), own)
    if "kind" in said:
        yield from exchange.faults(said["kind"], said.get("discount"))


def over(end: datetime, now: datetime) -> Iterator[FieldError]:
    """The fault of a campaign that would have ended before it begins to count."""
    if end <= now:
        yield FieldError("/ends_at", "past", _("The campaign would be over already."))


def forbidden(said: Mapping[str, Any]) -> Iterator[FieldError]:
    """Faults of what members read that law does not allow."""
    for name in ("name", "announcement"):
        for language, text in said.get(name, {}).items():
            yield from phrases.faults(f"/{name}/{language}", text)


def _of_texts(said: Mapping[str, Any]) -> Iterator[FieldError]:
    if "code" in said and not CODE.match(said["code"]):
        yield FieldError("/code", "invalid", _("Lower-case letters, digits and hyphens, at most 60."))
    if "name" in said and not any(said["name"].values()):
        yield FieldError("/name", "required", _("This field is required."))
    if not 0 <= said.get("control_percent", 0) <= 50:
        yield FieldError("/control_percent", "range", _("From 0 to 50."))
    yield from forbidden(said)


def _of_time(said: Mapping[str, Any]) -> Iterator[FieldError]:
    for name in ("starts_at", "ends_at"):
        if name in said and said[name].microsecond:
            yield FieldError(f"/{name}", "whole_seconds", _("A campaign begins and ends on a whole second."))
    if "starts_at" in said and "ends_at" in said:
        yield from _of_period(said["starts_at"], said["ends_at"], said.get("rrule", ""))


def _of_period(start: datetime, end: datetime, rrule: str) -> Iterator[FieldError]:
    if end <= start:
        yield FieldError("/ends_at", "ends_before_start", _("Must be later than the start."))
    elif end - start > LONGEST:
        yield FieldError("/ends_at", "endless", _("A campaign ends within five years."))
    elif rrule:
        try:
            found = spans(start, end, rrule, current_brand().tz)
            wrong = contradicts_itself(rrule_parts(rrule))
        except ScheduleError as error:
            yield FieldError("/rrule", error.code, _SCHEDULE.get(error.code, error.detail))
        else:
            if not found and wrong in (None, "invalid"):
                yield FieldError("/rrule", "never", _("None of these days lies within the campaign."))
            elif wrong is not None:
                yield FieldError("/rrule", wrong, RRULE_FAULTS[wrong])


def _of_rules(codes: Sequence[str], own: Campaign | None) -> Iterator[FieldError]:
    """A rule that gives already cannot be put into a campaign: it would stop giving at once."""
    if len(codes) > MOST_RULES:
        yield FieldError("/rules", "too_many", _("At most 20 rules."))
        return
    known = {rule.code: rule for rule in Rule.objects.filter(code__in=codes)}
    elsewhere = CampaignRule.objects.filter(rule__code__in=codes)
    taken = dict(elsewhere.values_list("rule__code", "campaign_id"))
    for number, code in enumerate(codes):
        rule, pointer = known.get(code), f"/rules/{number}"
        if codes.index(code) != number:
            yield FieldError(pointer, "repeated", _("This rule is named twice."))
        elif rule is None:
            yield FieldError(pointer, "unknown_rule", _("There is no earning rule of this code."))
        elif code in taken:
            if own is None or taken[code] != own.pk:
                yield FieldError(pointer, "rule_taken", _("This rule belongs to another campaign."))
        elif rule.status == Rule.Status.RETIRED:
            yield FieldError(pointer, "rule_retired", _("This rule is retired."))
        elif rule.status == Rule.Status.PUBLISHED:
            detail = _("This rule runs already; copy it, and put the copy into the campaign.")
            yield FieldError(pointer, "rule_runs", detail)
