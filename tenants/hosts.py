"""From a host to its brand, remembered for a few seconds in each process.

Unknown hosts are not remembered: brands are created by other processes, and a new one answers at once.
"""

import time
from threading import Lock

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
    domain = Domain.objects.select_related("tenant").filter(domain=host).first()
    if domain is None:
        _known.pop(host, None)
        return None
    with _lock:
        if len(_known) >= MAX_HOSTS:
            _known.clear()
        _known[host] = (time.monotonic() + TTL_S, domain.tenant)
    found: Brand = domain.tenant
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
        rows = Domain.objects.filter(tenant_id=brand.pk).order_by("-is_primary", "pk")
        names = list(rows.values_list("domain", flat=True))
    finally:
        connection.set_tenant(before)
    _of_brand[brand.pk] = (time.monotonic() + OF_BRAND_S, names)
    return names


def forget() -> None:
    """Look everything up anew, for example after a brand was suspended in this process."""
    with _lock:
        _known.clear()
        _of_brand.clear()
