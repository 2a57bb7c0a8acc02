"""Tables as answers to a request: files to be saved."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from django.http import FileResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.utils.translation import gettext as _

from loyalty.analytics import errors
from loyalty.analytics.exports import entries, files, sheets
from loyalty.analytics.finance.months import Month
from points.models import Entry
from points.postings import DEFAULT_CURRENCY
from tenants.context import current_brand


def report(
    name: str, content: Mapping[str, Any], wanted: str, stem: str, words: Mapping[str, Any] | None = None
) -> HttpResponseBase:
    """A report as a file: `wanted` is csv or xlsx. With `words`, headings and keys are put into them."""
    known, own = _said(words), _own(words)
    sheet = sheets.OF_REPORT[name](content)
    if wanted == "csv":
        return csv(sheets.spoken(sheets.flat(sheet), known, own), stem)
    parts = (
        (known.get(section, section), sheets.spoken([sheet.columns, *rows], known, own))
        for section, rows in sheet.sections
    )
    return xlsx(parts, stem)


def of_month(month: Month, wanted: str, words: Mapping[str, Any] | None = None) -> HttpResponseBase:
    """All entries of a month as csv or xlsx; with `words`, headings and our own terms are put into them.

    Raises TooManyRows where they do not fit into a worksheet.
    """
    brand = current_brand()
    start, end = month.starts_at(brand.tz), month.ends_at(brand.tz)
    if wanted != "csv" and entries.count(start=start, end=end) > files.MOST_ROWS:
        raise errors.TooManyRows
    rows = entries.rows(brand, start=start, end=end)
    known = _said(words)
    named = sheets.spoken(rows, known, _own(words))
    if wanted == "csv":
        return csv(named, f"entries-{month}")
    return xlsx([(known.get("entries", "entries"), named)], f"entries-{month}")


def csv(rows: Iterable[Sequence[Any]], stem: str) -> HttpResponseBase:
    """Rows as CSV, sent while they are read."""
    answer = StreamingHttpResponse(files.csv_pieces(rows, current_brand().tz), content_type=files.CSV)
    answer["Content-Disposition"] = f'attachment; filename="{stem}.csv"'
    return answer


def xlsx(parts: Iterable[tuple[str, Iterable[Sequence[Any]]]], stem: str) -> HttpResponseBase:
    """A workbook with a sheet for each part."""
    file = files.xlsx_file(parts, current_brand().tz)
    return FileResponse(file, as_attachment=True, filename=f"{stem}.xlsx", content_type=files.XLSX)


def _said(words: Mapping[str, Any] | None) -> dict[str, str]:
    # Now: when the file is sent, the request's language is no longer active.
    return {key: str(word) for key, word in (words or {}).items()}


def _own(words: Mapping[str, Any] | None) -> dict[str, dict[str, str]]:
    """What the cells of single columns are called for people: points, kinds of entries, a tick."""
    if words is None:
        return {}
    return {
        "points_currency": {DEFAULT_CURRENCY: current_brand().points_label},
        "kind": {str(value): str(label) for value, label in Entry.Kind.choices},
        "late": {"yes": str(_("yes"))},
    }
