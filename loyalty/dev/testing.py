"""`make test`, `make lint`, `make schema`; tests have their own services, beside a running `make up`."""

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping

from loyalty.dev import environment, locks, messages, ports, postgres, services, valkey
from loyalty.dev.output import Output
from loyalty.dev.places import ROOT, Places, up_places
from loyalty.dev.postgres import PostgresError
from loyalty.dev.supervisor import Supervisor
from loyalty.dev.valkey import ValkeyError

MOST_AT_ONCE = 4
DATABASE = "loyalty"


def instances() -> list[Places]:
    """The folders of test runs; a second run at the same time takes the second, and so on."""
    folder = up_places().folder
    return [
        Places(folder / ("test" if number == 1 else f"test-{number}"))
        for number in range(1, MOST_AT_ONCE + 1)
    ]


def main(arguments: list[str]) -> int:
    """Run pytest with `arguments`; its exit code."""
    for places in instances():
        lock = locks.take(places.make())
        if lock is not None:
            break
    else:
        print(f"{MOST_AT_ONCE} test runs are under way in this checkout already.", file=sys.stderr)
        return 1
    try:
        with lock:
            return asyncio.run(with_services(places, pytest_command(arguments)))
    except (PostgresError, ValkeyError) as trouble:
        print(f"\n{trouble}", file=sys.stderr)
        return 1


def pytest_command(arguments: list[str]) -> list[str]:
    """Three processes unless said otherwise. Plugins that are not used and slow to import stay out."""
    command = [sys.executable, "-m", "pytest", "-p", "no:valkey", "-p", "no:schemathesis"]
    if not any(argument.startswith(("-n", "--numprocesses")) for argument in arguments):
        command += ["-n", "3"]  # some tests wait for processes and for the browser
    return command + arguments


async def with_services(places: Places, command: list[str], *, durable: bool = False) -> int:
    """Start the databases, run the command, end them; the command's exit code."""
    output = Output(places.logs / "services.log", show_lines=False)
    supervisor = Supervisor(places, output)
    asked = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        loop.add_signal_handler(number, asked.set)
    try:
        values = await start_services(places, output, supervisor, durable=durable)
        process = await asyncio.create_subprocess_exec(
            *command, cwd=ROOT, env=environment.for_child(values), stdin=asyncio.subprocess.DEVNULL
        )
        ending = asyncio.create_task(_forward(asked, process))
        code = await process.wait()
        ending.cancel()
        return code
    finally:
        started = time.monotonic()
        await supervisor.stop()
        output.say(f"  ✓ test services ended ({time.monotonic() - started:.1f} s)")


async def _forward(asked: asyncio.Event, process: asyncio.subprocess.Process) -> None:
    """Let pytest end and print its summary; a second later than fifteen it is killed."""
    await asked.wait()
    process.send_signal(signal.SIGINT)
    await asyncio.sleep(15)
    process.kill()


async def start_services(
    places: Places, output: Output, supervisor: Supervisor, *, durable: bool = False
) -> Mapping[str, str]:
    """Embedded servers for tests (or durable, for benchmarks) unless the environment names others.

    Returns the settings for them.
    The login is the superuser: tests look into every schema and switch the ledger's triggers off to clean up.
    """
    await asyncio.to_thread(messages.compile_stale)
    orphans = await asyncio.to_thread(supervisor.end_orphans)
    if orphans:
        output.say(f"  ✓ ended what an earlier test run left behind: {', '.join(orphans)}")
    known = environment.secrets(places)
    values = {"LOYALTY_ENV": "test", "SECRET_KEY": known["secret_key"]}
    if "DATABASE_URL" not in os.environ:
        server = postgres.place(places, port=ports.choose(places, "postgres"), durable=durable)
        with output.step(f"test Postgres on port {server.port}"):
            await asyncio.to_thread(server.initialise, known["postgres"])
            await supervisor.start(services.postgres(server))
            await asyncio.to_thread(server.wait_ready, known["postgres"])
            await asyncio.to_thread(environment.prepare_database, server, known, for_tests=True)
        values["DATABASE_URL"] = server.dsn(postgres.SUPERUSER, known["postgres"], DATABASE)
    if "REDIS_URL" not in os.environ:
        redis = valkey.place(
            places, port=ports.choose(places, "redis"), password=known["redis"], durable=False
        )
        with output.step(f"test Redis on port {redis.port}"):
            await supervisor.start(services.valkey(redis))
            await asyncio.to_thread(redis.wait_ready)
        values["REDIS_URL"] = redis.url()
    return values


def lint() -> int:
    """Format, rules, types, layers and missing migrations; 1 when any of them complains."""
    settings = {**os.environ, "LOYALTY_ENV": "test", "DATABASE_URL": "postgresql://nobody@127.0.0.1:1/none"}
    settings["REDIS_URL"] = "redis://127.0.0.1:1/0"
    settings["PYTHONWARNINGS"] = "ignore:Got an error checking a consistent migration history"
    python, binaries = sys.executable, os.path.dirname(sys.executable)
    checks = {
        "ruff check": [f"{binaries}/ruff", "check", "."],
        "ruff format": [f"{binaries}/ruff", "format", "--check", "--quiet", "--diff", "."],
        "mypy": [f"{binaries}/mypy", "."],
        "layers": [f"{binaries}/lint-imports", "--no-cache"],
        "migrations": [python, "manage.py", "makemigrations", "--check", "--dry-run"],
        "system check": [python, "manage.py", "check"],
    }
    failed = []
    for name, command in checks.items():
        started = time.monotonic()
        done = subprocess.run(
            command,
            cwd=ROOT,
            env=settings,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        print(f"  {'✗' if done.returncode else '✓'} {name} ({time.monotonic() - started:.1f} s)", flush=True)
        if done.returncode:
            failed.append(name)
            print(done.stdout)
    if failed:
        print(f"lint failed: {', '.join(failed)}", file=sys.stderr)
    return 1 if failed else 0


def schema() -> int:
    """Write the OpenAPI document of a brand's host to docs/openapi/; 1 when it cannot be made."""
    settings = {**os.environ, "LOYALTY_ENV": "test", "DATABASE_URL": "postgresql://nobody@127.0.0.1:1/none"}
    target = ROOT / "docs" / "openapi" / "loyalty.json"
    target.parent.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, "manage.py", "spectacular", "--format", "openapi-json", "--validate"]
    done = subprocess.run(
        [*command, "--fail-on-warn", "--file", str(target)], cwd=ROOT, env=settings, check=False
    )
    if done.returncode == 0:
        print(f"wrote {target.relative_to(ROOT)}")
    return 1 if done.returncode else 0
