"""``/earning-rules/{code}/experiment``: what a rule brings, beside the members whom it leaves out."""

from decimal import Decimal
from typing import Any, ClassVar, Final

from drf_spectacular.utils import OpenApiExample, OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.response import Response

from loyalty.analytics import experiments
from loyalty.analytics.experiments import METRICS, Difference, Experiment, Variant
from loyalty.lib import clock, fields, instants
from loyalty.lib.api import ApiView, StrictSerializer

PLACES: Final = Decimal("0.0001")
WHEN: Final = {"type": "string", "format": "date-time"}


class PeriodQuery(StrictSerializer):
    """The period; `from` by default when the version was published, `to` (exclusive) by default now."""

    to = fields.Instant(required=False)

    def get_fields(self) -> dict[str, Any]:
        """`from` is a word of the language."""
        return {**super().get_fields(), "from": fields.Instant(required=False)}


class PerMember(serializers.Serializer[Any]):
    orders = serializers.CharField()
    amount = serializers.CharField()
    points = serializers.CharField()
    cost = serializers.CharField()


class VariantShape(serializers.Serializer[Any]):
    variant = serializers.ChoiceField(choices=experiments.VARIANTS)
    members = serializers.IntegerField()
    buyers = serializers.IntegerField()
    orders = serializers.IntegerField()
    amount = serializers.CharField()
    points = serializers.IntegerField()
    cost = serializers.CharField()
    per_member = PerMember()


class DifferenceShape(serializers.Serializer[Any]):
    metric = serializers.ChoiceField(choices=METRICS)
    per_member = serializers.CharField(help_text="Treatment less control.")
    low = serializers.CharField(allow_null=True, help_text="The interval that holds it in 95 of 100 cases.")
    high = serializers.CharField(allow_null=True)


class ExperimentShape(serializers.Serializer[Any]):
    rule = serializers.CharField()
    version = serializers.IntegerField()
    rollout_percent = serializers.CharField()
    to = serializers.DateTimeField()
    currency = serializers.CharField()
    points_currency = serializers.CharField()
    variants = VariantShape(many=True)
    differences = DifferenceShape(many=True)

    def get_fields(self) -> dict[str, Any]:
        """`from` is a word of the language."""
        return {**super().get_fields(), "from": serializers.DateTimeField()}


_EXAMPLE: Final[dict[str, Any]] = {
    "rule": "weekend-fresh",
    "version": 2,
    "rollout_percent": "50",
    "from": "2026-11-01T00:00:00Z",
    "to": "2026-11-22T02:00:00Z",
    "currency": "CNY",
    "points_currency": "points",
    "variants": [
        {
            "variant": "treatment",
            "members": 5021,
            "buyers": 2210,
            "orders": 3105,
            "amount": "289311.40",
            "points": 120551,
            "cost": "1205.51",
            "per_member": {"orders": "0.6184", "amount": "57.6203", "points": "24.0094", "cost": "0.2401"},
        },
        {
            "variant": "control",
            "members": 4979,
            "buyers": 2044,
            "orders": 2810,
            "amount": "261200.10",
            "points": 0,
            "cost": "0.00",
            "per_member": {"orders": "0.5644", "amount": "52.4604", "points": "0.0000", "cost": "0.0000"},
        },
    ],
    "differences": [
        {"metric": "orders", "per_member": "0.0540", "low": "0.0113", "high": "0.0967"},
        {"metric": "amount", "per_member": "5.1599", "low": "0.8121", "high": "9.5077"},
        {"metric": "points", "per_member": "24.0094", "low": "22.9001", "high": "25.1187"},
        {"metric": "cost", "per_member": "0.2401", "low": "0.2290", "high": "0.2512"},
    ],
}


class ExperimentView(ApiView):
    """A rule's experiment."""

    required_scopes: ClassVar = {"GET": "rules:write"}

    @extend_schema(
        operation_id="earning_rule_experiment",
        parameters=[OpenApiParameter("from", WHEN), OpenApiParameter("to", WHEN)],
        responses={200: ExperimentShape},
        examples=[OpenApiExample("Half of the members", _EXAMPLE, response_only=True)],
    )
    def get(self, request: Any, code: str) -> Response:
        """What members of a rule's rollout bought and were given, beside those whom it leaves out.

        All active members of the rule's audience count, whether they bought or not; what came back is taken
        off. 409 `no_experiment` for a rule that was never published or runs for all.
        """
        asked = self.query(PeriodQuery)
        found = experiments.experiment_of(
            code=code, now=clock.now(), since=asked.get("from"), until=asked.get("to")
        )
        return Response(experiment_json(found))


def experiment_json(found: Experiment) -> dict[str, Any]:
    """An experiment as the API tells it."""
    return {
        "rule": found.code,
        "version": found.version,
        "rollout_percent": f"{found.rollout_percent.normalize():f}",
        "from": instants.text(found.since),
        "to": instants.text(found.until),
        "currency": found.currency,
        "points_currency": found.points_currency,
        "variants": [_variant(each) for each in found.variants],
        "differences": [_difference(metric, found.difference(metric)) for metric in METRICS],
    }


def _variant(variant: Variant) -> dict[str, Any]:
    return {
        "variant": variant.name,
        "members": variant.members,
        "buyers": variant.buyers,
        "orders": int(variant.sums["orders"]),
        "amount": f"{variant.sums['amount']:.2f}",
        "points": int(variant.sums["points"]),
        "cost": f"{variant.sums['cost']:.2f}",
        "per_member": {metric: _plain(variant.mean(metric)) for metric in METRICS},
    }


def _difference(metric: str, found: Difference) -> dict[str, Any]:
    low, high = (None if each is None else _plain(each) for each in (found.low, found.high))
    return {"metric": metric, "per_member": _plain(found.difference), "low": low, "high": high}


def _plain(value: Decimal) -> str:
    return f"{value.quantize(PLACES):f}"
