"""``/earning-rules/simulate``: what drafts would have given for the recorded orders of a period."""

from __future__ import annotations

from typing import Any, ClassVar, Final

from drf_spectacular.utils import OpenApiExample, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from campaigns.services import simulation
from loyalty.lib import clock, instants
from loyalty.lib.api import ApiView
from loyalty.outbox.models import Job

JOB_ID: Final = "0199f3a2-8d1c-7a10-8c1d-1f2e3d4c5b6a"
BODY: Final[dict[str, Any]] = {
    "type": "object",
    "additionalProperties": False,
    "properties": {
        "rules": {
            "type": "array",
            "maxItems": simulation.MOST_RULES,
            "description": "Drafts, each in the place of the rule of its code. Empty: today's rules.",
            "items": {
                "oneOf": [
                    {"type": "object", "description": "A whole rule.", "additionalProperties": True},
                    {
                        "type": "object",
                        "description": "A saved rule: its draft, else what runs; or a published version.",
                        "required": ["code"],
                        "additionalProperties": False,
                        "properties": {"code": {"type": "string"}, "version": {"type": "integer"}},
                    },
                ]
            },
        },
        "retire": {
            "type": "array",
            "maxItems": simulation.MOST_RULES,
            "items": {"type": "string"},
            "description": "Codes of published rules to leave out.",
        },
        "from": {
            "type": "string",
            "format": "date-time",
            "description": "First instant of purchase; 30 days before the end where it is not given.",
        },
        "to": {
            "type": "string",
            "format": "date-time",
            "description": "End of the period, exclusive; now where it is not given.",
        },
        "filters": {
            "type": "object",
            "additionalProperties": False,
            "description": "Which orders are counted. The others still use up caps and make up the past.",
            "properties": {
                name: {"type": "array", "items": {"type": "string"}}
                for name in ("stores", "channels", "tiers")
            },
        },
    },
}
QUEUED: Final[dict[str, Any]] = {
    "type": "object",
    "required": ["job_id", "kind", "status", "total", "job_url", "result_url"],
    "properties": {
        "job_id": {"type": "string", "format": "uuid"},
        "kind": {"type": "string"},
        "status": {"type": "string"},
        "total": {"type": "integer", "description": "Orders of the period."},
        "job_url": {"type": "string"},
        "result_url": {"type": "string"},
        "created_at": {"type": "string", "format": "date-time"},
    },
}
EXAMPLE: Final[dict[str, Any]] = {
    "rules": [
        {
            "code": "weekend-fresh",
            "name": {"en": "Weekend triple on fresh food"},
            "trigger": "order.paid",
            "when": {"all": [{"fact": "line.category", "op": "in", "value": ["fresh"]}]},
            "schedule": {"rrule": "FREQ=WEEKLY;BYDAY=SA,SU"},
            "effect": {"type": "multiplier", "factor": "3"},
        },
        {"code": "member-day"},
    ],
    "retire": ["old-double"],
    "from": "2026-10-01T00:00:00+08:00",
    "to": "2026-11-01T00:00:00+08:00",
    "filters": {"stores": ["S01"], "channels": [], "tiers": ["gold"]},
}
ANSWER: Final[dict[str, Any]] = {
    "job_id": JOB_ID,
    "kind": simulation.KIND,
    "status": "queued",
    "total": 48210,
    "job_url": f"/api/v1/jobs/{JOB_ID}",
    "result_url": f"/api/v1/jobs/{JOB_ID}/result",
    "created_at": "2026-11-22T02:15:01Z",
}


class Simulate(ApiView):
    """Simulations."""

    required_scopes: ClassVar = {"POST": simulation.SCOPE}

    @extend_schema(
        operation_id="earning_rules_simulate",
        request={"application/json": BODY},
        responses={202: QUEUED},
        examples=[
            OpenApiExample("Two drafts, one of them saved", EXAMPLE, request_only=True),
            OpenApiExample("Today's rules over the last 30 days", {}, request_only=True),
            OpenApiExample("Queued", ANSWER, response_only=True, status_codes=["202"]),
        ],
    )
    def post(self, request: Request) -> Any:
        """Judge the recorded orders of a period by today's rules and with the drafts, and compare.

        Orders are judged as they were placed, returns not taken off, with the facts recorded with each. A
        fact that no rule asked for then follows from time and history as at the purchase, without what was
        returned; tags and segments are those of today. Caps start from zero with the period and, like what
        rounding carries, are kept in the order in which orders were processed. Tiers are those of then: what
        other points would have changed in them is not followed. The liability is what was given in the period
        and would not have run out at its end. Nothing is written but the job; its result is under
        `result_url`.
        """
        now = clock.now()
        scenario = simulation.parse(request.data, now=now)

        def work() -> Response:
            job = simulation.ask(scenario=scenario, asked_by=self.caller(), now=now)
            return Response(queued_json(job), status=202)

        return self.once(work)


def queued_json(job: Job) -> dict[str, Any]:
    """The answer to the call."""
    url = f"/api/v1/jobs/{job.pk}"
    return {
        "job_id": str(job.pk),
        "kind": job.kind,
        "status": job.status,
        "total": job.total,
        "job_url": url,
        "result_url": f"{url}/result",
        "created_at": instants.text(job.created_at),
    }
