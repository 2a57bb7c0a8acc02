"""What will be unlocked without a second operator, for the banner above every page."""

from typing import Any, Final

from loyalty.lib import compliancewords
from tenants.operators.models import ComplianceChange

READ: Final = "operators.view_compliancechange"


def unlocking() -> list[dict[str, Any]]:
    """Each cell that waits for its day: in words, and when."""
    rows = ComplianceChange.objects.filter(status=ComplianceChange.Status.SCHEDULED, alone=True)
    return [
        {"cell": compliancewords.cell(tag, act), "at": at}
        for tag, act, at in rows.order_by("publish_at").values_list("tag", "act", "publish_at")
    ]
