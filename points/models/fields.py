from __future__ import annotations

from typing import Any

from django.db import models


class TransactionIdField(models.Field):  # type: ignore[type-arg]
    """The id of the database transaction that wrote a row (`xid8`), set by the database alone.

    The sealer of the transparency log orders entries by it.
    """

    description = "PostgreSQL transaction id"

    def db_type(self, connection: Any) -> str:
        return "xid8"

    def from_db_value(self, value: Any, expression: Any, connection: Any) -> int | None:
        return None if value is None else int(value)

    def get_prep_value(self, value: Any) -> str | None:
        # As text: there is no cast from numbers to xid8.
        return None if value is None else str(int(value))
