"""Loads a room's SQL files into the schema that is being migrated."""

from pathlib import Path
from typing import Any

from django.db import router
from django.db.migrations.operations.base import Operation


class LoadSql(Operation):
    """A migration step that runs the named files of `folder` in the schema at hand.

    The search path is narrowed to that schema alone first, so that `SET search_path FROM CURRENT` ties each
    function to its own brand and to nothing else. Where a function names its tables itself, `@schema@` stands
    for the schema. No RunPython: for that, Django builds every model anew each time.
    """

    reduces_to_sql = False
    reversible = True

    def __init__(self, folder: Path, *names: str) -> None:
        self.folder, self.names = folder, names

    def state_forwards(self, app_label: str, state: Any) -> None:
        """Models are none of its business."""

    def database_forwards(self, app_label: str, schema_editor: Any, from_state: Any, to_state: Any) -> None:
        """Run the files."""
        if not router.allow_migrate(schema_editor.connection.alias, app_label):
            return
        with schema_editor.connection.cursor() as cursor:
            cursor.execute("SELECT current_setting('search_path'), quote_ident(current_schema())")
            before, own = cursor.fetchone()
            cursor.execute("SELECT set_config('search_path', %s, true)", [own])
            for name in self.names:
                text = (self.folder / f"{name}.sql").read_text(encoding="utf-8")
                # Without parameters nothing in the text is taken for a placeholder.
                cursor.execute(text.replace("@schema@", own))
            cursor.execute("SELECT set_config('search_path', %s, true)", [before])

    def database_backwards(self, app_label: str, schema_editor: Any, from_state: Any, to_state: Any) -> None:
        """What the files made stays: the tables that it belongs to go."""

    def describe(self) -> str:
        """For `sqlmigrate` and the like."""
        return f"Run {', '.join(self.names)} of {self.folder.parent.name}/{self.folder.name}"


def load(folder: Path, *names: str) -> LoadSql:
    """The step, as migrations write it."""
    return LoadSql(folder, *names)
