"""Make `.venv` with the locked dependencies. Runs as a plain script, before anything is installed.

It does nothing when the stamp in `.venv` still says: this lock file, this Python, this place.
"""

import fcntl
import hashlib
import importlib.util
import os
import shutil
import subprocess
import sys
import threading
import time
import venv
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
VENV = ROOT / ".venv"
LOCK_FILE = ROOT / "requirements" / "dev.txt"
INSTALLER_FILE = ROOT / "requirements" / "installer.txt"
STAMP = VENV / ".stamp"


def wanted_stamp() -> str:
    """What the stamp must say for `.venv` to be used as it is."""
    digest = hashlib.sha256(LOCK_FILE.read_bytes()).hexdigest()
    return f"{digest} {VENV}\n"


def runs() -> bool:
    """Is there a Python in `.venv` that runs, and was its folder made here rather than moved?"""
    if STAMP.is_file() and not STAMP.read_text().endswith(f" {VENV}\n"):
        return False
    try:
        probe = subprocess.run(
            [VENV / "bin" / "python", "-c", "import sys; print(sys.prefix)"],
            capture_output=True,
            text=True,
            check=False,
        )
    except OSError:
        return False
    return probe.returncode == 0 and Path(probe.stdout.strip()) == VENV


def is_ready() -> bool:
    """Is `.venv` complete, of this lock file, and does its Python still run?"""
    return STAMP.is_file() and STAMP.read_text() == wanted_stamp() and runs()


@contextmanager
def alone() -> Iterator[None]:
    """Let `make up` and `make test`, started at once, not install into the same folder together."""
    with (ROOT / ".venv.lock").open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


@contextmanager
def progress(what: str) -> Iterator[None]:
    """Print what is going on and how long it has taken: every second on a terminal, else every ten."""
    started = time.monotonic()
    ended = threading.Event()
    live = sys.stdout.isatty()

    def tick() -> None:
        while not ended.wait(1 if live else 10):
            seconds = time.monotonic() - started
            print(f"\r  … {what} ({seconds:.0f} s)", end="" if live else "\n", flush=True)

    print(f"  … {what}", end="" if live else "\n", flush=True)
    ticker = threading.Thread(target=tick, daemon=True)
    ticker.start()
    outcome = "✗"
    try:
        yield
        outcome = "✓"
    finally:
        ended.set()
        ticker.join()
        print(f"{chr(13) if live else ''}  {outcome} {what} ({time.monotonic() - started:.1f} s)", flush=True)


def run(command: list[str]) -> None:
    """Run one command quietly; end with its whole output when it fails."""
    done = subprocess.run(
        command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
    )
    if done.returncode:
        sys.exit(f"\n{done.stdout}\nfailed ({done.returncode}): {' '.join(command)}")


def works(command: list[str]) -> bool:
    """Does this command end well?"""
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


def make_with_uv(uv: str) -> None:
    """Make `.venv` and install by uv."""
    if not runs():
        with progress("making .venv"):
            run([uv, "venv", "--quiet", "--python", sys.executable, str(VENV)])
    with progress("installing the locked dependencies with uv"):
        python = str(VENV / "bin" / "python")
        run([uv, "pip", "install", "--quiet", "--python", python, "--require-hashes", "-r", str(LOCK_FILE)])


def make_with_pip() -> None:
    """Make `.venv` and install by pip: its own, or the machine's where Python comes without ensurepip."""
    python = str(VENV / "bin" / "python")
    if not runs():
        with progress("making .venv"):
            venv.create(VENV, with_pip=importlib.util.find_spec("ensurepip") is not None, symlinks=True)
    pip = [python, "-m", "pip"]
    if not works([*pip, "--version"]):  # Debian packs ensurepip apart
        pip = [sys.executable, "-m", "pip", "--python", python]
        if not works([*pip, "--version"]):
            sys.exit("This Python has neither ensurepip nor pip: install python3-venv, python3-pip or uv.")
    quiet = ["--quiet", "--disable-pip-version-check", "--no-input", "--require-hashes"]
    uv = VENV / "bin" / "uv"
    with progress("installing the installer"):
        # Half a minute of pip, or a second or two of uv; where uv has no build, pip does it all.
        found = works([*pip, "install", *quiet, "-r", str(INSTALLER_FILE)]) and works([str(uv), "--version"])
    if found:
        make_with_uv(str(uv))
        return
    with progress("installing the locked dependencies with pip (a minute or two the first time)"):
        run([*pip, "install", *quiet, "-r", str(LOCK_FILE)])


def main() -> None:
    """Make `.venv` unless it is there and up to date."""
    if not (3, 11) <= sys.version_info[:2] < (3, 14):
        sys.exit(f"Python 3.11, 3.12 or 3.13 is needed; this is {sys.version.split()[0]}.")
    if is_ready():
        return
    with alone():
        if is_ready():
            return
        print("Preparing Python's side", flush=True)
        if not runs():
            shutil.rmtree(VENV, ignore_errors=True)
        STAMP.unlink(missing_ok=True)
        uv = shutil.which("uv")
        if uv:
            make_with_uv(uv)
        else:
            make_with_pip()
        STAMP.write_text(wanted_stamp())


if __name__ == "__main__":
    os.umask(0o022)
    try:
        main()
    except KeyboardInterrupt:
        sys.exit(130)
