"""The row locks of this app."""

from loyalty.lib.database import connection
from tenants.operators.models import Operator, PolicyChange, Role


def lock_owners() -> list[int]:
    """The keys of all active owners, locked until the transaction ends."""
    owners = Operator.objects.filter(role=Role.OWNER, is_active=True).order_by("pk")
    return list(owners.select_for_update().values_list("pk", flat=True))


def policies() -> None:
    """Nobody else changes the current brand's policies until the transaction ends."""
    with connection.cursor() as cursor:
        name = f"{connection.schema_name}\x1fpolicies"
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 7))", [name])


def open_policy_change() -> PolicyChange | None:
    """The change of policies that waits for a second operator, locked, or None; after `policies`."""
    found = PolicyChange.objects.select_for_update().filter(status__in=PolicyChange.OPEN)
    return found.first()
