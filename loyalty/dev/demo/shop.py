"""The demo's brand: a grocer with tiers, rules, rewards, operators, a partner and a receiver of webhooks."""

import json
import os
from copy import deepcopy
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import UUID

from campaigns.services import rules, tierrules
from loyalty.dev import wechat_sandbox
from loyalty.dev.demo import rewards
from loyalty.dev.places import up_places
from loyalty.lib import crypto
from loyalty.outbox import relay
from partners import services as partners
from points.services import tiers
from points.templates import PROGRAMS
from tenants.context import in_brand
from tenants.models import Brand
from tenants.operators.models import Operator, Role
from tenants.provisioning import create_brand, create_operator

SLUG = "demo"
PASSWORD = "demo-only-2026"
ACTOR = "demo"
RULES: tuple[dict[str, Any], ...] = (
    {
        "code": "fresh-produce",
        "name": {"zh-hans": "果蔬 1.5 倍", "en": "1.5 times on fruit and vegetables"},
        "trigger": "order.paid",
        "when": {"all": [{"fact": "line.category", "op": "in", "value": ["PRODUCE"]}]},
        "effect": {"type": "per_amount", "points": "1.5", "per": "1"},
        "stacking": {"group": "rate", "policy": "best"},
        "cost_centre": "merchandising",
    },
    {
        "code": "big-basket",
        "name": {"zh-hans": "每满 100 送 10", "en": "10 for every full 100"},
        "trigger": "order.paid",
        "effect": {"type": "per_amount", "points": "10", "per": "100", "whole": True},
        "cost_centre": "marketing",
    },
)
# The template's tiers, at thresholds that households of this size reach within a year.
THRESHOLDS = {"silver": "0", "gold": "1000", "diamond": "3000"}


@dataclass(frozen=True, slots=True)
class Shop:
    """The brand and what the story needs of it."""

    brand: Brand
    prices: dict[UUID, int]


def open_shop(*, opened_at: datetime) -> Shop:
    """Create the brand as it stood on its first day. Must run as the database's owner."""
    receiver = os.environ.get("DEMO_RECEIVER_URL", "http://127.0.0.1:9000/")
    create_brand(
        slug=SLUG, name="鲜集超市", template="retail", owner_email=email(Role.OWNER), owner_password=PASSWORD,
        webhook_hosts=[receiver.split("//")[1].strip("/")], now=opened_at,
    )  # fmt: skip
    brand = Brand.objects.get(slug=SLUG)
    brand.points_name = {"zh-hans": "鲜豆", "en": "beans"}
    brand.settings |= {
        "expiry": {"policy": "months", "months": 9},
        "restore_grace_days": 7,
        "wechat_app_id": wechat_sandbox.APP_ID,
        "wechat_secret": crypto.seal(wechat_sandbox.SECRET),
    }
    brand.save()
    with in_brand(brand):
        for role in (Role.MARKETING, Role.CARE, Role.SHOP):
            if not Operator.objects.filter(username=email(role)).exists():
                create_operator(email=email(role), role=role, password=PASSWORD)
        program = tiers.store_program(config=_tiers(), actor=ACTOR, now=opened_at)
        tierrules.sync(levels=program.levels, actor=ACTOR, now=opened_at)
        rules.install(bodies=list(RULES), actor=ACTOR, now=opened_at)
        return Shop(brand, rewards.fill(opened_at))


def _tiers() -> dict[str, Any]:
    config = deepcopy(PROGRAMS["retail"])
    for level in config["levels"]:
        level["threshold"] = THRESHOLDS[level["code"]]
    return config


def email(role: str) -> str:
    """The demo operator of a role signs in with this."""
    return f"{role}@demo.example"


def connect_partner(brand: Brand, *, now: datetime) -> dict[str, str]:
    """A key that may do everything, and an endpoint at the demo's receiver. For what happens from now on."""
    receiver = os.environ.get("DEMO_RECEIVER_URL", "http://127.0.0.1:9000/")
    with in_brand(brand):
        _row, key = partners.create_key(name="Demo till", scopes=["*"], now=now)
        # What happened in the past year is not delivered: an endpoint is told from the relay's head on.
        while relay.run():
            pass
        endpoint, secret = partners.create_endpoint(
            url=receiver, event_types=[], description="Demo receiver", now=now
        )
    Path(up_places().folder / "demo-webhook-secret").write_text(secret + "\n")
    return {"key": key, "endpoint_id": str(endpoint.id)}


def write_card(brand: Brand, key: str) -> None:
    """What `make up` prints: addresses, logins, three calls to try; `{port}` is filled in at each start."""
    host = f"http://{brand.slug}.localhost:{{port}}"
    call = f'curl -s -H "Authorization: Bearer $(cat var/demo-api-key)" {host}/api/v1'
    lines = [
        f"demo brand {host}/console/  {email(Role.OWNER)} / {PASSWORD}",
        f"           or {', '.join(email(role) for role in Role.values[1:])}, same password",
        f"API        {host}/api/docs/  key in var/demo-api-key",
        "",
        "Three calls to try:",
        f"  {call}/'members?limit=2'",
        f'  {call}/orders -H "Content-Type: application/json" -d @docs/examples/order.json',
        f"  curl -s {host}/api/member/v1/auth/wechat -H 'Content-Type: application/json' \\",
        """       -d '{"code": "demo-anna"}'""",
    ]
    folder = up_places().folder
    (folder / "demo-api-key").write_text(key + "\n")
    (folder / "demo-api-key").chmod(0o600)
    (folder / "demo.json").write_text(json.dumps({"lines": lines}, ensure_ascii=False, indent=1))
