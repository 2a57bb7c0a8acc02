"""The load of the bank and of the faults: clients move points among a few hot accounts over HTTP."""

from __future__ import annotations

import http.client
import json
import random
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID, uuid4

from django.db import connection

from tenants.context import in_brand
from tenants.models import Brand
from tests.soak import ground
from tests.soak.report import Report
from tests.support import brands, databases

EACH = 1000
MOST = 60
READ_EVERY = 10
GIVE_UP_S = 60.0
# One statement, so one snapshot: what the accounts say, what their lots hold, what their entries add up to.
WHOLE_BOOK = """
SELECT sum(available + pending + held - debt)::bigint, min(least(available, pending, held, debt))::bigint,
  (SELECT sum(remaining) FROM acme.points_lot
    WHERE account_id = ANY(%(accounts)s) AND state <> 'closed')::bigint
FROM acme.points_account WHERE id = ANY(%(accounts)s)
"""


@dataclass
class Bank:
    """Ten accounts, the clients that move points among them, and everything that went wrong.

    `patient`: 503 `try_again` and a broken connection are repeated with the same key until an answer comes;
    else they are errors like any other.
    """

    report: Report
    accounts: int = 10
    clients: int = 50
    patient: bool = False
    members: list[UUID] = field(default_factory=list)
    account_ids: list[UUID] = field(default_factory=list)
    answers: Counter[str] = field(default_factory=Counter)
    moved: Counter[UUID] = field(default_factory=Counter)
    reads: int = 0
    errors: list[str] = field(default_factory=list)
    negative: list[str] = field(default_factory=list)
    inconsistent: list[str] = field(default_factory=list)

    def open(self) -> None:
        """New members with a thousand points each; giving is not limited by the month."""
        brand = Brand.objects.get(slug="acme")
        brand.settings["transfer_monthly_limit"] = None
        brand.save(update_fields=["settings"])
        with in_brand(brand):
            self.members = ground.people(self.accounts)
            for member in self.members:
                self.account_ids.append(ground.give(member, EACH, f"bank-{member}"))
        self._lock = threading.Lock()

    def run(self, address: str, seconds: float, name: str) -> None:
        """Let all clients work for `seconds`, and end with everything answered."""
        self._name = name
        self._until = time.monotonic() + seconds
        before = sum(self.answers.values())
        threads = [
            threading.Thread(target=self._client, args=(address, number), daemon=True)
            for number in range(self.clients)
        ]
        for thread in threads:
            thread.start()
        while any(thread.is_alive() for thread in threads):
            done = sum(self.answers.values()) - before
            self.report.progress(f"{name}: {done:,} transfers answered, {self.reads:,} reads of the book")
            time.sleep(0.5)
        for thread in threads:
            thread.join(GIVE_UP_S)

    def _client(self, address: str, number: int) -> None:
        draw = random.Random(f"{self._name} {number}")
        caller = ground.Caller(address, brands.key("acme"))
        try:
            with databases.superuser(connection.settings_dict["NAME"]) as book:
                # Whatever fault the server has: who reads only is not to be told to begin again.
                book.execute("SET default_transaction_isolation = 'read committed'")
                turn = number
                while time.monotonic() < self._until:
                    turn += 1
                    if turn % READ_EVERY == 0:
                        self._read(book)
                    self._move(caller, draw)
        except BaseException as trouble:  # noqa: BLE001 - whatever ends a client is a finding
            self._note(self.errors, f"client {number}: {type(trouble).__name__}: {trouble}")
        finally:
            caller.close()

    def _move(self, caller: ground.Caller, draw: random.Random) -> None:
        giver, taker = draw.sample(self.members, 2)
        points = draw.randint(1, MOST)
        body = {
            "from": {"member_id": str(giver)},
            "to": {"member_id": str(taker)},
            "points": points,
            "reference": f"move-{uuid4()}",
        }
        key = f"key-{uuid4()}" if draw.random() < 0.5 else None
        deadline = time.monotonic() + GIVE_UP_S
        while True:
            try:
                status, headers, answer = caller.post("/transfers", body, key)
            except (OSError, http.client.HTTPException) as trouble:
                outcome, again = f"broken off ({type(trouble).__name__})", True
            else:
                outcome = f"{status}" if status < 300 else f"{status} {ground.code(answer)}"
                again = status == 503 or outcome == "409 idempotency_in_flight"
                if again and not {"Retry-After", "retry-after"} & set(headers):
                    self._note(self.errors, f"{outcome} without Retry-After")
            with self._lock:
                self.answers[outcome] += 1
            if not again or not self.patient or time.monotonic() > deadline:
                break
        if outcome in ("200", "201"):
            assert json.loads(answer)["points"] in (points, -points)
            with self._lock:
                self.moved[giver] -= points
                self.moved[taker] += points
        elif outcome != "409 insufficient_points":
            self._note(self.errors, outcome)

    def _read(self, book: Any) -> None:
        row = book.execute(WHOLE_BOOK, {"accounts": self.account_ids}).fetchone()
        total = EACH * self.accounts
        with self._lock:
            self.reads += 1
            if row[1] < 0:
                self.negative.append(f"{row}")
            if (row[0], row[2]) != (total, total):
                self.inconsistent.append(f"accounts {row[0]}, lots {row[2]}, not {total}")

    def _note(self, where: list[str], what: str) -> None:
        with self._lock:
            where.append(what)

    def lost(self) -> list[str]:
        """Accounts that do not hold what the answered transfers leave them with: updates lost or doubled."""
        with databases.superuser(connection.settings_dict["NAME"]) as book:
            rows = book.execute(
                "SELECT account.member_id, account.available, (SELECT sum(direction * points)"
                " FROM acme.points_entry entry WHERE entry.account_id = account.id)::bigint"
                " FROM acme.points_account account WHERE account.id = ANY(%s)",
                [self.account_ids],
            ).fetchall()
        return [
            f"{member}: {available}, entries {entries}, answers {EACH + self.moved[member]}"
            for member, available, entries in rows
            if not available == entries == EACH + self.moved[member]
        ]

    def tell(self) -> None:
        """The figures and the four kinds of errors, into the report."""
        for outcome, count in sorted(self.answers.items()):
            self.report.figure(f"answers {outcome}", count)
        self.report.figure("reads of the whole book", self.reads)
        self.report.must("lost or doubled updates", self.lost())
        self.report.must("negative balances", self.negative)
        self.report.must("inconsistent reads", self.inconsistent)
        self.report.must("unexpected errors", self.errors)


def server_counts() -> dict[str, int]:
    """What the database itself counted so far."""
    with databases.superuser(connection.settings_dict["NAME"]) as server:
        row = server.execute(
            "SELECT deadlocks, xact_commit, xact_rollback FROM pg_stat_database"
            " WHERE datname = current_database()"
        ).fetchone()
    assert row is not None
    return dict(zip(("deadlocks", "commits", "rollbacks"), row, strict=True))
