"""`make soak ARGS=races`: many clients want the same points, and the same key, at the same instant."""

from __future__ import annotations

import argparse
import json
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import chain
from threading import Barrier
from typing import Any
from uuid import UUID, uuid4

from django.db import connections

from loyalty.lib import clock
from loyalty.lib.errors import Refusal
from points import services as points
from points.models import Entry
from tenants.context import in_brand
from tenants.models import Brand
from tests.points.support import numbers
from tests.soak import ground
from tests.soak.report import Report
from tests.support import brands

CLIENTS = 200
SAME_KEY = 100


def main(arguments: list[str]) -> int:
    """Run the drill; the exit code."""
    parser = argparse.ArgumentParser(prog="make soak ARGS='races …'", description=__doc__)
    parser.add_argument("--rounds", type=int, default=100, help="rounds in process, on 200 connections")
    parser.add_argument("--http-rounds", type=int, default=20, help="rounds through the web server")
    parser.add_argument("--quick", action="store_true", help="10 rounds and 3")
    chosen = parser.parse_args(arguments)
    rounds, http_rounds = (10, 3) if chosen.quick else (chosen.rounds, chosen.http_rounds)
    ground.prepare("races")
    report = Report("races")
    _in_process(report, rounds)
    _over_http(report, http_rounds)
    report.must("books in disorder", ground.unsound())
    ground.leave()
    return report.end()


def _in_process(report: Report, rounds: int) -> None:

    brand = Brand.objects.get(slug="acme")
    with in_brand(brand):
        members = ground.people(rounds)
        for number, member in enumerate(members):
            ground.give(member, 10, f"races-{number}")
    gate = Barrier(CLIENTS)

    def client(number: int) -> list[str]:
        answers = []
        try:
            with in_brand(brand):
                for round_, member in enumerate(members):
                    gate.wait(120)
                    try:
                        points.burn(
                            member_id=member, points=10, reference=f"r-{round_}-{number}", now=clock.now()
                        )
                        answers.append("burned")
                    except Refusal as refusal:
                        answers.append(refusal.code)
                    if number == 0:
                        report.progress(f"{round_ + 1} of {rounds} rounds in process")
        except BaseException:
            gate.abort()
            raise
        finally:
            connections.close_all()
        return answers

    with ThreadPoolExecutor(CLIENTS) as pool:
        by_client = list(pool.map(client, range(CLIENTS)))
    by_round = [Counter(answers) for answers in zip(*by_client, strict=True)]
    wanted = {"burned": 1, "insufficient_points": CLIENTS - 1}
    report.figure(f"rounds of {CLIENTS} burns in process", len(by_round))
    report.figure("burns that succeeded", sum(counted["burned"] for counted in by_round))
    report.must("rounds with another outcome", [dict(c) for c in by_round if c != wanted])
    with in_brand(brand):
        report.must("accounts with another end", _not(members, balance=0, burns=1))


def _over_http(report: Report, rounds: int) -> None:

    brand = Brand.objects.get(slug="acme")
    with in_brand(brand):
        groups = [ground.people(rounds) for _game in range(3)]
        for number, member in enumerate(chain(*groups)):
            ground.give(member, 10, f"http-{number}")
    wrong: dict[str, list[str]] = {"burns": [], "key": [], "reference": []}
    said: Counter[str] = Counter()
    with ground.server(ground.log("races")) as address, Crowd(address) as crowd:
        for round_, (rich, keyed, plain) in enumerate(zip(*groups, strict=True)):
            answers = crowd.at_once(CLIENTS, lambda n, m=rich: (_burn(m, f"{uuid4()}"), None))
            outcome = Counter((status, _outcome(status, body)) for status, _headers, body in answers)
            said.update(str(status) for status, _headers, _body in answers)
            if outcome != {(201, "ok"): 1, (409, "insufficient_points"): CLIENTS - 1}:
                wrong["burns"].append(str(dict(outcome)))

            body, key = _burn(keyed, f"{uuid4()}", 3), f"{uuid4()}"
            answers = crowd.at_once(SAME_KEY, lambda _n, b=body, k=key: (b, k))
            said.update(str(status) for status, _headers, _body in answers)
            later = [crowd.at_once(1, lambda _n, b=body, k=key: (b, k))[0] for _time in range(3)]
            wrong["key"] += _key_wrong(answers, later)

            body = _burn(plain, f"{uuid4()}", 3)
            answers = crowd.at_once(SAME_KEY, lambda _n, b=body: (b, None))
            entries = {json.loads(text).get("entry_id") for _status, _headers, text in answers}
            if len(entries) != 1 or {status for status, _h, _b in answers} - {200, 201}:
                wrong["reference"].append(f"{entries} {Counter(status for status, _h, _b in answers)}")
            report.progress(f"{round_ + 1} of {rounds} rounds over HTTP")
    report.figure(f"rounds of {CLIENTS} burns over HTTP", rounds)
    report.figure(f"rounds of one key {SAME_KEY} times", rounds)
    report.figure(f"rounds of one reference {SAME_KEY} times", rounds)
    for status, count in sorted(said.items()):
        report.figure(f"answers {status}", count)
    for name, found in wrong.items():
        report.must(f"rounds with another outcome ({name})", found)
    with in_brand(brand):
        report.must("HTTP accounts with another end", [
            *_not(groups[0], balance=0, burns=1), *_not(groups[1] + groups[2], balance=7, burns=1),
        ])  # fmt: skip


def _burn(member: UUID, reference: str, points: int = 10) -> dict[str, Any]:
    return {"member": {"member_id": str(member)}, "points": points, "reference": reference}


def _outcome(status: int, body: bytes) -> str:
    return "ok" if status == 201 else ground.code(body)


def _key_wrong(first: list[Any], later: list[Any]) -> list[str]:
    """At once: one effect, the others the same bytes or 409 in flight. Later: all the same bytes."""
    found = []
    fresh = [a for a in first if a[0] == 201 and "idempotent-replayed" not in _names(a)]
    others = [a for a in first if a[0] != 201]
    if len(fresh) != 1:
        found.append(f"{len(fresh)} first answers")
    if any((a[0], ground.code(a[2])) != (409, "idempotency_in_flight") for a in others):
        found.append(str(Counter((a[0], ground.code(a[2])) for a in others)))
    if any("retry-after" not in _names(a) for a in others):
        found.append("409 without Retry-After")
    if len({a[2] for a in [*first, *later] if a[0] == 201}) != 1:
        found.append("answers that differ")
    if any(a[0] != 201 or "idempotent-replayed" not in _names(a) for a in later):
        found.append("not replayed later")
    return found


def _names(answer: tuple[int, dict[str, str], bytes]) -> set[str]:
    return {name.lower() for name in answer[1]}


def _not(members: list[UUID], *, balance: int, burns: int) -> list[str]:
    """The members whose account ended otherwise."""

    found = []
    for member in members:
        count = Entry.objects.filter(account__member_id=member, kind="burn").count()
        if (numbers(member), count) != ((balance, 0, 0, 0), burns):
            found.append(f"{member}: {numbers(member)}, {count} burns")
    return found


class Crowd:
    """Clients that wait for each other and then call at the same instant."""

    def __init__(self, address: str) -> None:
        self._callers = [ground.Caller(address, brands.key("acme")) for _client in range(CLIENTS)]
        self._pool = ThreadPoolExecutor(CLIENTS)

    def __enter__(self) -> Crowd:
        return self

    def __exit__(self, *_error: object) -> None:
        self._pool.shutdown()
        for caller in self._callers:
            caller.close()

    def at_once(self, count: int, make: Callable[[int], tuple[Any, str | None]]) -> list[Any]:
        """What the first `count` clients were answered to the burn and key that `make` gives each of them."""
        gate = Barrier(count)

        def call(number: int) -> Any:
            body, key = make(number)
            gate.wait(60)
            return self._callers[number].post("/burns", body, key)

        return list(self._pool.map(call, range(count)))
