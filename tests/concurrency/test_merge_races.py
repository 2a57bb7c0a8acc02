"""Merging while others write for either member, and in both directions at once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from datetime import datetime
from typing import Any

from django.db import transaction

from campaigns.services.merging import merge_members
from loyalty.lib.transactions import retried
from members import services as members
from members.models import Member
from points import services as points
from tenants.models import Brand
from tests.concurrency.test_ledger_races import at_once, brand
from tests.points.support import assert_sound, earn, numbers
from tests.support.brands import ANNA, BORIS

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
