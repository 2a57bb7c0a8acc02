"""The rows that this room locks from Python. Accounts, holds and lots are locked by the ledger functions."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from loyalty.lib.database import connection
from points.models import AdjustmentRequest, LogPosition, NoticeLook, TierProgram


def adjustment_request(request_id: UUID) -> AdjustmentRequest | None:
    """The request, locked until the transaction ends."""
    return AdjustmentRequest.objects.select_for_update().filter(pk=request_id).first()


def tier_program() -> TierProgram | None:
    """The brand's tier programme, locked until the transaction ends, or None."""
    return TierProgram.objects.select_for_update().filter(pk=1).first()


def log_keys() -> None:
    """One maker of the log's signing key at a time, until the transaction ends."""
    with connection.cursor() as cursor:
        name = f"{connection.schema_name}\x1flog_key"
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 7))", [name])


def log_position(cluster: str) -> LogPosition:
    """How far the log's sealer has come, locked until the transaction ends: one sealer at a time.

    It begins before the first entry, on the database server named.
    """
    start = {"xid": 0, "entry_id": UUID(int=0), "cluster": cluster}
    LogPosition.objects.bulk_create([LogPosition(pk=1, **start)], ignore_conflicts=True)
    return LogPosition.objects.select_for_update().get(pk=1)


def notice_look(now: datetime) -> NoticeLook:
    """How far the look for points that are about to expire has come, locked until the transaction ends."""
    NoticeLook.objects.bulk_create([NoticeLook(pk=1, began_at=now)], ignore_conflicts=True)
    return NoticeLook.objects.select_for_update().get(pk=1)
