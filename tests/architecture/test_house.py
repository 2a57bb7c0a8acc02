"""The house rules that a look at the files can hold."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent
ROOMS = ("loyalty", "tenants", "members", "points", "mall", "campaigns", "partners")
SOURCES = sorted(
    path
    for room in ROOMS
    for path in (ROOT / room).rglob("*.py")
    if "migrations" not in path.parts and "__pycache__" not in path.parts
)


def name(path: Path) -> str:
    return str(path.relative_to(ROOT))


def offenders(pattern: str, *, but: tuple[str, ...] = ()) -> list[str]:
    """Files in which the pattern stands, except those whose name ends like one of `but`."""
    found = re.compile(pattern)
    return [
        name(path)
        for path in SOURCES
        if found.search(path.read_text()) and not name(path).endswith(but or ("\0",))
    ]


def test_there_is_something_to_look_at() -> None:
    assert len(SOURCES) > 60


def test_no_room_is_called_utils_or_helpers() -> None:
    assert [name(p) for p in SOURCES if p.stem in ("utils", "helpers", "misc", "common")] == []


@pytest.mark.parametrize("path", SOURCES, ids=name)
def test_files_stay_small(path: Path) -> None:
    assert len(path.read_text().splitlines()) <= 450


def test_row_locks_stand_in_locks_py() -> None:
    assert offenders(r"\.select_for_update\(", but=("locks.py",)) == []


def test_the_time_is_an_argument_or_comes_from_the_clock() -> None:
    reads = r"datetime\.now\(|timezone\.now\(|datetime\.utcnow\(|date\.today\("
    assert [f for f in offenders(reads, but=("lib/clock.py",)) if not f.startswith("loyalty/dev/")] == []


def test_no_model_signals() -> None:
    assert offenders(r"django\.db\.models\.signals") == []


def test_no_float_where_points_or_money_are() -> None:
    rooms = tuple(f for f in offenders(r"\bfloat\(") if f.startswith(("points/", "mall/", "members/")))
    assert rooms == ()


def test_tasks_and_views_of_lower_rooms_do_not_name_higher_ones() -> None:
    order = {room: number for number, room in enumerate(ROOMS)}
    wrong = []
    for path in SOURCES:
        room = path.relative_to(ROOT).parts[0]
        if room == "loyalty":
            continue
        wrong += [
            f"{name(path)} imports {imported}"
            for imported in re.findall(r"^(?:from|import) (\w+)", path.read_text(), re.MULTILINE)
            if imported != "loyalty" and order.get(imported, -1) > order[room]
        ]
    assert wrong == []
