"""The ledger's SQL files, for migrations."""

from __future__ import annotations

from pathlib import Path

from loyalty.lib import sqlfiles

FOLDER = Path(__file__).parent / "sql"
FUNCTIONS = ("basics", "settle", "post", "credit", "spend", "correct", "transfer", "due", "bulk")


def load(*names: str) -> sqlfiles.LoadSql:
    """A migration step that runs the named files of `points/sql/` in the schema at hand."""
    return sqlfiles.load(FOLDER, *names)
