"""A brand's few rows made many: every row copied under other ids, so that all copies are sound books too."""

from __future__ import annotations

from django.db import connection
from psycopg import sql

TABLES = (
    "members_member",
    "members_purchase",
    "members_purchaseline",
    "points_account",
    "points_entry",
    "points_lot",
    "points_consumption",
    "points_hold",
    "points_holdlot",
    "points_expirynotice",
    "points_tierqualification",
    "mall_stockitem",
    "mall_redemption",
    "mall_redemptionstep",
)
OF_THE_ROW = {"reference", "order_id", "referral_code", "sku"}
"""Text that is as unique as an id."""
_COLUMNS = """
SELECT column_name, CASE
  WHEN data_type = 'uuid' THEN 'uuid' WHEN column_name = ANY(%s) THEN 'text' ELSE 'same' END
FROM information_schema.columns
WHERE table_schema = current_schema() AND table_name = %s AND is_identity = 'NO' AND is_generated = 'NEVER'
"""
_COPIES = {
    # In the order of the rows copied, and all after those.
    "uuid": "('ffff' || substr({0}::text, 5, 20) || left(md5(copy || {0}::text), 12))::uuid",
    "text": "copy || '-' || {0}",
    "same": "{0}",
}


def multiply(times: int) -> None:
    """So many copies more of each row, of the tables that checks and reports read. For a superuser."""
    with connection.cursor() as cursor:
        for table in TABLES:
            cursor.execute(_COLUMNS, [list(OF_THE_ROW), table])
            columns = cursor.fetchall()
            copied = [sql.SQL(_COPIES[kind]).format(sql.Identifier(name)) for name, kind in columns]
            cursor.execute(
                sql.SQL(
                    "INSERT INTO {table} ({names})"
                    " SELECT {copied} FROM {table}, generate_series(1, {times}) copy"
                ).format(
                    table=sql.Identifier(table),
                    names=sql.SQL(", ").join(sql.Identifier(name) for name, _kind in columns),
                    copied=sql.SQL(", ").join(copied),
                    times=times,
                )
            )
