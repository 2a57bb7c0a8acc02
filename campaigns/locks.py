"""Every row lock of this room, in the order in which they are taken: order, rule, rules in force, total."""

from __future__ import annotations

from uuid import UUID

from campaigns.models import CapTotal, Rule, RulesInForce
from members.models import Purchase


def rule(code: str) -> Rule | None:
    """The rule of this code, locked until the transaction ends, or None."""
    return Rule.objects.select_for_update().filter(code=code).first()


def rules_in_force() -> RulesInForce | None:
    """The row that every publication changes, locked, or None before the first publication."""
    return RulesInForce.objects.select_for_update().filter(pk=1).first()


def total(rule_code: str) -> CapTotal:
    """The total of a rule, locked. Raises CapTotal.DoesNotExist."""
    return CapTotal.objects.select_for_update().get(rule=rule_code)


def purchase(purchase_id: UUID) -> Purchase:
    """An order, locked; after the lock on its member's points account. Raises Purchase.DoesNotExist."""
    return Purchase.objects.select_for_update().get(pk=purchase_id)
