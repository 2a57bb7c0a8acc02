"""Files for spreadsheets: parsed back they say what the report says, and no cell is a formula."""

from datetime import datetime, timedelta
from decimal import Decimal

import pytest

from loyalty.analytics.exports import files
from tenants.context import in_brand
from tenants.models import Brand
from tests.analytics.support import earn, item, local, read_csv, read_xlsx, story
from tests.support.brands import ANNA
from tests.support.client import Api

pytestmark = pytest.mark.django_db
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


@pytest.fixture
def books(acme: Brand) -> None:
    with in_brand(acme):
        story()


def test_a_report_as_csv_says_what_it_says_as_json(api: Api, books: None) -> None:
    json = item(api.get("/reports/roll-forward?month=2026-10").json())
    answer = api.get("/reports/roll-forward?month=2026-10&format=csv")
    assert answer["Content-Type"] == "text/csv; charset=utf-8"
    assert answer["Content-Disposition"] == 'attachment; filename="roll-forward-2026-10.csv"'
    rows = [
        r for r in read_csv(answer) if r["section"] == "roll_forward" and r["points_currency"] == "points"
    ]
    assert [(r["line"], int(r["points"]), r["amount"]) for r in rows] == [
        (line["line"], line["points"], line["amount"]) for line in json["lines"]
    ]


@pytest.mark.parametrize("report", ["liability", "roll-forward", "breakage"])
def test_a_report_as_workbook_has_a_sheet_for_each_section_and_numbers_as_numbers(
    api: Api, books: None, report: str
) -> None:
    answer = api.get(f"/reports/{report}", headers={"Accept": XLSX})
    assert answer["Content-Type"] == XLSX
    sheets = read_xlsx(answer)
    rows = read_csv(api.get(f"/reports/{report}", headers={"Accept": "text/csv"}))
    assert (
        list(sheets)
        == {
            "liability": ["totals", "by_age", "by_expiry", "by_earned"],
            "roll-forward": ["roll_forward", "cost_centres", "late"],
            "breakage": ["months", "cohorts", "forecast"],
        }[report]
    )
    assert sum(len(sheet) - 1 for sheet in sheets.values()) == len(rows) > 0
    for name, sheet in sheets.items():
        headings, *cells = sheet
        for found, expected in zip(cells, (r for r in rows if r["section"] == name), strict=True):
            for heading, cell in zip(headings, found, strict=False):  # empty ends are cut
                text = expected[str(heading)]
                assert cell == (Decimal(text) if isinstance(cell, int | float) else text or None) or (
                    isinstance(cell, float) and round(Decimal(cell), 6) == Decimal(text)
                )


def test_the_entries_of_a_month_are_all_there(api: Api, books: None) -> None:
    rows = read_csv(api.get("/reports/entries?month=2026-10"))
    assert [(r["reference"], int(r["points"]), r["late"]) for r in rows] == [
        ("undo-1", 80, ""),
        ("c-2", 70, "yes"),
        ("b-3", 120, ""),
        ("a-2", 9, ""),
    ]
    assert rows[-1]["recorded_at"] == "2026-10-31T23:59:59+08:00"
    sheet = read_xlsx(api.get("/reports/entries?month=2026-10&format=xlsx"))["entries"]
    assert [row[12] for row in sheet] == ["reference", "undo-1", "c-2", "b-3", "a-2"]
    assert (sheet[4][0], sheet[4][8]) == (datetime(2026, 10, 31, 23, 59, 59), 9)  # noqa: DTZ001


def test_the_last_instant_of_a_month_is_of_that_month_in_a_workbook(acme: Brand, api: Api) -> None:
    with in_brand(acme):
        earn(ANNA, 5, "last", now=local(2026, 11, 1) - timedelta(microseconds=1))
    _heading, row = read_xlsx(api.get("/reports/entries?month=2026-10&format=xlsx"))["entries"]
    last = datetime(2026, 10, 31, 23, 59, 59)  # noqa: DTZ001
    assert row[:2] == (last, last)


def test_no_cell_becomes_a_formula(acme: Brand, api: Api) -> None:
    with in_brand(acme):
        earn(ANNA, 5, "=1+1", now=local(2026, 10, 5), cost_centre="@SUM(A1)", reason="-2+3|cmd", actor="中文")
    row = read_csv(api.get("/reports/entries?month=2026-10"))[0]
    assert (row["reference"], row["cost_centre"], row["reason"]) == ("'=1+1", "'@SUM(A1)", "'-2+3|cmd")
    assert (row["points"], row["actor"]) == ("5", "中文")
    sheet = read_xlsx(api.get("/reports/entries?month=2026-10&format=xlsx"))["entries"]
    assert sheet[1][12] == "'=1+1"


@pytest.mark.parametrize("text", ["=1", "+1", "-1", "@x", "\t=1", " =1", "\r", "＝1", "|x"])
def test_what_a_spreadsheet_might_calculate_is_guarded(text: str) -> None:
    assert files.guarded(text) == f"'{text}"


@pytest.mark.parametrize("text", ["", "a=1", "till-1", "1-2", "中文", "2026-10"])
def test_other_text_is_left_alone(text: str) -> None:
    assert files.guarded(text) == text


def test_a_worksheet_that_is_too_long_is_refused_by_name(
    api: Api, books: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(files, "MOST_ROWS", 3)
    answer = api.get("/reports/entries?month=2026-10&format=xlsx")
    assert (answer.status_code, answer.json()["code"]) == (422, "too_many_rows")
    assert answer["Content-Type"] == "application/problem+json"


def test_another_brands_entries_are_not_in_it(foreign: Api, books: None) -> None:
    assert read_csv(foreign.get("/reports/entries?month=2026-10")) == []


def test_a_format_that_there_is_not_is_406(api: Api) -> None:
    answer = api.get("/reports/entries?month=2026-10", headers={"Accept": "text/html"})
    assert (answer.status_code, answer.json()["code"]) == (406, "not_acceptable")
