"""Which addresses are public. Everything else is refused, whatever a name resolves to."""

from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

# IANA's special-purpose registry, and Azure's host agent, which answers on an address that looks public.
_NOT_PUBLIC_V4 = tuple(
    ip_network(text)
    for text in (
        "0.0.0.0/8",
        "10.0.0.0/8",
        "100.64.0.0/10",
        "127.0.0.0/8",
        "168.63.129.16/32",
        "169.254.0.0/16",
        "172.16.0.0/12",
        "192.0.0.0/24",
        "192.0.2.0/24",
        "192.31.196.0/24",
        "192.52.193.0/24",
        "192.88.99.0/24",
        "192.168.0.0/16",
        "192.175.48.0/24",
        "198.18.0.0/15",
        "198.51.100.0/24",
        "203.0.113.0/24",
        "224.0.0.0/4",
        "240.0.0.0/4",
    )
)
# Global unicast is 2000::/3. Loopback, mapped and compatible IPv4, NAT64 (64:ff9b::/96, 64:ff9b:1::/48),
# unique local, link-local, site-local and multicast all lie outside of it.
_PUBLIC_V6 = ip_network("2000::/3")
_NOT_PUBLIC_V6 = tuple(
    ip_network(text)
    for text in (
        "2001::/23",  # Teredo, ORCHID, benchmarking and the like
        "2001:db8::/32",
        "2002::/16",  # 6to4 carries any IPv4 address
        "2620:4f:8000::/48",
        "3fff::/20",
    )
)


def is_public(text: str) -> bool:
    """Whether this literal address (an IPv6 zone is ignored) belongs to the public internet."""
    try:
        address = ip_address(text.partition("%")[0])
    except ValueError:
        return False
    if isinstance(address, IPv4Address):
        return not any(address in network for network in _NOT_PUBLIC_V4)
    return _public_v6(address)


def _public_v6(address: IPv6Address) -> bool:
    return address in _PUBLIC_V6 and not any(address in network for network in _NOT_PUBLIC_V6)
