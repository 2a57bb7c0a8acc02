"""`verify_ledger` is green on sound books and finds every kind of damage, with the right invariant."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from io import StringIO

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError
from django.db import connection

from loyalty.lib import checks, ids
from points import services as points
from points.postings import ClawbackItem
from tenants.models import Brand
from tests.points.support import accrual, earn, ledger_checks
from tests.support.brands import ANNA, BORIS

pytestmark = pytest.mark.django_db


@pytest.fixture
def books(in_acme: Brand, now: datetime) -> None:
    """Something of everything."""
    order = points.post(
        member_id=ANNA,
        journal_id=ids.new(),
        entries=[
            accrual(100, "o", expires_at=now + timedelta(days=30)),
            accrual(40, "o", "later", available_at=now + timedelta(days=3)),
        ],
        now=now,
    )
    earn(BORIS, 50, "p", now=now)
    earn(BORIS, 9, "q", now=now, available_at=now + timedelta(days=3))
    burned = points.burn(member_id=ANNA, points=30, reference="b", now=now)
    points.reverse(entry_id=burned.entry.entry_id, points=10, reference="r", now=now)
    points.transfer(from_member_id=ANNA, to_member_id=BORIS, points=20, reference="t", now=now)
    until = now + timedelta(days=1)
    for number in range(3):
        points.hold(member_id=BORIS, points=5, reference=f"h-{number}", expires_at=until, now=now)
    points.capture(
        hold_id=points.hold(member_id=BORIS, points=5, reference="h-2", expires_at=until, now=now).hold_id,
        points=2,
        now=now,
    )
    points.clawback(
        member_id=ANNA, journal_id=ids.new(), items=[ClawbackItem(order.entries[0].entry_id, 100)],
        source="return", reference="ret", now=now,
    )  # fmt: skip


def violated() -> dict[str, list[str]]:
    outcomes = {check.code: check.run() for check in ledger_checks()}
    return {code: list(outcome.violations) for code, outcome in outcomes.items() if outcome.violations}


@pytest.fixture
def damage(books: None) -> Callable[[str], None]:
    """Change a row as a superuser would who switches the triggers off."""

    def do(statement: str) -> None:
        with connection.cursor() as cursor:
            cursor.execute("SELECT current_user")
            role = cursor.fetchone()[0]
            cursor.execute("RESET ROLE")
            cursor.execute("SET session_replication_role = replica")
            cursor.execute(statement)
            assert cursor.rowcount != 0
            cursor.execute("SET session_replication_role = origin")
            cursor.execute(f'SET ROLE "{role}"')

    return do


def test_sound_books_are_green_and_counted(books: None) -> None:
    assert violated() == {}
    rows = {check.code: check.run().rows for check in ledger_checks()}
    assert (rows["I1"], rows["I2"], rows["I4"], rows["I6"], rows["I9"]) == (10, 2, 3, 2, 2)
    assert set(rows) >= {f"I{number}" for number in range(1, 10)}


@pytest.mark.sampled(2)
@pytest.mark.parametrize(
    ("statement", "codes"),
    [
        ("UPDATE points_account SET available = available + 1 WHERE available > 0", {"I1", "I3", "I8"}),
        ("UPDATE points_account SET debt = debt + 1, pending = pending + 1 WHERE pending > 0", {"I1", "I7"}),
        ("UPDATE points_entry SET points = points + 1 WHERE kind = 'burn'", {"I1", "I7", "I8"}),
        ("UPDATE points_entry SET balance_after = balance_after + 1 WHERE kind = 'burn'", {"I1"}),
        ("UPDATE points_entry SET seq = 100 WHERE kind = 'burn'", {"I1"}),
        ("DELETE FROM points_entry WHERE kind = 'burn'", {"I1", "I6", "I7", "I8"}),
        ("UPDATE points_lot SET remaining = remaining - 1 WHERE state = 'pending'", {"I1", "I3"}),
        ("UPDATE points_lot SET held = held + 1 WHERE held > 0", {"I1", "I4"}),
        ("UPDATE points_lot SET state = 'closed' WHERE state = 'pending'", {"I1", "I3"}),
        ("DELETE FROM points_consumption WHERE points < 0", {"I3", "I7"}),
        ("UPDATE points_hold SET captured = 1, released = 4 WHERE status = 'captured'", {"I4"}),
        ("UPDATE points_holdlot SET points = points + 1", {"I4"}),
        ("UPDATE points_entry SET points = 31 WHERE kind = 'reversal'", {"I1", "I6", "I7", "I8"}),
        ("UPDATE points_lot SET original_expires_at = NULL WHERE from_lot_id IS NOT NULL", {"I9"}),
        ("UPDATE points_entry SET points = 21 WHERE kind = 'transfer' AND direction = 1", {"I1", "I9"}),
        ("UPDATE points_account SET next_due_at = NULL", {"due"}),
    ],
)
def test_damage_is_found(damage: Callable[[str], None], statement: str, codes: set[str]) -> None:
    damage(statement)
    found = violated()
    assert codes <= set(found), found
    assert all(len(words) <= checks.MOST_SHOWN for words in found.values())


def test_a_reference_used_twice_is_found_without_the_index(damage: Callable[[str], None]) -> None:
    damage("ALTER TABLE points_entry DROP CONSTRAINT points_entry_reference")
    damage("UPDATE points_entry SET reference = 'o', source = 'order', rule = 'base' WHERE reference = 'p'")
    assert violated() == {"I5": ["accrual order o base: 2 entries"]}


def test_the_command_prints_each_invariant(books: None) -> None:
    out = StringIO()
    with pytest.raises(CommandError, match="there is no brand"):
        call_command("verify_ledger", "--brand", "nobody", stdout=out)
