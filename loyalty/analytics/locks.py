"""The one lock of this room: unit costs are set and months closed one after the other."""

from hashlib import sha256

from loyalty.lib.database import connection


def finance() -> None:
    """Until the transaction ends, nobody else sets a unit cost or closes a month of the current brand."""
    name = sha256(f"{connection.schema_name}\nanalytics.finance".encode()).digest()
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [int.from_bytes(name[:8], "big", signed=True)])
