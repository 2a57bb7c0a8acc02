"""``/tiers``: the programme. Its levels live in points, its multipliers are earning rules, so it is here."""

from __future__ import annotations

from typing import Any, ClassVar, Final

from drf_spectacular.utils import OpenApiExample, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from campaigns.services import tierprogram
from loyalty.lib import clock
from loyalty.lib.api import ApiView
from loyalty.lib.errors import NotFound
from points import tiers as programs
from points.services import tierconfig, tiers

_LOCAL: Final[dict[str, Any]] = {"type": "object", "additionalProperties": {"type": "string"}}
_NUMBER: Final[dict[str, Any]] = {"type": ["string", "number"]}
PROGRAM: Final[dict[str, Any]] = {
    "type": "object",
    "required": ["qualify_by", "period", "levels"],
    "additionalProperties": False,
    "properties": {
        "qualify_by": {"enum": list(programs.QUALIFY_BY)},
        "period": {
            "type": "object",
            "required": ["type"],
            "properties": {
                "type": {"enum": list(programs.PERIODS)},
                "months": {"type": "integer", "minimum": 1, "maximum": tierconfig.MAX_MONTHS},
            },
            "additionalProperties": False,
        },
        "downgrade": {"enum": list(programs.DOWNGRADES), "default": "one_step"},
        "grace_days": {
            "type": "integer",
            "minimum": 0,
            "maximum": tierconfig.MAX_GRACE_DAYS,
            "default": 0,
            "description": "A tier that was not earned anew is kept for so many days after its period.",
        },
        "on_return": {
            "enum": list(programs.ON_RETURN),
            "default": "at_once",
            "description": "When a return lowers the tier.",
        },
        "levels": {
            "type": "array",
            "minItems": 1,
            "maxItems": tierconfig.MAX_LEVELS,
            "description": "From the lowest, which begins at 0, upwards.",
            "items": {
                "type": "object",
                "required": ["code", "threshold"],
                "additionalProperties": False,
                "properties": {
                    "code": {"type": "string", "pattern": "^[a-z0-9][a-z0-9-]{0,31}$"},
                    "name": _LOCAL,
                    "threshold": {**_NUMBER, "description": "Points, local days with an order, or money."},
                    "multiplier": {**_NUMBER, "default": "1", "description": "Of the base points; 1 to 100."},
                },
            },
        },
    },
}
ASKED: Final[dict[str, Any]] = {
    "qualify_by": "points",
    "period": {"type": "rolling_months", "months": 12},
    "downgrade": "one_step",
    "grace_days": 30,
    "levels": [
        {"code": "silver", "name": {"zh-hans": "银卡", "en": "Silver"}, "threshold": 0, "multiplier": "1"},
        {"code": "gold", "name": {"zh-hans": "金卡", "en": "Gold"}, "threshold": 5000, "multiplier": "1.2"},
    ],
}
ANSWER: Final[dict[str, Any]] = {**ASKED, "on_return": "at_once"}
JSON: Final = "application/json"


class NoProgram(NotFound):
    """The brand has no tier programme yet; put one."""


class Tiers(ApiView):
    """The brand's tier programme."""

    required_scopes: ClassVar = {"GET": "points:read", "PUT": "rules:write"}

    @extend_schema(
        operation_id="tiers_retrieve",
        responses={200: PROGRAM},
        examples=[OpenApiExample("The programme", ANSWER, response_only=True)],
    )
    def get(self, request: Request) -> Response:
        """The programme in force; 404 where the brand has none."""
        config = tiers.config()
        if config is None:
            raise NoProgram
        return Response(tierconfig.shown(config))

    @extend_schema(
        operation_id="tiers_replace",
        request={JSON: PROGRAM},
        responses={200: PROGRAM},
        examples=[
            OpenApiExample("Two levels", ASKED, request_only=True),
            OpenApiExample("The programme", ANSWER, response_only=True),
        ],
    )
    def put(self, request: Request) -> Any:
        """Put a programme in force at once. Each multiplier above 1 is the published rule `tier-<code>`.

        Members are judged by it with their next order, or within minutes.
        """
        now = clock.now()
        config = tierconfig.checked(request.data)

        def work() -> Response:
            tierprogram.put_in_force(config=config, actor=self.caller(), now=now)
            return Response(tierconfig.shown(config))

        return self.once(work)
