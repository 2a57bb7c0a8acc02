"""The reports as flat tables: one row a figure, the same columns in CSV and XLSX.

A CSV file has all sections one below the other, told apart by its first column; a workbook has a sheet for
each.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

Cell = str | int | Decimal | None


@dataclass(frozen=True, slots=True)
class Sheet:
    """A report as a table. `sections` are names and rows; a row has a cell for each of `columns`."""

    name: str
    columns: Sequence[str]
    sections: Sequence[tuple[str, Sequence[Sequence[Cell]]]]


_LIABILITY: Final = ("points_currency", "line", "key", "points", "unit_cost", "amount", "currency")
_ROLL_FORWARD: Final = (
    "points_currency",
    "cost_centre",
    "line",
    "effective_month",
    "points",
    "amount",
    "currency",
    "entries",
    "late_points",
    "late_amount",
)
_BREAKAGE: Final = (
    "points_currency",
    "month",
    "earned",
    "redeemed",
    "expired",
    "taken_back",
    "adjusted",
    "outstanding",
    "expected",
    "rate",
    "amount",
    "currency",
)
_TOTALS: Final = ("outstanding", "gross", "available", "pending", "held", "debt")


def liability(report: Mapping[str, Any]) -> Sheet:
    """The liability: totals, by age, by expiry, by month of earning."""
    currency = report["currency"]

    def row(item: Mapping[str, Any], line: str, key: str, part: Mapping[str, Any]) -> list[Cell]:
        cost = Decimal(item["unit_cost"])
        return [item["points_currency"], line, key, part["points"], cost, Decimal(part["amount"]), currency]

    def parts(name: str, key: str) -> list[list[Cell]]:
        return [row(item, name, part[key], part) for item in report["items"] for part in item[name]]

    totals = [row(item, name, "", item[name]) for item in report["items"] for name in _TOTALS]
    return Sheet(
        "liability",
        _LIABILITY,
        [
            ("totals", totals),
            ("by_age", parts("by_age", "days")),
            ("by_expiry", parts("by_expiry", "month")),
            ("by_earned", parts("by_earned", "month")),
        ],
    )


def roll_forward(report: Mapping[str, Any]) -> Sheet:
    """The roll-forward: its lines, those of each cost centre, and what came late."""
    row = _filler(_ROLL_FORWARD, report["currency"])
    lines, centres, late = [], [], []
    for item in report["items"]:
        name = {"points_currency": item["points_currency"]}
        lines += [row({**name, **line}) for line in item["lines"]]
        for centre in item["cost_centres"]:
            inside = {**name, "cost_centre": centre["cost_centre"]}
            centres += [row({**inside, **line}) for line in centre["lines"]]
            total = {"line": "total", "points": centre["points"], "amount": centre["amount"]}
            centres.append(row({**inside, **total}))
        late += [row({**name, **line}) for line in item["late"]]
    return Sheet(
        "roll-forward", _ROLL_FORWARD, [("roll_forward", lines), ("cost_centres", centres), ("late", late)]
    )


def breakage(report: Mapping[str, Any]) -> Sheet:
    """Breakage: by month, by month of earning, and the forecast."""
    row = _filler(_BREAKAGE, report["currency"])
    months, cohorts, forecast = [], [], []
    for item in report["items"]:
        name = {"points_currency": item["points_currency"]}
        months += [row({**name, **part}) for part in item["months"]]
        cohorts += [row({**name, **part}) for part in item["cohorts"]]
        forecast += [
            row({**name, **part, "outstanding": part["points"]}) for part in item["forecast"]["by_expiry"]
        ]
    return Sheet("breakage", _BREAKAGE, [("months", months), ("cohorts", cohorts), ("forecast", forecast)])


OF_REPORT: Final[Mapping[str, Callable[[Mapping[str, Any]], Sheet]]] = {
    "liability": liability,
    "roll-forward": roll_forward,
    "breakage": breakage,
}
"""The table of each report, by the report's name in the API."""


def flat(sheet: Sheet) -> Iterator[Sequence[Cell]]:
    """All sections one below the other, with the column `section` before the others; the heading first."""
    yield ["section", *sheet.columns]
    for name, rows in sheet.sections:
        for row in rows:
            yield [name, *row]


def _filler(columns: Sequence[str], currency: str) -> Callable[[Mapping[str, Any]], list[Cell]]:
    def row(values: Mapping[str, Any]) -> list[Cell]:
        known = {**values, "currency": currency} if "amount" in values else values
        return [_cell(name, known.get(name)) for name in columns]

    return row


def _cell(name: str, value: Any) -> Cell:
    if value is not None and name in ("amount", "late_amount", "rate"):
        return Decimal(value)
    cell: Cell = value
    return cell


_KEYS: Final = frozenset({"section", "line", "key", "month"})
"""Columns whose cells are our words and no data of the brand."""


def spoken(
    rows: Iterable[Sequence[Any]], words: Mapping[str, str], own: Mapping[str, Mapping[str, str]]
) -> Iterator[list[Any]]:
    """The rows with their heading and our keys in words, for people; what has no word stays.

    `own` are the words of single columns. Without either the rows are as they came.
    """
    rest = iter(rows)
    heading = next(rest)
    yield [words.get(name, name) for name in heading]
    keys = {number: words for number, name in enumerate(heading) if name in _KEYS}
    keys |= {number: own[name] for number, name in enumerate(heading) if name in own}
    for row in rest:
        said = list(row)
        for number, known in keys.items():
            cell = said[number]
            said[number] = known.get(cell, cell) if isinstance(cell, str) else cell
        yield said
