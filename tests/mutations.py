"""Takes the ledger's guards away, one at a time, in a copy of the project, and sees the named test go red.

    python -m tests.mutations [part of a guard's name …]

Needs the environment of the tests (LOYALTY_ENV=test, DATABASE_URL). Not part of `make test`: it takes a few
minutes. Exits with 1 if a guard can be missing without a test noticing.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
MIGRATION = "points/migrations/0001_ledger.py"
SPEND, SETTLE, POST = "points/sql/spend.sql", "points/sql/settle.sql", "points/sql/post.sql"
CORRECT, GUARDS = "points/sql/correct.sql", "points/sql/guards.sql"


@dataclass(frozen=True)
class Mutation:
    """One guard taken away: in which files, how, and the test that must fail."""

    guard: str
    files: tuple[str, ...]
    change: Callable[[str], str]
    test: str


def swap(old: str, new: str) -> Callable[[str], str]:
    """Replaces a text."""
    return lambda source: source.replace(old, new)


def resub(pattern: str, new: str) -> Callable[[str], str]:
    """Replaces a pattern."""
    return lambda source: re.sub(pattern, new, source)


RACES = "tests/concurrency/test_ledger_races.py::"
GUARD_TESTS = "tests/points/test_guards.py::"
MUTATIONS = (
    Mutation(
        "the account's row lock",
        (POST, SPEND, SETTLE),
        resub(r"(FROM points_account\s+WHERE member_id = p_member AND currency = \w+) FOR UPDATE", r"\1"),
        RACES + "test_two_hundred_burns_of_a_balance_for_one",
    ),
    Mutation(
        "CHECK: an account is not negative",
        (MIGRATION,),
        swap("models.Value(0)", "models.Value(-1000000)"),
        GUARD_TESTS + "test_an_account_cannot_go_below_zero",
    ),
    Mutation(
        "CHECK: a lot gives no more than it got",
        (MIGRATION,),
        resub(
            r'models\.Q\(\s*\("held__gte", 0\),\s*\("points__gte", models\.F\("remaining"\)\),'
            r'\s*\("remaining__gte", models\.F\("held"\)\),?\s*\)',
            'models.Q(("points__gte", -1))',
        ),
        GUARD_TESTS + "test_a_lot_cannot_give_more_than_it_got",
    ),
    Mutation(
        "unique number within the account",
        (MIGRATION,),
        swap('fields=("account", "seq")', 'fields=("account", "seq", "id")'),
        GUARD_TESTS + "test_two_entries_cannot_be_the_same_number",
    ),
    Mutation(
        "trigger against rewriting entries",
        (GUARDS,),
        swap("BEFORE UPDATE OR DELETE OR TRUNCATE ON points_entry", "BEFORE TRUNCATE ON points_entry"),
        GUARD_TESTS + "test_even_the_owner_is_stopped_by_the_trigger",
    ),
    Mutation(
        "the brand's role may only insert entries",
        ("loyalty/settings.py",),
        swap('    "points_entry",\n', ""),
        GUARD_TESTS + "test_entries_and_consumptions_cannot_be_rewritten_by_the_brand",
    ),
    Mutation(
        "trigger on the fixed columns of lots",
        (GUARDS,),
        resub(r"BEFORE UPDATE OF id, account_id[^\n]* ON points_lot", "BEFORE UPDATE OF id ON points_lot"),
        GUARD_TESTS + "test_only_the_moving_columns_of_lots_accounts_and_holds_move",
    ),
    Mutation(
        "time decides before the operation",
        (SPEND,),
        swap("IF NOT FOUND OR v_account.next_due_at <= p_now THEN", "IF NOT FOUND THEN"),
        "tests/points/test_spending.py::test_expired_points_cannot_be_burned_although_no_sweep_ran",
    ),
    Mutation(
        "a repeated reference is compared",
        (SPEND,),
        swap(
            "IS DISTINCT FROM (v_account.id, (-1)::smallint, p_points)",
            "IS DISTINCT FROM (v_known.account_id, (-1)::smallint, v_known.points)",
        ),
        "tests/points/test_spending.py::test_a_repeated_burn_is_the_first_even_when_the_balance_is_gone",
    ),
    Mutation(
        "the order of consumption",
        (SPEND,),
        swap("ORDER BY lot.expires_at NULLS LAST, lot.id", "ORDER BY lot.id"),
        "tests/points/test_spending.py::test_burn_takes_what_expires_first_and_what_never_expires_last",
    ),
    Mutation(
        "debt is repaid first",
        (POST,),
        swap("IF v_account.debt > 0 THEN", "IF false THEN"),
        "tests/points/test_post.py::test_accrual_repays_debt_first_and_says_so",
    ),
    Mutation(
        "reversals do not exceed the entry",
        (CORRECT,),
        swap("IF v_item.points > v_entry.points THEN", "IF false THEN"),
        "tests/points/test_corrections.py::test_a_repeated_clawback_is_the_first_and_partial_ones_add_up",
    ),
    Mutation(
        "a hold ends once",
        (SPEND,),
        swap("IF v_hold.status <> 'open' THEN", "IF false THEN"),
        "tests/points/test_spending.py::test_a_hold_ends_once",
    ),
)


def copy(to: Path) -> None:
    """The files under version control, as they stand."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True)
    for name in listed.stdout.decode().split("\0"):
        if name and (ROOT / name).is_file():
            (to / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, to / name)


def survives(mutation: Mutation, at: Path) -> str | None:
    """Why the mutation went unnoticed, or None where its test failed as it should."""
    before = {name: (at / name).read_text() for name in mutation.files}
    after = {name: mutation.change(text) for name, text in before.items()}
    if after == before:
        return "could not be applied: the code has moved on"
    try:
        for name, text in after.items():
            (at / name).write_text(text)
        run = subprocess.run(
            [sys.executable, "-m", "pytest", "-q", "--tb=no", "-p", "no:cacheprovider", mutation.test],
            cwd=at,
            env={**os.environ, "PYTHONPATH": str(at)},
            capture_output=True,
            text=True,
            check=False,
        )
    finally:
        for name, text in before.items():
            (at / name).write_text(text)
    if run.returncode == 1 and "failed" in run.stdout:
        return None
    return run.stdout[-300:] or run.stderr[-300:]


def main(wanted: list[str]) -> int:
    """Runs the mutations whose guard contains one of the words, or all. Returns the exit code."""
    missed = 0
    with tempfile.TemporaryDirectory(prefix="mutations-") as folder:
        at = Path(folder)
        copy(at)
        for mutation in MUTATIONS:
            if wanted and not any(word in mutation.guard for word in wanted):
                continue
            why = survives(mutation, at)
            missed += why is not None
            outcome = "red   " if why is None else "MISSED"
            sys.stdout.write(f"{outcome} {mutation.guard}: {why or mutation.test}\n")
            sys.stdout.flush()
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
