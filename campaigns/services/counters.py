"""Cap counters in the database: read in one query, added to in one statement, totals taken last."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from uuid import UUID

from django.db import connection
from django.db.models import F

from campaigns import locks
from campaigns.engine import CounterKey
from campaigns.models import CapCounter, CapTotal


class StoredCounters:
    """The counters of one evaluation that is going to be written. Use it inside the transaction that holds
    the locks of all members concerned; then no two evaluations count the same points."""

    def __init__(self, keys: Iterable[CounterKey]) -> None:
        self._used = read(keys)

    def used(self, key: CounterKey) -> int:
        """What was counted under the key when the counters were read."""
        return self._used.get(key, 0)

    def take_total(self, rule: str, wanted: int, limit: int) -> int:
        """Take up to ``wanted`` points of the rule's total, and keep them from everybody else."""
        whole = CapTotal.objects.filter(rule=rule, used__lte=limit - wanted).update(used=F("used") + wanted)
        if whole:
            return wanted
        CapTotal.objects.bulk_create([CapTotal(rule=rule, used=0)], ignore_conflicts=True)
        total = locks.total(rule)
        granted = max(0, min(wanted, limit - total.used))
        if granted:
            CapTotal.objects.filter(pk=total.pk).update(used=F("used") + granted)
        return granted


class ReadCounters(StoredCounters):
    """The same figures for a preview: totals are looked at, not taken."""

    def take_total(self, rule: str, wanted: int, limit: int) -> int:
        """What the rule's total would have left, at most ``wanted``."""
        used = CapTotal.objects.filter(rule=rule).values_list("used", flat=True).first() or 0
        return max(0, min(wanted, limit - used))


def read(keys: Iterable[CounterKey]) -> dict[CounterKey, int]:
    """What has been used of these counters; one query, none when there are no keys."""
    wanted = list(keys)
    if not wanted:
        return {}
    rows = CapCounter.objects.filter(
        member_id__in={UUID(key.member_id) for key in wanted},
        rule__in={key.rule for key in wanted},
        period__in={key.period for key in wanted},
    ).values_list("rule", "member_id", "kind", "period", "used")
    found = {CounterKey(rule, str(member), kind, period): used for rule, member, kind, period, used in rows}
    return {key: found[key] for key in wanted if key in found}


def add(counts: Mapping[CounterKey, int]) -> None:
    """Add what an evaluation counted; one statement, in the order of keys, none when there is nothing."""
    rows = [
        (key.rule, key.member_id, key.kind, key.period, count)
        for key, count in sorted(counts.items())
        if count
    ]
    if not rows:
        return
    values = ", ".join(["(%s, %s::uuid, %s, %s, %s)"] * len(rows))
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO campaigns_capcounter (rule, member_id, kind, period, used) VALUES {values} "  # noqa: S608
            "ON CONFLICT (member_id, rule, kind, period) "
            "DO UPDATE SET used = campaigns_capcounter.used + EXCLUDED.used",
            [value for row in rows for value in row],
        )
