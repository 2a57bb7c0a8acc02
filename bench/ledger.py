"""The ledger's hot calls against the reference floor on the same server: by pgbench, and in process.

The floor is `sql/reference.sql`, driven by pgbench. The steadiest figure is the processor time that Postgres
spends on one call, read from the backend's own accounts in /proc.
"""

import random
import re
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from uuid import UUID

import psycopg
from django.conf import settings
from django.db import connection

from bench import books, setting
from bench.figures import Figure, alternate
from loyalty.dev.postgres import _package
from loyalty.lib import clock, ids
from points import services as points
from points.postings import Posting
from tenants.context import in_brand
from tenants.models import Brand

SLUG = "hot"
SECONDS = 2.0
CALLS = 400
"""How many calls the processor time of one is told from, each round."""
ROUNDS = 9
ROUNDS_OF_MANY = 3
ROUNDS_OF_GATE = 31
EXPIRES_AT = datetime(2036, 1, 1, tzinfo=UTC)
_MEMBER = "('01900007-0000-7000-8000-' || lpad(to_hex(:n::bigint), 12, '0'))::uuid"
_SOME = "01900007-0000-7000-8000-000000000000"
CONTENT = (
    f'{{"member_id": "{_SOME}", "journal": "{_SOME}", "entries": [{{"entry_id": "{_SOME}", '
    '"kind": "accrual", "points": 250, "points_currency": "points", "rule": "base", "version": 1, '
    '"available_at": null, "expires_at": "2036-01-01T00:00:00+00:00", "pending": false, "debt_repaid": 0, '
    '"balance_after": %s}], '
    '"account": {"account_id": "%s", "available": %s, "pending": %s, "held": %s, "debt": 0, '
    '"lifetime_accrued": %s, "points_currency": "points"}}'
)
# What `points.post` and `points.burn` send.
ACCRUAL = f"""\\set n random(0, {setting.ACCOUNTS} - 1)
SELECT {SLUG}.points_credit(
  p_member => {_MEMBER}, p_journal => r.id, p_id => r.id, p_now => now(), p_points => 1 + :n::bigint % 500,
  p_system_account => 'issuance', p_source => 'order', p_reference => r.id::text, p_rule => 'base',
  p_rule_version => 1, p_currency => 'points', p_effective_at => now(), p_available_at => NULL,
  p_pending => false, p_expires_at => '2036-01-01T00:00:00Z', p_due_at => '2036-01-01T00:00:00Z',
  p_cost_centre => '', p_explanation => NULL, p_event => 'points.accrued', p_content => '{CONTENT}')
FROM (SELECT uuidv7() AS id OFFSET 0) r;
"""
SPENT = (
    f'{{"member_id": "{_SOME}", "journal": "{_SOME}", "entries": [{{"entry_id": "{_SOME}", '
    '"kind": "burn", "points": -10, "points_currency": "points", "rule": "", "version": null, '
    '"balance_after": %s}], "source": "burn", "reference": "till-7-0001", "reason": "", '
    '"account": {"account_id": "%s", "available": %s, "pending": %s, "held": %s, "debt": 0, '
    '"lifetime_accrued": %s, "points_currency": "points"}}'
)
BURN = f"""\\set n random(0, {setting.ACCOUNTS} - 1)
\\set p random(5, 15)
SELECT {SLUG}.points_burn(
  p_member => {_MEMBER}, p_journal => r.id, p_id => r.id, p_now => now(), p_points => :p::bigint,
  p_source => 'burn', p_reference => r.id::text, p_reason => '', p_actor => '', p_currency => 'points',
  p_content => '{SPENT}')
FROM (SELECT uuidv7() AS id OFFSET 0) r;
"""
CALLS_OF_REFERENCE = {
    "accrual": "SELECT * FROM earn(1 + %(a)s %% 50, %(a)s, %(p)s, gen_random_uuid())",
    "burn": "SELECT * FROM burn(1 + %(a)s %% 50, %(a)s, %(p)s, gen_random_uuid())",
}


def pgbench(database: str, script: Path, clients: int) -> float:
    """Transactions per second of a script at so many clients."""
    at = settings.DATABASES["default"]
    command = [str(_package() / "pginstall" / "bin" / "pgbench"), "-n", "-M", "prepared", "-j", "2"]
    command += ["-c", str(clients), "-T", f"{SECONDS:.0f}", "-D", f"n={setting.ACCOUNTS}", "-f", str(script)]
    command += ["-h", str(at["HOST"]), "-p", str(at["PORT"]), "-U", str(at["USER"]), database]
    password = {"PGPASSWORD": str(at["PASSWORD"])}
    done = subprocess.run(command, env=password, capture_output=True, text=True, check=True)
    found = re.search(r"tps = ([\d.]+)", done.stdout)
    assert found, done.stdout + done.stderr
    return float(found[1])


def measure() -> list[Figure]:
    """Accrual and burn by pgbench and in process at 1, 8 and 16 clients; processor time of one call."""
    # Both anew, or the books that earlier runs left would be measured: with 50 lots an account in place of
    # 3, an accrual of one client took a third longer.
    brand = books.open_brand(SLUG, members=setting.ACCOUNTS, lots=3, anew=True)
    setting.fill_reference()
    print(f"ledger: {setting.ACCOUNTS:,} accounts with 3 lots each, as the reference has", flush=True)
    figures = []
    with tempfile.TemporaryDirectory() as folder:
        for name, script, floor_script in (("accrual", ACCRUAL, "earn.sql"), ("burn", BURN, "burn.sql")):
            ours = Path(folder) / f"{name}.sql"
            ours.write_text(script)
            floor = setting.SQL / floor_script
            for clients in (1, 8, 16):
                figures += _at(brand, name, ours, floor, clients)
    for name, gate, stretch in (("accrual", 1.5, 1.15), ("burn", None, None)):
        ours_us, floor_us = _processor_us(brand, name)
        figures.append(
            Figure(f"Postgres CPU of one {name} (µs)", ours_us, floor_us, gate, stretch, at_most=True)
        )
    return figures


def _at(brand: Brand, name: str, ours: Path, floor: Path, clients: int) -> list[Figure]:
    database = str(settings.DATABASES["default"]["NAME"])
    gated = clients == 1
    plain = alternate(
        lambda: pgbench(database, ours, clients), lambda: pgbench(setting.REFERENCE, floor, clients)
    )
    # With one client the disk's moods decide: pairs of neighbouring runs differed by half (0.48 to 0.95).
    rounds = ROUNDS_OF_GATE if clients == 1 else ROUNDS_OF_MANY
    service = alternate(
        lambda: _service_per_s(brand, OPERATIONS[name], clients),
        lambda: pgbench(setting.REFERENCE, floor, clients),
        rounds,
    )
    return [
        Figure(f"{name} function by pgbench, {clients} clients (per s)", *plain),
        Figure(
            f"{name} service in process, {clients} clients (per s)",
            *service,
            gate=0.60 if gated else None,
            stretch=0.90 if gated else None,
        ),
    ]


def _accrue(number: int) -> None:
    journal = ids.new()
    posting = Posting(
        "accrual", 1 + number % 500, 1, "issuance", "order", str(journal), "base", 1, expires_at=EXPIRES_AT
    )
    points.post(member_id=_any(), journal_id=journal, entries=[posting], now=clock.now())


def _burn(number: int) -> None:
    points.burn(member_id=_any(), points=5 + number % 11, reference=ids.text(), now=clock.now())


OPERATIONS: dict[str, Callable[[int], None]] = {"accrual": _accrue, "burn": _burn}


def _any() -> UUID:
    return random.choice(_members())


@cache
def _members() -> list[UUID]:
    """Whoever calls the ledger has the member's id; to spell it out anew is none of a call's cost."""
    return [UUID(books.member(number)) for number in range(setting.ACCOUNTS)]


def _service_per_s(brand: Brand, operation: Callable[[int], None], clients: int) -> float:
    """Calls per second of so many threads, each with a connection of its own."""
    done, ready = [0] * clients, threading.Barrier(clients + 1)
    ends = 0.0

    def work(place: int) -> None:
        with in_brand(brand):
            operation(place)
            ready.wait()
            while time.monotonic() < ends:
                operation(done[place])
                done[place] += 1
        connection.close()

    threads = [threading.Thread(target=work, args=(place,)) for place in range(clients)]
    for thread in threads:
        thread.start()
    ends = time.monotonic() + 60
    ready.wait()
    began = time.monotonic()
    ends = began + SECONDS
    for thread in threads:
        thread.join()
    return sum(done) / (time.monotonic() - began)


def _processor_us(brand: Brand, name: str) -> tuple[float, float]:
    operation, call = OPERATIONS[name], CALLS_OF_REFERENCE[name]
    with psycopg.connect(setting.dsn(setting.REFERENCE), autocommit=True) as reference, in_brand(brand):
        operation(0)

        def ours() -> float:
            return _spent_us(connection.connection.info.backend_pid, lambda: operation(1))

        def floor() -> float:
            return _spent_us(
                reference.info.backend_pid,
                lambda: reference.execute(
                    call, {"a": random.randint(1, setting.ACCOUNTS), "p": random.randint(5, 15)}, prepare=True
                ),
            )

        ours(), floor()
        spent = alternate(ours, floor, ROUNDS)
    connection.set_schema_to_public()
    return spent


def _spent_us(backend: int, call: Callable[[], object]) -> float:
    before = processor_us(backend)
    for _number in range(CALLS):
        call()
    return (processor_us(backend) - before) / CALLS


def processor_us(process: int) -> float:
    """The processor time that a process has used so far, in µs (Linux)."""
    schedule = Path(f"/proc/{process}/schedstat")
    if schedule.exists():  # in ns; /proc/…/stat counts in hundredths of a second
        return int(schedule.read_text().split()[0]) / 1000
    ticks = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return (int(ticks[11]) + int(ticks[12])) * 10_000
