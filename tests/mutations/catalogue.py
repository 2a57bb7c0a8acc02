"""Every guard of the ledger, how it is taken away, and the test that must go red then."""

from __future__ import annotations

from tests.mutations.ways import (
    Mutation,
    Source,
    granted,
    rewritten,
    unlocked,
    without_constraint,
    without_trigger,
)

RACES = "tests/concurrency/test_ledger_races.py::"
GUARDS = "tests/points/test_guards.py::"
SPENDING = "tests/points/test_spending.py::"
CLOSING = "tests/analytics/test_closing.py::"
CORRECTIONS = "tests/points/test_corrections.py::"
MERGES = "tests/concurrency/test_merge_races.py::"
SEALING = "tests/points/test_sealing.py::"
SEALERS = "tests/concurrency/test_sealing_races.py::"
OWNER = GUARDS + "test_even_the_owner_is_stopped_by_the_trigger"
MOVING = GUARDS + "test_only_the_moving_columns_of_lots_accounts_and_holds_move"
KEPT = GUARDS + "test_no_account_lot_or_hold_disappears"
ROWS = GUARDS + "test_rows_that_the_tables_refuse"


def lock(function: str, test: str, nth: int = 1) -> Mutation:
    """A FOR UPDATE is dropped."""
    name = f"{function} {nth}"
    return Mutation(f"row lock: {name}", unlocked(function, nth), RACES + test, (name,))


def trigger(table: str, name: str, test: str) -> Mutation:
    """A trigger is dropped."""
    return Mutation(f"trigger: {name}", without_trigger(table, name), test, (name,))


def check(table: str, name: str, test: str = ROWS) -> Mutation:
    """A CHECK is dropped."""
    return Mutation(f"CHECK: {name}", without_constraint(table, name), test, (name,))


def unique(table: str, name: str, test: str = ROWS) -> Mutation:
    """A unique key is dropped."""
    return Mutation(f"unique key: {name}", without_constraint(table, name), test, (name,))


MUTATIONS = (
    # --- row locks
    lock("points_debit", "test_two_hundred_burns_of_a_balance_for_one[taken]"),
    # They have no FOR UPDATE: their UPDATE is the lock, as long as it reads nothing from before the wait.
    Mutation(
        "row lock: points_burn asks the row that it locks whether there is enough",
        rewritten(
            "points_burn",
            r"UPDATE (\w+)\.points_account SET (.*?) AND available >= p_points",
            r"UPDATE \1.points_account SET \2 AND p_points <= (SELECT seen.available"
            r" FROM \1.points_account seen WHERE seen.member_id = p_member AND seen.currency = p_currency)",
        ),
        RACES + "test_two_hundred_burns_of_a_balance_for_one[burnt]",
    ),
    Mutation(
        "row lock: points_credit counts from the row that it locks",
        rewritten(
            "points_credit",
            r"UPDATE (\w+)\.points_account SET available = available \+",
            r"UPDATE \1.points_account SET available = (SELECT seen.available FROM \1.points_account seen"
            r" WHERE seen.member_id = p_member AND seen.currency = p_currency) +",
        ),
        RACES + "test_credits_side_by_side_are_all_counted",
    ),
    Mutation(
        "points_credit: a known reference leaves the account as it was",
        rewritten("points_credit", "WHERE id = v_account;", "WHERE false;"),
        "tests/points/test_post.py::test_one_credit_again_leaves_the_account_as_it_was",
    ),
    Mutation(
        "points_burn: a known reference leaves the account as it was",
        rewritten("points_burn", "WHERE id = v_account;", "WHERE false;"),
        SPENDING + "test_a_reference_that_is_known_leaves_the_account_as_it_was[burnt]",
    ),
    lock("points_post", "test_journals_of_two_currencies_do_not_wait_for_each_other_in_a_ring"),
    lock("points_post", "test_journals_side_by_side_are_all_counted", 2),
    lock("points_enter", "test_holds_of_a_balance_for_one"),
    lock("points_enter", "test_first_entries_of_one_member_open_one_account", 2),
    lock("points_enter_by_id", "test_captures_of_many_holds_side_by_side_are_all_counted"),
    lock("points_bulk_enter", "test_bulks_and_burns_side_by_side_are_all_counted"),
    lock("points_sweep", "test_sweeps_side_by_side_expire_each_lot_once_and_pass_over_the_busy"),
    Mutation(
        "row lock: points_transfer 1, in the order of the keys",
        rewritten("points_transfer", "ORDER BY id FOR UPDATE", "ORDER BY member_id <> p_from FOR UPDATE"),
        RACES + "test_the_bank",
        ("points_transfer 1",),
    ),
    Mutation(
        "row lock: points_reverse 1",
        unlocked("points_reverse", 1),
        MERGES + "test_what_is_undone_while_its_member_is_merged_is_undone_with_the_survivor[burn]",
        ("points_reverse 1",),
    ),
    Mutation(
        "points_enter_entry looks again where the points are, once it has the lock",
        rewritten("points_enter_entry", r"EXIT WHEN v_account\.moved_to_id IS NULL", "EXIT"),
        MERGES
        + "test_what_is_undone_while_its_member_is_merged_is_undone_with_the_survivor[pending points freed]",
    ),
    Mutation(
        "lock on the Idempotency-Key",
        rewritten("outbox_answer", r"pg_try_advisory_xact_lock\(p_lock\)", "true"),
        "tests/outbox/test_idempotency_at_once.py::"
        "test_while_the_first_is_in_flight_the_second_is_told_at_once",
    ),
    # --- what the tables refuse
    check("points_account", "points_account_not_negative", GUARDS + "test_an_account_cannot_go_below_zero"),
    check("points_lot", "points_lot_bounds", GUARDS + "test_a_lot_cannot_give_more_than_it_got"),
    check(
        "points_entry",
        "points_entry_moves_points",
        GUARDS + "test_an_entry_moves_at_least_one_point_in_one_direction",
    ),
    check("points_hold", "points_hold_ends_once", GUARDS + "test_a_hold_cannot_end_halfway"),
    check("points_hold", "points_hold_points", ROWS + "[hold of nothing]"),
    check("points_holdlot", "points_holdlot_points", ROWS + "[part of a hold of nothing]"),
    check("points_consumption", "points_consumption_points", ROWS + "[consumption of nothing]"),
    check("points_adjustmentrequest", "points_adjustmentrequest_points", ROWS + "[request for nothing]"),
    check("points_adjustmentrequest", "points_adjustmentrequest_four_eyes", ROWS + "[two eyes]"),
    check("points_expirynotice", "points_expirynotice_points", ROWS + "[notice of nothing]"),
    check(
        "points_expirynotice",
        "points_expirynotice_days_before_check",
        ROWS + "[notice before the end of time]",
    ),
    unique("points_entry", "points_entry_reference", GUARDS + "test_a_reference_stands_once"),
    unique("points_entry", "points_entry_account_seq", GUARDS + "test_two_entries_cannot_be_the_same_number"),
    unique("points_account", "points_account_member_currency", ROWS + "[second account]"),
    unique("points_hold", "points_hold_reference", ROWS + "[second hold of a reference]"),
    unique("points_expirynotice", "points_expirynotice_once", ROWS + "[second notice]"),
    unique("points_adjustmentrequest", "points_adjustmentrequest_reference", ROWS + "[second request]"),
    unique("outbox_idempotencyrecord", "idempotency_key_once", ROWS + "[second answer to a key]"),
    # --- against rewriting
    trigger("points_entry", "points_entry_is_written_once", OWNER),
    trigger("points_consumption", "points_consumption_is_written_once", OWNER),
    trigger("points_holdlot", "points_holdlot_is_written_once", OWNER),
    trigger("points_lot", "points_lot_keeps_its_origin", MOVING),
    trigger("points_account", "points_account_keeps_its_owner", MOVING),
    trigger("points_hold", "points_hold_keeps_its_promise", MOVING),
    trigger("points_hold", "points_hold_follows_its_member", MOVING),
    trigger("points_lot", "points_lot_is_never_deleted", KEPT),
    trigger("points_account", "points_account_is_never_deleted", KEPT),
    trigger("points_hold", "points_hold_is_never_deleted", KEPT),
    Mutation(
        "grant: the brand's role may only insert entries",
        granted("points_entry"),
        GUARDS + "test_entries_and_consumptions_cannot_be_rewritten_by_the_brand",
    ),
    Mutation(
        "grant: the brand's role may only insert consumptions",
        granted("points_consumption"),
        GUARDS + "test_entries_and_consumptions_cannot_be_rewritten_by_the_brand",
    ),
    # --- what the functions see to
    Mutation(
        "time decides before the operation",
        rewritten("points_debit", r"NOT FOUND OR v_account\.next_due_at <= p_now", "NOT FOUND"),
        SPENDING + "test_expired_points_cannot_be_burned_although_no_sweep_ran",
    ),
    Mutation(
        "time decides before a burn of one statement",
        rewritten("points_burn", r"\(next_due_at > p_now OR next_due_at IS NULL\)", "true"),
        SPENDING + "test_expired_points_cannot_be_burned_although_no_sweep_ran",
    ),
    Mutation(
        "nothing is written to the account of a merged member",
        rewritten("points_enter", r"IF v_account\.moved_to_id IS NOT NULL THEN", "IF false THEN"),
        "tests/points/test_merge.py::test_writing_to_the_emptied_account_is_refused_and_an_old_reference_is_known",
    ),
    Mutation(
        "a repeated reference is compared",
        rewritten(
            "points_debit",
            r"IS DISTINCT FROM \(v_account\.id, \(-1\)::smallint, p_points\)",
            "IS DISTINCT FROM (v_known.account_id, (-1)::smallint, v_known.points)",
        ),
        SPENDING + "test_a_repeated_burn_is_the_first_even_when_the_balance_is_gone",
    ),
    Mutation(
        "the order of consumption: points_debit",
        rewritten("points_debit", r"ORDER BY lot\.expires_at NULLS LAST, lot\.id", "ORDER BY lot.id"),
        SPENDING + "test_whatever_takes_points_goes_from_lot_to_lot[taken]",
    ),
    # points_burn looks at the lot that ends first by itself, and only then goes through all.
    *(
        Mutation(
            f"the order of consumption: points_burn, {which}",
            rewritten("points_burn", r"lot\.expires_at NULLS LAST, lot\.id " + then, "lot.id " + then),
            SPENDING + test,
        )
        for which, then, test in (
            (
                "the first lot",
                "LIMIT",
                "test_the_lot_that_ends_first_is_taken_alone_where_it_is_enough[burnt]",
            ),
            ("all lots", "LOOP", "test_whatever_takes_points_goes_from_lot_to_lot[burnt]"),
        )
    ),
    *(
        Mutation(
            f"what is on hold is not burned: {which}",
            rewritten("points_burn", r"lot\.remaining - lot\.held " + then, "lot.remaining " + then),
            SPENDING + test,
        )
        for which, then, test in (
            (
                "the first lot",
                "INTO",
                "test_the_lot_that_ends_first_is_taken_alone_where_it_is_enough[burnt]",
            ),
            ("all lots", "FROM", "test_whatever_takes_points_goes_from_lot_to_lot[burnt]"),
        )
    ),
    Mutation(
        "debt is repaid first",
        rewritten("points_post", r"IF v_account\.debt > 0 THEN", "IF false THEN"),
        "tests/points/test_post.py::test_accrual_repays_debt_first_and_says_so",
    ),
    Mutation(
        "reversals do not exceed the entry",
        rewritten("points_clawback_of_account", r"IF v_item\.points > v_entry\.points THEN", "IF false THEN"),
        CORRECTIONS + "test_a_repeated_clawback_is_the_first_and_partial_ones_add_up",
    ),
    Mutation(
        "a hold ends once",
        rewritten("points_hold_capture", r"IF v_hold\.status <> 'open' THEN", "IF false THEN"),
        SPENDING + "test_a_hold_ends_once",
    ),
    Mutation(
        "the giver's monthly limit",
        rewritten("points_transfer", r"IF v_paid \+ p_points > p_limit THEN", "IF false THEN"),
        CORRECTIONS + "test_the_monthly_limit_counts_the_givers_local_month",
    ),
    Mutation(
        "what is frozen is not spent",
        rewritten("points_hold_place", r"IF v_account\.burn_frozen THEN", "IF false THEN"),
        SPENDING + "test_frozen_spending_refuses_burn_hold_capture_and_transfer",
    ),
    Mutation(
        "what is frozen is not burned in one statement",
        rewritten("points_burn", "AND NOT burn_frozen", ""),
        SPENDING + "test_frozen_spending_refuses_burn_hold_capture_and_transfer",
    ),
    # --- closed months
    trigger(
        "points_entry",
        "points_entry_is_recorded_in_an_open_month",
        CLOSING + "test_nothing_is_recorded_in_a_closed_month_or_before_it",
    ),
    trigger(
        "points_consumption",
        "points_consumption_is_recorded_in_an_open_month",
        CLOSING + "test_no_debt_is_paid_in_a_closed_month",
    ),
    Mutation(
        "a close waits for whoever is writing",
        rewritten("points_close_month", "LOCK TABLE points_account IN EXCLUSIVE MODE;", ""),
        "tests/concurrency/test_closing.py::"
        "test_an_entry_under_way_is_in_the_closed_month_and_a_later_one_is_refused",
    ),
    # --- faults
    Mutation(
        "deadlocks are repeated",
        Source("loyalty/lib/transactions.py", '("40001", "40P01", "55P03")', '("40001", "55P03")'),
        "tests/faults/test_retries.py::test_the_victim_of_a_real_deadlock_is_repeated",
    ),
    Mutation(
        "the ledger's errors keep their SQLSTATE",
        Source("points/ledger.py", "            raise  # as it is", "            raise error from error  #"),
        "tests/faults/test_retries.py::test_a_fault_that_passes_is_not_seen_by_the_caller",
    ),
    # --- the transparency log
    *(
        trigger(
            f"points_{table}", f"points_{table}_is_written_once", SEALING + "test_the_log_cannot_be_rewritten"
        )
        for table in ("logkey", "logleaf", "lognode", "checkpoint")
    ),
    Mutation(
        "the sealer waits for transactions that run",
        Source(
            "points/sql/log/next.sql", "AND entry.xid < pg_snapshot_xmin(pg_current_snapshot())", "AND true"
        ),
        SEALERS + "test_what_was_begun_earlier_and_committed_later_is_not_passed_by",
    ),
    Mutation(
        "row lock: one sealer at a time",
        Source("points/locks.py", "LogPosition.objects.select_for_update()", "LogPosition.objects"),
        SEALERS + "test_sealers_at_the_same_time_seal_everything_once",
    ),
    Mutation(
        "entries that have a leaf are skipped",
        Source("points/sql/log/seal.sql", "WHERE leaf.index IS NULL", "WHERE true"),
        SEALING + "test_what_is_passed_again_gets_no_second_leaf",
    ),
    Mutation(
        "a leaf covers the expiry that was promised",
        Source("points/sql/log/lot.sql", "lot.original_expires_at AT", "lot.earned_at AT"),
        SEALING + "test_any_change_of_what_was_sealed_is_found",
    ),
)

NOT_PROVEN = {
    "points_settle 1": "the holds of an account whose row is locked already; it only says so",
    "points_enter_hold 1": "the hold of an account whose row is locked already; it keeps the order of locks",
    "points_clawback 1": "the loop below locks the same accounts in the same order",
    "points_freeze 1": "the UPDATE below locks the same few rows; their order cannot be forced in a test",
    "points_freeze 2": "an account that is opened between two of its statements cannot be forced in a test",
    "points_lock_members 1": "points_merge locks each account again; it only keeps their order",
    "points_lock 1": "points_enter locks the row at once; what lies between cannot be hit in a test",
}
"""Row locks whose loss no test can show, and why they stand there all the same."""
