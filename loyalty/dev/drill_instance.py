"""A private platform for the drills, beside whatever else runs: its own folder, ports and brand."""

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from loyalty.dev import postgres, up
from loyalty.dev.places import ROOT, Places, read_json

BRAND = "drill"


class DrillError(Exception):
    """The drill could not be carried out; the message says why."""


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
    wait(lambda: "address" in read_json(places.running_file), 300, "the instance", process)
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
