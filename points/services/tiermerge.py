"""The tier of two members who become one."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from django.db import connection

from points import holdings
from points.models import MemberTier
from points.services import tierrows as rows
from points.services.tiers import held
from tenants.context import current_brand

SOURCE = "merge"
_COPY = """
INSERT INTO points_tierqualification(id, member_id, at, points, spend, visits, source, reference)
SELECT points_uuid7(), %s, at, points, spend, visits, %s, id::text
FROM points_tierqualification WHERE member_id = %s
ON CONFLICT (source, reference) DO NOTHING
"""


def merge(*, from_member_id: UUID, into_member_id: UUID, now: datetime) -> None:
    """Count what qualified either member, and let the one who stays hold all that either held: the higher of
    both tiers counts, or a higher one now reached.

    What qualified the merged member stays written there; the one who stays has copies of it. The caller holds
    the locks on both members' accounts, and has settled them.
    """
    lost = held(member_id=from_member_id, now=now)
    kept = held(member_id=into_member_id, now=now)
    with connection.cursor() as cursor:
        cursor.execute(_COPY, [into_member_id, SOURCE, from_member_id])
    MemberTier.objects.filter(member_id=from_member_id).delete()
    if lost is None or kept is None:
        return
    program = kept.program
    after = holdings.merged(program, kept.holdings, lost.holdings, now)
    qualifying = rows.total(into_member_id, program, rows.current_window(program, now))
    after = holdings.reached(program, after, program.earned(qualifying), now, current_brand().tz)
    rows.store(into_member_id, kept, after, "merged", qualifying, str(from_member_id), now)
