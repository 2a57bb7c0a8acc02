"""``/orders/batch`` and ``/jobs``: many lines in one call, taken afterwards, with progress."""

from __future__ import annotations

from typing import Any, ClassVar, Final
from uuid import UUID

from django.utils import translation
from drf_spectacular.utils import OpenApiExample, OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from loyalty.lib import clock, fields, instants, pagination
from loyalty.lib.api import ApiView, StrictSerializer
from loyalty.outbox.models import Job
from partners import selectors, services
from partners.api import orderdocs as docs
from partners.models import BatchLine
from partners.ndjson import NdjsonParser, Upload

SCOPE: Final = "orders:write"
NDJSON: Final = "application/x-ndjson"
JOB: Final[dict[str, Any]] = {
    "type": "object",
    "required": ["job_id", "kind", "status", "done", "total", "counts", "errors_url"],
    "properties": {
        "job_id": {"type": "string", "format": "uuid"},
        "kind": {"type": "string"},
        "status": {"type": "string", "enum": list(Job.Status.values)},
        "done": {"type": "integer", "description": "Lines taken or refused so far."},
        "total": {"type": "integer"},
        "counts": {
            "type": "object",
            "additionalProperties": {"type": "integer"},
            "description": "Lines by outcome: recorded, returned, parked, repeated (known before), failed.",
        },
        "errors_url": {"type": "string"},
        "problem": {"type": ["string", "null"], "description": "Why the job as a whole failed."},
        "created_at": {"type": "string", "format": "date-time"},
        "started_at": {"type": ["string", "null"], "format": "date-time"},
        "finished_at": {"type": ["string", "null"], "format": "date-time"},
    },
}
JOB_ID: Final = "0199f3a2-8d1c-7a10-8c1d-1f2e3d4c5b6a"
JOB_EXAMPLE: Final[dict[str, Any]] = {
    "job_id": JOB_ID,
    "kind": "orders.batch",
    "status": "succeeded",
    "done": 3,
    "total": 3,
    "counts": {"recorded": 1, "repeated": 1, "failed": 1},
    "errors_url": f"/api/v1/jobs/{JOB_ID}/errors",
    "problem": None,
    "created_at": "2026-11-22T02:15:01Z",
    "started_at": "2026-11-22T02:15:02Z",
    "finished_at": "2026-11-22T02:15:02Z",
}
QUEUED_EXAMPLE: Final[dict[str, Any]] = {
    **JOB_EXAMPLE,
    "status": "queued",
    "done": 0,
    "counts": {},
    "started_at": None,
    "finished_at": None,
}
ERRORS: Final[dict[str, Any]] = {
    "type": "object",
    "properties": {
        "items": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {
                    "line": {"type": "integer", "description": "In the file, from 1."},
                    "reference": {"type": "string", "description": "The order's or return's number."},
                    "problem": {"type": "object", "additionalProperties": True},
                },
            },
        },
        "next_cursor": {"type": ["string", "null"]},
    },
}
ERRORS_EXAMPLE: Final[dict[str, Any]] = {
    "items": [
        {
            "line": 2,
            "reference": "S01-20261122-0008",
            "problem": {
                "type": "urn:loyalty:problem:validation_failed",
                "title": "The input is not valid.",
                "status": 422,
                "detail": "/lines/0/quantity: Must be greater than 0.",
                "code": "validation_failed",
                "errors": [
                    {"pointer": "/lines/0/quantity", "code": "above", "detail": "Must be greater than 0."}
                ],
            },
        }
    ],
    "next_cursor": None,
}
LINES_EXAMPLE: Final = (
    '{"type": "order", "order_id": "S01-1", "member": {"external_id": "C123"}, '
    '"ordered_at": "2026-11-22T10:15:00+08:00", "currency": "CNY", '
    '"lines": [{"quantity": "2", "unit_price": "19.90"}]}\n'
    '{"type": "return", "order_id": "S01-1", "return_id": "R-1", "all": true}\n'
)


def job_json(job: Job) -> dict[str, Any]:
    """A job as callers see it."""
    return {
        "job_id": str(job.pk),
        "kind": job.kind,
        "status": job.status,
        "done": job.done,
        "total": job.total,
        "counts": job.counts,
        "errors_url": f"/api/v1/jobs/{job.pk}/errors",
        "problem": job.problem or None,
        "created_at": instants.text(job.created_at),
        "started_at": instants.text(job.started_at) if job.started_at else None,
        "finished_at": instants.text(job.finished_at) if job.finished_at else None,
    }


class Batch(ApiView):
    """Orders and returns, a line each."""

    required_scopes: ClassVar = {"POST": SCOPE}
    parser_classes = (NdjsonParser,)  # type: ignore[assignment]

    @extend_schema(
        operation_id="orders_batch",
        parameters=[docs.KEY],
        request={NDJSON: {"type": "string"}},
        responses={202: JOB},
        examples=[
            OpenApiExample("Lines", LINES_EXAMPLE, request_only=True, media_type=NDJSON),
            docs.answered(QUEUED_EXAMPLE, "Queued", "202"),
        ],
    )
    def post(self, request: Request) -> Any:
        """Hand in up to 100,000 lines of JSON, 512 MB at most: `"type": "order"` or `"return"` and its body.

        A return names its `order_id` in the line. The lines are kept before the answer and taken in the
        order of the file, as if they were posted one by one. A line that cannot be taken is listed under
        `errors_url` and loses nothing but itself; the same lines sent again change nothing.
        """
        now = clock.now()

        def work() -> Response:
            # Without any body the parser is not asked.
            lines = request.data.lines() if isinstance(request.data, Upload) else ()
            job = services.ask_for_batch(
                lines=lines,
                language=translation.get_language() or "en",
                asked_by=self.caller(),
                now=now,
            )
            return Response(job_json(job), status=202)

        return self.once(work)


class JobState(ApiView):
    """One job."""

    required_scopes: ClassVar = {"GET": SCOPE}

    @extend_schema(
        operation_id="jobs_retrieve",
        responses={200: JOB},
        examples=[docs.answered(JOB_EXAMPLE)],
    )
    def get(self, request: Request, job_id: UUID) -> Response:
        """How far a job has come. `succeeded`: every line was looked at, and `counts` says how each ended."""
        return Response(job_json(selectors.job(job_id)))


class ErrorsQuery(StrictSerializer):
    """Which page."""

    cursor = fields.Text(required=False, allow_blank=True)
    limit = fields.Text(required=False, allow_blank=True)


class JobErrors(ApiView):
    """The lines of a job that could not be taken."""

    required_scopes: ClassVar = {"GET": SCOPE}

    @extend_schema(
        operation_id="jobs_errors",
        parameters=[OpenApiParameter("cursor", str), OpenApiParameter("limit", int)],
        responses={200: ERRORS},
        examples=[docs.answered(ERRORS_EXAMPLE)],
    )
    def get(self, request: Request, job_id: UUID) -> Response:
        """List the refused lines in the order of the file, each with its problem details."""
        self.query(ErrorsQuery)
        found = selectors.refused_lines(selectors.job(job_id))

        def render(line: BatchLine) -> dict[str, Any]:
            return {"line": line.line, "reference": line.reference, "problem": line.problem}

        return Response(pagination.page(found, request, render, order=("line",)))
