"""From a host to its brand, remembered for a few seconds in each process.

Unknown hosts are not remembered: brands are created by other processes, and a new one answers at once.
"""

import time
from threading import Lock

from tenants.models import Brand, Domain

TTL_S = 5.0
MAX_HOSTS = 2048
_known: dict[str, tuple[float, Brand]] = {}
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


def forget() -> None:
    """Look everything up anew, for example after a brand was suspended in this process."""
    with _lock:
        _known.clear()
