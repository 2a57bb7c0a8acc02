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
from loyalty.lib.errors import FieldError, Invalid
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

    def fields(self) -> dict[str, Any]:
        """The columns of a campaign that it fills."""
        return {name: getattr(self, name) for name in self.__slots__ if name != "rules"}


def of(campaign: Campaign) -> Content:
    """What a campaign says now."""
    names = [name for name in Content.__slots__ if name != "rules"]
    rules = tuple(campaign.bound.order_by("rule__code").values_list("rule__code", flat=True))
    return Content(**{name: getattr(campaign, name) for name in names}, rules=rules)


def merged(campaign: Campaign, changes: Mapping[str, Any]) -> Content:
    """What it says with some fields changed."""
    return replace(of(campaign), **changes)


def check(content: Content, *, own: Campaign | None = None) -> None:
    """Raises Invalid with a pointer to every field that is wrong. `own` is the campaign that is changed."""
    errors = [
        *_of_texts(content),
        *_of_time(content),
        *_of_rules(content.rules, own),
        *exchange.faults(content.kind, content.discount),
    ]
    if errors:
        raise Invalid(errors)


def forbidden(content: Content) -> Iterator[FieldError]:
    """Faults of what members read that law does not allow."""
    for name, said in (("name", content.name), ("announcement", content.announcement)):
        for language, text in said.items():
            yield from phrases.faults(f"/{name}/{language}", text)


def _of_texts(content: Content) -> Iterator[FieldError]:
    if not CODE.match(content.code):
        yield FieldError("/code", "invalid", _("Lower-case letters, digits and hyphens, at most 60."))
    if not any(content.name.values()):
        yield FieldError("/name", "required", _("This field is required."))
    if not 0 <= content.control_percent <= 50:
        yield FieldError("/control_percent", "range", _("From 0 to 50."))
    yield from forbidden(content)


def _of_time(content: Content) -> Iterator[FieldError]:
    start, end = content.starts_at, content.ends_at
    for name, at in (("starts_at", start), ("ends_at", end)):
        if at.microsecond:
            yield FieldError(f"/{name}", "whole_seconds", _("A campaign begins and ends on a whole second."))
    if end <= start:
        yield FieldError("/ends_at", "ends_before_start", _("Must be later than the start."))
    elif end - start > LONGEST:
        yield FieldError("/ends_at", "endless", _("A campaign ends within five years."))
    elif content.rrule:
        try:
            found = spans(start, end, content.rrule, current_brand().tz)
            wrong = contradicts_itself(rrule_parts(content.rrule))
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
