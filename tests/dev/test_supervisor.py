"""What the supervisor promises: restarts, a clean end, and nothing left behind that blocks the next start."""

import asyncio
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from loyalty.dev import locks, processes
from loyalty.dev.output import Output
from loyalty.dev.places import ROOT, Places, read_json, write_json
from loyalty.dev.supervisor import Service, Supervisor
from tests.dev.conftest import run, until

ENV = {"PATH": os.environ["PATH"], "PYTHONUNBUFFERED": "1"}
WAITS = "import signal; signal.pause()"
STUBBORN = (
    "import signal; signal.signal(15, signal.SIG_IGN); print('deaf'); [signal.pause() for _ in range(99)]"
)


def service(name: str, code: str, *arguments: str, stage: int = 1, stop_s: float = 5) -> Service:
    """A small Python program as a service."""
    return Service(name, [sys.executable, "-c", code, *arguments], ENV, stage=stage, stop_s=stop_s)


def supervisor(places: Places) -> Supervisor:
    return Supervisor(places, Output(places.logs / "up.log", show_lines=False))


def pid_of(places: Places, name: str) -> int:
    children = read_json(places.children_file)["children"]
    return next(int(child["pid"]) for child in children if child["name"] == name)


def test_a_killed_child_is_started_again(places: Places) -> None:
    async def story() -> None:
        boss = supervisor(places)
        await boss.start(service("one", WAITS))
        first = pid_of(places, "one")
        os.kill(first, signal.SIGKILL)
        await until(lambda: pid_of(places, "one") != first)
        second = pid_of(places, "one")
        assert boss.deaths == {"one": 1}
        assert processes.born(first) is None
        assert processes.born(second)
        assert await boss.stop() == []
        assert processes.born(second) is None

    run(story())
    assert "one was killed by SIGKILL; starting it again in 0.2 s" in (places.logs / "up.log").read_text()


def test_a_child_that_ends_at_once_is_started_again_with_growing_pauses(places: Places) -> None:
    async def story() -> None:
        boss = supervisor(places)
        await boss.start(service("short", "raise SystemExit(3)"))
        await until(lambda: boss.deaths["short"] == 3)
        await boss.stop()

    run(story())
    said = (places.logs / "up.log").read_text()
    for pause in ("0.2", "0.4", "0.8"):
        assert f"short ended with code 3; starting it again in {pause} s" in said


def test_a_death_is_seen_although_workers_hold_the_output(places: Places, tmp_path: Path) -> None:
    """A killed web server leaves workers that have inherited its output; they must not hide its death."""
    note = tmp_path / "worker"
    parent = (
        "import os, signal, sys\n"
        "pid = os.fork()\n"
        "if pid:\n"
        "    open(sys.argv[1] + '.draft', 'w').write(str(pid))\n"
        "    os.rename(sys.argv[1] + '.draft', sys.argv[1])\n"
        "signal.pause()"
    )

    async def story() -> None:
        boss = supervisor(places)
        await boss.start(service("web", parent, str(note)))
        await until(note.exists)
        first, worker = pid_of(places, "web"), int(note.read_text())
        note.unlink()
        os.kill(first, signal.SIGKILL)
        await until(note.exists)
        assert boss.deaths == {"web": 1}
        assert processes.born(worker) is None
        await boss.stop()

    run(story())


def test_databases_end_after_all_others(places: Places, tmp_path: Path) -> None:
    order = tmp_path / "order"
    note = (
        "import signal, sys\n"
        "def end(*_):\n"
        "    open(sys.argv[1], 'a').write(sys.argv[2] + ' '); raise SystemExit\n"
        "signal.signal(signal.SIGTERM, end)\n"
        "open(sys.argv[1] + sys.argv[2], 'w').close()\n"
        "while True: signal.pause()"
    )

    async def story() -> None:
        boss = supervisor(places)
        await boss.start(service("database", note, str(order), "database", stage=0))
        await boss.start(service("web", note, str(order), "web"))
        await until(lambda: Path(f"{order}database").exists() and Path(f"{order}web").exists())
        assert await boss.stop() == []

    run(story())
    assert order.read_text() == "web database "
    assert not places.children_file.exists()


def test_a_child_that_does_not_listen_is_killed_and_named(places: Places) -> None:
    async def story() -> None:
        boss = supervisor(places)
        await boss.start(service("deaf", STUBBORN, stop_s=0.2))
        await until(lambda: "deaf" in (places.logs / "up.log").read_text())
        pid = pid_of(places, "deaf")
        assert await boss.stop() == ["deaf"]
        assert processes.born(pid) is None

    run(story())


KILLED_SUPERVISOR = """
import asyncio, pathlib, sys
from loyalty.dev.output import Output
from loyalty.dev.places import Places
from loyalty.dev.supervisor import Service, Supervisor
from loyalty.dev import locks
child = '''
import os, signal, sys
if os.fork() == 0:
    os.setsid()
    open(sys.argv[1] + ".draft", "w").write(str(os.getpid()))
    os.rename(sys.argv[1] + ".draft", sys.argv[1])
while True: signal.pause()
'''
async def main():
    places = Places(pathlib.Path(sys.argv[1]))
    held = locks.take(places)
    boss = Supervisor(places, Output(show_lines=False))
    await boss.start(Service("web", [sys.executable, "-c", child, sys.argv[2]], {"PATH": "/usr/bin:/bin"}))
    await asyncio.Event().wait()
asyncio.run(main())
"""


@pytest.mark.skipif(
    sys.platform != "linux", reason="workers in sessions of their own are found on Linux only"
)
def test_what_a_killed_supervisor_left_is_found_and_ended(places: Places, tmp_path: Path) -> None:
    note = tmp_path / "worker"
    command = [sys.executable, "-c", KILLED_SUPERVISOR, str(places.folder), str(note)]
    boss = subprocess.Popen(command, cwd=ROOT)
    asyncio.run(until(note.exists))
    assert locks.take(places) is None
    boss.kill()
    boss.wait()
    leader, worker = pid_of(places, "web"), int(note.read_text())
    assert processes.born(leader)
    assert processes.born(worker)

    freed = locks.take(places)
    assert freed is not None
    assert supervisor(places).end_orphans() == ["web", "1 of their workers"]
    assert processes.born(leader) is None
    assert processes.born(worker) is None
    assert not places.children_file.exists()
    freed.close()


def test_a_process_that_only_got_an_old_pid_is_left_alone(places: Places) -> None:
    innocent = subprocess.Popen([sys.executable, "-c", WAITS])
    record = {"name": "web", "pid": innocent.pid, "born": "another boot/1", "stop_signal": 15}
    write_json(places.children_file, {"children": [record]})
    assert supervisor(places).end_orphans() == []
    assert innocent.poll() is None
    innocent.kill()
    innocent.wait()


def test_a_record_cut_off_by_a_crash_does_not_block_the_start(places: Places) -> None:
    places.children_file.write_text('{"children": [{"na')
    assert supervisor(places).end_orphans() == []


def test_the_record_tells_one_process_from_another_with_the_same_pid() -> None:
    child = subprocess.Popen([sys.executable, "-c", WAITS])
    once = processes.born(child.pid)
    assert once == processes.born(child.pid)
    assert once != processes.born(os.getpid())
    child.kill()
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)  # its exit code is not fetched yet
    assert processes.born(child.pid) is None
    child.wait()
