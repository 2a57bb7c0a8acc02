"""What happens to a pooled connection when it is given back. No Django here: settings import it."""

from typing import Any

from psycopg import Connection
from psycopg.pq import TransactionStatus


def reset(connection: "Connection[Any]") -> None:
    """Forget role, search path and locks, so that nobody inherits a brand from the one before."""
    connection.execute(
        "SELECT set_config('role', 'none', false), set_config('search_path', '', false), "
        "pg_advisory_unlock_all()"
    )
    if connection.info.transaction_status != TransactionStatus.IDLE:
        connection.commit()
