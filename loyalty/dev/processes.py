"""Processes that outlive the one who started them: told apart for certain, and ended with all below them."""

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

# Every process of an instance carries this variable, so that what a crash left behind can be found.
MARK = "LOYALTY_INSTANCE"


@dataclass(frozen=True)
class Child:
    """A process that was started, and how to end it: `born` makes sure that the pid still means it."""

    name: str
    pid: int
    born: str
    stop_signal: int


def born(pid: int) -> str | None:
    """When the process with this pid started, in words that no later process with the same pid shares.

    None when there is no such process, or only its exit code is left.
    """
    if sys.platform == "linux":
        try:
            stat = Path(f"/proc/{pid}/stat").read_text()
        except OSError:
            return None
        fields = stat.rpartition(")")[2].split()
        if fields[0] in "ZX":
            return None
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        return f"{boot}/{fields[19]}"
    shown = subprocess.run(
        ["ps", "-o", "lstart=", "-p", str(pid)], capture_output=True, text=True, check=False
    )
    return shown.stdout.strip() or None


def is_alive(child: Child) -> bool:
    """Does this very process still run?"""
    return born(child.pid) == child.born


def signal_process(pid: int, number: int) -> None:
    """Send a signal; a process that has gone meanwhile is fine."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.kill(pid, number)


def kill_session(pid: int) -> None:
    """Kill what is left of the session that `pid` led, at once."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, signal.SIGKILL)


def marked(mark: str) -> list[int]:
    """The processes (of this user, or of all for root) that were started with this mark. Linux only."""
    found = []
    wanted = f"{MARK}={mark}".encode()
    for entry in Path("/proc").glob("[0-9]*"):
        pid = int(entry.name)
        if pid == os.getpid():
            continue
        with contextlib.suppress(OSError):
            if wanted in (entry / "environ").read_bytes().split(b"\0") and born(pid):
                found.append(pid)
    return found


def wait_gone(children: Iterable[Child], seconds: float) -> list[Child]:
    """Wait until these have ended; returns those that have not after `seconds`."""
    deadline = time.monotonic() + seconds
    left = [child for child in children if is_alive(child)]
    while left and time.monotonic() < deadline:
        time.sleep(0.05)
        left = [child for child in left if is_alive(child)]
    return left


def end_orphans(children: list[Child], mark: str, *, patience_s: float = 8.0) -> list[str]:
    """End what a killed supervisor left running; returns the names of what was found.

    The recorded children are asked first and killed after `patience_s`; whatever else carries the mark
    (workers of a killed web server, say) is killed.
    """
    left = [child for child in children if is_alive(child)]
    names = [child.name for child in left]
    for child in left:
        signal_process(child.pid, child.stop_signal)
    for child in wait_gone(left, patience_s):
        signal_process(child.pid, signal.SIGKILL)
        kill_session(child.pid)
    stragglers = marked(mark)
    for pid in stragglers:
        signal_process(pid, signal.SIGKILL)
    deadline = time.monotonic() + 5
    while any(born(pid) for pid in stragglers) and time.monotonic() < deadline:
        time.sleep(0.05)
    if stragglers:
        names.append(f"{len(stragglers)} of their workers")
    return names
