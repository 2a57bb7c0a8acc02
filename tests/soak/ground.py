"""Where the drills happen: a database of their own with the tests' two brands, and web servers beside it."""

from __future__ import annotations

import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from io import StringIO
from pathlib import Path
from typing import Any
from urllib.parse import quote
from uuid import UUID

from django.conf import settings
from django.core.cache import cache
from django.core.management import CommandError, call_command
from django.db import connection

from loyalty.lib import clock, ids
from members.models import Member
from points import services as points
from tests.support import databases

HOST = "acme.localhost"
CALL_S = 60.0


def prepare(name: str) -> None:
    """Connect Django to a fresh database."""

    databases.use(databases.copy_for(f"soak_{name}"))
    cache.clear()


def leave() -> None:
    """Drop the database of this drill."""
    name = connection.settings_dict["NAME"]
    connection.close()
    databases.use("postgres")
    with databases.superuser() as server:
        databases._drop(server, name)


def people(count: int) -> list[UUID]:
    """New members of the brand at hand."""
    now = clock.now()
    made = [
        Member(id=ids.new(), name=f"person {n}", enrolled_at=now, referral_code=f"S{ids.new().hex[-9:]}")
        for n in range(count)
    ]
    Member.objects.bulk_create(made)
    return [member.id for member in made]


def give(member: UUID, amount: int, reference: str) -> UUID:
    """Points out of nowhere that never expire; the member's account."""
    given = points.adjust(
        member_id=member, points=amount, reference=reference, reason="soak", actor="soak", now=clock.now()
    )
    return given.account.account_id


def unsound(brand: str = "acme") -> list[str]:
    """What `verify_ledger` finds wrong with a brand; empty when it is green."""
    out = StringIO()
    connection.set_schema_to_public()
    try:
        # No worker runs here, whose sealer would have kept up with the entries.
        call_command("seal_ledger", "--brand", brand, stdout=out, stderr=out)
        call_command("verify_ledger", "--brand", brand, stdout=out, stderr=out)
    except (CommandError, SystemExit) as trouble:
        return [f"{trouble}: {out.getvalue()[-600:]}"]
    return []


def log(drill: str) -> Path:
    """Where a drill's web server writes."""
    folder = Path("var") / "drills" / "log"
    folder.mkdir(parents=True, exist_ok=True)
    return folder / f"{drill}-web.log"


def environment(**more: str) -> dict[str, str]:
    """The environment of a process of the product on this drill's database."""
    at = settings.DATABASES["default"]
    login = f"{quote(at['USER'])}:{quote(at['PASSWORD'])}@{at['HOST']}:{at['PORT']}"
    return {
        **os.environ,
        "DATABASE_URL": f"postgresql://{login}/{at['NAME']}",
        "DB_ROLE_PREFIX": settings.DB_ROLE_PREFIX,
        "LOG_LEVEL": "WARNING",
        **more,
    }


@contextmanager
def server(lines_to: Path, **env: str) -> Iterator[str]:
    """The product's web server, as `make up` starts it, on this drill's database; its address."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    argv = [sys.executable, "-m", "granian", "--interface", "wsgi", "--host", "127.0.0.1"]
    argv += ["--port", str(port), "--workers", "2", "--blocking-threads", "8", "--workers-kill-timeout", "3"]
    argv += ["--backlog", "1024", "--log-level", "error", "loyalty.wsgi:application"]
    env = environment(DB_POOL_SIZE="8", **env)
    with lines_to.open("wb") as lines:
        process = subprocess.Popen(argv, env=env, stdout=lines, stderr=lines)
        try:
            _wait(port, process)
            yield f"127.0.0.1:{port}"
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(30)


def _wait(port: int, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and process.poll() is None:
        try:
            call = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
            call.request("GET", "/healthz")
            if call.getresponse().status == 200:
                return
        except OSError:
            time.sleep(0.1)
    raise RuntimeError("the web server did not start")


class Caller:
    """One client with a connection that it keeps, and opens again when it broke."""

    def __init__(self, address: str, token: str, host: str = HOST) -> None:
        self.address, self.token, self.host = address, token, host
        self._connection: http.client.HTTPConnection | None = None

    def post(self, path: str, body: Any, key: str | None = None) -> tuple[int, dict[str, str], bytes]:
        """POST a body as JSON; see `call`."""
        return self.call("POST", path, json.dumps(body).encode(), key=key)

    def call(
        self, method: str, path: str, body: bytes, *, kind: str = "application/json", key: str | None = None
    ) -> tuple[int, dict[str, str], bytes]:
        """Status, headers and body. Raises OSError or HTTPException when the connection breaks."""
        headers = {
            "Host": self.host,
            "Authorization": f"Bearer {self.token}",
            "Content-Type": kind,
        }
        if key is not None:
            headers["Idempotency-Key"] = key
        if self._connection is None:
            self._connection = http.client.HTTPConnection(self.address, timeout=CALL_S)
        try:
            self._connection.request(method, f"/api/v1{path}", body, headers)
            answer = self._connection.getresponse()
            return answer.status, dict(answer.headers), answer.read()
        except (OSError, http.client.HTTPException):
            self.close()
            raise

    def close(self) -> None:
        """Give the connection up."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None


def code(body: bytes) -> str:
    """The `code` of a problem document; the body's beginning where it is none."""
    try:
        return str(json.loads(body)["code"])
    except (ValueError, KeyError, TypeError):
        return body[:80].decode(errors="replace")
