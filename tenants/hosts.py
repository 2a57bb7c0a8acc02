"""From a host to its brand, remembered for a few seconds in each process.

Unknown hosts are not remembered: brands are created by other processes, and a new one answers at once.
With a host all others of its brand are read, so that no request has to ask for them in a transaction.
"""

import time
from threading import Lock

from django.db.models import QuerySet

from loyalty.lib.database import connection
from tenants.models import Brand, Domain

TTL_S = 5.0
MAX_HOSTS = 2048
OF_BRAND_S = 60.0
_known: dict[str, tuple[float, Brand]] = {}
_of_brand: dict[int, tuple[float, list[str]]] = {}
_lock = Lock()


def find(host: str) -> Brand | None:
    """The brand that answers on `host` (lower case, no port), or None. Needs the shared schema."""
    entry = _known.get(host)
    if entry is not None and entry[0] > time.monotonic():
        return entry[1]
    domains = _in_order(Domain.objects.select_related("tenant").filter(tenant__domains__domain=host))
    if not domains:
        _known.pop(host, None)
        return None
    found: Brand = domains[0].tenant
    with _lock:
        if len(_known) >= MAX_HOSTS:
            _known.clear()
        _known[host] = (time.monotonic() + TTL_S, found)
    _remember(found, domains)
    return found


def of_brand(brand: Brand) -> list[str]:
    """The brand's hosts, the main one first, as they were at most a minute ago.

    Goes to the shared schema and back: call it before a transaction begins.
    """
    entry = _of_brand.get(brand.pk)
    if entry is not None and entry[0] > time.monotonic():
        return entry[1]
    before = connection.tenant
    connection.set_schema_to_public()
    try:
        domains = _in_order(Domain.objects.filter(tenant_id=brand.pk))
    finally:
        connection.set_tenant(before)
    return _remember(brand, domains)


def forget() -> None:
    """Look everything up anew, for example after a brand was suspended in this process."""
    with _lock:
        _known.clear()
        _of_brand.clear()


def _in_order(domains: QuerySet[Domain]) -> list[Domain]:
    return list(domains.order_by("-is_primary", "pk"))


def _remember(brand: Brand, domains: list[Domain]) -> list[str]:
    names = [each.domain for each in domains]
    _of_brand[brand.pk] = (time.monotonic() + OF_BRAND_S, names)
    return names
