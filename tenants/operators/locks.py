"""The row locks of this app."""

from tenants.operators.models import Operator, Role


def lock_owners() -> list[int]:
    """The keys of all active owners, locked until the transaction ends."""
    owners = Operator.objects.filter(role=Role.OWNER, is_active=True).order_by("pk")
    return list(owners.select_for_update().values_list("pk", flat=True))
