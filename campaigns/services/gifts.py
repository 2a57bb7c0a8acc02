"""What an evaluation grants besides points, as records of the mall."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from functools import partial
from uuid import UUID

from campaigns.engine import RuleResult
from campaigns.services import duerows
from mall import services as mall
from mall.models import Grant


def give(
    results: Iterable[RuleResult],
    *,
    member_id: UUID,
    source: str,
    reference: str,
    at: datetime,
    now: datetime,
) -> None:
    """Record what these results grant to a member for what happened at `at`; repeating it gives nothing more.

    The caller holds the lock on the member's account.
    """
    gifts = [_gift(each) for each in results if each.grant is not None and each.reason is None]
    mall.grant(member_id=member_id, gifts=gifts, source=source, reference=reference, at=at, now=now)


def end_due(*, now: datetime, limit: int = 200) -> int:
    """Take up to `limit` granted tags off whose time is over; returns how many grants ended."""
    ended = 0
    for grant_id in mall.due_tags(now=now, limit=limit):
        work = partial(mall.end_tag, grant_id=grant_id, now=now)
        ended += duerows.turn(Grant, grant_id, work, now=now, failed="tag_not_ended")
    return ended


def _gift(result: RuleResult) -> mall.Gift:
    effect = dict(result.grant or {})
    days = effect.get("valid_days")
    return mall.Gift(
        kind=effect["kind"],
        code=effect["code"],
        rule=result.rule,
        rule_version=result.version,
        quantity=int(effect.get("quantity", 1)),
        valid_days=None if days is None else int(days),
        attributes=effect.get("attributes", {}),
    )
