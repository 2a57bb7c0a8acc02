"""The row locks of this app."""

from typing import Any

from loyalty.lib.database import connection
from tenants.operators.models import ComplianceChange, Operator, PolicyChange, Role


def lock_owners() -> list[int]:
    """The keys of all active owners, locked until the transaction ends."""
    owners = Operator.objects.filter(role=Role.OWNER, is_active=True).order_by("pk")
    return list(owners.select_for_update().values_list("pk", flat=True))


def policies() -> None:
    """Nobody else changes the current brand's policies until the transaction ends."""
    _alone("policies")


def compliance() -> None:
    """Nobody else changes the current brand's compliance matrix until the transaction ends."""
    _alone("compliance")


def open_policy_change() -> PolicyChange | None:
    """The change of policies that waits for a second operator, locked, or None; after `policies`."""
    found = PolicyChange.objects.select_for_update().filter(status__in=PolicyChange.OPEN)
    return found.first()


def open_compliance_change(**where: Any) -> ComplianceChange | None:
    """The open change of the matrix (of a cell, or of a number), locked, or None; after `compliance`."""
    found = ComplianceChange.objects.select_for_update().filter(status__in=ComplianceChange.OPEN, **where)
    return found.first()


def _alone(job: str) -> None:
    with connection.cursor() as cursor:
        name = f"{connection.schema_name}\x1f{job}"
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 7))", [name])
