"""Routes of this room."""

from django.urls import URLPattern, path

from loyalty.analytics.api import experiments, programme, reports

partner_urlpatterns: list[URLPattern] = [
    path("programme-budget", programme.ProgrammeView.as_view(), name="programme-budget"),
    path("reports/liability", reports.LiabilityView.as_view(), name="report-liability"),
    path("reports/roll-forward", reports.RollForwardView.as_view(), name="report-roll-forward"),
    path("reports/roll-forward/<str:month>/lock", reports.LockView.as_view(), name="report-lock"),
    path("reports/breakage", reports.BreakageView.as_view(), name="report-breakage"),
    path("reports/entries", reports.EntriesView.as_view(), name="report-entries"),
    path(
        "earning-rules/<str:code>/experiment",
        experiments.ExperimentView.as_view(),
        name="earning-rule-experiment",
    ),
    path("reports/unit-costs", reports.UnitCostsView.as_view(), name="report-unit-costs"),
]
member_urlpatterns: list[URLPattern] = []
