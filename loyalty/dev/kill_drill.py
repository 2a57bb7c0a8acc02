"""`make soak`: orders arrive without pause while web, worker, Postgres and Redis are killed in turn.

Afterwards: every acknowledged order stands in the ledger with the points of its answer, none twice.
"""

import argparse
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx

from loyalty.dev import postgres, processes, up
from loyalty.dev.drill_audit import audit
from loyalty.dev.places import ROOT, Places, read_json

BRAND = "drill"
TARGETS = ("web", "worker", "postgres", "redis")
MEMBERS = 25
GIVE_UP_S = 90.0


class DrillError(Exception):
    """The drill could not be carried out; the message says why."""


@dataclass
class Traffic:
    """Threads that post orders until they are told to stop; an order is repeated until it is answered."""

    base: str
    key: str
    threads: int
    run_id: str = field(default_factory=lambda: uuid.uuid4().hex[:8])
    answers: dict[str, dict[str, Any]] = field(default_factory=dict)
    acknowledged: list[tuple[float, float]] = field(default_factory=list)
    broken: int = 0
    refused: list[str] = field(default_factory=list)
    _stop: threading.Event = field(default_factory=threading.Event)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _workers: list[threading.Thread] = field(default_factory=list)

    def start(self) -> None:
        """Begin."""
        self._workers = [
            threading.Thread(target=self._post_many, args=(number,), daemon=True)
            for number in range(self.threads)
        ]
        for worker in self._workers:
            worker.start()

    def stop(self) -> None:
        """End after every order that was begun has its answer."""
        self._stop.set()
        for worker in self._workers:
            worker.join(GIVE_UP_S)
            if worker.is_alive():
                raise DrillError(f"an order was not answered within {GIVE_UP_S:.0f} s")

    def count(self) -> int:
        """How many orders have been acknowledged so far."""
        with self._lock:
            return len(self.answers)

    def silence_after(self, moment: float) -> float | None:
        """Seconds from `moment` to the answer of the first order sent after it; None while there is none."""
        with self._lock:
            ends = [end for sent, end in self.acknowledged if sent >= moment]
        return min(ends) - moment if ends else None

    def _post_many(self, thread: int) -> None:
        number = 0
        with httpx.Client(base_url=self.base, timeout=10) as client:
            while not self._stop.is_set():
                number += 1
                self._post(client, f"{self.run_id}-{thread}-{number}", thread * 10_000 + number)

    def _post(self, client: httpx.Client, order_id: str, number: int) -> None:
        """Send one order until it is answered, as a partner does."""
        order = {
            "order_id": order_id,
            "member": {"external_id": f"{self.run_id}-m{number % MEMBERS}"},
            "ordered_at": datetime.now(UTC).isoformat(),
            "channel": "store",
            "store_id": "S01",
            "currency": "CNY",
            "lines": [
                {
                    "sku": "6901234567892",
                    "category": "fresh/dairy",
                    "quantity": "1",
                    "unit_price": f"{9 + number % 40}.90",
                }
            ],
        }
        headers = {"Host": f"{BRAND}.localhost", "Authorization": f"Bearer {self.key}"}
        deadline = time.monotonic() + GIVE_UP_S
        while time.monotonic() < deadline:
            sent = time.monotonic()
            try:
                answer = client.post("/api/v1/orders", json=order, headers=headers)
            except httpx.TransportError:
                self._broke()
                continue
            if answer.status_code in (200, 201):
                with self._lock:
                    self.answers[order_id] = answer.json()
                    self.acknowledged.append((sent, time.monotonic()))
                return
            if answer.status_code < 500 and answer.status_code != 429:
                with self._lock:
                    self.refused.append(f"{order_id}: {answer.status_code} {answer.text[:300]}")
                return
            self._broke()
        with self._lock:
            self.refused.append(f"{order_id}: no answer within {GIVE_UP_S:.0f} s")

    def _broke(self) -> None:
        with self._lock:
            self.broken += 1
        time.sleep(0.05)


@dataclass
class Instance:
    """A private platform below `var/soak`, and what is needed to talk to it."""

    places: Places
    process: "subprocess.Popen[bytes]"
    values: dict[str, str]

    def manage(self, *command: str, owner: bool = False) -> str:
        """Run a management command against it; its standard output."""
        env = {**os.environ, **self.values, **({"DB_LOGIN": "owner"} if owner else {})}
        done = subprocess.run(
            [sys.executable, "manage.py", *command],
            cwd=ROOT,
            env=env,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise DrillError(f"manage.py {' '.join(command)} failed:\n{done.stdout}{done.stderr}")
        return done.stdout.strip()

    def worker_answers(self) -> bool:
        """Does the Celery worker hear what comes through the broker?"""
        command = [
            sys.executable,
            "-m",
            "celery",
            "--quiet",
            "-A",
            "loyalty",
            "inspect",
            "ping",
            "--timeout",
            "3",
        ]
        env = {**os.environ, **self.values}
        return subprocess.run(command, cwd=ROOT, env=env, capture_output=True, check=False).returncode == 0

    def pid(self, name: str) -> int:
        """The process that now is `name`."""
        for child in read_json(self.places.children_file).get("children", []):
            if child["name"] == name:
                return int(child["pid"])
        raise DrillError(f"{name} does not run")

    def end(self) -> None:
        """End it cleanly."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            self.process.wait(30)


def start(folder: Path) -> Instance:
    """Start a fresh instance beside whatever else runs, without the demo."""
    places = Places(folder)
    if folder.exists():
        up.down(places)
        postgres.remove_outside(places)
        shutil.rmtree(folder)
    places.make()
    env = {
        key: value for key, value in os.environ.items() if key not in {"PORT", "DATABASE_URL", "REDIS_URL"}
    }
    env["LOYALTY_VAR"] = str(folder)
    with (places.logs / "terminal.log").open("w") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "loyalty.dev", "up", "--no-demo"],
            cwd=ROOT,
            env=env,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    wait(lambda: "address" in read_json(places.running_file), 120, "the instance", process)
    values = dict(
        line.split("=", 1) for line in places.env_file.read_text().splitlines() if line and line[0] != "#"
    )
    return Instance(places, process, values)


def wait(
    condition: Callable[[], bool], seconds: float, what: str, process: "subprocess.Popen[bytes] | None" = None
) -> float:
    """Wait for a condition; how many seconds it took. Raises DrillError when it does not come true."""
    started = time.monotonic()
    while not condition():
        if process is not None and process.poll() is not None:
            raise DrillError(f"{what} ended with code {process.returncode}: see var/soak/log/terminal.log")
        if time.monotonic() - started > seconds:
            raise DrillError(f"{what}: not within {seconds:.0f} s")
        time.sleep(0.05)
    return time.monotonic() - started


def kill(instance: Instance, traffic: Traffic, target: str) -> dict[str, Any]:
    """Kill one part with traffic running, wait until everything works again, and say how long it took."""
    before = instance.pid(target)
    moment = time.monotonic()
    processes.signal_process(before, signal.SIGKILL)
    wait(lambda: _replaced(instance, target, before), 30, f"{target} started again")
    replaced = time.monotonic() - moment
    wait(lambda: up.readiness(instance.values)[0], 60, f"/readyz green after {target} was killed")
    ready = time.monotonic() - moment
    wait(lambda: traffic.silence_after(moment) is not None, 60, f"an order after {target} was killed")
    wait(instance.worker_answers, 90, f"the worker answers after {target} was killed")
    return {
        "killed": target,
        "new_process_s": round(replaced, 2),
        "ready_s": round(ready, 2),
        "first_order_s": round(traffic.silence_after(moment) or 0.0, 2),
        "worker_s": round(time.monotonic() - moment, 1),
    }


def _replaced(instance: Instance, target: str, before: int) -> bool:
    now = instance.pid(target)
    return now != before and processes.born(now) is not None


def drill(rounds: int, threads: int, seconds_between: float) -> int:
    """The whole drill; 0 when nothing was lost or counted twice."""
    print("Starting a private instance below var/soak", flush=True)
    instance = start(ROOT / "var" / "soak")
    traffic: Traffic | None = None
    try:
        instance.manage("create_brand", BRAND, "--name", "Drill", "--template", "retail", owner=True)
        key = instance.manage("create_api_key", BRAND, "--name", "drill", "--scopes", "*").splitlines()[-1]
        traffic = Traffic(f"http://127.0.0.1:{instance.values['PORT']}", key, threads)
        traffic.start()
        wait(lambda: traffic is not None and traffic.count() > 20, 60, "the first orders")
        for number in range(rounds):
            for target in TARGETS:
                done = traffic.count()
                wait(lambda start=done: traffic.count() > start, 30, "orders")  # type: ignore[misc]
                time.sleep(seconds_between)
                told = {"round": number + 1, **kill(instance, traffic, target), "orders": traffic.count()}
                print(json.dumps(told), flush=True)
        time.sleep(seconds_between)
        traffic.stop()
        return _verdict(instance, traffic)
    finally:
        if traffic is not None:
            traffic._stop.set()
        instance.end()


def _verdict(instance: Instance, traffic: Traffic) -> int:
    """Compare answers with the database, and print what was found."""
    sent = len(traffic.answers)
    print(f"{sent} orders acknowledged, {traffic.broken} calls broken off and sent again", flush=True)
    found = audit(instance.values["DATABASE_OWNER_URL"], BRAND, traffic.answers)
    found += [f"refused: {line}" for line in traffic.refused[:5]]
    if not any(body["points"]["accrued"] for body in traffic.answers.values()):
        found.append("no order earned points: the drill has shown nothing")
    try:
        print(instance.manage("verify_ledger", "--brand", BRAND, owner=True).splitlines()[-1])
    except DrillError as trouble:
        found.append(str(trouble))
    for line in found:
        print(f"✗ {line}", file=sys.stderr)
    print("✗ the drill failed" if found else "✓ none lost, none counted twice", flush=True)
    return 1 if found else 0


def main() -> int:
    """Run the drill; the exit code."""
    parser = argparse.ArgumentParser(prog="make soak", description=__doc__)
    parser.add_argument("--rounds", type=int, default=2, help="how often each part is killed")
    parser.add_argument("--threads", type=int, default=4, help="how many partners post at once")
    parser.add_argument("--pause", type=float, default=2.0, help="seconds of traffic before each kill")
    chosen = parser.parse_args()
    try:
        return drill(chosen.rounds, chosen.threads, chosen.pause)
    except DrillError as trouble:
        print(f"✗ {trouble}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
