"""`make soak ARGS=fair`: one brand has a backlog of everything, the others' single rows fall due meanwhile.

The real worker, two beats, and a kill -9 of the worker in the middle. Each small brand's rows have to be done
within a bound that does not depend on how much the large one has; in the end everything is done exactly once.
"""

from __future__ import annotations

import argparse
import os
import signal
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final

from django.db import connection
from psycopg import sql

from bench import crowd
from bench.crowd import Server
from campaigns.models import MessageChannel, MessageTemplate, MessageTemplateVersion, Wakeup
from campaigns.services import rules, segments
from loyalty.celery import app
from loyalty.dev import services
from loyalty.lib import clock
from tenants.context import in_brand
from tenants.models import Brand
from tenants.provisioning import create_brand
from tenants.roles import as_owner
from tests.soak import ground
from tests.soak.report import Report
from tests.support import databases

LARGE: Final = "acme"
EVERY: Final = timedelta(seconds=4)
"""From one small brand's rows to the next one's."""
HEAD_START: Final = timedelta(seconds=8)
BOUND_S: Final = 30.0
"""How late a small brand's row may be done on a machine with little else to do: its tick, and a turn of the
large brand for each kind of work. Where the worker was killed meanwhile: after it answers again, and what it
held in its hands is sent anew, 30 s after it was sent."""
HELD_S: Final = 30.0
PATIENCE_S: Final = 400.0
BIRTHDAY: Final[dict[str, Any]] = {
    "code": "birthday",
    "name": {"en": "Birthday"},
    "trigger": "member.birthday",
    "effect": {"type": "fixed", "points": 88},
}
TEXT: Final = {"channels": {"webhook": {"fields": {}}}}
# One lot for each of the first members, by one accrual of a month ago.
_LOTS = (
    """
INSERT INTO points_entry(id, journal_id, account_id, seq, system_account, direction, points, kind, source,
  reference, rule, effective_at, recorded_at, balance_after)
SELECT ('01900010-0000-7000-8000-' || right(id::text, 12))::uuid, ('01900010-0000-7000-8000-' ||
    right(id::text, 12))::uuid, id, 1, 'issuance', 1, 100, 'accrual', 'fill', 'fill-' || right(id::text, 12),
  'base', now() - interval '30 days', now() - interval '30 days', 100
FROM points_account WHERE id <= %(last)s
""",
    """
INSERT INTO points_lot(id, account_id, entry_id, points, remaining, state, earned_at)
SELECT id, account_id, id, 100, 100, 'open', effective_at FROM points_entry WHERE source = 'fill'
""",
    """
UPDATE points_account SET available = 100, lifetime_accrued = 100, last_seq = 1, last_activity_at = now()
WHERE id <= %(last)s
""",
    """
INSERT INTO campaigns_moment(id, trigger, reference, member_id, status, occurred_at, due_at, attempts,
  refused_for, evaluation)
SELECT points_uuid7(), 'member.birthday', id || ':' || extract(year FROM now()), id, 'waiting', now(),
  'infinity', 0, '', '{}'
FROM members_member WHERE id <= %(born)s
""",
)
# Everything of a brand falls due at one instant. For a superuser.
_DUE = (
    "UPDATE points_lot SET expires_at = %(at)s, original_expires_at = %(at)s WHERE state = 'open'",
    "UPDATE points_account SET next_due_at = %(at)s WHERE available > 0",
    "UPDATE campaigns_moment SET due_at = %(at)s WHERE status = 'waiting'",
    "UPDATE campaigns_wakeup SET next_run_at = %(at)s",
)
_LEFT = """
SELECT (SELECT count(*) FROM points_account WHERE next_due_at < 'infinity'),
  (SELECT count(*) FROM campaigns_moment WHERE due_at < 'infinity'),
  (SELECT count(*) FROM campaigns_wakeup WHERE status <> 'done')
    + (SELECT count(*) FROM campaigns_message WHERE status IN ('queued', 'sending'))
"""
_DONE_AT: Final = {
    "expiry": "SELECT max(recorded_at) FROM points_entry WHERE kind = 'expiry'",
    "birthday": "SELECT max(settled_at) FROM campaigns_moment",
    "push": "SELECT max(sent_at) FROM campaigns_message",
}
_COUNTED: Final = """
SELECT (SELECT count(*) FROM points_entry WHERE kind = 'expiry'), (SELECT count(*) FROM campaigns_moment),
  (SELECT count(*) FROM campaigns_message)
"""
_WRONG: Final = {
    "lots that did not end once": """
SELECT account_id FROM points_entry GROUP BY 1 HAVING count(*) FILTER (WHERE source = 'fill') <>
  count(*) FILTER (WHERE kind = 'expiry') OR count(*) FILTER (WHERE source = 'member.birthday') > 1""",
    "birthdays not given once": """
SELECT moment.reference FROM campaigns_moment moment
LEFT JOIN points_entry entry ON entry.source = 'member.birthday' AND entry.reference = moment.reference
GROUP BY moment.id HAVING count(entry.id) <> 1""",
    "messages not sent once": """
SELECT message.id FROM campaigns_message message
LEFT JOIN outbox_event event
  ON event.type = 'message.sent' AND event.payload ->> 'message_id' = message.id::text
GROUP BY message.id HAVING message.status NOT IN ('sent', 'suppressed')
  OR count(event.id) <> CASE message.status WHEN 'sent' THEN 1 ELSE 0 END""",
    "recipients without a message": """
SELECT r.member_id FROM campaigns_wakeuprecipient r
LEFT JOIN campaigns_message m ON m.member_id = r.member_id WHERE m.id IS NULL""",
}


@dataclass(frozen=True)
class Size:
    """How much the large brand has."""

    lots: int
    born: int
    push: int


def main(arguments: list[str]) -> int:
    """Run the drill; the exit code."""
    parser = argparse.ArgumentParser(prog="make soak ARGS='fair …'", description=__doc__)
    parser.add_argument("--lots", type=int, default=50_000, help="that end at once in the large brand")
    parser.add_argument("--born", type=int, default=10_000, help="birthdays of the day in the large brand")
    parser.add_argument("--push", type=int, default=20_000, help="members of its audience")
    parser.add_argument("--brands", type=int, default=14, help="in all")
    parser.add_argument(
        "--bound", type=float, default=BOUND_S, help="seconds within which a row has to be done"
    )
    parser.add_argument(
        "--quick", action="store_true", help="5,000 lots, 1,000 birthdays, 2,000 messages, 6 brands"
    )
    chosen = parser.parse_args(arguments)
    size, brands = Size(chosen.lots, chosen.born, chosen.push), chosen.brands
    if chosen.quick:
        size, brands = Size(5_000, 1_000, 2_000), 6
    ground.prepare("fair")
    report = Report(
        f"fair: {brands} brands, one with {size.lots:,} lots, {size.born:,} birthdays, {size.push:,} messages"
    )
    try:
        small = _found(report, brands)
        with databases.superuser(connection.settings_dict["NAME"]) as server:
            _fill(server, size, small)
            _drill(report, server, small, chosen.bound)
            _look_at_what_was_done(report, server, size, small)
        report.must("books in disorder", ground.unsound(LARGE))
    finally:
        ground.leave()
    return report.end()


def _found(report: Report, brands: int) -> list[str]:
    """The small brands; how long making one takes and how many tables it has."""
    took = []
    connection.set_schema_to_public()
    with as_owner():
        for number in range(brands - 2):
            began = time.monotonic()
            create_brand(slug=f"small-{number}", name=f"Small {number}", template="blank", now=clock.now())
            took.append(time.monotonic() - began)
    connection.set_schema_to_public()
    Brand.objects.update(settings={"quiet_hours": None})
    report.figure("making a brand, s, median", f"{statistics.median(took):.2f}")
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_tables WHERE schemaname = %s", [LARGE])
        report.figure("tables of a brand", cursor.fetchone()[0])
    return [slug for slug in Brand.objects.order_by("pk").values_list("slug", flat=True) if slug != LARGE]


def _fill(server: Server, size: Size, small: Sequence[str]) -> None:
    """One member in each small brand, a crowd in the large one; nothing is due yet."""
    now = clock.now()
    for slug in (LARGE, *small):
        schema = Brand.objects.get(slug=slug).schema_name
        server.execute("SET session_replication_role = replica")
        server.execute(
            sql.SQL("TRUNCATE {0}.members_member, {0}.members_identity CASCADE").format(
                sql.Identifier(schema)
            )
        )
        many = slug == LARGE
        crowd.fill(server, schema, members=max(size.lots, size.born, size.push) if many else 1, now=now)
        with _at(server, schema):
            for statement in _LOTS:
                lots, born = (size.lots, size.born) if many else (1, 1)
                last = crowd.member(lots).replace("01900007", "01900009")
                server.execute(statement.encode(), {"last": last, "born": crowd.member(born)})
            server.execute(
                b"UPDATE members_member SET region = CASE WHEN id <= %s THEN 'here' ELSE 'there' END",
                [crowd.member(size.push if many else 1)],
            )
        with in_brand(Brand.objects.get(slug=slug)):
            _set_up(now)
        connection.set_schema_to_public()


def _set_up(now: datetime) -> None:
    """A birthday rule, and a wake-up that goes to everybody here."""
    rules.create_draft(body=BIRTHDAY, actor="soak", now=now)
    rules.publish(code="birthday", actor="soak", now=now)
    MessageChannel.objects.create(channel="webhook", enabled=True, updated_at=now)
    made = MessageTemplate.objects.create(
        code="hello",
        purpose="transactional",
        channels=["webhook"],
        draft=TEXT,
        current_version=1,
        updated_at=now,
    )
    MessageTemplateVersion.objects.create(template=made, version=1, body=TEXT, published_at=now)
    segment = segments.create(
        code="here",
        name={"en": "Here"},
        definition={"all": [{"fact": "member.region", "op": "in", "value": ["here"]}]},
        actor="soak",
        now=now,
    )
    Wakeup.objects.create(
        code="hello",
        segment=segment,
        channel="webhook",
        variants=[{"code": "a", "template": "hello", "share": 100}],
        holdout_percent=0,
        status="scheduled",
        created_at=now,
    )


def _drill(report: Report, server: Server, small: Sequence[str], bound: float) -> None:
    schemas = {slug: Brand.objects.get(slug=slug).schema_name for slug in (LARGE, *small)}
    app.control.purge()
    with _started("beat", 1), _started("beat", 2):
        worker = _worker()
        try:
            _wait()
            begins = clock.now() + timedelta(seconds=3)
            due = {LARGE: begins} | {
                slug: begins + HEAD_START + EVERY * place for place, slug in enumerate(small)
            }
            for slug, at in due.items():
                with _at(server, schemas[slug]):
                    for statement in _DUE:
                        server.execute(statement.encode(), {"at": at})
            kill_at = due[small[len(small) * 2 // 3]]
            while clock.now() < kill_at:
                time.sleep(0.2)
                report.progress(f"left of the large brand: {_left(server, schemas[LARGE])}")
            _kill(worker)
            killed_at = clock.now()
            # As if the leases of what it was sending had ended.
            with _at(server, schemas[LARGE]):
                server.execute("UPDATE campaigns_message SET lease_until = now() WHERE status = 'sending'")
            worker = _worker()
            again = _wait()
            ends = time.monotonic() + PATIENCE_S
            while time.monotonic() < ends and any(any(_left(server, each)) for each in schemas.values()):
                time.sleep(0.5)
                report.progress(f"left of the large brand: {_left(server, schemas[LARGE])}")
        finally:
            worker.send_signal(signal.SIGTERM)
            worker.wait(30)
    report.figure("the killed worker answers again after, s", f"{again:.1f}")
    _tell(report, server, schemas, due, (killed_at, again), bound)


def _wait() -> float:
    """Until a worker answers; how many seconds that took."""
    began = time.monotonic()
    while not app.control.ping(timeout=0.5) and time.monotonic() < began + PATIENCE_S:
        pass
    return time.monotonic() - began


def _tell(
    report: Report,
    server: Server,
    schemas: dict[str, str],
    due: dict[str, datetime],
    killed: tuple[datetime, float],
    bound: float,
) -> None:
    killed_at, again = killed
    for kind, query in _DONE_AT.items():
        late: dict[bool, list[float]] = {False: [], True: []}
        over = []
        for slug, at in due.items():
            with _at(server, schemas[slug]):
                row = server.execute(query.encode()).fetchone()
            done: datetime | None = row[0] if row else None
            took = (done - at).total_seconds() if done else PATIENCE_S
            if slug == LARGE:
                report.figure(f"{kind}: the large brand, s", f"{took:.1f}")
                continue
            during = at < killed_at + timedelta(seconds=again) and (done is None or done > killed_at)
            late[during].append(took)
            if took > bound + (again + HELD_S if during else 0):
                over.append(f"{slug}: {took:.1f} s")
        for during, name in ((False, ""), (True, ", around the kill")):
            if late[during]:
                report.figure(
                    f"{kind}: {len(late[during])} small brands{name}, s, median and longest",
                    f"{statistics.median(late[during]):.1f} {max(late[during]):.1f}",
                )
        report.must(f"{kind}: small brands that waited too long", over)


def _look_at_what_was_done(report: Report, server: Server, size: Size, small: Sequence[str]) -> None:
    for what, query in _WRONG.items():
        found = []
        for slug in (LARGE, *small):
            with _at(server, Brand.objects.get(slug=slug).schema_name):
                found += [f"{slug}: {row[0]}" for row in server.execute(query.encode()).fetchall()]
        report.must(what, found)
    with _at(server, LARGE):
        counts = server.execute(_COUNTED.encode()).fetchone()
    wanted = (size.lots, size.born, size.push)
    report.must(
        "the large brand's work that is missing", [] if counts == wanted else [f"{counts} of {wanted}"]
    )


@contextmanager
def _at(server: Server, schema: str) -> Iterator[None]:
    """In the brand's schema, past the ledger's guards."""
    with server.transaction():
        server.execute("SET LOCAL session_replication_role = replica")
        server.execute(sql.SQL("SET LOCAL search_path = {}").format(sql.Identifier(schema)))
        yield


def _left(server: Server, schema: str) -> tuple[int, ...]:
    with _at(server, schema):
        row = server.execute(_LEFT.encode()).fetchone()
    assert row is not None
    return tuple(row)


def _worker() -> subprocess.Popen[bytes]:
    return _start(services.worker({}).argv, "worker")


def _kill(worker: subprocess.Popen[bytes]) -> None:
    """Its processes all at once, in the middle of what they do."""
    os.killpg(worker.pid, signal.SIGKILL)
    worker.wait(10)


@contextmanager
def _started(name: str, number: int) -> Iterator[None]:
    schedule = Path("var") / "drills" / f"fair-beat-{number}"
    for old in schedule.parent.glob(f"{schedule.name}*"):
        old.unlink()
    argv = [sys.executable, "-m", "celery", "--quiet", "-A", "loyalty", "beat", "--pidfile", ""]
    process = _start([*argv, "--schedule", str(schedule)], f"{name}-{number}")
    try:
        yield
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(30)


def _start(argv: Sequence[str], name: str) -> subprocess.Popen[bytes]:
    """A process of the product on this drill's database, in a group of its own."""
    env = ground.environment(PYTHONWARNINGS="ignore:You're running the worker")
    with ground.log(f"fair-{name}").open("ab") as lines:
        return subprocess.Popen(argv, env=env, stdout=lines, stderr=lines, start_new_session=True)
