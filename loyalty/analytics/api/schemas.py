"""What finance's calls answer, for the OpenAPI document, with an example of each request and answer."""

from typing import Any, Final

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiExample, OpenApiParameter
from rest_framework import serializers

from loyalty.analytics.exports.files import XLSX


class Worth(serializers.Serializer[Any]):
    points = serializers.IntegerField()
    amount = serializers.CharField()


class ByAge(Worth):
    days = serializers.CharField()


class ByMonth(Worth):
    month = serializers.CharField(help_text="`2026-12`; also `due`, `inactivity` or `never` for an expiry.")


class LiabilityItem(serializers.Serializer[Any]):
    points_currency = serializers.CharField()
    unit_cost = serializers.CharField()
    lots = serializers.IntegerField()
    outstanding = Worth()
    gross = Worth()
    available = Worth()
    pending = Worth()
    held = Worth()
    debt = Worth()
    by_age = ByAge(many=True)
    by_expiry = ByMonth(many=True)
    by_earned = ByMonth(many=True)


class Amount(serializers.Serializer[Any]):
    amount = serializers.CharField()


class Liability(serializers.Serializer[Any]):
    at = serializers.DateTimeField()
    time_zone = serializers.CharField()
    currency = serializers.CharField()
    items = LiabilityItem(many=True)
    total = Amount()


class Line(Worth):
    line = serializers.CharField()
    entries = serializers.IntegerField(required=False)
    late_points = serializers.IntegerField(required=False)
    late_amount = serializers.CharField(required=False)


class CostCentre(Worth):
    cost_centre = serializers.CharField(allow_blank=True)
    lines = Line(many=True)


class Late(Worth):
    effective_month = serializers.CharField()
    line = serializers.CharField()
    entries = serializers.IntegerField()


class Boundaries(serializers.Serializer[Any]):
    opening = serializers.CharField()
    closing = serializers.CharField()


class RollForwardItem(serializers.Serializer[Any]):
    points_currency = serializers.CharField()
    unit_cost = Boundaries()
    lines = Line(many=True)
    cost_centres = CostCentre(many=True)
    late = Late(many=True)


class RollForward(serializers.Serializer[Any]):
    month = serializers.CharField()
    starts_at = serializers.DateTimeField()
    ends_at = serializers.DateTimeField()
    time_zone = serializers.CharField()
    currency = serializers.CharField()
    status = serializers.ChoiceField(choices=["running", "over", "locked"])
    locked_at = serializers.DateTimeField(allow_null=True)
    locked_by = serializers.CharField(allow_null=True)
    digest = serializers.CharField(allow_null=True)
    differences = serializers.ListField(child=serializers.CharField())
    items = RollForwardItem(many=True)
    total = Boundaries()


class BreakageMonth(serializers.Serializer[Any]):
    month = serializers.CharField()
    redeemed = serializers.IntegerField()
    expired = serializers.IntegerField()
    amount = serializers.CharField()
    rate = serializers.CharField(allow_null=True)


class Cohort(serializers.Serializer[Any]):
    month = serializers.CharField()
    earned = serializers.IntegerField()
    redeemed = serializers.IntegerField()
    expired = serializers.IntegerField()
    taken_back = serializers.IntegerField()
    adjusted = serializers.IntegerField()
    outstanding = serializers.IntegerField()
    rate = serializers.CharField(allow_null=True)


class ExpectedByMonth(serializers.Serializer[Any]):
    month = serializers.CharField()
    points = serializers.IntegerField()
    expected = serializers.IntegerField()


class Forecast(serializers.Serializer[Any]):
    dated = Worth()
    undated = Worth()
    expected = Worth(allow_null=True)
    rate = serializers.CharField(allow_null=True)
    by_expiry = ExpectedByMonth(many=True)


class BreakageItem(serializers.Serializer[Any]):
    points_currency = serializers.CharField()
    unit_cost = serializers.CharField()
    months = BreakageMonth(many=True)
    cohorts = Cohort(many=True)
    forecast = Forecast()


class Breakage(serializers.Serializer[Any]):
    at = serializers.DateTimeField()
    time_zone = serializers.CharField()
    currency = serializers.CharField()
    method = serializers.CharField()
    items = BreakageItem(many=True)


class UnitCost(serializers.Serializer[Any]):
    points_currency = serializers.CharField()
    cost = serializers.CharField()
    currency = serializers.CharField()
    valid_from = serializers.DateTimeField(allow_null=True)
    set_at = serializers.DateTimeField()
    actor = serializers.CharField()


class UnitCostList(serializers.Serializer[Any]):
    items = UnitCost(many=True)


AT: Final = OpenApiParameter("at", OpenApiTypes.DATETIME, description="As the books said then; default: now.")
FORMAT: Final = OpenApiParameter(
    "format", str, enum=["json", "csv", "xlsx"], description="Before the Accept header."
)
FILE_FORMAT: Final = OpenApiParameter(
    "format", str, enum=["csv", "xlsx"], description="Before the Accept header."
)
MONTH: Final = OpenApiParameter(
    "month", OpenApiTypes.STR, description="`2026-10`, in the brand's time zone; default: the running month."
)
MONTH_NEEDED: Final = OpenApiParameter("month", OpenApiTypes.STR, required=True, description="`2026-10`.")
FILES: Final[dict[Any, Any]] = {
    (200, "text/csv"): OpenApiTypes.STR,
    (200, XLSX): OpenApiTypes.BINARY,
}

_WORTH: Final = {"points": 4300, "amount": "43.00"}
_NOTHING: Final = {"points": 0, "amount": "0.00"}
_LINE: Final = {"entries": 12, "late_points": 0, "late_amount": "0.00"}


def _example(value: Any, status: str = "200") -> OpenApiExample:
    return OpenApiExample(
        "Answer", value, response_only=True, status_codes=[status], media_type="application/json"
    )


LIABILITY_EXAMPLES: Final = [
    _example(
        {
            "at": "2026-10-31T15:59:59.999999Z",
            "time_zone": "Asia/Shanghai",
            "currency": "CNY",
            "items": [
                {
                    "points_currency": "points",
                    "unit_cost": "0.01",
                    "lots": 31,
                    "outstanding": {"points": 4250, "amount": "42.50"},
                    "gross": _WORTH,
                    "available": {"points": 4000, "amount": "40.00"},
                    "pending": {"points": 200, "amount": "2.00"},
                    "held": {"points": 100, "amount": "1.00"},
                    "debt": {"points": 50, "amount": "0.50"},
                    "by_age": [
                        {"days": "0-30", **_WORTH},
                        *({"days": band, **_NOTHING} for band in ("31-90", "91-180", "181-365", "366+")),
                    ],
                    "by_expiry": [{"month": "2027-10", **_WORTH}],
                    "by_earned": [{"month": "2026-10", **_WORTH}],
                }
            ],
            "total": {"amount": "42.50"},
        }
    )
]
_ROLL: Final = {
    "month": "2026-10",
    "starts_at": "2026-09-30T16:00:00Z",
    "ends_at": "2026-10-31T16:00:00Z",
    "time_zone": "Asia/Shanghai",
    "currency": "CNY",
    "status": "over",
    "locked_at": None,
    "locked_by": None,
    "digest": None,
    "differences": [],
    "items": [
        {
            "points_currency": "points",
            "unit_cost": {"opening": "0.01", "closing": "0.01"},
            "lines": [
                {"line": "opening", "points": 3000, "amount": "30.00"},
                {"line": "issued", "points": 1500, "amount": "15.00", **_LINE},
                {"line": "redeemed", "points": -250, "amount": "-2.50", **_LINE},
                {"line": "revaluation", "points": 0, "amount": "0.00"},
                {"line": "closing", "points": 4250, "amount": "42.50"},
            ],
            "cost_centres": [
                {
                    "cost_centre": "marketing",
                    "points": 1500,
                    "amount": "15.00",
                    "lines": [{"line": "issued", "points": 1500, "amount": "15.00", **_LINE}],
                }
            ],
            "late": [],
        }
    ],
    "total": {"opening": "30.00", "closing": "42.50"},
}
_LOCKED: Final = {
    **_ROLL,
    "status": "locked",
    "locked_at": "2026-11-02T01:00:00Z",
    "locked_by": "key:0199f3a2-8d1c-7c3e-9b1a-2f6d5c4b3a21",
    "digest": "9f" * 32,
}
ROLL_FORWARD_EXAMPLES: Final = [_example(_ROLL)]
LOCK_EXAMPLES: Final = [
    OpenApiExample("Request", {}, request_only=True),
    _example(_LOCKED, "201"),
    _example(_LOCKED),
]
BREAKAGE_EXAMPLES: Final = [
    _example(
        {
            "at": "2026-11-22T02:00:00Z",
            "time_zone": "Asia/Shanghai",
            "currency": "CNY",
            "method": "product_limit",
            "items": [
                {
                    "points_currency": "points",
                    "unit_cost": "0.01",
                    "months": [
                        {
                            "month": "2026-10",
                            "redeemed": 250,
                            "expired": 100,
                            "amount": "1.00",
                            "rate": "0.2857",
                        }
                    ],
                    "cohorts": [
                        {
                            "month": "2026-09",
                            "earned": 3000,
                            "redeemed": 250,
                            "expired": 100,
                            "taken_back": 0,
                            "adjusted": 0,
                            "outstanding": 2650,
                            "rate": "0.0333",
                        }
                    ],
                    "forecast": {
                        "dated": {"points": 2650, "amount": "26.50"},
                        "undated": _NOTHING,
                        "expected": {"points": 1200, "amount": "12.00"},
                        "rate": "0.4528",
                        "by_expiry": [{"month": "2027-09", "points": 2650, "expected": 1200}],
                    },
                }
            ],
        }
    )
]
_COST: Final = {
    "points_currency": "points",
    "cost": "0.012",
    "currency": "CNY",
    "valid_from": "2026-11-22T02:00:00Z",
    "set_at": "2026-11-22T02:00:00Z",
    "actor": "key:0199f3a2-8d1c-7c3e-9b1a-2f6d5c4b3a21",
}
UNIT_COSTS_EXAMPLES: Final = [_example({"items": [_COST]})]
UNIT_COST_EXAMPLES: Final = [
    OpenApiExample("Request", {"points_currency": "points", "cost": "0.012"}, request_only=True),
    _example(_COST, "201"),
]
ENTRIES_EXAMPLES: Final = [
    OpenApiExample(
        "Answer",
        "recorded_at,effective_at,late,…\r\n2026-10-01T00:00:00+08:00,2026-09-30T21:10:00+08:00,yes,…\r\n",
        response_only=True,
        status_codes=["200"],
        media_type="text/csv",
    )
]
