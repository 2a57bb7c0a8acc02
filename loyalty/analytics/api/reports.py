"""`/reports/…`: what is owed, what moved in a month, what is never redeemed, what a point costs."""

from datetime import datetime
from typing import Any, ClassVar

from django.http.response import HttpResponseBase
from drf_spectacular.utils import extend_schema
from rest_framework.renderers import JSONRenderer
from rest_framework.response import Response

from loyalty.analytics import reports
from loyalty.analytics.api import bodies, formats, schemas
from loyalty.analytics.exports import answers
from loyalty.analytics.finance.months import Month
from loyalty.analytics.services import closing, unitcosts
from loyalty.lib import clock
from loyalty.lib.api import ApiView
from tenants.context import current_brand


class ReportView(ApiView):
    """A report as JSON, CSV or XLSX."""

    required_scopes: ClassVar = {"GET": "points:read"}
    renderer_classes = (JSONRenderer, formats.CsvChoice, formats.XlsxChoice)
    content_negotiation_class = formats.Negotiation

    def told(self, name: str, content: dict[str, Any], stem: str) -> Any:
        """The report in the format that was asked for."""
        wanted = self.request.accepted_renderer.format
        if wanted == "json":
            return Response(content)
        return answers.report(name, content, wanted, stem)


class LiabilityView(ReportView):
    """What is owed to members."""

    @extend_schema(
        operation_id="report_liability",
        parameters=[schemas.AT, schemas.FORMAT],
        responses={(200, "application/json"): schemas.Liability, **schemas.FILES},
        examples=schemas.LIABILITY_EXAMPLES,
    )
    def get(self, request: Any) -> Any:
        """Outstanding points as the books said at `at`, by age and by expiry, times their unit cost."""
        now = clock.now()
        at = self.query(bodies.AtQuery).get("at") or now
        content = reports.liability_at(at=at, now=now)
        return self.told("liability", content, f"liability-{stamp(at)}")


class BreakageView(ReportView):
    """What was never redeemed."""

    @extend_schema(
        operation_id="report_breakage",
        parameters=[schemas.AT, schemas.FORMAT],
        responses={(200, "application/json"): schemas.Breakage, **schemas.FILES},
        examples=schemas.BREAKAGE_EXAMPLES,
    )
    def get(self, request: Any) -> Any:
        """Expired points by month and by month of earning, and what will probably expire."""
        now = clock.now()
        at = self.query(bodies.AtQuery).get("at") or now
        content = reports.breakage_at(at=at, now=now)
        return self.told("breakage", content, f"breakage-{stamp(at)}")


class RollForwardView(ReportView):
    """From the month's opening to its closing."""

    @extend_schema(
        operation_id="report_roll_forward",
        parameters=[schemas.MONTH, schemas.FORMAT],
        responses={(200, "application/json"): schemas.RollForward, **schemas.FILES},
        examples=schemas.ROLL_FORWARD_EXAMPLES,
    )
    def get(self, request: Any) -> Any:
        """What moved the liability in a month, by what was recorded in it. A closed month stays as it was."""
        now = clock.now()
        month = month_asked(self.query(bodies.MonthQuery).get("month"))
        return self.told(
            "roll-forward", reports.roll_forward_of(month=month, now=now), f"roll-forward-{month}"
        )


class LockView(ApiView):
    """Closing a month."""

    required_scopes: ClassVar = {"POST": "points:write"}

    @extend_schema(
        operation_id="report_roll_forward_lock",
        request=bodies.LockBody,
        responses={201: schemas.RollForward, 200: schemas.RollForward},
        examples=schemas.LOCK_EXAMPLES,
    )
    def post(self, request: Any, month: str) -> Response:
        """Close a month: nothing more is recorded in it, and its reports stay as they are now.

        The month is the reference: repeating the call answers 200 with the first content. Raises
        MonthNotOver until an hour after its end.
        """
        self.body(bodies.LockBody)
        locked = closing.lock_month(month=reports.month_of(month), actor=self.caller(), now=clock.now())
        return Response(reports.kept(locked.close), status=201 if locked.created else 200)


class EntriesView(ApiView):
    """All entries of a month."""

    required_scopes: ClassVar = {"GET": "points:read"}
    renderer_classes = (formats.CsvChoice, formats.XlsxChoice)
    content_negotiation_class = formats.Negotiation

    @extend_schema(
        operation_id="report_entries",
        parameters=[schemas.MONTH_NEEDED, schemas.FILE_FORMAT],
        responses=schemas.FILES,
        examples=schemas.ENTRIES_EXAMPLES,
    )
    def get(self, request: Any) -> HttpResponseBase:
        """Every entry recorded in a month, oldest first, sent while it is read. Raises TooManyRows."""
        month = month_asked(self.query(bodies.EntriesQuery)["month"])
        return answers.of_month(month, request.accepted_renderer.format)


class UnitCostsView(ApiView):
    """What a point costs."""

    required_scopes: ClassVar = {"GET": "points:read", "POST": "points:write"}

    @extend_schema(
        operation_id="report_unit_costs_list",
        responses=schemas.UnitCostList,
        examples=schemas.UNIT_COSTS_EXAMPLES,
    )
    def get(self, request: Any) -> Response:
        """Every unit cost that was ever set. Without one the brand's setting `point_cost` holds."""
        return Response({"items": reports.unit_costs()})

    @extend_schema(
        operation_id="report_unit_costs_set",
        request=bodies.UnitCostBody,
        responses={201: schemas.UnitCost},
        examples=schemas.UNIT_COST_EXAMPLES,
    )
    def post(self, request: Any) -> Any:
        """Let a point cost something else from `valid_from` (default: now) on. Raises CostOfClosedMonth."""
        body = self.body(bodies.UnitCostBody)

        def work() -> Response:
            row = unitcosts.set_unit_cost(**body, actor=self.caller(), now=clock.now())
            return Response(reports.unit_cost(row), status=201)

        return self.once(work)


def month_asked(text: str | None) -> Month:
    """The month that was asked for, or the running one. Raises Invalid."""
    return reports.month_of(text) if text else Month.of(clock.now().astimezone(current_brand().tz))


def stamp(at: datetime) -> str:
    """An instant in the brand's time zone as a part of a file's name."""
    return f"{at.astimezone(current_brand().tz):%Y%m%d-%H%M%S}"
