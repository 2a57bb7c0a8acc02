"""Tables as answers to a request: files to be saved."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from django.http import FileResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase

from loyalty.analytics import errors
from loyalty.analytics.exports import entries, files, sheets
from loyalty.analytics.finance.months import Month
from tenants.context import current_brand


def report(
    name: str, content: Mapping[str, Any], wanted: str, stem: str, words: Mapping[str, Any] | None = None
) -> HttpResponseBase:
    """A report as a file: `wanted` is csv or xlsx. With `words`, headings and keys are put into them."""
    known = _said(words)
    sheet = sheets.OF_REPORT[name](content)
    if wanted == "csv":
        return csv(sheets.spoken(sheets.flat(sheet), known), stem)
    parts = (
        (known.get(section, section), sheets.spoken([sheet.columns, *rows], known))
        for section, rows in sheet.sections
    )
    return xlsx(parts, stem)


def of_month(month: Month, wanted: str, words: Mapping[str, Any] | None = None) -> HttpResponseBase:
    """All entries of a month as csv or xlsx; with `words`, their headings are put into them.

    Raises TooManyRows where they do not fit into a worksheet.
    """
    brand = current_brand()
    start, end = month.starts_at(brand.tz), month.ends_at(brand.tz)
    if wanted != "csv" and entries.count(start=start, end=end) > files.MOST_ROWS:
        raise errors.TooManyRows
    rows = entries.rows(brand, start=start, end=end)
    named = _headed(rows, _said(words))
    if wanted == "csv":
        return csv(named, f"entries-{month}")
    return xlsx([("entries", named)], f"entries-{month}")


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


def _headed(rows: Iterable[Sequence[Any]], words: Mapping[str, str]) -> Iterable[Sequence[Any]]:
    rest = iter(rows)
    # Only the heading: a rule may be called like one of our words.
    yield [words.get(name, name) for name in next(rest)]
    yield from rest
