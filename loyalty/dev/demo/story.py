"""A year of the demo brand: real baskets, and what members and staff might have done beside them.

Everything goes through the services that the API calls, at the time at which it happened.
"""

import heapq
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from functools import partial
from typing import Any
from uuid import UUID

from campaigns.services import campaigns, orders
from loyalty.dev.demo import people, programme, purchases
from loyalty.dev.demo.purchases import Basket
from loyalty.dev.demo.shop import Shop, email
from loyalty.lib.errors import Refusal
from mall import services as mall
from mall.models import Redemption, Reward
from members import services as members
from members.identities import Key
from points import services as points
from points.services import tiers
from tenants.operators.models import Role

REDEEMS, RETURNS, CANCELLED = 0.16, 0.025, 0.12
LATE, LATE_BY = 0.02, timedelta(days=4)  # orders of a till that was offline
ACTOR = "demo"
ADDRESS = {"name": "收件人", "phone": "+8613900000000", "region": "440100", "detail": "天河区体育西路 1 号"}
OPEN_DAYS = 12  # redemptions younger than this are still on their way


@dataclass(slots=True)
class Told:
    """What happened, in numbers."""

    orders: int = 0
    skipped_lines: int = 0
    redemptions: int = 0
    returns: int = 0
    refused: dict[str, int] = field(default_factory=dict)


@dataclass(order=True, slots=True)
class Later:
    """Something that will happen at a time."""

    at: datetime
    number: int
    do: Callable[[datetime], object] = field(compare=False)


class Story:
    """Plays the year from its first day to now."""

    def __init__(self, shop: Shop, now: datetime) -> None:
        self.shop, self.now, self.told = shop, now, Told()
        self._later: list[Later] = []
        self._members: dict[str, UUID] = {}
        self._swept: date | None = None
        marketing, owner = (f"operator:{email(role)}" for role in (Role.MARKETING, Role.OWNER))
        for at, do in programme.of_year(now=now, tz=shop.brand.tz, marketing=marketing, owner=owner):
            self._after(at, timedelta(0), do)

    def play(self, baskets: list[Basket], progress: Callable[[int, int], None]) -> Told:
        """Replay the baskets, each at its time, with all that follows from them; what happened."""
        for number, basket in enumerate(baskets, 1):
            self._until(basket.ordered_at)
            if random.Random(f"till {basket.body['order_id']}").random() < LATE:
                self._after(basket.ordered_at, LATE_BY, partial(self._buy, basket))
            else:
                self._buy(basket, basket.ordered_at)
            if number % 100 == 0 or number == len(baskets):
                progress(number, len(baskets))
        self._until(self.now)
        return self.told

    def _until(self, at: datetime) -> None:
        while self._later and self._later[0].at <= at:
            due = heapq.heappop(self._later)
            self._sweep(due.at)
            try:
                due.do(due.at)
            except Refusal as refusal:
                self.told.refused[refusal.code] = self.told.refused.get(refusal.code, 0) + 1
        self._sweep(at)

    def _sweep(self, at: datetime) -> None:
        # Once a day, as the worker would: what is due happens on its day and not with the next order.
        day = at.astimezone(self.shop.brand.tz).date()
        if day != self._swept:
            self._swept = day
            while points.expire_due(now=at):
                pass
            tiers.review_due(now=at)
            campaigns.turn_due(now=at)
            points.announce_expiring(now=at)

    def _buy(self, basket: Basket, sent_at: datetime) -> None:
        chance = random.Random(basket.body["order_id"])
        member_id = self._members.get(basket.household) or self._enrol(basket)
        body = {**basket.body, "member": {"member_id": str(member_id)}}
        at = sent_at + timedelta(seconds=20)
        content = orders.parse(body, currency=self.shop.brand.currency, now=at)
        answer = orders.record_order(content=content, now=at)
        self.told.orders += 1
        if chance.random() < RETURNS:
            self._after(at, timedelta(days=2, hours=3), self._returning(body, chance))
        available = answer.account.available if answer.account else 0
        affordable = [reward_id for reward_id, price in self.shop.prices.items() if price <= available]
        if affordable and chance.random() < REDEEMS:
            self._after(
                at, timedelta(hours=1), self._redeeming(member_id, body["order_id"], affordable, chance)
            )

    def _enrol(self, basket: Basket) -> UUID:
        number = len(self._members)
        chance = random.Random(basket.household)
        keys = [Key("external_id", basket.household), Key("phone", people.phone(number + 1))]
        if chance.random() < 0.6:
            keys.append(Key("card_no", f"6208{number:08d}"))
        birthday = date(1960 + chance.randrange(42), 1 + number % 12, 9)
        member, _created = members.enrol(
            keys=keys, source=chance.choice(("store", "store", "pack", "poster")),
            profile={"name": people.name(number), "birthday": birthday},
            now=basket.ordered_at,
        )  # fmt: skip
        self._members[basket.household] = member.id
        return member.id

    def _returning(self, body: dict[str, Any], chance: random.Random) -> Callable[[datetime], None]:
        line = chance.choice(body["lines"])

        def do(at: datetime) -> None:
            sent = {
                "return_id": f"R-{body['order_id']}",
                "returned_at": at.isoformat(),
                "lines": [{"line_id": line["line_id"], "quantity": line["quantity"]}],
            }
            orders.record_return(order_id=body["order_id"], content=orders.parse_return(sent, now=at), now=at)
            self.told.returns += 1

        return do

    def _redeeming(
        self, member_id: UUID, order_id: str, affordable: list[UUID], chance: random.Random
    ) -> Callable[[datetime], None]:
        reward_id, fate = chance.choice(affordable[-3:]), chance.random()

        def do(at: datetime) -> None:
            placed = mall.place(
                member_id=member_id,
                reward_id=reward_id,
                quantity=1,
                reference=f"demo-{order_id}",
                actor=ACTOR,
                address=ADDRESS,
                now=at,
            )
            self.told.redemptions += 1
            self._go_on(placed.redemption, fate, at)

        return do

    def _go_on(self, redemption: Redemption, fate: float, at: datetime) -> None:
        article = redemption.reward.kind == Reward.Kind.PHYSICAL
        recent = self.now - at < timedelta(days=OPEN_DAYS)
        if fate < CANCELLED:
            self._after(at, timedelta(hours=5), self._cancelling(redemption.id))
            return
        if article and (not recent or fate < 0.6):
            self._after(at, timedelta(hours=20), self._shipping(redemption.id))
        if not recent:
            self._after(at, timedelta(days=3), self._completing(redemption.id))

    def _cancelling(self, redemption_id: UUID) -> Callable[[datetime], None]:
        def do(at: datetime) -> None:
            mall.cancel(redemption_id=redemption_id, actor=ACTOR, reason="会员改变主意", now=at)

        return do

    def _shipping(self, redemption_id: UUID) -> Callable[[datetime], None]:
        def do(at: datetime) -> None:
            mall.ship(
                redemption_id=redemption_id,
                actor=ACTOR,
                carrier="SF",
                tracking_number=f"SF{redemption_id.hex[-12:]}",
                now=at,
            )

        return do

    def _completing(self, redemption_id: UUID) -> Callable[[datetime], None]:
        def do(at: datetime) -> None:
            mall.complete(redemption_id=redemption_id, actor=ACTOR, now=at)

        return do

    def _after(self, at: datetime, wait: timedelta, do: Callable[[datetime], object]) -> None:
        if at + wait <= self.now:
            heapq.heappush(self._later, Later(at + wait, len(self._later) + self.told.orders * 1000, do))


def baskets(shop: Shop, *, now: datetime, told: Told) -> list[Basket]:
    """The baskets of the year that ended yesterday, by the brand's calendar."""
    skipped = purchases.Skipped()
    yesterday = now.astimezone(shop.brand.tz).date() - timedelta(days=1)
    found = purchases.load(
        last_day=yesterday, tz=shop.brand.tz, currency=shop.brand.currency, skipped=skipped
    )
    told.skipped_lines = skipped.lines
    return found


__all__ = ["Story", "Told", "baskets"]
