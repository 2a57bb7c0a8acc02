"""Merging while others write for either member, and in both directions at once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest
from django.db import transaction

from campaigns.services import deciding
from campaigns.services.merging import merge_members
from loyalty.lib.transactions import retried
from members import services as members
from members.models import Member
from points import services as points
from points.models import Entry
from tenants.models import Brand
from tests.concurrency.test_ledger_races import at_once, brand
from tests.concurrency.test_wakeup_races import meanwhile
from tests.orders.test_activities import activity, fixed
from tests.points.support import assert_sound, earn, numbers
from tests.support import brands
from tests.support.brands import ANNA, BORIS
from tests.support.client import Api

__all__ = ["brand"]


def test_a_merge_meets_burns_transfers_and_its_own_reverse(brand: Brand, now: datetime) -> None:
    for number in range(5):
        earn(ANNA, 40, f"a-{number}", now=now)
    earn(BORIS, 100, "b", now=now)

    def burn(number: int) -> Any:
        def work() -> Any:
            with transaction.atomic():
                member, _new = members.resolve_or_enrol(
                    member_id=ANNA, keys=(), may_enrol=False, source="", now=now
                )
                return points.burn(member_id=member.id, points=3, reference=f"b-{number}", now=now)

        retried(work)
        return "burned"

    def give(number: int) -> Any:
        points.transfer(from_member_id=BORIS, to_member_id=ANNA, points=2, reference=f"t-{number}", now=now)
        return "given"

    def merge(member: Any, into: Any) -> Any:
        return retried(lambda: merge_members(member_id=member, into_id=into, actor="t", now=now)).into

    work: list[Callable[[], Any]] = [lambda n=n: burn(n) for n in range(30)]
    work += [lambda n=n: give(n) for n in range(6)]
    work[3:3] = [lambda: merge(ANNA, BORIS), lambda: merge(BORIS, ANNA)]
    told = Counter(at_once(brand, work))
    survivor = Member.objects.get(status="active", pk__in=[ANNA, BORIS]).pk
    assert told[survivor] == 1
    # Only what had resolved the merged member before waiting for the lock is refused, and may be sent again.
    assert set(told) <= {survivor, "burned", "given", "member_not_active", "same_member", "try_again"}
    gone = BORIS if survivor == ANNA else ANNA
    assert numbers(gone) == (0, 0, 0, 0)
    assert numbers(survivor) == (300 - 3 * told["burned"], 0, 0, 0)
    assert_sound()


@pytest.mark.parametrize(
    ("undo", "left"),
    [
        (lambda entry, now: points.reverse(entry_id=entry["b"], reference="x", now=now), (50, 20, 0, 0)),
        (
            lambda entry, now: points.reverse(entry_id=entry["o"], points=5, reference="x", now=now),
            (15, 20, 0, 0),
        ),
        (lambda entry, now: points.activate_entry(entry_id=entry["w"], now=now), (40, 0, 0, 0)),
        (
            lambda entry, now: points.cancel_pending(entry_id=entry["w"], reference="x", now=now),
            (20, 0, 0, 0),
        ),
    ],
    ids=["burn", "accrual", "pending points freed", "pending points taken back"],
)
def test_what_is_undone_while_its_member_is_merged_is_undone_with_the_survivor(
    brand: Brand, now: datetime, undo: Callable[..., Any], left: tuple[int, int, int, int]
) -> None:
    earn(ANNA, 50, "o", now=now)
    earn(ANNA, 20, "w", now=now, waits_for="order.completed", waits_ref="w")
    points.burn(member_id=ANNA, points=30, reference="b", now=now)
    points.open_account(member_id=BORIS, now=now)
    entry = dict(Entry.objects.values_list("reference", "id"))
    # It has looked where the points are, and waits for the account, when they move.
    meanwhile(
        brand,
        lambda: merge_members(member_id=ANNA, into_id=BORIS, actor="t", now=now),
        lambda: undo(entry, now),
    )
    assert numbers(ANNA) == (0, 0, 0, 0)
    assert numbers(BORIS) == left
    assert_sound()


@pytest.mark.parametrize(
    ("decide", "left"),
    [(deciding.approve_activity, (200, 0, 0, 0)), (deciding.reject_activity, (0, 0, 0, 0))],
    ids=["approved", "rejected"],
)
def test_an_activity_is_decided_while_its_member_is_merged(
    brand: Brand, now: datetime, decide: Callable[..., Any], left: tuple[int, int, int, int]
) -> None:
    api = Api("acme.localhost", brands.key("acme"))
    waits = {"pending": {"until": "activity.approved"}}
    assert (
        api.post("/earning-rules", fixed("review", 200, "activity.review", points=waits)).status_code == 201
    )
    assert api.post("/earning-rules/review/publish").status_code == 200
    assert api.post("/activities", activity(type="review")).status_code == 201
    points.open_account(member_id=BORIS, now=now)
    decided = meanwhile(
        brand,
        lambda: merge_members(member_id=ANNA, into_id=BORIS, actor="t", now=now),
        lambda: decide(activity_id="A-1", actor="t", now=now),
    )
    assert (decided.account.member_id, numbers(ANNA), numbers(BORIS)) == (BORIS, (0, 0, 0, 0), left)
    assert_sound()
