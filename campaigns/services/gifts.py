"""What an evaluation grants besides points, as records of the mall."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from uuid import UUID

from campaigns.engine import RuleResult
from mall import services as mall


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
