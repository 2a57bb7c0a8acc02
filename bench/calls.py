"""The HTTP calls that are measured, what they need in the brand, and the floor that they are held against."""

import json
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.db import connection

from bench import setting
from campaigns.models import Rule
from campaigns.services import rules
from loyalty.lib import clock
from mall import services as mall
from partners import services as partners
from points import services as points
from points.postings import Posting
from tenants.context import in_brand
from tenants.models import Brand

RULES = 10


@dataclass(frozen=True, slots=True)
class Call:
    """One request. A POST carries an Idempotency-Key of its own, as whatever moves value does."""

    method: str
    path: str
    body: bytes | None = None
    key: str | None = None


Make = Callable[[int], Call]


@dataclass(frozen=True, slots=True)
class Measured:
    """A call that is measured, with the ratios to the floor that are to be reached."""

    name: str
    make: Make
    gate: float | None = None
    stretch: float | None = None


def read(number: int) -> Call:
    """The floor: one row by primary key."""
    return Call("GET", f"/bench/members/{setting.member(number % setting.MEMBERS)}")


def order(number: int) -> Call:
    """An order of three lines."""
    lines = [
        {"sku": f"S{line}", "category": category, "quantity": "2", "unit_price": "19.90"}
        for line, category in enumerate(("fresh/dairy", "grocery", "drinks"))
    ]
    return _post(
        "/api/v1/orders",
        {
            "order_id": str(uuid.uuid4()),
            "member": _member(number),
            "ordered_at": clock.now().isoformat(),
            "channel": "store",
            "store_id": "S01",
            "currency": "CNY",
            "lines": lines,
        },
    )


def burn(number: int) -> Call:
    """A cashier takes a point."""
    return _post("/api/v1/burns", {"member": _member(number), "points": 1, "reference": str(uuid.uuid4())})


def redemption(reward: str) -> Make:
    """A point for a piece of the reward."""

    def make(number: int) -> Call:
        body = {"member": _member(number), "reward_id": reward, "reference": str(uuid.uuid4())}
        return _post("/api/v1/redemptions", body)

    return make


def _post(path: str, body: dict[str, Any]) -> Call:
    return Call("POST", path, json.dumps(body).encode(), str(uuid.uuid4()))


def _member(number: int) -> dict[str, str]:
    return {"member_id": str(setting.member(number % setting.MEMBERS))}


def prepare() -> tuple[str, list[Measured]]:
    """The key to call with, and the calls; rules are published, members have points, a reward has stock."""
    now = clock.now()
    with in_brand(Brand.objects.get(slug=setting.SLUG)):
        _row, key = partners.create_key(name="bench", scopes=["*"], now=now)
        published = Rule.objects.filter(status=Rule.Status.PUBLISHED).count()
        rules.install(bodies=[_rule(number) for number in range(published, RULES)], actor="bench", now=now)
        assert Rule.objects.filter(status=Rule.Status.PUBLISHED).count() == RULES
        for number in range(setting.MEMBERS):
            journal = uuid.uuid4()
            opening = Posting(
                kind="opening",
                points=10**6,
                direction=1,
                system_account="opening",
                source="bench",
                reference=str(journal),
            )
            points.post(member_id=setting.member(number), journal_id=journal, now=now, entries=[opening])
        reward = mall.create_reward(
            values={
                "name": {"en": "Bench"},
                "kind": "physical",
                "points": 1,
                "stock": 10**7,
                "status": "published",
            },
            actor="bench",
            now=now,
        )
    connection.set_schema_to_public()
    return key, [
        Measured("POST /orders, 3 lines, 10 rules", order, 0.50, 0.80),
        Measured("POST /redemptions", redemption(str(reward.id)), 0.40, 0.70),
        Measured("POST /burns", burn, 0.40, 0.70),
    ]


def headers(key: str) -> dict[str, str]:
    """What every call says of itself."""
    return {
        "Host": f"{setting.SLUG}.localhost",
        "Authorization": f"Bearer {key}",
        "Content-Type": "application/json",
    }


def _rule(number: int) -> dict[str, Any]:
    """One more rule: a promotion of each kind that orders meet, some of which hold for them."""
    conditions: list[dict[str, Any]] = [
        {"fact": "line.category", "op": "in", "value": ["fresh", "drinks"]},
        {"fact": "order.channel", "op": "in", "value": ["store", "miniprogram"]},
        {"fact": "order.amount", "op": "gte", "value": "100"},
        {"fact": "member.tags", "op": "has", "value": "new-parent"},
        {"fact": "order.store_id", "op": "eq", "value": "S02"},
    ]
    return {
        "code": f"bench-{number}",
        "name": {"en": f"Promotion {number}"},
        "trigger": "order.paid",
        "effect": {"type": "multiplier", "factor": f"1.{number}"},
        "when": {"all": [conditions[number % len(conditions)]]},
        "stacking": {"group": "promotions", "policy": "best"},
    }
