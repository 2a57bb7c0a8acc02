"""Which URLs may be webhook endpoints.

Only https to public addresses, with one exception outside production: the exact host:port pairs that the
brand allows may be http and loopback. The address is checked again whenever it is connected to (sender.py).
"""

import socket
from collections.abc import Collection, Iterable
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures import TimeoutError as LookupTimeout
from urllib.parse import SplitResult, urlsplit

from django.conf import settings
from django.utils.translation import gettext_lazy as _

from loyalty.lib.errors import Invalid, Text
from partners.webhooks.addresses import is_public
from tenants.models import Brand

MAX_LENGTH = 2048
LOOKUP_TIMEOUT_S = 3.0
# Names that never lead to the public internet, whatever a resolver says today.
PRIVATE_SUFFIXES = (
    "localhost",
    "local",
    "localdomain",
    "internal",
    "intranet",
    "lan",
    "home",
    "home.arpa",
    "corp",
    "private",
    "in-addr.arpa",
    "ip6.arpa",
)
_lookups = ThreadPoolExecutor(max_workers=16, thread_name_prefix="webhook-url")


class UrlNotAllowed(Invalid):
    """A URL that webhooks must not go to."""

    code = "url_not_allowed"
    title = _("Webhooks cannot be sent to this URL.")


def allowed_pairs(brand: Brand) -> frozenset[str]:
    """The host:port pairs that this brand may reach over http and on any address; none in production."""
    if not settings.WEBHOOK_LOCAL_TARGETS:
        return frozenset()
    return frozenset(str(pair).lower() for pair in brand.setting("webhook_hosts"))


def is_allowed_pair(url: str, pairs: Collection[str]) -> bool:
    """Whether the URL's host and port are one of the allowed pairs."""
    return bool(pairs) and _pair(urlsplit(url)) in pairs


def check(url: str, pairs: Collection[str]) -> str:
    """The URL, stripped, if webhooks may go there. Raises UrlNotAllowed.

    A name that does not resolve just now is let through: it is checked again at each attempt.
    """
    url = url.strip()
    if len(url) > MAX_LENGTH or not url.isprintable() or " " in url or "\\" in url:
        raise _refused(_("Not a URL, or longer than 2,048 characters."))
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise _refused(_("Not a URL.")) from None
    host = parts.hostname
    if parts.scheme not in ("http", "https") or not host:
        raise _refused(_("Not an https URL."))
    if parts.username is not None or parts.password is not None:
        raise _refused(_("User names and passwords in URLs are not sent."))
    if is_allowed_pair(url, pairs):
        return url
    if parts.scheme != "https":
        raise _refused(_("Only https URLs are called."))
    if port == 0:
        raise _refused(_("Not a URL."))
    _check_host(host)
    return url


def _check_host(host: str) -> None:
    name = host.rstrip(".").lower()
    if not name or name in PRIVATE_SUFFIXES or name.endswith(tuple(f".{s}" for s in PRIVATE_SUFFIXES)):
        raise _refused(_("The host is not public."))
    if ":" not in name and "." not in name and not name[:1].isdigit():
        raise _refused(_("The host is not public."))
    addresses = [name] if ":" in name else _addresses(name)
    if any(not is_public(address) for address in addresses):
        raise _refused(_("The host leads to an address that is not public."))


def _addresses(name: str) -> Iterable[str]:
    try:
        encoded = name.encode("idna").decode()
        found = _lookups.submit(socket.getaddrinfo, encoded, None, type=socket.SOCK_STREAM)
        return {str(info[4][0]) for info in found.result(LOOKUP_TIMEOUT_S)}
    except UnicodeError:
        raise _refused(_("The host is not a valid name.")) from None
    except (OSError, LookupTimeout):
        return ()


def _pair(parts: SplitResult) -> str:
    host = (parts.hostname or "").lower()
    port = parts.port or (443 if parts.scheme == "https" else 80)
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _refused(detail: Text) -> UrlNotAllowed:
    refused = UrlNotAllowed.at("/url", UrlNotAllowed.code, detail)
    assert isinstance(refused, UrlNotAllowed)
    return refused
