"""Many journals at once leave the books as one after the other would: compared between two equal brands."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from django.db import connection, transaction

from loyalty.lib import ids
from loyalty.lib.errors import Refusal
from loyalty.outbox.models import OutboxEvent
from members.models import Member
from points import errors
from points import services as points
from points.models import Account, Entry, Lot
from points.postings import ClawbackItem, Posting
from points.services.bulk import Journal
from tenants.context import in_brand
from tenants.models import Brand
from tests.points.support import accrual, assert_sound, book, earn, numbers
from tests.support.brands import ANNA, BORIS

pytestmark = pytest.mark.django_db
RULES = ("base", "bonus", "weekend")
OWN = {"entry_id", "account_id", "lot_id", "hold_id", "reverses", "journal"}


def one_by_one(journals: list[Journal], now: datetime) -> dict[str, Any]:
    """What a bulk is to equal."""
    outcome: dict[str, Any] = {"posted": 0, "replayed": 0, "refused": {}}
    for place, journal in enumerate(journals):
        try:
            with transaction.atomic():
                result = points.post(
                    member_id=journal.member_id,
                    journal_id=journal.journal_id,
                    entries=journal.entries,
                    now=now,
                    event_data=journal.event_data,
                )
        except Refusal as refusal:
            outcome["refused"][place] = type(refusal)
        else:
            outcome["replayed" if result.replayed else "posted"] += 1
    return outcome


def at_once(journals: list[Journal], now: datetime) -> dict[str, Any]:
    result = points.post_bulk(journals=journals, now=now)
    refused = {place: type(refusal) for place, refusal in result.refused.items()}
    return {"posted": result.posted, "replayed": result.replayed, "refused": refused}


def told(payload: Any) -> Any:
    """An event's content without the ids that either side drew for itself."""
    if isinstance(payload, dict):
        return {k: told(v) for k, v in payload.items() if k not in OWN}
    return [told(item) for item in payload] if isinstance(payload, list) else payload


def state() -> dict[str, Any]:
    """Everything that the brand's ledger says, without ids of rows and transactions."""
    lots, entries = Lot.objects.select_related("entry"), Entry.objects.select_related("account")
    fates = ("points", "remaining", "held", "state", "earned_at", "available_at", "waits_for", "waits_ref",
             "expires_at", "original_expires_at", "inactivity_months")  # fmt: skip
    facts = ("seq", "system_account", "direction", "points", "kind", "source", "rule",
             "rule_version", "effective_at", "recorded_at", "balance_after", "cost_centre", "actor", "reason",
             "explanation")  # fmt: skip
    return {
        # A bulk opens the accounts that it wants before it knows whether they will be credited, and leaves
        # those alone to which nothing new comes.
        "accounts": [
            {k: v for k, v in row.items() if k not in ("id", "updated_at")}
            for row in Account.objects.filter(last_seq__gt=0).order_by("member_id", "currency").values()
        ],
        "entries": [
            # An expiry is called after its first lot; the past drew its own journals.
            (
                e.account.member_id,
                e.account.currency,
                e.kind == "expiry" or e.reference,
                e.journal_id if e.reference.startswith("o-") else None,
                *(getattr(e, name) for name in facts),
            )
            for e in entries.order_by("account__member_id", "account__currency", "seq")
        ],
        "lots": sorted(
            (str(lot.entry.reference), lot.entry.rule, *(str(getattr(lot, name)) for name in fates))
            for lot in lots
        ),
        # In order for each account; what falls due on two accounts of a member is told in either order.
        "events": sorted(
            (
                (str(e.member_id), e.payload["account"]["points_currency"], e.type, told(e.payload))
                for e in OutboxEvent.objects.order_by("created_at", "id")
            ),
            key=lambda event: event[:2],
        ),
    }


def posting(draw: random.Random, reference: str, rule: str, now: datetime) -> Posting:
    """A credit of any shape: most are plain."""
    made = accrual(draw.randint(1, 60), reference, rule)
    shape = draw.randint(0, 14)
    if shape < 5:
        return made._replace(expires_at=now + timedelta(days=draw.randint(1, 400)))
    return {
        5: made._replace(available_at=now + timedelta(days=3)),
        6: made._replace(waits_for="order.completed", waits_ref=reference),
        7: made._replace(inactivity_months=12),
        8: made._replace(expires_at=now - timedelta(days=1), effective_at=now - timedelta(days=90)),
        9: made._replace(currency="stars"),
        10: made._replace(kind="opening", system_account="opening"),
        11: made._replace(effective_at=now - timedelta(days=40), explanation={"a": 'tab\tand\\ "quote"\n老'}),
        12: made._replace(inactivity_months=1, effective_at=now - timedelta(days=500)),
        13: made._replace(points=draw.choice([0, 10**12, 10**12 + 1])),
    }.get(shape, made)


def bulk_of(draw: random.Random, size: int, now: datetime, earlier: list[Journal]) -> list[Journal]:
    """New journals, repeated ones, and ones that say something else under a known reference."""
    made: list[Journal] = []
    for _number in range(size):
        known, pick = made + earlier, draw.random()
        if known and pick < 0.25:
            again = draw.choice(known)
            if pick < 0.08:
                first = again.entries[0]._replace(points=again.entries[0].points + 1)
                again = replace(again, entries=[first, *again.entries[1:]])
            elif pick < 0.11:
                again = replace(again, member_id=BORIS)
            elif pick < 0.14:
                again = replace(again, entries=list(again.entries)[:1])
            made.append(replace(again, journal_id=ids.new()))
            continue
        reference = f"o-{draw.getrandbits(60)}"
        rules = RULES[: draw.choice([1, 1, 2, 3])]
        entries = [posting(draw, reference, rule, now) for rule in rules]
        if draw.random() < 0.8:
            entries = [entry._replace(currency=entries[0].currency) for entry in entries]
        data = {"reference": reference} if draw.random() < 0.5 else None
        made.append(Journal(draw.choice([ANNA, BORIS]), ids.new(), entries, data))
    return made


def past(draw: random.Random, now: datetime) -> list[Journal]:
    """Gives the brand at hand some history, the same in both brands; returns its journals."""
    kinds = draw.sample(["debt", "frozen", "due", "known", "pending", "held"], draw.randint(0, 3))
    before = now - timedelta(days=60)
    known = [Journal(ANNA, UUID(int=9), [accrual(30, "k-1"), accrual(4, "k-1", "bonus")])]
    if "known" in kinds:
        points.post_bulk(journals=known, now=before)
    if "due" in kinds:
        earn(ANNA, 25, "due", now=before, expires_at=now - timedelta(days=2))
    if "pending" in kinds:
        earn(BORIS, 5, "later", now=before, available_at=now - timedelta(days=1))
    if "held" in kinds:
        earn(BORIS, 8, "held", now=before)
        points.hold(member_id=BORIS, points=3, reference="h", expires_at=now - timedelta(days=5), now=before)
    if "debt" in kinds:
        first = earn(ANNA, 70, "gone", now=before)
        points.burn(member_id=ANNA, points=70, reference="b", now=before)
        items = [ClawbackItem(first.entries[0].entry_id, 70)]
        points.clawback(
            member_id=ANNA, journal_id=UUID(int=8), items=items, source="return", reference="r", now=before
        )
    if "frozen" in kinds:
        points.freeze(member_id=BORIS, earn=True, burn=False, reason="review", now=before)
    return known if "known" in kinds else []


@contextmanager
def undone() -> Iterator[None]:
    """Nothing of the block stays."""
    point = transaction.savepoint()
    try:
        yield
    finally:
        transaction.savepoint_rollback(point)


@pytest.mark.sampled(3)
@pytest.mark.parametrize("seed", range(6))
def test_a_bulk_equals_its_journals_one_by_one(acme: Brand, globex: Brand, now: datetime, seed: int) -> None:
    outcomes, states = [], []
    for brand, way in ((acme, at_once), (globex, one_by_one)):
        draw = random.Random(seed)
        with in_brand(brand), undone():
            earlier = past(draw, now)
            ids_before = [replace(j, journal_id=j.journal_id) for j in earlier]
            first = with_ids(draw, bulk_of(draw, 25, now, ids_before))
            second = with_ids(draw, bulk_of(draw, 10, now, first))
            outcomes.append([way(first, now), way(second, now + timedelta(hours=1))])
            states.append(state())
            assert_sound()
    assert outcomes[0] == outcomes[1]
    for name in states[0]:
        for mine, theirs in zip(states[0][name], states[1][name], strict=True):
            assert mine == theirs, (name, mine, theirs)


def with_ids(draw: random.Random, journals: list[Journal]) -> list[Journal]:
    """The same journal ids on both sides."""
    return [replace(journal, journal_id=UUID(int=draw.getrandbits(128))) for journal in journals]


def test_results_are_those_of_post(in_acme: Brand, now: datetime) -> None:
    journals = [
        Journal(ANNA, ids.new(), [accrual(30, "o-1"), accrual(9, "o-1", "bonus")]),
        Journal(BORIS, ids.new(), [accrual(5, "o-2", expires_at=now + timedelta(days=9))]),
        Journal(ANNA, ids.new(), [accrual(1, "o-3", available_at=now + timedelta(days=1))]),
    ]
    result = points.post_bulk(journals=journals, now=now, results=True)
    assert (result.posted, result.replayed, result.refused) == (3, 0, {})
    assert [(e.points, e.balance_after, e.rule) for e in result.results[0].entries] == [
        (30, 30, "base"),
        (9, 39, "bonus"),
    ]
    assert result.results[1].entries[0].expires_at == now + timedelta(days=9)
    assert (result.results[2].account.available, result.results[2].account.pending) == (39, 1)
    assert result.results[2].entries[0].pending
    again = points.post_bulk(journals=journals, now=now, results=True)
    assert (again.posted, again.replayed) == (0, 3)
    assert [e.entry_id for e in again.results[0].entries] == [e.entry_id for e in result.results[0].entries]
    assert_sound()


def test_a_refused_journal_stops_no_other_and_leaves_nothing(in_acme: Brand, now: datetime) -> None:
    earn(BORIS, 5, "taken", now=now)
    points.freeze(member_id=BORIS, earn=True, burn=False, reason="review", now=now)
    journals = [
        Journal(ANNA, ids.new(), [accrual(30, "o-1")]),
        Journal(BORIS, ids.new(), [accrual(7, "o-2")]),
        Journal(ANNA, ids.new(), [accrual(6, "taken")]),
        Journal(ANNA, ids.new(), [accrual(0, "o-4"), accrual(3, "o-4", "bonus")]),
        Journal(ANNA, ids.new(), [accrual(2, "o-5")]),
    ]
    result = points.post_bulk(journals=journals, now=now)
    assert {place: type(refusal) for place, refusal in result.refused.items()} == {
        1: errors.AccountFrozen,
        2: errors.ReferenceConflict,
        3: errors.PointsOutOfRange,
    }
    assert book(ANNA) == [("accrual", 30, 30), ("accrual", 2, 32)]
    assert numbers(BORIS) == (5, 0, 0, 0)
    assert_sound()


def test_a_merged_member_is_refused_and_gets_no_account(in_acme: Brand, now: datetime) -> None:
    earn(BORIS, 5, "b", now=now)
    Member.objects.filter(pk=BORIS).update(status=Member.Status.MERGED, merged_into_id=ANNA)
    points.merge(from_member_id=BORIS, into_member_id=ANNA, journal_id=ids.new(), now=now)
    journals = [
        Journal(BORIS, ids.new(), [accrual(7, "o-1")]),
        Journal(BORIS, ids.new(), [accrual(7, "o-2")._replace(currency="stars")]),
        Journal(ANNA, ids.new(), [accrual(3, "o-3")]),
    ]
    result = points.post_bulk(journals=journals, now=now)
    assert {place: type(r) for place, r in result.refused.items()} == {
        0: errors.AccountMerged,
        1: errors.AccountMerged,
    }
    assert numbers(ANNA) == (8, 0, 0, 0)
    assert not Account.objects.filter(member_id=BORIS, currency="stars").exists()


def test_nothing_of_a_bulk_stays_on_the_connection(in_acme: Brand, now: datetime) -> None:
    assert points.post_bulk(journals=[], now=now).posted == 0
    for number in range(2):
        points.post_bulk(journals=[Journal(ANNA, ids.new(), [accrual(1, f"o-{number}")])], now=now)
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_class WHERE relpersistence = 't' AND relkind = 'r'")
        assert cursor.fetchone()[0] == 0
