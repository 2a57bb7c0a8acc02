"""``/orders/batch``: many lines in one call, taken afterwards (``/jobs``)."""

from __future__ import annotations

from typing import Any, ClassVar, Final

from django.utils import translation
from drf_spectacular.utils import OpenApiExample, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from loyalty.lib import clock
from loyalty.lib.api import ApiView
from partners import services
from partners.api import orderdocs as docs
from partners.api.jobs import JOB, QUEUED_EXAMPLE, job_json
from partners.ndjson import NdjsonParser, Upload

SCOPE: Final = "orders:write"
NDJSON: Final = "application/x-ndjson"
LINES_EXAMPLE: Final = (
    '{"type": "order", "order_id": "S01-1", "member": {"external_id": "C123"}, '
    '"ordered_at": "2026-11-22T10:15:00+08:00", "currency": "CNY", '
    '"lines": [{"quantity": "2", "unit_price": "19.90"}]}\n'
    '{"type": "return", "order_id": "S01-1", "return_id": "R-1", "all": true}\n'
)


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
