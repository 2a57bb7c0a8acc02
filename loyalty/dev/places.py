"""Where things lie: the project, and below it one folder per instance (`var/`, `var/test/`)."""

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Places:
    """The folder of one instance: `make up` has `var`, each test run has its own below it."""

    folder: Path

    def make(self) -> "Places":
        """Create the folders, readable for nobody else but passable for Postgres' user."""
        for path in (self.folder, self.run, self.logs, ROOT / "var" / "static"):
            path.mkdir(parents=True, exist_ok=True)
        return self

    @property
    def run(self) -> Path:
        """What only matters while something runs: locks, pid files."""
        return self.folder / "run"

    @property
    def logs(self) -> Path:
        """Copies of what the terminal shows."""
        return self.folder / "log"

    @property
    def env_file(self) -> Path:
        """The settings of this instance, read by `manage.py` in another terminal."""
        return self.folder / "dev.env"

    @property
    def secrets_file(self) -> Path:
        """Passwords and keys, made once."""
        return self.folder / "secrets.json"

    @property
    def ports_file(self) -> Path:
        """The ports of last time, taken again when they are free."""
        return self.folder / "ports.json"

    @property
    def lock_file(self) -> Path:
        """Held by the supervisor as long as it lives."""
        return self.run / "lock"

    @property
    def children_file(self) -> Path:
        """Which processes the supervisor has started."""
        return self.run / "children.json"

    @property
    def running_file(self) -> Path:
        """What a second `make up` tells about the first."""
        return self.run / "running.json"


def up_places() -> Places:
    """The instance of `make up`. LOYALTY_VAR names another folder (the kill drill uses it)."""
    return Places(Path(os.environ.get("LOYALTY_VAR") or ROOT / "var").resolve())


def read_json(path: Path) -> dict[str, Any]:
    """A JSON object from a file; empty when the file is missing or was cut off by a crash."""
    try:
        found = json.loads(path.read_text())
    except (FileNotFoundError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def write_private(path: Path, text: str) -> None:
    """Replace a file at one stroke, readable for its owner alone from the first byte."""
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    draft.unlink(missing_ok=True)
    handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "w") as out:
        out.write(text)
    draft.replace(path)


def write_json(path: Path, content: dict[str, Any]) -> None:
    """Replace a JSON file at one stroke, readable for its owner alone."""
    write_private(path, json.dumps(content, indent=1) + "\n")
