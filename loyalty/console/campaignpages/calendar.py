"""The calendar of campaigns: a month, day by day, with what runs on each."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from typing import Final

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db.models import Q
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils.translation import gettext as _

from campaigns.engine.occurrences import Span, midnight
from campaigns.models import Campaign
from campaigns.services.campaigns.turning import spans_of
from loyalty.analytics.finance.months import Month
from loyalty.console.menus import may_see
from loyalty.lib import clock
from tenants.context import current_brand

MOST: Final = 300
DAY: Final = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Item:
    """A campaign on a day, with the time at which it begins or ends on it where that is not midnight; whether
    it ran the day before, and runs on the next."""

    campaign: Campaign
    begins: str = ""
    ends: str = ""
    goes_on: bool = False
    unfinished: bool = False


@dataclass(slots=True)
class Day:
    """A day of the calendar."""

    day: date
    inside: bool
    today: bool
    items: list[Item] = field(default_factory=list)


def calendar(request: HttpRequest) -> HttpResponse:
    """A month of campaigns; `?month=2026-11`, else the month at hand."""
    if not may_see("campaigns.campaign")(request):
        raise PermissionDenied
    today = clock.now().astimezone(current_brand().tz).date()
    month = Month.parse(request.GET.get("month", "")) or Month.of(today)
    weeks = weeks_of(month, today)
    context = {
        **admin.site.each_context(request),
        "title": _("Campaign calendar"),
        "month": month,
        "first": month.first,
        "before": month.plus(-1),
        "after": month.plus(1),
        "this_month": Month.of(today),
        "weeks": weeks,
        "weekdays": [day.day for day in weeks[0]],
        "nothing": not any(day.items for week in weeks for day in week if day.inside),
        "may_add": request.user.has_perm("campaigns.add_campaign"),
        "zone": str(current_brand().tz),
    }
    return TemplateResponse(request, "console/campaigns/calendar.html", context)


def weeks_of(month: Month, today: date) -> list[list[Day]]:
    """The weeks, from Monday on, that the month lies in, with what runs on each day."""
    first = month.first - timedelta(days=month.first.weekday())
    last = month.plus(1).first - DAY
    last += timedelta(days=6 - last.weekday())
    count = (last - first).days + 1
    days = {
        day: Day(day, Month.of(day) == month, day == today)
        for day in (first + timedelta(days=n) for n in range(count))
    }
    tz = current_brand().tz
    begins, ends = midnight(first, tz), midnight(last + DAY, tz)
    for campaign in _within(begins, ends):
        for span in _really(campaign):
            if span.start < ends and span.end > begins:
                for day, item in _items(campaign, span, first, last):
                    days[day].items.append(item)
    flat = list(days.values())
    return [flat[n : n + 7] for n in range(0, count, 7)]


def _within(begins: datetime, ends: datetime) -> list[Campaign]:
    found = Campaign.objects.filter(starts_at__lt=ends).filter(
        Q(ended_at__isnull=True, ends_at__gt=begins) | Q(ended_at__gt=begins)
    )
    return list(found.order_by("starts_at", "code")[:MOST])


def _really(campaign: Campaign) -> Iterator[Span]:
    """When it runs, up to its real end."""
    for span in spans_of(campaign):
        end = span.end if campaign.ended_at is None else min(span.end, campaign.ended_at)
        if end > span.start:
            yield Span(span.start, end)


def _items(campaign: Campaign, span: Span, first: date, last: date) -> Iterator[tuple[date, Item]]:
    """The span on each of its days from `first` to `last`."""
    tz = current_brand().tz
    start, end = span.start.astimezone(tz), span.end.astimezone(tz)
    # The last instant before the end says on which day it still ran.
    until = (span.end - timedelta(microseconds=1)).astimezone(tz).date()
    day = max(start.date(), first)
    while day <= min(until, last):
        begins = _clock(start) if day == start.date() and start.time() != time.min else ""
        ends = _clock(end) if day == until and end.time() != time.min else ""
        yield day, Item(campaign, begins, ends, day > start.date(), day < until)
        day += DAY


def _clock(at: datetime) -> str:
    return at.strftime("%H:%M:%S" if at.second else "%H:%M")
