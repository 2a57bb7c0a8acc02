"""Audiences, wake-ups and grants over 100,000 members: how long a query takes, how fast they go out."""

import os
import time
from statistics import median
from typing import Any

import psycopg
from django.db import connection, transaction
from psycopg import sql

from bench import crowd, setting
from bench.figures import Figure
from campaigns.models import AudienceGrant, Message, MessageTemplate, MessageTemplateVersion, Wakeup
from campaigns.services import audiencegrants, segments, wakeups
from loyalty.lib import clock
from tenants.context import in_brand
from tenants.models import Brand
from tenants.provisioning import create_brand
from tenants.roles import as_owner

SLUG = "wakeup"
MEMBERS = int(os.environ.get("BENCH_MEMBERS", "100_000"))
TIMES = 3
TEXT = {"channels": {"sms": {"fields": {"text": {"en": "Come back, {name}"}}}}}
DEFINITIONS: dict[str, list[dict[str, Any]]] = {
    "sleeping 60 days, with consent": [
        {"fact": "member.days_since_last_order", "op": "gte", "value": 60},
        {"fact": "member.consent", "op": "has", "value": "marketing"},
    ],
    "never bought": [{"fact": "member.orders.count", "op": "eq", "value": 0, "window": "ever"}],
    "spent 200 in 90 days": [
        {"fact": "member.orders.amount", "op": "gte", "value": "200", "window": "days:90"}
    ],
    "points end within 30 days": [{"fact": "points.expiring", "op": "gte", "value": 1, "within_days": 30}],
}
# What one would write by hand for the first: everything at once, nothing by member.
BY_HAND = """
SELECT count(*) FROM members_member m
JOIN (SELECT member_id, max(ordered_at) AS last FROM members_purchase WHERE visible_earn GROUP BY 1) bought
  ON bought.member_id = m.id
JOIN (SELECT DISTINCT ON (member_id) member_id, granted FROM members_consent WHERE purpose = 'marketing'
      ORDER BY member_id, at DESC) said ON said.member_id = m.id
WHERE m.status = 'active' AND said.granted AND bought.last < now() - interval '59 days'
"""
# The rows that a run leaves behind, written at once into like tables.
_LIKE = (
    "CREATE TABLE {to} (LIKE {table} INCLUDING ALL)",
    "INSERT INTO {to} SELECT * FROM {table}",
    "DROP TABLE {to}",
)


def measure() -> list[Figure]:
    """Milliseconds of each audience; members a second of a run and of a grant, beside copying their rows."""
    brand = _brand()
    print(f"wakeup: {MEMBERS:,} members, {MEMBERS * 9 // 5:,} orders", flush=True)
    with in_brand(brand):
        figures = _audiences(brand)
        figures.append(_run(brand))
        figures.append(_grant(brand))
    connection.set_schema_to_public()
    return figures


def _audiences(brand: Brand) -> list[Figure]:
    figures = []
    by_hand = _by_hand_ms(brand)
    for name, filters in DEFINITIONS.items():
        took, found = [], 0
        for _time in range(TIMES):
            began = time.perf_counter()
            found = segments.preview(definition={"all": filters}, now=clock.now()).count.members
            took.append((time.perf_counter() - began) * 1000)
        first = not figures
        figures.append(
            Figure(
                f"audience: {name} (ms, {found:,} members)",
                median(took),
                by_hand if first else median(took),
                note="" if first else "no floor",
                at_most=True,
            )
        )
    return figures


def _by_hand_ms(brand: Brand) -> float:
    took = []
    with psycopg.connect(setting.dsn(), autocommit=True) as server:
        server.execute(sql.SQL("SET search_path = {}").format(sql.Identifier(brand.schema_name)))
        for _time in range(TIMES):
            began = time.perf_counter()
            server.execute(BY_HAND.encode()).fetchone()
            took.append((time.perf_counter() - began) * 1000)
    return median(took)


def _run(brand: Brand) -> Figure:
    now = clock.now()
    made = MessageTemplate.objects.create(
        code="hello", purpose="marketing", channels=["sms"], draft=TEXT, current_version=1, updated_at=now
    )
    MessageTemplateVersion.objects.create(template=made, version=1, body=TEXT, published_at=now)
    wakeup = Wakeup.objects.create(
        code="bench",
        segment=segments.find("everybody"),
        channel="sms",
        variants=[{"code": "a", "template": "hello", "share": 100}],
        status="scheduled",
        next_run_at=now,
        created_at=now,
    )
    began = time.perf_counter()
    wakeups.start_due(now=now)
    while wakeups.run_due(now=now):
        pass
    took = time.perf_counter() - began
    queued = Message.objects.count()
    wakeup.refresh_from_db()
    assert wakeup.status == "done", wakeup.status
    floor = _copy_s(brand, "campaigns_message") + _copy_s(brand, "campaigns_wakeuprecipient")
    print(f"  run: {MEMBERS:,} members in {took:.1f} s, {queued:,} messages queued", flush=True)
    return Figure("wake-up run (members per s)", MEMBERS / took, MEMBERS / floor)


def _grant(brand: Brand) -> Figure:
    now = clock.now()
    grant = AudienceGrant.objects.create(
        code="bench",
        segment=segments.find("everybody"),
        points=100,
        budget=100 * MEMBERS,
        status="scheduled",
        due_at=now,
        created_at=now,
    )
    began = time.perf_counter()
    while audiencegrants.give_due(now=now):
        pass
    took = time.perf_counter() - began
    grant.refresh_from_db()
    assert (grant.status, grant.given) == ("done", MEMBERS), (grant.status, grant.given)
    floor = _copy_s(brand, "points_entry")
    print(f"  grant: {MEMBERS:,} members in {took:.1f} s", flush=True)
    return Figure("audience grant (members per s)", MEMBERS / took, MEMBERS / floor)


def _copy_s(brand: Brand, table: str) -> float:
    """Seconds to insert the table's rows into a like one."""
    names = {"table": sql.Identifier(table), "to": sql.Identifier(f"{table}_copied")}
    make, insert, drop = (sql.SQL(each).format(**names) for each in _LIKE)
    with psycopg.connect(setting.dsn(), autocommit=True) as server:
        server.execute(sql.SQL("SET search_path = {}").format(sql.Identifier(brand.schema_name)))
        server.execute(make)
        try:
            began = time.perf_counter()
            server.execute(insert)
            return time.perf_counter() - began
        finally:
            server.execute(drop)


def _brand() -> Brand:
    """A brand that was made anew, with the crowd in it."""
    with as_owner():
        connection.set_schema_to_public()
        brand = Brand.objects.filter(slug=SLUG).first()
        if brand is None:
            brand = create_brand(slug=SLUG, name=SLUG, template="blank", now=clock.now()).brand
    connection.set_schema_to_public()
    with psycopg.connect(setting.dsn(), autocommit=True) as server:
        _empty(server, brand.schema_name)
        crowd.fill(server, brand.schema_name, members=MEMBERS, now=clock.now())
    with in_brand(brand), transaction.atomic():
        segments.create(
            code="everybody",
            name={"en": "Everybody"},
            definition={"all": [{"fact": "member.enrolled_days", "op": "gte", "value": 0}]},
            actor="bench",
            now=clock.now(),
        )
    return brand


def _empty(server: crowd.Server, schema: str) -> None:
    with server.transaction():
        server.execute("SET LOCAL session_replication_role = replica")
        server.execute(sql.SQL("SET LOCAL search_path = {}").format(sql.Identifier(schema)))
        server.execute(
            "TRUNCATE members_member, points_account, points_entry, points_lot, outbox_event,"
            " campaigns_segment, campaigns_messagetemplate CASCADE"
        )
