"""The ledger's hot functions against the reference floor, both driven by pgbench on the same server."""

import re
import subprocess
import time
import uuid
from datetime import UTC, datetime
from pathlib import Path

from django.conf import settings
from django.db import connection, transaction

from bench import setting
from bench.figures import Figure, alternate
from loyalty.dev.postgres import _package
from loyalty.lib import clock
from points import services as points
from points.postings import Posting
from tenants.context import in_brand
from tenants.models import Brand

SECONDS = 4
OURS = """\\set n random(0, {members} - 1)
SELECT bench.points_post(
  ('01900000-0000-7000-8000-' || lpad(to_hex(:n), 12, '0'))::uuid, r.id,
  jsonb_build_array(jsonb_build_object('kind', 'accrual', 'points', 1 + :n % 500,
    'system_account', 'issuance', 'source', 'bench', 'reference', r.id, 'rule', 'base',
    'expires_at', '2036-01-01T00:00:00Z')),
  now(), 'Asia/Shanghai', 'points.accrued', '{{}}') FROM (SELECT gen_random_uuid() AS id) r;
"""


def pgbench(database: str, script: Path, clients: int) -> float:
    """Transactions per second of a script at so many clients."""
    at = settings.DATABASES["default"]
    command = [str(_package() / "pginstall" / "bin" / "pgbench"), "-n", "-M", "prepared", "-j", "2"]
    command += ["-c", str(clients), "-T", str(SECONDS), "-D", f"n={setting.ACCOUNTS}", "-f", str(script)]
    command += ["-h", str(at["HOST"]), "-p", str(at["PORT"]), "-U", str(at["USER"]), database]
    password = {"PGPASSWORD": str(at["PASSWORD"])}
    done = subprocess.run(command, env=password, capture_output=True, text=True, check=True)
    found = re.search(r"tps = ([\d.]+)", done.stdout)
    assert found, done.stdout + done.stderr
    return float(found[1])


def measure() -> list[Figure]:
    """Accrual by pgbench at 1, 8 and 16 clients, and the service in process with one client."""
    script = Path(setting.SQL).parent / "sql" / "ours_earn.sql"
    script.write_text(OURS.format(members=setting.MEMBERS))
    name = str(settings.DATABASES["default"]["NAME"])
    figures = []
    floor_one = 0.0
    for clients in (1, 8, 16):
        ours, floor = alternate(
            lambda clients=clients: pgbench(name, script, clients),  # type: ignore[misc]
            lambda clients=clients: pgbench(setting.REFERENCE, setting.SQL / "earn.sql", clients),  # type: ignore[misc]
        )
        floor_one = floor_one or floor
        figures.append(Figure(f"accrual function, {clients} clients (per s)", ours, floor))
    script.unlink()
    figures.append(
        Figure(
            "ledger service in process, 1 client (per s)",
            _service_per_s(),
            floor_one,
            gate=0.60,
            stretch=0.90,
        )
    )
    return figures


def _service_per_s() -> float:
    now, count = clock.now(), 0
    expires_at = datetime(2036, 1, 1, tzinfo=UTC)
    with in_brand(Brand.objects.get(slug=setting.SLUG)):
        ends = time.monotonic() + SECONDS
        began = time.monotonic()
        while time.monotonic() < ends:
            journal = uuid.uuid4()
            with transaction.atomic():
                points.post(
                    member_id=setting.member(count % setting.MEMBERS),
                    journal_id=journal,
                    now=now,
                    entries=[
                        Posting(
                            kind="accrual",
                            points=100,
                            direction=1,
                            system_account="issuance",
                            source="bench",
                            reference=str(journal),
                            rule="base",
                            expires_at=expires_at,
                        )
                    ],
                )
            count += 1
        taken = time.monotonic() - began
    connection.set_schema_to_public()
    return count / taken
