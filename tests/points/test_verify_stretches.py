"""`verify_ledger` goes through the books in stretches, misses nothing at a border, and says how far it is."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from datetime import datetime, timedelta
from io import StringIO
from itertools import pairwise
from uuid import UUID

import pytest
from django.core.management.base import OutputWrapper
from django.db import transaction

from loyalty.lib import checks, stretches
from loyalty.management.progress import CLEAR, Progress
from points import invariants
from points import services as points
from points.models import Account, Entry, Lot
from tenants.models import Brand
from tests.points import sealed
from tests.points.sealed import damage
from tests.points.support import earn
from tests.support.brands import ANNA, BORIS

pytestmark = pytest.mark.django_db

CURRENCIES = ("points", "stars")
ENDS = (UUID(int=0), UUID(int=2**128 - 1))


@pytest.fixture
def books(in_acme: Brand, now: datetime) -> None:
    """Four accounts with a few entries and lots each, one of them with many; burns, a hold and a transfer."""
    for number, currency in enumerate(CURRENCIES):
        for member in (ANNA, BORIS):
            earn(member, 50, f"{member}-{currency}", now=now, currency=currency)
            earn(member, 7, f"{member}-{currency}-2", now=now, currency=currency)
            points.burn(
                member_id=member,
                points=9 + number,
                currency=currency,
                reference=f"b-{member}-{currency}",
                now=now,
            )
    for number in range(3):
        earn(ANNA, 1, f"many-{number}", now=now)
    points.hold(member_id=ANNA, points=5, reference="h", expires_at=now + timedelta(days=1), now=now)
    points.transfer(from_member_id=ANNA, to_member_id=BORIS, points=20, reference="t", now=now)


@pytest.fixture
def portion(monkeypatch: pytest.MonkeyPatch) -> int:
    """Stretches and pages of a few rows."""
    monkeypatch.setattr(stretches, "PORTION", 3)
    monkeypatch.setattr(invariants, "PAGE", 3)
    return 3


def undone() -> Iterator[None]:
    """Each turn's damage is gone before the next."""
    with transaction.atomic():
        yield
        transaction.set_rollback(True)


def at_borders(ids: Iterable[UUID]) -> list[UUID]:
    """The rows around the first border of stretches of three, and the last row."""
    first, *rest = ids
    return [first, *rest[:3], rest[-1]]


def found(code: str) -> list[str]:
    [check] = [check for check in checks.registered() if check.code == code]
    return list(check.run().violations)


@pytest.mark.parametrize("portion", [pytest.param(1, marks=pytest.mark.whole), 4])
def test_one_broken_account_is_found_on_whichever_side_of_a_border(
    books: None, portion: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stretches, "PORTION", portion)  # each account a stretch of its own; two in one
    accounts = list(Account.objects.values_list("id", flat=True))
    assert len(accounts) == 4
    for account in accounts:
        for _turn in undone():
            damage(f"UPDATE points_account SET available = available + 1 WHERE id = '{account}'")
            for code in ("I1", "I3"):
                [violation] = found(code)
                assert violation.startswith(f"account {account}"), code
    assert found("I1") == found("I3") == []


def test_one_broken_lot_or_entry_is_found_on_whichever_side(books: None, portion: int) -> None:
    for lot in at_borders(Lot.objects.order_by("id").values_list("id", flat=True)):
        for _turn in undone():
            damage(f"UPDATE points_lot SET points = points + 1 WHERE id = '{lot}'")
            assert any(violation.startswith(f"lot {lot}") for violation in found("I3"))
    directions = dict(Entry.objects.order_by("id").values_list("id", "direction"))
    for entry in at_borders(directions):
        for _turn in undone():
            damage(f"UPDATE points_entry SET points = points + 1 WHERE id = '{entry}'")
            code = "I7" if directions[entry] < 0 else "I3"
            assert any(f"entry {entry}" in violation for violation in found(code))


@pytest.mark.parametrize("nowhere", ENDS)
def test_what_points_to_nothing_is_found_at_both_ends(books: None, portion: int, nowhere: UUID) -> None:
    for table, column, code in (
        ("points_entry", "account_id", "I1"),
        ("points_lot", "entry_id", "I3"),
        ("points_consumption", "lot_id", "I3"),
        ("points_consumption", "entry_id", "I7"),
    ):
        for _turn in undone():
            damage(
                f"UPDATE {table} SET {column} = '{nowhere}' WHERE ctid = (SELECT ctid FROM {table} LIMIT 1)"
            )
            assert any(str(nowhere) in violation for violation in found(code)), (table, column)


def test_a_reference_used_twice_is_found_where_pages_meet(books: None, portion: int) -> None:
    damage("ALTER TABLE points_entry DROP CONSTRAINT points_entry_reference")
    burns = list(Entry.objects.filter(kind="burn").order_by("reference").values_list("id", "reference"))
    assert found("I5") == []
    for (_first, reference), (second, _reference) in pairwise(burns):
        for _turn in undone():
            damage(f"UPDATE points_entry SET reference = '{reference}' WHERE id = '{second}'")
            assert found("I5") == [f"burn burn {reference} : 2 entries"]


def test_a_sealed_entry_that_changed_is_found_in_every_stretch(
    books: None, portion: int, now: datetime
) -> None:
    sealed.seal(now)
    assert sealed.violated() == {}
    looks = {check.code: check for check in checks.registered()}
    for entry in at_borders(Entry.objects.order_by("xid", "id").values_list("id", flat=True)):
        for _turn in undone():
            damage(f"UPDATE points_entry SET cost_centre = 'x' WHERE id = '{entry}'")
            assert len(looks["T2"].run().violations) == 1
        for _turn in undone():
            damage(f"DELETE FROM points_logleaf WHERE entry_id = '{entry}'")
            assert len(looks["T1"].run().violations) == 1


def test_what_is_grouped_in_passes_is_grouped_once(books: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stretches, "PASS", 1)
    assert found("I9") == found("I4") == found("merges") == []
    damage("UPDATE points_entry SET points = 21 WHERE kind = 'transfer' AND direction = 1")
    assert len(found("I9")) == 1
    damage("UPDATE points_entry SET journal_id = id WHERE kind = 'transfer'")
    assert len(found("I9")) == 3  # both, and the lot that came from nowhere


def test_every_check_tells_how_far_it_has_come(books: None, portion: int, now: datetime) -> None:
    sealed.seal(now)
    told: dict[str, list[tuple[int, int]]] = {}
    for check in checks.registered():
        told[check.code] = []
        check.run(lambda done, of, to=told[check.code]: to.append((done, of)))  # type: ignore[misc]
    for code, steps in told.items():
        counts = [done for done, _of in steps]
        assert counts == sorted(counts), code
        assert len({of for _done, of in steps}) == 1, code
        assert steps[-1][0] == steps[-1][1], code  # every row once, no more
    entries, accounts = Entry.objects.count(), Account.objects.count()
    assert told["I1"][-1] == (entries + accounts, entries + accounts)
    assert len(told["I1"]) >= accounts / portion
    assert len(told["T2"]) >= entries / portion


class _Terminal(StringIO):
    def isatty(self) -> bool:
        return True


class _Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def _shown(out: StringIO, tells: Callable[[Progress, _Clock], None]) -> str:
    clock = _Clock()
    progress = Progress(OutputWrapper(out), clock=clock)
    progress.begin("I1")
    tells(progress, clock)
    return out.getvalue()


def _run(progress: Progress, clock: _Clock) -> None:
    for second in range(1, 22):
        clock.now = float(second)
        progress.tell(second * 1000, 40_000)
    progress.clear()


def test_a_terminal_shows_one_line_that_is_written_over() -> None:
    written = _shown(_Terminal(), _run)
    assert "\n" not in written
    lines = written.split(CLEAR)
    assert lines[1] == "  I1       2 %          1,000 of 40,000 rows  1,000 rows/s"
    assert len(lines) == 1 + 21 + 1
    assert lines[-1] == ""  # taken away before the result


def test_elsewhere_there_is_a_line_now_and_then() -> None:
    assert _shown(StringIO(), _run).splitlines() == [
        "  I1      25 %         10,000 of 40,000 rows  1,000 rows/s",
        "  I1      50 %         20,000 of 40,000 rows  1,000 rows/s",
    ]
