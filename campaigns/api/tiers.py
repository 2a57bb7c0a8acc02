"""``/tiers``: the programme. Its levels live in points, its multipliers are earning rules, so it is here."""

from __future__ import annotations

from typing import Any, ClassVar

from drf_spectacular.utils import OpenApiExample, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from campaigns.api.tiershapes import ANSWER, ASKED, JSON, PROGRAM, REPLACED
from campaigns.api.tiersubmissions import WAITING, TierSubmissionAnswer, tier_submission_json
from campaigns.services import tierprogram, tiersubmissions
from loyalty.lib import clock
from loyalty.lib.api import ApiView
from loyalty.lib.errors import NotFound
from points.services import tiers


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
        """The programme in force; 404 where the brand has none.

        Each multiplier is told as its rule `tier-<code>` has it, and as 1 where that rule was retired.
        """
        config = tiers.config()
        if config is None:
            raise NoProgram
        return Response(tierprogram.shown(config))

    @extend_schema(
        operation_id="tiers_replace",
        request={JSON: PROGRAM},
        responses={200: REPLACED, 202: TierSubmissionAnswer},
        examples=[
            OpenApiExample("Two levels", ASKED, request_only=True),
            OpenApiExample("The programme", ANSWER, response_only=True, status_codes=["200"]),
            OpenApiExample("It waits", WAITING, response_only=True, status_codes=["202"]),
        ],
    )
    def put(self, request: Request) -> Any:
        """Put a programme in force at once. Each multiplier above 1 is the published rule `tier-<code>`.

        Members are judged by it with their next order, or within minutes. Where the brand's policy
        `rule_approval` asks for a second operator it is submitted instead (202). `warnings` name rules in
        force that ask for a tier which is no more.
        """
        now = clock.now()
        config = tierprogram.checked(request.data)

        def work() -> Response:
            waiting = tiersubmissions.publish(config=config, actor=self.caller(), now=now, by_api=True)
            if waiting is not None:
                return Response(tier_submission_json(waiting), status=202)
            odd = [
                {"pointer": each.pointer, "code": each.code, "detail": str(each.detail)}
                for each in tierprogram.orphans(now=now)
            ]
            return Response({**tierprogram.shown(config), **({"warnings": odd} if odd else {})})

        return self.once(work)
