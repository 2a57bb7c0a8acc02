"""Which brand this code works for."""

from collections.abc import Iterator
from contextlib import contextmanager

import structlog

from loyalty.lib.database import connection, own
from tenants.models import Brand


class NoBrand(RuntimeError):
    """Code that needs a brand ran without one."""


def current_brand() -> Brand:
    """The brand of the current request, task or command. Raises NoBrand outside of one."""
    brand = own().tenant
    if not isinstance(brand, Brand):
        raise NoBrand("no tenant, no query")
    return brand


@contextmanager
def in_brand(brand: Brand) -> Iterator[Brand]:
    """Work for `brand` within the block, and for whoever was current before after it."""
    before = connection.tenant
    connection.set_tenant(brand)
    try:
        with structlog.contextvars.bound_contextvars(brand=brand.slug):
            yield brand
    finally:
        connection.set_tenant(before)
