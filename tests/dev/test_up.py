"""The whole start, as a developer has it: ready, usable from another terminal, restarted, ended."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from loyalty.dev import postgres, processes, up
from loyalty.dev.places import ROOT, Places, read_json
from tests.dev.conftest import run, until

NAMES = [
    "postgres",
    "redis",
    "web",
    "worker",
    "reader",
    "beat",
    "webhooks",
    "wechat",
    "channels",
    "mail",
    "receiver",
]


def own_environment(places: Places) -> dict[str, str]:
    """What a developer's shell has: nothing about databases or settings."""
    mine = ("LOYALTY_", "DATABASE_", "REDIS_", "SECRET_KEY", "FIELD_KEYS", "DJANGO_", "PORT", "PYTEST_")
    kept = {key: value for key, value in os.environ.items() if not key.startswith(mine)}
    return {**kept, "LOYALTY_VAR": str(places.folder)}


@pytest.fixture(scope="module")
def platform(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Places, "subprocess.Popen[bytes]"]]:
    """`make up` in a folder of its own, without the demo brand."""
    places = Places(tmp_path_factory.mktemp("platform") / "var").make()
    with (places.logs / "terminal.log").open("w") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "loyalty.dev", "up", "--no-demo"],
            cwd=ROOT,
            env=own_environment(places),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    yield places, process
    if process.poll() is None:
        process.send_signal(signal.SIGTERM)
        process.wait(30)
    postgres.remove_outside(places)


def terminal(places: Places) -> str:
    return (places.logs / "terminal.log").read_text()


def pids(places: Places) -> dict[str, int]:
    return {child["name"]: child["pid"] for child in read_json(places.children_file)["children"]}


def values(places: Places) -> dict[str, str]:
    lines = places.env_file.read_text().splitlines()
    return dict(line.split("=", 1) for line in lines if not line.startswith("#"))


@pytest.mark.whole
def test_a_developers_day(platform: tuple[Places, "subprocess.Popen[bytes]"]) -> None:
    places, process = platform

    # It comes up with everything, and says where it is.
    run(until(lambda: process.poll() is not None or "address" in read_json(places.running_file), 90))
    assert process.poll() is None, terminal(places)
    assert sorted(pids(places)) == sorted(NAMES)
    assert oct(places.env_file.stat().st_mode & 0o777) == "0o600"
    run(until(lambda: "Ready in" in terminal(places)))
    assert f"http://localhost:{values(places)['PORT']}/" in terminal(places)

    # A second start only says so.
    command = [sys.executable, "-m", "loyalty.dev", "up"]
    second = subprocess.run(
        command, cwd=ROOT, env=own_environment(places), capture_output=True, text=True, check=True
    )
    assert second.stdout.startswith("The platform runs already: http://localhost:")

    # Commands of another terminal reach it by what it wrote down.
    ran = subprocess.run(
        [sys.executable, "manage.py", "create_brand", "acme", "--name", "Acme", "--template", "blank"],
        cwd=ROOT,
        env={**own_environment(places), **values(places)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    assert "acme.localhost" in ran.stdout

    # What is killed comes back.
    for name in ("web", "postgres", "redis"):
        before = pids(places)[name]
        os.kill(before, signal.SIGKILL)
        run(until(lambda name=name, before=before: pids(places)[name] != before))  # type: ignore[misc]
        run(until(lambda: up.readiness(values(places))[0], 30))

    # Asked to end it ends everything, in time.
    children = pids(places)
    asked = time.monotonic()
    process.send_signal(signal.SIGINT)
    assert process.wait(20) == 0
    assert time.monotonic() - asked < 12
    assert [name for name, pid in children.items() if processes.born(pid)] == []
    if sys.platform == "linux":
        assert processes.marked(str(places.folder)) == []
    assert not places.running_file.exists()


def test_nothing_runs_is_said_too(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "loyalty.dev", "down"],
        cwd=ROOT,
        env=own_environment(Places(tmp_path / "var")),
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == "Nothing runs here.\n"
