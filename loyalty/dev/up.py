"""`make up`: from an empty folder to a running platform, and back."""

import asyncio
import contextlib
import json
import os
import signal
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass

from loyalty.dev import environment, locks, messages, ports, postgres, processes, services, valkey
from loyalty.dev.output import Output, StepError
from loyalty.dev.places import ROOT, Places, read_json, write_json
from loyalty.dev.postgres import Postgres, PostgresError
from loyalty.dev.supervisor import Supervisor
from loyalty.dev.valkey import Valkey, ValkeyError

READY_WITHIN_S = 120.0
HOPELESS_AFTER_DEATHS = 5


@dataclass(frozen=True)
class Plan:
    """What this start consists of: settings, and the embedded servers where none is given."""

    values: dict[str, str]
    postgres: Postgres | None
    valkey: Valkey | None


class UpError(Exception):
    """The platform could not be started; the message says what to do."""


def main(places: Places, *, demo: bool = True) -> int:
    """Run the platform until it is asked to end; the exit code."""
    places.make()
    lock = locks.take(places)
    if lock is None:
        running = read_json(places.running_file)
        print(f"The platform runs already: {running.get('address', 'it is just starting')}")
        print("`make down` ends it.")
        return 0
    with lock:
        write_json(places.running_file, {"pid": os.getpid()})
        try:
            return asyncio.run(_run(places, demo=demo))
        except (UpError, StepError, PostgresError, ValkeyError) as trouble:
            print(f"\n{trouble}", file=sys.stderr)
            return 1
        finally:
            places.running_file.unlink(missing_ok=True)


def plan(places: Places) -> Plan:
    """Choose ports, make secrets, honour PORT, HOST, DATABASE_URL, DATABASE_OWNER_URL and REDIS_URL."""
    known = environment.secrets(places)
    given = os.environ
    server = redis = None
    if "DATABASE_URL" not in given:
        server = postgres.place(places, port=ports.choose(places, "postgres"), durable=True)
    if "REDIS_URL" not in given:
        port = ports.choose(places, "redis")
        redis = valkey.place(places, port=port, password=known["redis"], durable=True)
    wechat_port = ports.choose(places, "wechat", 9001)
    channels_port = ports.choose(places, "channels", 9002)
    mail_port = ports.choose(places, "mail", 2525)
    receiver_port = ports.choose(places, "receiver", 9000)
    values = {
        "LOYALTY_ENV": "dev",
        "SECRET_KEY": known["secret_key"],
        "FIELD_KEYS": known["field_key"],
        "HOST": given.get("HOST", "127.0.0.1"),
        "PORT": str(_web_port(places)),
        "DATABASE_URL": server.dsn(environment.APP, known["app"], environment.DATABASE)
        if server
        else given["DATABASE_URL"],
        "DATABASE_OWNER_URL": server.dsn(environment.OWNER, known["owner"], environment.DATABASE)
        if server
        else given.get("DATABASE_OWNER_URL", given["DATABASE_URL"]),
        "REDIS_URL": redis.url() if redis else given["REDIS_URL"],
        "WECHAT_SANDBOX_PORT": str(wechat_port),
        "WECHAT_API_URL": f"http://127.0.0.1:{wechat_port}",
        "CHANNEL_SANDBOX_PORT": str(channels_port),
        **dict.fromkeys(
            ("WECHAT_MESSAGE_API_URL", "WECOM_API_URL", "SMS_API_URL", "PUSH_API_URL"),
            f"http://127.0.0.1:{channels_port}",
        ),
        "MAIL_SANDBOX_PORT": str(mail_port),
        "EMAIL_URL": given.get("EMAIL_URL", f"smtp://127.0.0.1:{mail_port}"),
        "DEMO_RECEIVER_PORT": str(receiver_port),
        "DEMO_RECEIVER_URL": f"http://127.0.0.1:{receiver_port}/",
    }
    return Plan(values, server, redis)


def _web_port(places: Places) -> int:
    """PORT from the environment, which must be free; else a free one, by preference 8000."""
    wanted = os.environ.get("PORT")
    if wanted is None:
        return ports.choose(places, "web", 8000, 8001, 8002, 8080)
    if not wanted.isdecimal() or not 0 < int(wanted) < 65536:
        raise UpError(f"PORT={wanted} is not a port.")
    if not ports.is_free(int(wanted)):
        raise UpError(f"Port {wanted} is taken by another program. Choose another: make up PORT=8100")
    return int(wanted)


async def _run(places: Places, *, demo: bool) -> int:
    """Start, wait for the end, end everything."""
    started = time.monotonic()
    output = Output(places.logs / "up.log")
    output.say("Starting the platform" + ("" if places.env_file.exists() else " for the first time"))
    supervisor = Supervisor(places, output)
    asked = asyncio.Event()
    loop = asyncio.get_running_loop()
    main_task = asyncio.current_task()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        loop.add_signal_handler(number, _ask, asked, main_task)
    try:
        orphans = await asyncio.to_thread(supervisor.end_orphans)
        if orphans:
            output.say(f"  ✓ ended what an earlier run left behind: {', '.join(orphans)}")
        chosen = await asyncio.to_thread(plan, places)
        await _start(places, output, supervisor, chosen, demo=demo)
        _tell(output, chosen.values, places, time.monotonic() - started)
        await asked.wait()
    except asyncio.CancelledError:
        pass
    finally:
        loop.add_signal_handler(signal.SIGINT, lambda: None)
        stopping = time.monotonic()
        output.say("\nEnding")
        killed = await supervisor.stop()
        late = f" ({', '.join(killed)} did not end in time and had to be killed)" if killed else ""
        output.say(f"Ended in {time.monotonic() - stopping:.1f} s{late}")
    return 0


def _ask(asked: asyncio.Event, main_task: "asyncio.Task[int] | None") -> None:
    """The first signal ends the waiting, or breaks off a start that is under way."""
    if not asked.is_set():
        asked.set()
        if main_task is not None:
            main_task.cancel()


async def _start(places: Places, output: Output, supervisor: Supervisor, chosen: Plan, *, demo: bool) -> None:
    """Databases, schema, demo, then the platform; returns when /readyz is green."""
    values = chosen.values
    await _start_databases(places, output, supervisor, chosen)
    environment.write_env_file(places, values)
    if await asyncio.to_thread(messages.stale):
        with output.step("Compiling translations"):
            await asyncio.to_thread(messages.compile_stale)
    env = {**environment.for_child(values), processes.MARK: supervisor.mark()}
    prepare = [sys.executable, "-m", "loyalty.dev.prepare", *(["--demo"] if demo else [])]
    await output.run("Schema and demo brand" if demo else "Schema", prepare, env)
    await supervisor.start(services.web(values, places))
    with output.step("Waiting for /readyz"):
        await _wait_ready(supervisor, values)
    # The others start after the web server: on two cores it is ready twice as fast that way.
    for service in services.others(values, places):
        await supervisor.start(service)
    write_json(places.running_file, {"address": address(values), "pid": os.getpid()})


async def _start_databases(places: Places, output: Output, supervisor: Supervisor, chosen: Plan) -> None:
    known = environment.secrets(places)
    if chosen.postgres is not None:
        server = chosen.postgres
        with output.step(f"Postgres on port {server.port}"):
            await asyncio.to_thread(server.initialise, known["postgres"])
            await supervisor.start(services.postgres(server))
            await asyncio.to_thread(server.wait_ready, known["postgres"])
            await asyncio.to_thread(environment.prepare_database, server, known, for_tests=False)
    if chosen.valkey is not None:
        with output.step(f"Redis on port {chosen.valkey.port}"):
            await supervisor.start(services.valkey(chosen.valkey))
            await asyncio.to_thread(chosen.valkey.wait_ready)


def address(values: Mapping[str, str]) -> str:
    """Where a person goes first."""
    return f"http://localhost:{values['PORT']}/"


def readiness(values: Mapping[str, str]) -> tuple[bool, str]:
    """Is /readyz green, and if not, what does it say?"""
    host = "127.0.0.1" if values["HOST"] in ("0.0.0.0", "::") else values["HOST"]
    request = urllib.request.Request(f"http://{host}:{values['PORT']}/readyz", headers={"Host": "localhost"})
    try:
        with urllib.request.urlopen(request, timeout=5) as answer:
            return answer.status == 200, ""
    except urllib.error.HTTPError as refusal:
        return False, refusal.read(2000).decode(errors="replace")
    except (OSError, ValueError) as trouble:
        return False, str(trouble)


async def _wait_ready(supervisor: Supervisor, values: Mapping[str, str]) -> None:
    deadline = time.monotonic() + READY_WITHIN_S
    while True:
        green, why = await asyncio.to_thread(readiness, values)
        if green:
            return
        if supervisor.deaths["web"] >= HOPELESS_AFTER_DEATHS:
            raise UpError("The web server keeps ending: see its lines above.")
        if time.monotonic() > deadline:
            raise UpError(f"/readyz was not green after {READY_WITHIN_S:.0f} s: {why}")
        await asyncio.sleep(0.2)


def _tell(output: Output, values: Mapping[str, str], places: Places, seconds: float) -> None:
    """Addresses, logins, and calls to try."""
    output.say(f"\nReady in {seconds:.1f} s. Ctrl-C ends it; the data stay.\n")
    output.say(f"  platform   {address(values)}console/")
    demo = read_json(places.folder / "demo.json")
    for line in _demo_lines(demo):
        output.say(line.replace("{port}", values["PORT"]))
    output.say(
        f"  webhooks   http://127.0.0.1:{values['DEMO_RECEIVER_PORT']}/ shows what the demo's receiver got"
    )
    output.say(f"  metrics    {address(values)}metrics")
    output.say(f"  commands   .venv/bin/python manage.py … works from another terminal ({ROOT})")
    output.say()


def _demo_lines(demo: Mapping[str, object]) -> list[str]:
    """What `seed_demo` wants to be shown: entries of "lines", else the file as it is."""
    lines = demo.get("lines")
    if isinstance(lines, list):
        return [f"  {line}" for line in lines]
    return (
        [f"  {line}" for line in json.dumps(demo, indent=1, ensure_ascii=False).splitlines()] if demo else []
    )


def down(places: Places) -> int:
    """End a platform that runs in another terminal; the exit code."""
    pid = read_json(places.running_file).get("pid")
    lock = locks.take(places.make())
    if lock is not None:
        orphans = Supervisor(places, Output()).end_orphans()
        print(f"Ended what was left: {', '.join(orphans)}" if orphans else "Nothing runs here.")
        lock.close()
        return 0
    if not isinstance(pid, int):
        print("It is just starting: end it with Ctrl-C in its terminal, or try again.", file=sys.stderr)
        return 1
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGTERM)
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        freed = locks.take(places)
        if freed is not None:
            freed.close()
            print("Ended.")
            return 0
        time.sleep(0.1)
    print(f"Process {pid} has not ended within 20 s.", file=sys.stderr)
    return 1
