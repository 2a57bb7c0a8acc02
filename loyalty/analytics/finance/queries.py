"""Runs the reports' queries, which stand in `loyalty/analytics/sql/`: each groups in the database."""

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from django.db import transaction

from loyalty.lib import plans
from loyalty.lib.database import connection

_FOLDER = Path(__file__).parent.parent / "sql"
_MEMORY = "64MB"


def rows(name: str, values: Mapping[str, Any]) -> list[tuple[Any, ...]]:
    """What the query of this name selects; its values are given by name.

    The planner cannot tell how few groups there will be; with memory for those that it expects, it counts
    them in place instead of sorting every row on disk. Nor can it tell how much was written since an instant;
    it is not to compare that with all lots row by row.
    """
    with transaction.atomic(), plans.without(plans.ROW_WITH_ROW), connection.cursor() as cursor:
        cursor.execute("SELECT set_config('work_mem', %s, true)", [_MEMORY])
        cursor.execute(_text(name), values)
        return list(cursor.fetchall())


@cache
def _text(name: str) -> str:
    return (_FOLDER / f"{name}.sql").read_text(encoding="utf-8")
