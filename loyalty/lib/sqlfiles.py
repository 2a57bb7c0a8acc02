"""Loads a room's SQL files into the schema that is being migrated."""

from pathlib import Path
from typing import Any

from django.db.migrations import RunPython


def load(folder: Path, *names: str) -> RunPython:
    """A migration step that runs the named files of `folder` in the schema at hand.

    The search path is narrowed to that schema alone first, so that `SET search_path FROM CURRENT` ties each
    function to its own brand and to nothing else. Where a function names its tables itself, `@schema@` stands
    for the schema.
    """

    def forwards(apps: Any, schema_editor: Any) -> None:
        with schema_editor.connection.cursor() as cursor:
            cursor.execute("SELECT current_setting('search_path'), quote_ident(current_schema())")
            before, own = cursor.fetchone()
            cursor.execute("SELECT set_config('search_path', %s, true)", [own])
            for name in names:
                text = (folder / f"{name}.sql").read_text(encoding="utf-8")
                # Without parameters nothing in the text is taken for a placeholder.
                cursor.execute(text.replace("@schema@", own))
            cursor.execute("SELECT set_config('search_path', %s, true)", [before])

    return RunPython(forwards, RunPython.noop)
