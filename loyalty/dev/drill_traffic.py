"""Partners who post orders and burns without pause, and repeat every call until it is answered."""

import threading
import time
import uuid
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import httpx

from loyalty.dev.drill_instance import BRAND, DrillError

MEMBERS = 25
GIVE_UP_S = 300.0
BURN_EVERY = 2


@dataclass
class Traffic:
    """Threads that post orders, and burns of what they gave, until they are told to stop.

    Every call is repeated until it is answered, half of them with an Idempotency-Key, the others by their
    reference alone.
    """

    base: str
    key: str
    threads: int
    run_id: str = field(default_factory=lambda: uuid.uuid4().hex[:8])
    orders: dict[str, dict[str, Any]] = field(default_factory=dict)
    burns: dict[str, dict[str, Any]] = field(default_factory=dict)
    poor: set[str] = field(default_factory=set)
    acknowledged: list[tuple[float, float]] = field(default_factory=list)
    broken: Counter[str] = field(default_factory=Counter)
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

    def ask_to_stop(self) -> None:
        """Begin nothing more."""
        self._stop.set()

    def stop(self) -> None:
        """End after every call that was begun has its answer."""
        self.ask_to_stop()
        for worker in self._workers:
            worker.join(GIVE_UP_S)
            if worker.is_alive():
                raise DrillError(f"a call was not answered within {GIVE_UP_S:.0f} s")

    def count(self) -> int:
        """How many orders and burns have been acknowledged so far."""
        with self._lock:
            return len(self.orders) + len(self.burns)

    def silence_after(self, moment: float) -> float | None:
        """Seconds from `moment` to the answer of the first call sent after it; None while there is none."""
        with self._lock:
            ends = [end for sent, end in self.acknowledged if sent >= moment]
        return min(ends) - moment if ends else None

    def _post_many(self, thread: int) -> None:
        number = 0
        with httpx.Client(base_url=self.base, timeout=10) as client:
            while not self._stop.is_set():
                number += 1
                self._post_two(client, f"{self.run_id}-{thread}-{number}", thread * 10_000 + number)

    def _post_two(self, client: httpx.Client, order_id: str, number: int) -> None:
        member = {"external_id": f"{self.run_id}-m{number % MEMBERS}"}
        order = {
            "order_id": order_id,
            "member": member,
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
        answer = self._until_answered(client, "orders", order_id, order, keyed=number % 4 < 2)
        if answer is not None:
            with self._lock:
                self.orders[order_id] = answer
        if number % BURN_EVERY == 0:
            burn = {"member": member, "points": 1 + number % 7, "reference": f"burn-{order_id}"}
            answer = self._until_answered(client, "burns", burn["reference"], burn, keyed=number % 4 == 0)
            if answer is not None:
                with self._lock:
                    self.burns[str(burn["reference"])] = answer

    def _until_answered(
        self, client: httpx.Client, path: str, name: Any, body: Mapping[str, Any], *, keyed: bool
    ) -> dict[str, Any] | None:
        """Send one call until it is answered, as a partner does; None where it was refused."""
        headers = {"Host": f"{BRAND}.localhost", "Authorization": f"Bearer {self.key}"}
        if keyed:
            headers["Idempotency-Key"] = f"drill-key-{path}-{name}"
        deadline = time.monotonic() + GIVE_UP_S
        while time.monotonic() < deadline:
            sent = time.monotonic()
            try:
                answer = client.post(f"/api/v1/{path}", json=body, headers=headers)
            except httpx.TransportError as trouble:
                self._broke(type(trouble).__name__)
                continue
            if answer.status_code in (200, 201):
                with self._lock:
                    self.acknowledged.append((sent, time.monotonic()))
                return dict(answer.json())
            code = self._code(answer)
            if code == "insufficient_points":
                with self._lock:
                    self.poor.add(str(name))
                return None
            if answer.status_code >= 500 or answer.status_code == 429 or code == "idempotency_in_flight":
                self._broke(f"{answer.status_code} {code}")
                continue
            with self._lock:
                self.refused.append(f"{name}: {answer.status_code} {answer.text[:300]}")
            return None
        with self._lock:
            self.refused.append(f"{name}: no answer within {GIVE_UP_S:.0f} s")
        return None

    @staticmethod
    def _code(answer: httpx.Response) -> str:
        try:
            return str(answer.json()["code"])
        except (ValueError, KeyError, TypeError):
            return "without a code"

    def _broke(self, how: str) -> None:
        with self._lock:
            self.broken[how] += 1
        time.sleep(0.05)
