"""Which Internet addresses lead out into the open, and which to this computer or into somebody's own network.

A host that somebody else's name server resolves may lead anywhere: what asks it has to look at the address.
"""

from __future__ import annotations

import ipaddress

Address = ipaddress.IPv4Address | ipaddress.IPv6Address

_NAT64 = ipaddress.ip_network("64:ff9b::/96")
"""RFC 6052: the last 32 bits are the IPv4 address behind the translator."""

_NOT_PUBLIC = tuple(
    ipaddress.ip_network(block)
    for block in (
        "192.0.0.0/24",  # RFC 6890: protocol assignments; a cloud serves its machines' keys from 192.0.0.192
        "192.88.99.0/24",  # RFC 7526: relays of 6to4, given up
        "168.63.129.16/32",  # where Azure tells a machine its settings, in spite of its looks
        "3fff::/20",  # RFC 9637: documentation
    )
)
"""What some Python versions, or all of them, take for global."""


def is_public(address: Address) -> bool:
    """Whether ``address`` is one that anybody in the Internet may have.

    Not so: this computer, private and shared networks, link-local (where clouds tell a machine its keys),
    reserved, multicast and unspecified addresses. An IPv6 address that stands for an IPv4 one (mapped, 6to4,
    NAT64) is as public as that.
    """
    if isinstance(address, ipaddress.IPv6Address):
        inner = address.ipv4_mapped or address.sixtofour
        if inner is None and address in _NAT64:
            inner = ipaddress.IPv4Address(address.packed[-4:])
        if inner is not None:
            return is_public(inner)
        if address.is_site_local:
            return False
    if any(address in block for block in _NOT_PUBLIC):
        return False
    return address.is_global and not (address.is_multicast or address.is_reserved)


def is_usable(address: Address) -> bool:
    """Whether one server can be meant by ``address``, be it public or not."""
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is not None:
        return is_usable(address.ipv4_mapped)
    return not (address.is_multicast or address.is_unspecified or str(address) == "255.255.255.255")


def is_private_host(host: str) -> bool:
    """Whether ``host``, as it is written, can only lead to what isn't public: nothing is looked up."""
    name = host.lower().rstrip(".")
    try:
        return not is_public(ipaddress.ip_address(name))
    except ValueError:
        return name == "localhost" or name.endswith((".localhost", ".local", ".internal"))


def is_loopback_host(host: str) -> bool:
    """Whether ``host``, as it is written, is this computer by itself: nothing is looked up."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host.lower() == "localhost"
