"""`make soak ARGS="replay --data DIR"`: real purchases through `POST /orders/batch`, twice, and one by one.

Two brands of one currency stand in a fresh database with the same twenty rules. One takes a whole file as a
batch, and again; the other takes the orders and returns of some of the members one by one over HTTP. What
both hold of these members must be the same, and the second time must change nothing.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from itertools import zip_longest
from pathlib import Path
from typing import Any, Final

import yaml
from django.db import connection
from django.db.models import Case, F, Sum, When
from psycopg import sql

from loyalty.lib import clock
from loyalty.outbox import jobs
from members.models import Purchase, PurchaseReturn
from points.models import Account, Entry, MemberTier
from tenants import hosts
from tenants.context import in_brand
from tenants.models import Brand
from tests.soak import ground
from tests.soak.ground import Caller
from tests.soak.purchases import SOURCES, Replay, Source, read
from tests.soak.report import Report, say
from tests.support import brands

RULES: Final = Path(__file__).parent / "replay.yaml"
TIERS: Final[dict[str, Any]] = {
    "qualify_by": "points",
    "period": {"type": "calendar_year"},
    "downgrade": "one_step",
    "grace_days": 30,
    "levels": [
        {"code": "silver", "name": {"en": "Silver"}, "threshold": 0, "multiplier": "1"},
        {"code": "gold", "name": {"en": "Gold"}, "threshold": 1500, "multiplier": "1.2"},
        {"code": "diamond", "name": {"en": "Diamond"}, "threshold": 6000, "multiplier": "1.5"},
    ],
}
WHOLE, SOME = "acme", "globex"
# What is written down about the lines themselves, and when a key was last used.
OWN_TABLES: Final = frozenset({"outbox_job", "partners_batchline", "partners_apikey"})
SPEED_WINDOW_S: Final = 10.0


def main(arguments: list[str]) -> int:
    """Run the drill; the exit code."""
    parser = argparse.ArgumentParser(prog="make soak ARGS='replay …'", description=__doc__)
    parser.add_argument("--data", type=Path, default=None, help="the folder with the purchases")
    parser.add_argument("--lines", type=int, default=100_000, help="of each file at most, from its beginning")
    parser.add_argument("--sample", type=int, default=1000, help="orders of each file that go one by one")
    parser.add_argument("--only", choices=[each.name for each in SOURCES], default=None)
    parser.add_argument("--quick", action="store_true", help="500 lines, a sample of 100")
    chosen = parser.parse_args(arguments)
    if chosen.quick:
        chosen.lines, chosen.sample = 500, 100
    known = [each for each in SOURCES if chosen.only in (None, each.name)]
    there = [each for each in known if chosen.data and (chosen.data / each.file).exists()]
    if not there:
        say("replay: skipped, the purchases are not here (--data names their folder)")
        return 0
    return max(_replay(each, chosen) for each in there)


def _replay(source: Source, chosen: argparse.Namespace) -> int:
    report = Report(f"replay of {source.name} ({source.currency})")
    replay = read(chosen.data, source, clock.now().date())
    for what, many in replay.counted.items():
        report.figure(what, many)
    report.figure("moved by weeks", replay.weeks)
    ground.prepare("replay")
    try:
        _found(source)
        with ground.server(ground.log("replay")) as address:
            _drill(report, replay, chosen, address)
        for brand in (WHOLE, SOME):
            report.must(f"verify_ledger, {brand}", ground.unsound(brand))
    finally:
        ground.leave()
    return report.end()


def _found(source: Source) -> None:
    """Both brands in the file's currency and zone, where nothing runs out while we compare."""
    connection.set_schema_to_public()
    Brand.objects.filter(slug__in=(WHOLE, SOME)).update(
        currency=source.currency,
        timezone=source.timezone,
        settings={"expiry": {"policy": "months", "months": 120}},
    )
    hosts.forget()


def _drill(report: Report, replay: Replay, chosen: argparse.Namespace, address: str) -> None:
    callers = {slug: Caller(address, brands.key(slug), f"{slug}.localhost") for slug in (WHOLE, SOME)}
    for caller in callers.values():
        _set_up(caller)
    lines = replay.lines[: chosen.lines]
    report.figure("lines sent", len(lines))
    file = b"\n".join(json.dumps(line).encode() for line in lines)
    first = _batch(report, callers[WHOLE], file, "first time")
    before = _sums(WHOLE)
    second = _batch(report, callers[WHOLE], file, "second time")
    report.figure("outcomes, first time", _told(first))
    report.figure("outcomes, second time", _told(second))
    report.must("lines that failed", [first] if first.get("failed") else [])
    report.must("tables that the second time changed", _differences(before, _sums(WHOLE)))
    with_parked = first.get("parked", 0)
    report.must("returns that came early and were not applied", _not_applied(WHOLE, with_parked))
    sample = _sample(replay, lines, chosen.sample)
    orders = sum(line["type"] == "order" for line in sample)
    began = time.monotonic()
    report.must("answers one by one that were no success", _one_by_one(report, callers[SOME], sample))
    report.figure("sample one by one, orders", orders)
    report.figure("sample one by one, returns", len(sample) - orders)
    report.figure("one by one, lines per s", f"{len(sample) / (time.monotonic() - began):.0f}")
    members = {replay.members[line["order_id"]] for line in sample}
    whole, some = _books(WHOLE, members), _books(SOME, members)
    report.figure("entries compared", sum(len(book[0]) for book in some.values()))
    report.must(
        "members whose books differ",
        [_first_difference(who, whole[who], some[who]) for who in sorted(members) if whole[who] != some[who]],
    )
    _simulate(report, callers[WHOLE])


def _set_up(caller: Caller) -> None:
    """Tiers and rules, through the API."""
    _done(caller.call("PUT", "/tiers", json.dumps(TIERS).encode()))
    for body in yaml.safe_load(RULES.read_text(encoding="utf-8")):
        _done(caller.post("/earning-rules", {"name": {"en": body["code"]}, **body}))
        _done(caller.post(f"/earning-rules/{body['code']}/publish", {}))


def _done(answer: tuple[int, dict[str, str], bytes]) -> dict[str, Any]:
    status, _headers, body = answer
    if status not in (200, 201, 202):
        raise RuntimeError(f"{status}: {body[:500]!r}")
    found: dict[str, Any] = json.loads(body)
    return found


@contextmanager
def _at(slug: str) -> Iterator[None]:
    connection.set_schema_to_public()
    with in_brand(Brand.objects.get(slug=slug)):
        yield
    connection.set_schema_to_public()


def _batch(report: Report, caller: Caller, file: bytes, name: str) -> dict[str, int]:
    """Hand a file in over HTTP, then do the worker's part here, a slice at a time; how its lines ended."""
    caller.close()  # a connection that nothing was sent on for long is not kept by the other side
    job_id = _done(caller.call("POST", "/orders/batch", file, kind="application/x-ndjson"))["job_id"]
    began, cpu = time.monotonic(), time.process_time()
    with _at(WHOLE):
        while jobs.advance(now=clock.now, slice_s=SPEED_WINDOW_S):
            job = jobs.find(job_id)
            if job.finished_at is None:
                rate = job.done / (time.monotonic() - began)
                report.progress(f"{name}: {job.done:,} of {job.total:,} lines, {rate:.0f}/s")
            else:
                break
        job = jobs.find(job_id)
    took, cpu = time.monotonic() - began, time.process_time() - cpu
    report.figure(f"{name}, lines per s", f"{job.total / took:.0f}")
    report.figure(f"{name}, Python's CPU per line", f"{1000 * cpu / job.total:.1f} ms")
    if job.status != "succeeded":
        raise RuntimeError(f"the batch ended as {job.status}: {job.problem}")
    return dict(job.counts)


def _told(counts: dict[str, int]) -> str:
    return ", ".join(f"{many:,} {what}" for what, many in sorted(counts.items()))


def _sums(slug: str) -> dict[str, tuple[int, str]]:
    """Of each table of a brand: how many rows it has, and a checksum over all of them in any order."""
    found = {}
    with _at(slug), connection.cursor() as cursor:
        for table in connection.introspection.table_names(cursor):
            if table in OWN_TABLES:
                continue
            cursor.execute(
                sql.SQL(
                    "SELECT count(*), coalesce(sum(hashtextextended(t::text, 0)::numeric), 0) FROM {} t"
                ).format(sql.Identifier(table))
            )
            rows, total = cursor.fetchone()
            found[table] = (rows, str(total))
    return found


def _differences(before: dict[str, Any], after: dict[str, Any]) -> list[str]:
    return [f"{table}: {before[table]} → {after[table]}" for table in before if before[table] != after[table]]


def _not_applied(slug: str, parked: int) -> list[str]:
    from members.models import ParkedReturn  # noqa: PLC0415

    with _at(slug):
        rows = list(ParkedReturn.objects.values_list("return_id", "applied_at", "problem"))
    wrong = [f"{return_id}: {problem}" for return_id, applied_at, problem in rows if applied_at is None]
    return wrong + ([f"{parked} parked, {len(rows)} kept"] if parked != len(rows) else [])


def _sample(replay: Replay, lines: list[dict[str, Any]], wanted: int) -> list[dict[str, Any]]:
    """The lines of whole members, drawn by a stable hash, with as many orders as are wanted."""
    orders = Counter(replay.members[line["order_id"]] for line in lines if line["type"] == "order")
    chosen, found = set(), 0
    for member in sorted(filter(None, orders), key=lambda name: hashlib.sha256(name.encode()).digest()):
        if found >= wanted:
            break
        chosen.add(member)
        found += orders[member]
    return [line for line in lines if replay.members[line["order_id"]] in chosen]


def _one_by_one(report: Report, caller: Caller, lines: list[dict[str, Any]]) -> list[str]:
    wrong = []
    caller.close()
    for number, sent in enumerate(lines):
        line = {name: value for name, value in sent.items() if name != "type"}
        if sent["type"] == "order":
            status, _headers, body = caller.post("/orders", line)
        else:
            order_id = line.pop("order_id")
            status, _headers, body = caller.post(f"/orders/{order_id}/returns", line)
        if status not in (201, 202):
            wrong.append(f"{sent['order_id']}: {status} {body[:200]!r}")
        report.progress(f"one by one: {number:,} of {len(lines):,} lines")
    return wrong


def _books(slug: str, members: set[str]) -> dict[str, tuple[Any, ...]]:
    """What a brand holds of each of these members, without ids and without when it was written."""
    where = {"identities__provider": "external_id", "identities__subject__in": members}
    name = "identities__subject"
    # An accrual is of the instant of its purchase, a clawback of the instant at which it was sent.
    at = Case(When(kind="accrual", then=F("effective_at")))
    with _at(slug):
        entries = _by_member(
            Entry.objects.filter(**{f"account__member__{key}": value for key, value in where.items()})
            .order_by("account_id", "seq")
            .values_list(
                f"account__member__{name}", "kind", "source", "reference", "rule", "rule_version",
                "direction", "points", "balance_after", at, "own_lot__expires_at",
            )
        )  # fmt: skip
        accounts = _by_member(
            Account.objects.filter(**{f"member__{key}": value for key, value in where.items()}).values_list(
                f"member__{name}", "currency", "available", "pending", "held", "debt", "lifetime_accrued"
            )
        )
        purchases = _by_member(
            Purchase.objects.filter(**{f"member__{key}": value for key, value in where.items()})
            .order_by("order_id")
            .values_list(f"member__{name}", "order_id", "status", "amount", "ordered_at", "content_hash")
        )
        returns = _by_member(
            PurchaseReturn.objects.filter(
                **{f"purchase__member__{key}": value for key, value in where.items()}
            )
            .order_by("return_id")
            .values_list(f"purchase__member__{name}", "return_id", "returned_at", "content_hash")
        )
        tiers = _by_member(
            MemberTier.objects.filter(
                **{f"member__{key}": value for key, value in where.items()}
            ).values_list(f"member__{name}", "code")
        )
    return {
        who: tuple(part.get(who, []) for part in (entries, accounts, purchases, returns, tiers))
        for who in members
    }


def _first_difference(who: str, whole: tuple[Any, ...], some: tuple[Any, ...]) -> str:
    for mine, other in zip(whole, some, strict=True):
        for one, two in zip_longest(mine, other):
            if one != two:
                return f"{who}: {one} in the batch, {two} one by one"
    return who


def _by_member(rows: Any) -> dict[str, list[tuple[Any, ...]]]:
    found: dict[str, list[tuple[Any, ...]]] = {}
    for who, *rest in rows:
        found.setdefault(who, []).append(tuple(rest))
    return found


def _simulate(report: Report, caller: Caller) -> None:
    """Today's rules over all that was recorded: what the simulation says and what the ledger holds."""
    caller.close()
    asked = {"from": datetime(2000, 1, 1, tzinfo=UTC).isoformat()}
    job_id = _done(caller.post("/earning-rules/simulate", asked))["job_id"]
    began = time.monotonic()
    with _at(WHOLE):
        while jobs.advance(now=clock.now, lane="reading"):
            pass
        given = Entry.objects.filter(kind="accrual", source="order")
        by_rule = dict(given.order_by().values_list("rule").annotate(Sum("points")))
        told = jobs.result(job_id)
    report.figure("simulation, orders per s", f"{told['orders']['judged'] / (time.monotonic() - began):.0f}")
    simulated = {row["rule"]: row["today"]["points"] for row in told["by_rule"] if row["today"]["points"]}
    report.figure("points given", sum(by_rule.values()))
    report.figure("rules that gave points", len(by_rule))
    report.must(
        "rules whose points the simulation tells otherwise",
        [
            f"{rule}: {by_rule.get(rule)} given, {simulated.get(rule)} simulated"
            for rule in sorted(by_rule.keys() | simulated.keys())
            if by_rule.get(rule) != simulated.get(rule)
        ],
    )
