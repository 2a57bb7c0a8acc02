"""In which format a report is wanted: `?format=json|csv|xlsx` first, else the `Accept` header.

DRF answers an unknown `?format=` with 404, as if there were no report; here it is a wrong parameter like any
other. Files are written by the view itself, piece by piece; their renderers only take part in the choice, and
write problems, which are JSON whatever was asked for.
"""

from collections.abc import Iterable
from typing import Any, Final

from rest_framework.negotiation import DefaultContentNegotiation
from rest_framework.renderers import BaseRenderer, JSONRenderer

from loyalty.analytics.exports import files

FORMATS: Final = ("json", "csv", "xlsx")


class CsvChoice(JSONRenderer):
    """Stands for CSV."""

    media_type = "text/csv"
    format = "csv"


class XlsxChoice(JSONRenderer):
    """Stands for XLSX."""

    media_type = files.XLSX
    format = "xlsx"


class Negotiation(DefaultContentNegotiation):
    """Takes `?format=` where it names one of the view's formats."""

    def select_renderer(
        self, request: Any, renderers: Iterable[BaseRenderer], format_suffix: str | None = None
    ) -> tuple[BaseRenderer, str]:
        """The renderer and its media type. Raises NotAcceptable."""
        asked = request.query_params.get("format")
        if asked is None:
            chosen: tuple[BaseRenderer, str] = super().select_renderer(request, renderers)
            return chosen
        # A name that is none of theirs is refused by the view's query.
        known = list(renderers)
        found = next((renderer for renderer in known if renderer.format == asked), known[0])
        return found, str(found.media_type)
