"""What campaigns gave, and how it stands against their budgets.

No order waits for this: the rules' entries are read off the brand's events, some seconds behind, by a cursor
of its own, and added up in one statement for thousands of events. So a budget is exceeded by what was given
between its last point and the count that finds it, and by no more.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from fractions import Fraction
from typing import Any, Final
from uuid import UUID

from django.db import connection, transaction

from campaigns import locks
from campaigns.models import Campaign, CampaignRule, CampaignStep
from campaigns.services import audiencegrants, rulewriting
from campaigns.services.campaigns import exchange, turning
from campaigns.services.campaigns.steps import WORKER, step, tell
from campaigns.services.wakeups import comingback
from loyalty.outbox import locks as outbox_locks
from loyalty.outbox import relay
from loyalty.outbox.models import Cursor

CURSOR: Final = "campaigns.budgets"
BATCH: Final = 5_000
ALARM: Final = Fraction(80, 100)
Status = Campaign.Status
Kind = CampaignStep.Kind
UnitCost = Callable[[str, datetime], Decimal]


@dataclass(frozen=True, slots=True)
class _Given:
    """Points given or taken off prices; `redeemed` are the points of redemptions, `cost` that of pieces."""

    currency: str
    points: int
    redeemed: int = 0
    cost: Decimal = Decimal(0)


# What these book goes by their own code, which may be that of a rule.
_OTHERS: Final = [audiencegrants.SOURCE, comingback.SOURCE]
_GIVEN: Final = """
SELECT entry ->> 'rule', entry ->> 'points_currency', sum((entry ->> 'points')::bigint)
FROM outbox_event event, jsonb_array_elements(event.payload -> 'entries') entry
WHERE event.position > %s AND event.position <= %s AND event.type = 'points.accrued'
  AND entry ->> 'kind' = 'accrual' AND entry ->> 'rule' = ANY(%s)
  AND coalesce(event.payload ->> 'source', '') <> ALL(%s)
GROUP BY 1, 2
"""


# What exchange days took off the prices of rewards. A cancelled redemption does not give it back, as a return
# does not give back what a rule gave.
_TAKEN_OFF: Final = """
SELECT redemption.campaign, redemption.currency, sum(redemption.full_points - redemption.points),
  coalesce(sum(redemption.points) FILTER (WHERE redemption.unit_cost IS NULL), 0),
  coalesce(sum(redemption.quantity * redemption.unit_cost), 0)
FROM outbox_event event
JOIN mall_redemption redemption ON redemption.id = (event.payload ->> 'redemption_id')::uuid
WHERE event.position > %s AND event.position <= %s AND event.type = 'redemption.placed'
  AND event.payload ->> 'campaign' = ANY(%s)
GROUP BY 1, 2
"""


def begin() -> None:
    """From now on what is given is counted. What came before no rule of a campaign gave."""
    Cursor.objects.get_or_create(name=CURSOR, defaults={"position": relay.head()})


def is_behind(_now: datetime) -> bool:
    """Whether `count` would look through anything."""
    return Cursor.objects.filter(name=CURSOR, position__lt=relay.head()).exists()


def count(*, now: datetime, unit_cost: UnitCost) -> int:
    """Add what was given since the last count to the campaigns, and hold it against their budgets.

    Returns how many events were looked through. `unit_cost` is the cost of one point of a
    currency at an instant.

    A batch is one transaction with the step of the cursor: cut off, it is done again; run twice, it is done
    once. A second worker passes.
    """
    looked = 0
    while True:
        with transaction.atomic():
            cursor = outbox_locks.cursor_of(CURSOR)
            head = relay.head() if cursor is not None else 0
            if cursor is None or cursor.position >= head:
                return looked
            until = min(head, cursor.position + BATCH)
            _add(cursor.position, until, now, unit_cost)
            looked += until - cursor.position
            cursor.position = until
            cursor.save()


def hold_against(campaign: Campaign, *, actor: str, now: datetime) -> bool:
    """Hold what a locked campaign gave against its budget: an alarm at 80 %, a stop at 100 %, and on again
    when the budget was raised. Returns whether its rules give otherwise now. Saves it.
    """
    used = share(campaign)
    before = campaign.reached_at
    if used >= ALARM and campaign.alarmed_at is None:
        campaign.alarmed_at = now
        step(campaign, Kind.BUDGET_ALARM, actor=actor, at=now, now=now)
        tell("campaign.budget_alarm", campaign, actor=actor, at=now)
    elif used < ALARM:
        campaign.alarmed_at = None
    if used >= 1 and campaign.reached_at is None:
        campaign.reached_at = now
        if campaign.status in (Status.SCHEDULED, Status.RUNNING):
            campaign.status, campaign.due_at = Status.STOPPED, turning.last_end(campaign)
        step(campaign, Kind.BUDGET_REACHED, actor=actor, at=now, now=now)
        tell("campaign.budget_reached", campaign, actor=actor, at=now)
    elif used < 1 and campaign.reached_at is not None:
        campaign.reached_at = None
        if campaign.status == Status.STOPPED:
            turning.place(campaign, now)
            step(campaign, Kind.RESUMED, actor=actor, at=now, now=now)
            tell("campaign.resumed", campaign, actor=actor, at=now)
    campaign.save()
    exchange.follow(campaign, now)
    return before != campaign.reached_at


def share(campaign: Campaign) -> Fraction:
    """How much of its budget a campaign gave: of the one in points or of that in money, whichever is nearer
    to its end; 0 without a budget."""
    used = [Fraction(0)]
    if campaign.budget_points is not None:
        used.append(Fraction(campaign.given_points, campaign.budget_points))
    if campaign.budget_amount is not None:
        used.append(Fraction(campaign.given_amount) / Fraction(campaign.budget_amount))
    return max(used)


def _add(after: int, until: int, now: datetime, unit_cost: UnitCost) -> None:
    live = Campaign.objects.filter(due_at__isnull=False)
    owners = dict(CampaignRule.objects.filter(campaign__in=live).values_list("rule__code", "campaign_id"))
    sellers = dict(live.filter(discount__isnull=False).values_list("code", "pk"))
    given: dict[UUID, list[_Given]] = {}
    for name, currency, points in _rows(_GIVEN, after, until, owners, _OTHERS):
        given.setdefault(owners[name], []).append(_Given(currency, int(points)))
    for name, currency, points, redeemed, cost in _rows(_TAKEN_OFF, after, until, sellers):
        given.setdefault(sellers[name], []).append(_Given(currency, int(points), int(redeemed), cost))
    changed = False
    for campaign in locks.live_campaigns(given):
        for each in given[campaign.pk]:
            price = unit_cost(each.currency, now)
            campaign.given_points += each.points
            campaign.given_amount += each.points * price
            campaign.redeemed_amount += each.cost + each.redeemed * price
        changed |= hold_against(campaign, actor=WORKER, now=now)
    if changed:
        rulewriting.changed(now)


def _rows(query: str, after: int, until: int, known: Collection[str], *more: Any) -> list[tuple[Any, ...]]:
    """What a query finds for these names between two positions; nothing is asked where there are none."""
    if not known:
        return []
    with connection.cursor() as cursor:
        cursor.execute(query, [after, until, sorted(known), *more])
        return list(cursor.fetchall())
