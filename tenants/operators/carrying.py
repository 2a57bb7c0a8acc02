"""What was decided in a brand, carried to its row in the shared table, which is read everywhere at no cost.

A brand's role cannot write that row: what was decided is carried as the platform, in the order of its
numbers, each once. The row remembers the last number that it took, so this may be cut off and repeated.
"""

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from django.db import transaction

from loyalty.lib.database import connection
from tenants import hosts
from tenants import locks as shared_locks
from tenants.models import Brand

T = TypeVar("T")
Settings = dict[str, Any]


def carry(
    brand: Brand, mark: str, behind: Sequence[tuple[int, T]], into: Callable[[Settings, T], Settings]
) -> int:
    """Put what is `behind` (number and content, in order) into the brand's shared settings; how much was new.

    `mark` is the setting that holds the last number. Goes to the shared schema and back: call it for the
    current brand, outside of a transaction.
    """
    if not behind:
        return 0
    connection.set_schema_to_public()
    try:
        with transaction.atomic():
            row = shared_locks.brand(brand.slug)
            fresh = [] if row is None else [each for each in behind if each[0] > row.settings.get(mark, 0)]
            if row is not None and fresh:
                for number, content in fresh:
                    row.settings = {**into(row.settings, content), mark: number}
                row.save(update_fields=["settings"])
    finally:
        connection.set_tenant(brand)
    hosts.forget()
    return len(fresh)
