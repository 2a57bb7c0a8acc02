"""HTTP calls on a real server, each beside the trivial read on the same server in the same run."""

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable

import httpx

from bench import calls, ledger, load, setting
from bench.calls import Make
from bench.figures import Figure, alternate
from loyalty.dev import ports

CLIENTS, SECONDS = 32, 5.0
ALLOWED_MS = 50
Send = Callable[..., load.Outcome]


def measure() -> list[Figure]:
    """Calls against trivial reads, orders against the reference accrual, and latency at half load."""
    key, measured = calls.prepare()
    port = ports.any_free()
    url = f"http://127.0.0.1:{port}"
    with tempfile.TemporaryDirectory() as metrics:
        server = _serve(port, metrics)
        try:
            _wait(url)
            send = _sender(url, calls.headers(key))
            figures: list[Figure] = []
            for each in measured:
                figures += _figures(send, each)
            orders = figures[0].measured
        finally:
            server.terminate()
            server.wait(10)
    floor = ledger.pgbench(setting.REFERENCE, setting.SQL / "earn.sql", 16)
    name = "POST /orders against the reference accrual, 16 clients"
    return [*figures, Figure(name, orders, floor, 0.15, 0.30)]


def _figures(send: Send, each: calls.Measured) -> list[Figure]:
    shares: list[float] = []

    def per_s(make: Make) -> float:
        outcome = send(make, SECONDS, CLIENTS)
        shares.append(outcome.own_share)
        return outcome.per_s

    send(each.make, 1.0, CLIENTS)
    ours, floor = alternate(lambda: per_s(each.make), lambda: per_s(calls.read))
    half = send(each.make, SECONDS, CLIENTS, ours / 2)
    p95 = half.percentile(0.95)
    note = f"the sender took {max(shares):.2f} of a CPU"
    return [
        Figure(f"{each.name}, {CLIENTS} clients (per s)", ours, floor, each.gate, each.stretch, note),
        Figure(f"{each.name}, p95 at half load (ms allowed, ms)", ALLOWED_MS, p95, 1.0),
    ]


def _sender(url: str, headers: dict[str, str]) -> Send:
    def send(make: Make, seconds: float, clients: int, per_s: float | None = None) -> load.Outcome:
        outcome = load.run(url, clients=clients, seconds=seconds, headers=headers, request=make, per_s=per_s)
        bad = {status: n for status, n in outcome.statuses.items() if status >= 400}
        if bad:
            print(f"  unexpected answers: {bad}", file=sys.stderr)
        return outcome

    return send


def _serve(port: int, metrics: str) -> "subprocess.Popen[bytes]":
    """The server as docker/web.sh runs it: processes, threads, pool, metrics, a line of log per request."""
    argv = [sys.executable, "-m", "granian", "--interface", "wsgi", "--host", "127.0.0.1"]
    argv += ["--port", str(port), "--workers", "2", "--blocking-threads", "8"]
    argv += ["--workers-kill-timeout", "3", "--log-level", "error", "loyalty.wsgi:application"]
    env = {
        **os.environ,
        "DB_POOL_SIZE": "8",
        "DJANGO_SETTINGS_MODULE": "bench.settings",
        "PROMETHEUS_MULTIPROC_DIR": metrics,
    }
    return subprocess.Popen(argv, env=env, stdout=subprocess.DEVNULL)


def _wait(url: str) -> None:
    for _try in range(200):
        try:
            if httpx.get(url + "/healthz").status_code == 200:
                return
        except httpx.TransportError:
            time.sleep(0.1)
    raise RuntimeError("the server did not start")
