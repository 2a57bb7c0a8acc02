"""Every row lock of this room."""

from tenants.models import Brand


def brand(slug: str) -> Brand | None:
    """The brand of this short name, locked until the transaction ends, or None."""
    found: Brand | None = Brand.objects.select_for_update().filter(slug=slug).first()
    return found
