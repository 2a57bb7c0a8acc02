"""Pages about campaigns beside the tables' own: calendar, results, and the programme's budget."""

from django.contrib import admin
from django.urls import URLPattern, path

from loyalty.console.campaignpages.calendar import calendar
from loyalty.console.campaignpages.programme import programme_budget
from loyalty.console.campaignpages.results import results


def urls(site: admin.AdminSite) -> list[URLPattern]:
    """The routes of these pages on a console."""
    return [
        path("campaigns/calendar/", site.admin_view(calendar), name="campaign_calendar"),
        path("campaigns/results/<uuid:campaign_id>/", site.admin_view(results), name="campaign_results"),
        path("programme-budget/", site.admin_view(programme_budget), name="programme_budget"),
    ]
