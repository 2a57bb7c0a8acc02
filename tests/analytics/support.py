"""Short hands for finance's tests: a story with exact numbers, and reports as plain mappings."""

import csv
import io
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from openpyxl import load_workbook

from loyalty.lib import clock, ids
from points import services as points
from points.models import Entry
from points.postings import ClawbackItem, Posting
from tests.support.brands import ANNA, BORIS, CHEN

SHANGHAI = ZoneInfo("Asia/Shanghai")


def local(*when: int) -> datetime:
    """An instant in the brand's local time."""
    return datetime(*when, tzinfo=SHANGHAI).astimezone(UTC)  # type: ignore[arg-type]


def earn(member_id: Any, amount: int, reference: str, *, now: datetime, **more: Any) -> Any:
    """An order's accrual; `cost_centre`, `effective_at`, `expires_at`, `currency` … as Posting has them."""
    posting = Posting("accrual", amount, 1, "issuance", "order", reference, "base", 1, **more)
    return points.post(member_id=member_id, journal_id=ids.new(), entries=[posting], now=now)


def story() -> None:
    """Three months of one brand: every operation, two currencies, a late order, a debt.

    August:    Anna +1000 (marketing, until 31 October), Boris +500 (never), Chen +300 stars.
    September: Anna burns 200; Anna gives Boris 100; Boris adjusted −50 and +30; Chen burns 100 stars;
               Boris earns 400, spends 900, and the 400 are taken back: 320 of it is debt.
    October:   Anna's burn is reversed by 80; an order of August comes late (Chen +70);
               Boris earns 120, which repays debt; Anna +9 at the last second, +1007 a second later.
    November:  what is left of Anna's August lot expires: 780 at midnight of the first.
    """
    ends = local(2026, 11, 1)
    earn(ANNA, 1000, "a-1", now=local(2026, 8, 3), cost_centre="marketing", expires_at=ends)
    earn(BORIS, 500, "b-1", now=local(2026, 8, 4))
    earn(CHEN, 300, "c-1", now=local(2026, 8, 5), currency="stars")

    points.burn(member_id=ANNA, points=200, reference="till-1", now=local(2026, 9, 1, 0, 0, 0))
    points.transfer(
        from_member_id=ANNA, to_member_id=BORIS, points=100, reference="t-1", now=local(2026, 9, 2)
    )
    adjust = {"reason": "counted again", "actor": "test"}
    points.adjust(member_id=BORIS, points=-50, reference="x-1", now=local(2026, 9, 3), **adjust)
    points.adjust(member_id=BORIS, points=30, reference="x-2", now=local(2026, 9, 4), **adjust)
    points.burn(member_id=CHEN, points=100, reference="till-2", currency="stars", now=local(2026, 9, 5))
    given = earn(BORIS, 400, "b-2", now=local(2026, 9, 6))
    points.burn(member_id=BORIS, points=900, reference="till-3", now=local(2026, 9, 7))
    points.clawback(
        member_id=BORIS,
        journal_id=ids.new(),
        items=[ClawbackItem(given.entries[0].entry_id, 400)],
        source="return",
        reference="r-1",
        now=local(2026, 9, 8),
    )

    burnt = Entry.objects.get(reference="till-1")
    points.reverse(entry_id=burnt.id, points=80, reference="undo-1", now=local(2026, 10, 1))
    earn(CHEN, 70, "c-2", now=local(2026, 10, 2), effective_at=local(2026, 8, 30))
    earn(BORIS, 120, "b-3", now=local(2026, 10, 3))
    earn(ANNA, 9, "a-2", now=local(2026, 11, 1) - timedelta(seconds=1))
    earn(ANNA, 1007, "a-3", now=local(2026, 11, 1))


def item(report: dict[str, Any], points_currency: str = "points") -> dict[str, Any]:
    """The part of a report that is about one points currency."""
    return next(each for each in report["items"] if each["points_currency"] == points_currency)


def lines(report: dict[str, Any], points_currency: str = "points") -> dict[str, int]:
    """The points of each line of a roll-forward that is not 0."""
    return {x["line"]: x["points"] for x in item(report, points_currency)["lines"] if x["points"]}


def parts(rows: list[dict[str, Any]], key: str) -> dict[str, int]:
    """Points by key, without zeros."""
    return {row[key]: row["points"] for row in rows if row["points"]}


def get(api: Any, path: str, *, at: datetime | None = None) -> Any:
    """A report through the API, with the clock at `at`."""
    if at is None:
        return api.get(path)
    with clock.frozen(at):
        return api.get(path)


def read_csv(answer: Any) -> list[dict[str, str]]:
    """The rows of a CSV answer, by their headings."""
    content = b"".join(answer.streaming_content)
    assert content.startswith(b"\xef\xbb\xbf")
    return list(csv.DictReader(io.StringIO(content.decode("utf-8-sig"), newline="")))


def read_xlsx(answer: Any) -> dict[str, list[tuple[Any, ...]]]:
    """The rows of each sheet of a workbook."""
    book = load_workbook(io.BytesIO(b"".join(answer.streaming_content)), read_only=True)
    return {sheet.title: list(sheet.iter_rows(values_only=True)) for sheet in book.worksheets}
