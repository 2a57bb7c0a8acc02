"""Row locks of the outbox: a reader's cursor, first of all; what its handler locks comes after."""

from loyalty.outbox.models import Cursor


def cursor_of(name: str) -> Cursor | None:
    """The cursor of a reader, locked until the transaction ends; None while someone else holds it."""
    return Cursor.objects.select_for_update(skip_locked=True).filter(name=name).first()
