"""The sealer: everything committed, once, in order, signed; and what verify_ledger says of the log."""

from __future__ import annotations

import base64
import hashlib
from datetime import datetime, timedelta
from io import StringIO
from typing import Any

import pytest
import rfc8785
from django.core.management import call_command
from django.core.management.base import CommandError
from django.db import DatabaseError, connection, transaction
from hypothesis import given
from hypothesis import strategies as st

from loyalty.lib import checks, clock, crypto, ids
from loyalty.outbox.models import OutboxEvent
from points import logstore, merkle, receipts, signednote, tasks
from points import services as points
from points.models import Checkpoint, Entry, LogKey, LogLeaf, LogNode, LogPosition
from points.postings import ClawbackItem
from points.services import logkeys, sealing
from tenants.models import Brand
from tests.points import sealed
from tests.points.support import accrual, earn
from tests.support.brands import ANNA, BORIS

pytestmark = pytest.mark.django_db


@pytest.fixture
def books(in_acme: Brand, now: datetime) -> None:
    """Something of everything that a leaf covers."""
    order = points.post(
        member_id=ANNA,
        journal_id=ids.new(),
        entries=[
            accrual(100, "o", expires_at=now + timedelta(days=30), explanation={"n": 1.50, "why": "周末"}),
            accrual(40, "o", "later", available_at=now + timedelta(days=3)),
            accrual(5, "s", currency="stars"),
        ],
        now=now,
    )
    earn(BORIS, 50, "p", now=now)
    burned = points.burn(member_id=ANNA, points=30, reference="b", now=now, reason='say "no"\n\\\x7f\u2028')
    points.reverse(entry_id=burned.entry.entry_id, points=10, reference="r", now=now)
    points.transfer(from_member_id=ANNA, to_member_id=BORIS, points=20, reference="t", now=now)
    points.adjust(member_id=BORIS, points=7, reference="a", reason="赔礼", actor="operator:lin", now=now)
    points.clawback(
        member_id=ANNA, journal_id=ids.new(), items=[ClawbackItem(order.entries[0].entry_id, 100)],
        source="return", reference="ret", now=now,
    )  # fmt: skip


def test_a_leaf_covers_the_lots_opened_taken_from_and_given_back(books: None, now: datetime) -> None:
    sealed.seal(now)
    covered = {}
    for entry in Entry.objects.order_by("recorded_at", "id"):
        said = receipts.receipt(entry.pk)["entry"]
        covered[said["reference"], said["rule"], said["kind"], said["direction"]] = (
            said["currency"],
            [lot["points"] for lot in said["opened"]],
            [lot["points"] for lot in said["taken"]],
        )
    assert covered == {
        ("o", "base", "accrual", 1): ("points", [100], []),
        ("o", "later", "accrual", 1): ("points", [40], []),
        ("s", "base", "accrual", 1): ("stars", [5], []),
        ("p", "base", "accrual", 1): ("points", [50], []),
        ("b", "", "burn", -1): ("points", [], [30]),
        ("r", "", "reversal", 1): ("points", [], [-10]),
        ("t", "out", "transfer", -1): ("points", [], [20]),
        ("t", "in", "transfer", 1): ("points", [20], []),
        ("a", "", "adjustment", 1): ("points", [7], []),
        ("ret", "base", "clawback", -1): ("points", [], [60, 40]),
    }


def test_every_entry_gets_one_leaf_and_the_brand_signs(books: None, now: datetime) -> None:
    count = Entry.objects.count()
    assert count == 10
    assert sealed.seal(now) == count
    leaves = list(LogLeaf.objects.order_by("index"))
    assert [leaf.index for leaf in leaves] == list(range(count))
    assert [leaf.entry_id for leaf in leaves] == list(
        Entry.objects.order_by("xid", "id").values_list("id", flat=True)
    )
    checkpoint = Checkpoint.objects.get()
    key = LogKey.objects.get()
    frontier = merkle.Frontier()
    frontier.extend(bytes(leaf.hash) for leaf in leaves)
    root = base64.b64encode(frontier.root()).decode()
    text = f"acme.localhost/points\n{count}\n{root}\n"
    assert checkpoint.note.startswith(f"{text}\n— acme.localhost/points ")
    assert signednote.verify(text, bytes(checkpoint.signature), bytes(key.public))
    assert (checkpoint.size, bytes(checkpoint.root)) == (count, frontier.root())
    assert sealed.violated() == {}

    event = OutboxEvent.objects.get(type="ledger.checkpoint_signed")
    assert event.payload == {
        "checkpoint_id": str(checkpoint.id), "origin": "acme.localhost/points", "size": count, "root": root,
        "note": checkpoint.note, "signed_at": "2026-11-22T02:00:00Z",
    }  # fmt: skip


def test_nothing_new_signs_nothing(books: None, now: datetime) -> None:
    assert sealed.seal(now) == 10
    assert sealed.seal(now) == 0
    assert (Checkpoint.objects.count(), LogLeaf.objects.count()) == (1, 10)
    earn(ANNA, 1, "more", now=now)
    assert sealed.seal(now) == 1
    assert list(Checkpoint.objects.order_by("size").values_list("size", flat=True)) == [10, 11]
    assert OutboxEvent.objects.filter(type="ledger.checkpoint_signed").count() == 2
    assert sealed.violated() == {}


def test_a_transaction_that_runs_is_waited_for(in_acme: Brand, now: datetime) -> None:
    earn(ANNA, 1, "o", now=now)
    assert sealing.seal(now=now) == 0
    assert not Checkpoint.objects.exists()
    assert sealed.violated() == {}


def test_the_log_grows_in_portions(books: None, now: datetime, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sealing, "PORTION", 4)
    sealed.let_commit()
    assert sealing.seal(now=now, portions=2) == 8
    assert sealing.seal(now=now, portions=2) == 2
    assert list(Checkpoint.objects.order_by("size").values_list("size", flat=True)) == [8, 10]
    assert sealed.violated() == {}


def test_leaves_written_before_a_crash_are_signed_by_the_next_run(
    books: None, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    def crash(*_arguments: Any) -> None:
        raise RuntimeError

    monkeypatch.setattr(sealing, "PORTION", 4)
    sealed.let_commit()
    with monkeypatch.context() as patch:
        patch.setattr(sealing, "_sign", crash)
        with pytest.raises(RuntimeError):
            sealing.seal(now=now)
    assert (LogLeaf.objects.count(), Checkpoint.objects.count()) == (8, 0)
    assert sealing.seal(now=now) == 2
    assert Checkpoint.objects.get().size == 10
    assert sealed.violated() == {}


def test_a_tree_beyond_a_tile_keeps_its_nodes(in_acme: Brand, now: datetime) -> None:
    for number in range(0, 600, 60):
        points.post(
            member_id=ANNA,
            journal_id=ids.new(),
            entries=[accrual(1, f"o-{one}") for one in range(number, number + 60)],
            now=now,
        )
        sealed.seal(now)
    assert list(LogNode.objects.order_by("index").values_list("level", "index")) == [(8, 0), (8, 1)]
    assert Checkpoint.objects.count() == 10
    assert sealed.violated() == {}
    sealed.damage("UPDATE points_lognode SET hash = sha256('x') WHERE index = 1")
    assert sealed.violated() == {"T3": ["nodes of level 8 from 0 to 1 are not those of the leaves"]}


# --- what the leaf says -----------------------------------------------------------------------------------
def test_the_database_hashes_as_rfc_8785_says(books: None, now: datetime) -> None:
    sealed.damage(f"UPDATE points_account SET available = {2**53} WHERE member_id = '{BORIS}'")
    large = earn(BORIS, 1, "large", now=now).entries[0].entry_id
    sealed.seal(now)
    # Beyond what readers of JSON can tell apart.
    assert receipts.receipt(large)["entry"]["balance_after"] == str(2**53 + 1)
    for entry in Entry.objects.all():
        receipt = receipts.receipt(entry.pk)
        written = rfc8785.dumps({"entry": receipt["entry"], "salt": receipt["salt"]})
        assert merkle.leaf_hash(written) == bytes(entry.leaf.hash), receipt["entry"]
    assert len({bytes(leaf.salt) for leaf in LogLeaf.objects.all()}) == 11


def test_where_nobody_wrote_anything_there_are_no_details(in_acme: Brand, now: datetime) -> None:
    entry = earn(ANNA, 5, "o", now=now).entries[0].entry_id
    sealed.seal(now)
    receipt = receipts.receipt(entry)
    assert (receipt["entry"]["details"], receipt["details"]) == (None, None)


@pytest.mark.parametrize("column", ["actor", "reason", "explanation"])
def test_each_word_by_itself_is_hashed(in_acme: Brand, now: datetime, column: str) -> None:
    entry = earn(ANNA, 5, "o", now=now).entries[0].entry_id
    # JSON's own null is an explanation, too: SQL has none of it.
    word = "null" if column == "explanation" else "x"
    sealed.damage(f"UPDATE points_entry SET {column} = '{word}'")
    sealed.seal(now)
    receipt = receipts.receipt(entry)
    assert receipt["details"][column] == word
    assert receipt["entry"]["details"] == hashlib.sha256(rfc8785.dumps(receipt["details"])).hexdigest()
    assert sealed.violated() == {}
    sealed.damage(f"UPDATE points_entry SET {column} = {'NULL' if column == 'explanation' else repr('')}")
    assert set(sealed.violated()) == {"T2"}


def test_leaves_that_hash_details_of_which_there_are_none_stay_valid(in_acme: Brand, now: datetime) -> None:
    entry = earn(ANNA, 5, "o", now=now).entries[0].entry_id
    sealed.seal(now)
    receipt, salt = receipts.receipt(entry), bytes(LogLeaf.objects.get().salt)
    # As leaves were at first.
    hidden = {"actor": "", "explanation": None, "reason": "", "salt": salt[16:].hex()}
    details = hashlib.sha256(rfc8785.dumps(hidden)).hexdigest()
    first = {**receipt["entry"], "details": details}
    hashed = merkle.leaf_hash(rfc8785.dumps({"entry": first, "salt": receipt["salt"]}))
    sealed.damage(f"UPDATE points_logleaf SET hash = decode('{hashed.hex()}', 'hex')")
    sealed.damage("DELETE FROM points_checkpoint")
    sealed.seal(now)
    assert sealed.violated() == {}
    assert receipts.receipt(entry)["entry"] == first
    assert receipts.receipt(entry)["details"] == hidden
    sealed.damage("UPDATE points_entry SET reason = 'x'")
    assert list(sealed.violated()) == ["T2"]


TEXT = st.text(st.characters(exclude_characters="\x00", exclude_categories=["Cs"]), max_size=40)


def test_any_text_is_escaped_as_rfc_8785_says(in_acme: Brand) -> None:
    with connection.cursor() as cursor:

        @given(TEXT)
        def same(text: str) -> None:
            cursor.execute("SELECT convert_to(JSON_SCALAR(%s::text)::text, 'UTF8')", [text])
            assert bytes(cursor.fetchone()[0]) == rfc8785.dumps(text)

        same()


@pytest.mark.sampled(2)
@pytest.mark.parametrize(
    "change",
    [
        "points_entry SET points = points + 1",
        "points_entry SET direction = -direction",
        "points_entry SET account_id = id",
        "points_entry SET system_account = 'breakage'",
        "points_entry SET kind = 'opening'",
        "points_entry SET source = 'till'",
        "points_entry SET reference = reference || '.'",
        "points_entry SET rule = rule || 'x'",
        "points_entry SET rule_version = 9",
        "points_entry SET reverses_id = id",
        "points_entry SET effective_at = effective_at + interval '1 microsecond'",
        "points_entry SET recorded_at = recorded_at - interval '1 day'",
        "points_entry SET balance_after = balance_after - 1",
        "points_entry SET seq = seq + 100",
        "points_entry SET journal_id = id",
        "points_entry SET cost_centre = 'c'",
        "points_entry SET actor = 'somebody'",
        "points_entry SET reason = 'another'",
        "points_entry SET explanation = '{}'",
        "points_account SET currency = 'beans' WHERE currency = 'points'",
        "points_lot SET points = points + 1",
        "points_lot SET original_expires_at = '2026-12-01'",
        "points_lot SET earned_at = earned_at - interval '1 day'",
        "points_lot SET from_lot_id = id",
        "points_lot SET entry_id = account_id",
        "points_consumption SET points = points + 1",
        "points_consumption SET lot_id = gen_random_uuid()",
    ],
)
def test_any_change_of_what_was_sealed_is_found(books: None, now: datetime, change: str) -> None:
    sealed.seal(now)
    sealed.damage(f"UPDATE {change}")
    found = sealed.violated()
    assert set(found) == {"T2"}
    assert "is not what was sealed" in found["T2"][0]


@pytest.mark.parametrize(
    ("change", "codes"),
    [
        ("DELETE FROM points_entry WHERE kind = 'burn'", {"T2"}),
        ("DELETE FROM points_logleaf WHERE index = 3", {"T1", "T3"}),
        ("DELETE FROM points_logleaf WHERE index = 9", {"T1", "T3"}),
        ("UPDATE points_logleaf SET hash = sha256('x') WHERE index = 3", {"T2", "T3"}),
        ("UPDATE points_logleaf SET salt = sha256('x') WHERE index = 3", {"T2"}),
        ("UPDATE points_checkpoint SET root = sha256('x')", {"T3", "T4"}),
        ("UPDATE points_checkpoint SET size = 9", {"T3", "T4"}),
        ("UPDATE points_checkpoint SET size = 11", {"T3", "T4"}),
        ("UPDATE points_checkpoint SET signature = decode(repeat('00', 64), 'hex')", {"T4"}),
        ("UPDATE points_checkpoint SET note = note || E'— x y\\n'", {"T4"}),
        ("UPDATE points_logkey SET public = sha256('x')", {"T4"}),
        ("UPDATE points_logposition SET size = 9", {"T3"}),
    ],
)
def test_damage_to_the_log_is_found(books: None, now: datetime, change: str, codes: set[str]) -> None:
    sealed.seal(now)
    sealed.damage(change)
    assert set(sealed.violated()) == codes


def test_repaying_a_debt_later_leaves_the_clawbacks_leaf_alone(in_acme: Brand, now: datetime) -> None:
    order = earn(ANNA, 50, "o", now=now)
    points.burn(member_id=ANNA, points=30, reference="b", now=now)
    points.clawback(
        member_id=ANNA, journal_id=ids.new(), items=[ClawbackItem(order.entries[0].entry_id, 50)],
        source="return", reference="ret", now=now,
    )  # fmt: skip
    sealed.seal(now)
    before = receipts.receipt(Entry.objects.get(kind="clawback").pk)["entry"]
    assert [part["points"] for part in before["taken"]] == [20]
    earn(ANNA, 100, "later", now=now)
    sealed.seal(now)
    assert receipts.receipt(Entry.objects.get(kind="clawback").pk)["entry"] == before
    assert sealed.violated() == {}


# --- missed, restored, moved ------------------------------------------------------------------------------
def test_an_entry_below_the_position_is_found_and_sealed(books: None, now: datetime) -> None:
    sealed.seal(now)
    earn(ANNA, 1, "missed", now=now)
    sealed.damage("UPDATE points_entry SET xid = '7'::xid8 WHERE reference = 'missed'")
    assert sealing.seal(now=now) == 0
    assert set(sealed.violated()) == {"T1"}
    assert tasks.seal_missed() == 1
    assert sealed.violated() == {}
    assert Checkpoint.objects.order_by("-size")[0].size == 11
    assert sealing.seal(now=now) == 0


def test_the_hourly_look_goes_back_some_hours_and_the_command_to_the_beginning(
    books: None, in_acme: Brand, now: datetime
) -> None:
    sealed.seal(now)
    earn(ANNA, 1, "long ago", now=now - timedelta(days=90))
    sealed.damage("UPDATE points_entry SET xid = '7'::xid8 WHERE reference = 'long ago'")
    assert tasks.seal_missed() == 0
    out = StringIO()
    call_command("seal_ledger", "--brand", "acme", stdout=out)
    assert out.getvalue() == "acme: 0 leaves added, 10 signed\n"
    call_command("seal_ledger", "--all", "--brand", "acme", stdout=out)
    assert out.getvalue().splitlines()[1] == "acme: 1 leaves added, 11 signed"
    with pytest.raises(CommandError, match="there is no brand"):
        call_command("seal_ledger", "--brand", "nobody")
    connection.set_tenant(in_acme)
    assert sealed.violated() == {}


def test_after_a_restore_transactions_are_numbered_anew_and_nothing_is_missed(
    books: None, now: datetime
) -> None:
    """The dump had sealed and unsealed entries of high numbers; the new server begins with low ones."""
    sealed.let_commit()
    sealing.seal(now=now)
    earn(BORIS, 2, "unsealed when dumped", now=now)
    sealed.damage(
        "UPDATE points_entry SET xid = (1000000000 + extract(epoch FROM recorded_at)::bigint)::text::xid8"
    )
    sealed.damage("UPDATE points_logposition SET xid = '2763000000'::xid8, cluster = 'the old one'")
    assert set(sealed.violated()) == {"T1"}
    earn(ANNA, 1, "new server", now=now)
    sealed.damage("UPDATE points_entry SET xid = '7'::xid8 WHERE reference = 'new server'")
    assert sealing.seal(now=now) == 2
    assert sealed.violated() == {}
    assert sealing.seal(now=now) == 0
    position = LogPosition.objects.get()
    assert position.xid < 1_000_000_000
    # And what the new server commits from here on is found by its number again.
    earn(ANNA, 1, "later", now=now)
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_current_xact_id()::text")
        own = int(cursor.fetchone()[0])  # this test's own transaction: still running
    assert position.xid <= own
    sealed.damage(f"UPDATE points_entry SET xid = '{own}'::xid8 WHERE reference = 'later'")
    assert sealing.seal(now=now) == 0


def test_what_is_passed_again_gets_no_second_leaf(books: None, now: datetime) -> None:
    """The hourly look for missed entries seals some that the sealer has yet to come by."""
    sealed.let_commit()
    assert sealing.seal_missed(now=now, since=now - timedelta(hours=1)) == 10
    assert sealing.seal(now=now) == 0
    assert LogLeaf.objects.count() == 10
    assert sealed.violated() == {}


def test_entries_that_wait_too_long_are_a_violation(books: None, now: datetime) -> None:
    sealed.let_commit()
    assert sealed.violated() == {}
    with clock.frozen(now + timedelta(minutes=11)):
        assert len(sealed.violated()["T1"]) == checks.MOST_SHOWN
        assert sealed.seal(now) == 10
        assert sealed.violated() == {}


# --- guards, keys, ticks ----------------------------------------------------------------------------------
@pytest.mark.parametrize("table", ["logkey", "logleaf", "lognode", "checkpoint"])
@pytest.mark.parametrize("role", ["brand", "owner"])
@pytest.mark.parametrize("statement", ["UPDATE {} SET id = id", "DELETE FROM {}", "TRUNCATE {} CASCADE"])
def test_the_log_cannot_be_rewritten(
    books: None, now: datetime, table: str, role: str, statement: str
) -> None:
    sealed.seal(now)
    if table == "logleaf":
        statement = statement.replace("id = id", "index = index")
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")  # what is pending would stop a TRUNCATE by itself
        if role == "owner":
            cursor.execute("RESET ROLE")
        with pytest.raises(DatabaseError) as error, transaction.atomic():
            cursor.execute(statement.format(f"points_{table}"))
    assert error.value.__cause__.sqlstate == {"brand": "42501", "owner": "PL090"}[role]


def test_a_brand_is_born_with_a_key_whose_private_half_is_sealed(in_acme: Brand, now: datetime) -> None:
    key = LogKey.objects.get()
    assert logkeys.signing_key(now=now) == key
    private = base64.b64decode(crypto.unseal(key.secret))
    assert len(private) == 32
    assert signednote.verify("text", signednote.sign("text", private), bytes(key.public))
    assert base64.b64encode(private).decode() not in key.secret


def test_a_new_key_signs_from_the_next_checkpoint_on_and_the_old_one_vouches_for_it(
    books: None, in_acme: Brand, now: datetime
) -> None:
    old = LogKey.objects.get()
    sealed.seal(now)
    printed = StringIO()
    call_command("rotate_log_key", "--brand", "acme", stdout=printed)
    connection.set_tenant(in_acme)
    new = receipts.keys()[0]
    line = signednote.verifier_key(new.origin, bytes(new.public))
    assert printed.getvalue() == line + "\n"
    assert (new.origin, new.pk == old.pk) == (old.origin, False)

    told = OutboxEvent.objects.get(type="ledger.log_key_rotated").payload
    assert (told["verifier_key"], told["previous_key_id"]) == (line, str(old.pk))
    said, _blank, signature = told["note"].partition("\n\n")
    assert said == f"{old.origin}\n{line}"
    raw = base64.b64decode(signature.split()[-1])[4:]
    assert signednote.verify(f"{said}\n", raw, bytes(old.public))

    earn(ANNA, 1, "more", now=now)
    assert sealed.seal(now) == 1
    signed_by = list(Checkpoint.objects.order_by("size").values_list("size", "key_id"))
    assert signed_by == [(10, old.pk), (11, new.pk)]
    assert sealed.violated() == {}
    for count, entry in enumerate(Entry.objects.filter(reference__in=["b", "more"]).order_by("seq"), 1):
        assert receipts.receipt(entry.pk)["key"] == line, count


def test_a_key_of_no_brand_is_not_rotated(in_acme: Brand) -> None:
    with pytest.raises(CommandError, match="there is no brand 'acmee'"):
        call_command("rotate_log_key", "--brand", "acmee")
    connection.set_tenant(in_acme)
    assert LogKey.objects.count() == 1


def test_keys_of_two_brands_differ(acme: Brand, globex: Brand) -> None:
    from tenants.context import in_brand  # noqa: PLC0415

    found = set()
    for brand in (acme, globex):
        with in_brand(brand):
            key = LogKey.objects.get()
            found.add((key.origin, bytes(key.public)))
    assert {origin for origin, _public in found} == {"acme.localhost/points", "globex.localhost/points"}
    assert len({public for _origin, public in found}) == 2


def test_the_task_seals(books: None) -> None:
    sealed.let_commit()
    assert tasks.seal_log() == 10
    assert logstore.newest_checkpoint().size == 10
