"""An order's page: what was bought, what the rules made of it and why, and what it moved in the ledger."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.db.models import Q
from django.http import HttpRequest

from campaigns.services.orders import judging
from campaigns.services.orders.told import Told
from loyalty.console.entrywords import Words
from loyalty.console.memberpage import rule_names
from members.admin import PurchaseAdmin
from members.models import Purchase
from points import wording
from points.models import Entry
from points.services import tiers


@dataclass(frozen=True, slots=True)
class Verdict:
    """What one rule gave, and how it came to it."""

    rule: str
    name: str
    text: str
    points: int


@dataclass(frozen=True, slots=True)
class OrderDesk:
    """What stands below the order."""

    verdicts: Sequence[Verdict]
    movements: Sequence[tuple[Entry, str, str]]


def desk_of(purchase: Purchase) -> OrderDesk:
    """The verdict of each rule in words, and the entries that name the order or one of its returns."""
    evaluations = tuple(judging.recorded(purchase.evaluation).values())
    told = Told(
        purchase.order_id,
        purchase.member_id,
        purchase.status,
        evaluations=evaluations,
        program=tiers.program(),
    ).explanation()
    names = rule_names({verdict["rule"] for verdict in told})
    numbers = [purchase.order_id, *purchase.returns.values_list("return_id", flat=True)]
    references = [*numbers, *(f"{n}#{more}" for n in numbers for more in range(1, purchase.revision + 2))]
    found = Entry.objects.filter(reference__in=references).filter(
        Q(source__startswith="order") | Q(source__startswith="return")
    )
    entries = list(found.select_related("account").order_by("recorded_at", "seq"))
    said = Words(entries)
    return OrderDesk(
        verdicts=[
            Verdict(each["rule"], names.get(each["rule"], ""), each.get("text", ""), each["points"])
            for each in told
        ],
        movements=[(entry, wording.what(entry), said.rule(entry)) for entry in entries],
    )


class OrderPage(PurchaseAdmin):
    """The order with the verdicts of the rules."""

    change_form_outer_after_template = "console/order_panels.html"

    def panels(self, request: HttpRequest, obj: Purchase) -> Mapping[str, Any]:
        """What stands below the order."""
        return {"desk": desk_of(obj)}
