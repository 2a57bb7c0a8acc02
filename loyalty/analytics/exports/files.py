"""Tables as CSV, piece by piece, and as XLSX, by way of a temporary file; neither is ever whole in memory."""

import csv
import re
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from decimal import Decimal
from tempfile import TemporaryFile
from typing import IO, Any, Final
from zoneinfo import ZoneInfo

from openpyxl import Workbook
from openpyxl.cell.cell import ILLEGAL_CHARACTERS_RE

from loyalty.lib import money

CSV: Final = "text/csv; charset=utf-8"
XLSX: Final = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
MOST_ROWS: Final = 1_048_575
"""What a worksheet holds below its heading."""
_BOM: Final = "\ufeff"
_PIECE: Final = 1000
_LEADS: Final = re.compile(r"[\s\x00-\x1f'\"]*[=+\-@＝＋－＠|]")


def guarded(text: str) -> str:
    """The text so that no spreadsheet takes it for a formula."""
    return f"'{text}" if _LEADS.match(text) or text[:1] in ("\t", "\r", "\n") else text


def csv_pieces(rows: Iterable[Sequence[Any]], zone: ZoneInfo) -> Iterator[bytes]:
    """The rows as CSV in UTF-8, with the mark by which Excel knows that; some hundred rows a piece."""
    lines = _Lines()
    writer = csv.writer(lines, lineterminator="\r\n")
    lines.held.append(_BOM)
    for number, row in enumerate(rows, 1):
        writer.writerow([_csv_cell(cell, zone) for cell in row])
        if number % _PIECE == 0:
            yield lines.taken()
    yield lines.taken()


def xlsx_file(sheets: Iterable[tuple[str, Iterable[Sequence[Any]]]], zone: ZoneInfo) -> IO[bytes]:
    """A workbook as a file at its beginning. A sheet takes no more than MOST_ROWS rows below its heading."""
    book = Workbook(write_only=True)
    for name, rows in sheets:
        sheet = book.create_sheet(name[:31])
        sheet.freeze_panes = "A2"
        for row in rows:
            sheet.append([_xlsx_cell(cell, zone) for cell in row])
    file = TemporaryFile()  # noqa: SIM115  whoever sends it closes it
    book.save(file)
    file.seek(0)
    return file


class _Lines:
    """What csv.writer writes to: keeps the lines until they are taken."""

    def __init__(self) -> None:
        self.held: list[str] = []

    def write(self, line: str) -> int:
        self.held.append(line)
        return len(line)

    def taken(self) -> bytes:
        piece = "".join(self.held).encode()
        self.held.clear()
        return piece


def _csv_cell(cell: Any, zone: ZoneInfo) -> Any:
    if isinstance(cell, str):
        return guarded(cell)
    if isinstance(cell, datetime):
        return cell.astimezone(zone).isoformat()
    if isinstance(cell, Decimal):
        return money.plain(cell)
    return "" if cell is None else cell


def _xlsx_cell(cell: Any, zone: ZoneInfo) -> Any:
    if isinstance(cell, str):
        return guarded(ILLEGAL_CHARACTERS_RE.sub("\ufffd", cell))[:32_767]
    if isinstance(cell, datetime):
        # Excel knows no zones: the brand's local time. It has no microseconds either, and rounded would the
        # last one of a month be in the next.
        return cell.astimezone(zone).replace(tzinfo=None, microsecond=0)
    return cell
