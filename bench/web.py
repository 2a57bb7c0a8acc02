"""HTTP calls on a real server, each beside the trivial read on the same server in the same run."""

import os
import subprocess
import sys
import time
import uuid
from collections.abc import Callable
from typing import Any

import httpx
from django.db import connection

from bench import load, setting
from bench.figures import Figure, alternate
from loyalty.dev import ports
from loyalty.lib import clock
from mall import services as mall
from members.models import Member
from partners import services as partners
from points import services as points
from points.postings import Posting
from tenants.context import in_brand
from tenants.models import Brand

CLIENTS, SECONDS = 32, 5.0


def measure() -> list[Figure]:
    """Orders and redemptions per second against trivial reads per second, and latency at half load."""
    key, reward = _prepare()
    port = ports.any_free()
    server = _serve(port)
    url = f"http://127.0.0.1:{port}"
    headers = {
        "Host": f"{setting.SLUG}.localhost",
        "Authorization": f"Bearer {key}",
        "Content-Type": "application/json",
    }
    try:
        _wait(url)
        send = _sender(url, headers)
        figures = []
        for name, request, gate, stretch in (
            ("POST /orders, 3 lines", _order, 0.50, 0.80),
            ("POST /redemptions", lambda n: _redemption(n, reward), 0.40, 0.70),
        ):
            send(request, 1.0, CLIENTS)
            ours, floor = alternate(
                lambda request=request: send(request, SECONDS, CLIENTS).per_s,  # type: ignore[misc]
                lambda: send(_read, SECONDS, CLIENTS).per_s,
            )
            half = send(request, SECONDS, max(1, CLIENTS // 16))
            note = f"p95 {half.percentile(0.95):.0f} ms with {CLIENTS // 16} clients"
            figures.append(Figure(f"{name}, {CLIENTS} clients (per s)", ours, floor, gate, stretch, note))
        return figures
    finally:
        server.terminate()
        server.wait(10)


def _sender(url: str, headers: dict[str, str]) -> Callable[..., load.Outcome]:
    def send(request: Callable[[int], tuple[str, str, Any]], seconds: float, clients: int) -> load.Outcome:
        outcome = load.run(url, clients=clients, seconds=seconds, headers=headers, request=request)
        bad = {status: n for status, n in outcome.statuses.items() if status >= 400}
        if bad:
            print(f"  unexpected answers: {bad}", file=sys.stderr)
        return outcome

    return send


def _read(number: int) -> tuple[str, str, Any]:
    return "GET", f"/bench/members/{setting.member(number % setting.MEMBERS)}", None


def _order(number: int) -> tuple[str, str, Any]:
    lines = [
        {"sku": f"S{line}", "category": category, "quantity": "2", "unit_price": "19.90"}
        for line, category in enumerate(("fresh/dairy", "grocery", "drinks"))
    ]
    body = {
        "order_id": str(uuid.uuid4()),
        "member": {"member_id": str(setting.member(number % setting.MEMBERS))},
        "ordered_at": clock.now().isoformat(),
        "channel": "store",
        "store_id": "S01",
        "currency": "CNY",
        "lines": lines,
    }
    return "POST", "/api/v1/orders", body


def _redemption(number: int, reward: str) -> tuple[str, str, Any]:
    member = {"member_id": str(setting.member(number % setting.MEMBERS))}
    return (
        "POST",
        "/api/v1/redemptions",
        {"member": member, "reward_id": reward, "reference": str(uuid.uuid4())},
    )


def _prepare() -> tuple[str, str]:
    now = clock.now()
    brand = Brand.objects.get(slug=setting.SLUG)
    with in_brand(brand):
        _row, key = partners.create_key(name="bench", scopes=["*"], now=now)
        for number in range(setting.MEMBERS):
            journal = uuid.uuid4()
            points.post(
                member_id=setting.member(number), journal_id=journal, now=now,
                entries=[Posting(kind="opening", points=10**9, direction=1, system_account="opening",
                                 source="bench", reference=str(journal))],
            )  # fmt: skip
        assert Member.objects.count() >= setting.MEMBERS
        reward = mall.create_reward(
            values={
                "name": {"en": "Bench"},
                "kind": "physical",
                "points": 1,
                "stock": 10**7,
                "status": "published",
            },
            actor="bench",
            now=now,
        )
    connection.set_schema_to_public()
    return key, str(reward.id)


def _serve(port: int) -> "subprocess.Popen[bytes]":
    argv = [
        sys.executable,
        "-m",
        "granian",
        "--interface",
        "wsgi",
        "--host",
        "127.0.0.1",
        "--port",
        str(port),
    ]
    argv += [
        "--workers",
        "2",
        "--blocking-threads",
        "8",
        "--workers-kill-timeout",
        "3",
        "--log-level",
        "error",
    ]
    env = {
        **os.environ,
        "DB_POOL_SIZE": "8",
        "DJANGO_SETTINGS_MODULE": "bench.settings",
        "LOG_LEVEL": "ERROR",
    }
    return subprocess.Popen([*argv, "loyalty.wsgi:application"], env=env)


def _wait(url: str) -> None:
    for _try in range(200):
        try:
            if httpx.get(url + "/healthz").status_code == 200:
                return
        except httpx.TransportError:
            time.sleep(0.1)
    raise RuntimeError("the server did not start")
