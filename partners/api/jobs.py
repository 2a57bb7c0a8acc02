"""``/jobs``: how far long work has come, what came of it, and stopping it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Final
from uuid import UUID

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from campaigns.services import simulation
from loyalty.lib import clock, fields, instants, pagination, scopes
from loyalty.lib.api import ApiView, StrictSerializer
from loyalty.outbox import jobs
from loyalty.outbox.models import Job
from partners import selectors
from partners.api import orderdocs as docs
from partners.api import simulationdocs
from partners.models import BatchLine
from partners.services import batches

# Who may ask for a job may look at it and stop it.
SCOPES: Final[Mapping[str, str]] = {batches.KIND: "orders:write", simulation.KIND: simulation.SCOPE}
ANY: Final = "|".join(SCOPES.values())
JOB: Final[dict[str, Any]] = {
    "type": "object",
    "required": ["job_id", "kind", "status", "done", "total", "counts", "errors_url"],
    "properties": {
        "job_id": {"type": "string", "format": "uuid"},
        "kind": {"type": "string"},
        "status": {"type": "string", "enum": list(Job.Status.values)},
        "done": {"type": "integer", "description": "Lines taken or refused, or orders simulated, so far."},
        "total": {"type": "integer"},
        "counts": {
            "type": "object",
            "additionalProperties": {"type": "integer"},
            "description": "Lines by outcome: recorded, returned, parked, repeated (known before), failed; "
            "of a simulation, orders judged.",
        },
        "errors_url": {"type": "string"},
        "result_url": {
            "type": ["string", "null"],
            "description": "What a simulation found.",
        },
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
    "result_url": None,
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


class Nothing(StrictSerializer):
    """A body without fields."""


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
        "result_url": f"/api/v1/jobs/{job.pk}/result" if job.kind == simulation.KIND else None,
        "problem": job.problem or None,
        "created_at": instants.text(job.created_at),
        "started_at": instants.text(job.started_at) if job.started_at else None,
        "finished_at": instants.text(job.finished_at) if job.finished_at else None,
    }


def seen_by(request: Request, job_id: UUID) -> Job:
    """The job, if the caller's key may ask for such jobs. Raises NotFound, ScopeMissing."""
    job = jobs.find(job_id)
    scopes.demand(request, SCOPES[job.kind])
    return job


class JobState(ApiView):
    """One job."""

    required_scopes: ClassVar = {"GET": ANY}

    @extend_schema(
        operation_id="jobs_retrieve",
        responses={200: JOB},
        examples=[docs.answered(JOB_EXAMPLE)],
    )
    def get(self, request: Request, job_id: UUID) -> Response:
        """How far a job has come. `succeeded`: all of it was done, and `counts` says how each step ended.

        A key needs the scope with which such jobs are asked for: `orders:write` for batches, `rules:write`
        for simulations.
        """
        return Response(job_json(seen_by(request, job_id)))


class Cancel(ApiView):
    """Stopping a job."""

    required_scopes: ClassVar = {"POST": ANY}

    @extend_schema(
        operation_id="jobs_cancel",
        request=Nothing,
        responses={200: JOB},
        examples=[
            docs.asked({}),
            docs.answered(
                {**JOB_EXAMPLE, "status": "cancelled", "done": 1, "total": 3, "counts": {"recorded": 1}}
            ),
        ],
    )
    def post(self, request: Request, job_id: UUID) -> Any:
        """Stop a job: what it did stays done, nothing more of it is begun. Repeating it changes nothing.

        409 `job_over` for a job that succeeded or failed before.
        """
        self.body(Nothing)
        seen_by(request, job_id)
        now = clock.now()
        return self.once(lambda: Response(job_json(jobs.cancel(job_id=job_id, now=now))))


class Result(ApiView):
    """What a job found out."""

    required_scopes: ClassVar = {"GET": ANY}

    @extend_schema(
        operation_id="jobs_result",
        responses={200: simulationdocs.RESULT},
        examples=[docs.answered(simulationdocs.EXAMPLE)],
    )
    def get(self, request: Request, job_id: UUID) -> Response:
        """The outcome of a simulation that succeeded; else 409 `no_result`.

        `today` are the published rules as they stood when it ran, `draft` the same with the drafts in them,
        `difference` is draft minus today. Points are of the currency `points`, in `by_rule` of the
        rule's own; costs are of all currencies.
        """
        job = seen_by(request, job_id)
        found = jobs.result(job.pk)
        return Response({"job_id": str(job.pk), **simulation.in_words(found)})


class ErrorsQuery(StrictSerializer):
    """Which page."""

    cursor = fields.Text(required=False, allow_blank=True)
    limit = fields.Text(required=False, allow_blank=True)


class JobErrors(ApiView):
    """The lines of a job that could not be taken."""

    required_scopes: ClassVar = {"GET": ANY}

    @extend_schema(
        operation_id="jobs_errors",
        parameters=[OpenApiParameter("cursor", str), OpenApiParameter("limit", int)],
        responses={200: ERRORS},
        examples=[docs.answered(ERRORS_EXAMPLE)],
    )
    def get(self, request: Request, job_id: UUID) -> Response:
        """List the refused lines in the order of the file, each with its problem details."""
        self.query(ErrorsQuery)
        found = selectors.refused_lines(seen_by(request, job_id))

        def render(line: BatchLine) -> dict[str, Any]:
            return {"line": line.line, "reference": line.reference, "problem": line.problem}

        return Response(pagination.page(found, request, render, order=("line",)))
