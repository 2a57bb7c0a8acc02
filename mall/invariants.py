"""The mall's invariant: redemptions, the ledger and stock say the same."""

from pathlib import Path

from django.db import connection

from loyalty.lib.checks import Outcome, invariant

QUERY = Path(__file__).parent / "sql" / "redemptions.sql"


@invariant("I10", "redemption journals, mall orders and stock agree, one to one")
def redemptions() -> Outcome:
    """Each redemption against its burn, its reversal, its history and its stock, and the other way round."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM mall_redemption")
        count = cursor.fetchone()[0]
        cursor.execute(QUERY.read_text(encoding="utf-8"))
        return Outcome(count, [row[0] for row in cursor.fetchall()])
