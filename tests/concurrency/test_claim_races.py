"""Members who claim one receipt at once, while it comes back: one gets it, once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from campaigns.models import Claim
from campaigns.services import claims, orders
from loyalty.lib.transactions import retried
from members.models import Purchase
from points.models import Entry
from tenants.models import Brand
from tests.claims.shapes import NUMBER, guest
from tests.concurrency.test_ledger_races import at_once, brand
from tests.orders.shapes import BASE
from tests.points.support import assert_sound, numbers
from tests.support import brands
from tests.support.brands import ANNA, BORIS
from tests.support.client import Api

__all__ = ["brand"]
RECEIPT = claims.Receipt(NUMBER, Decimal("39.80"), date(2026, 11, 22))


def test_one_of_two_members_gets_the_receipt_once(brand: Brand, now: datetime) -> None:
    api = Api("acme.localhost", brands.key("acme"))
    assert api.post("/earning-rules", BASE).status_code == 201
    assert api.post("/earning-rules/base/publish").status_code == 200
    assert api.post("/orders", guest()).status_code == 201
    back = {"return_id": "R-1", "lines": [{"line_id": "1", "quantity": "1"}]}

    def claim(member_id: UUID) -> str:
        done = retried(lambda: claims.file(member_id=member_id, receipt=RECEIPT, now=now))
        return f"{member_id} {done[0].status}"

    def give_back() -> str:
        content = orders.parse_return(back, now=now)
        retried(lambda: orders.record_return(order_id=NUMBER, content=content, now=now))
        return "back"

    work: list[Callable[[], Any]] = [lambda m=m: claim(m) for m in (ANNA, BORIS) for _try in range(8)]
    work[5:5] = [give_back, give_back]
    told = Counter(at_once(brand, work))
    owner = Purchase.objects.get().member_id
    other = BORIS if owner == ANNA else ANNA
    assert told == {f"{owner} accepted": 8, f"{other} open": 8, "back": 2}
    # 39.80 less one of two: whether the return came before the claim or after it.
    assert (numbers(owner), numbers(other)) == ((19, 0, 0, 0), (0, 0, 0, 0))
    assert Entry.objects.filter(kind="accrual").count() == 1
    assert Claim.objects.count() == 2
    assert_sound()
