from __future__ import annotations

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voicepipe.core.addresses import is_loopback_host, is_private_host, is_public, is_usable

PUBLIC = ["8.8.8.8", "1.1.1.1", "2606:4700::1111", "::ffff:8.8.8.8", "64:ff9b::808:808", "2002:808:808::"]
NOT_PUBLIC = [
    *("127.0.0.1", "127.9.9.9", "0.0.0.0", "10.0.0.1", "172.16.0.1", "192.168.1.1", "100.64.0.1"),
    *("169.254.169.254", "192.0.2.1", "198.18.0.1", "224.0.0.1", "240.0.0.1", "255.255.255.255"),
    *("::", "::1", "fe80::1", "fc00::1", "fd12::1", "fec0::1", "ff02::1", "2001:db8::1"),
    *(
        "::ffff:127.0.0.1",
        "::ffff:10.0.0.1",
        "::127.0.0.1",
        "64:ff9b::7f00:1",
        "64:ff9b:1::1",
        "2002:7f00:1::",
    ),
    # what Python 3.11.7 takes for global: two of them tell a cloud's machines their keys
    *("192.0.0.192", "168.63.129.16", "192.88.99.1", "3fff::1"),
]


@pytest.mark.parametrize("address", PUBLIC)
def test_an_address_of_the_open_internet_is_public(address: str) -> None:
    assert is_public(ipaddress.ip_address(address))
    assert is_usable(ipaddress.ip_address(address))


@pytest.mark.parametrize("address", NOT_PUBLIC)
def test_an_address_that_leads_elsewhere_is_not_public_however_it_is_written(address: str) -> None:
    assert not is_public(ipaddress.ip_address(address))


@given(st.ip_addresses(v=4))
def test_an_ipv4_address_is_as_public_inside_of_ipv6(address: ipaddress.IPv4Address) -> None:
    mapped = ipaddress.IPv6Address(f"::ffff:{address}")
    translated = ipaddress.IPv6Address(int(ipaddress.IPv6Address("64:ff9b::")) + int(address))
    assert is_public(mapped) is is_public(translated) is is_public(address)
    assert is_usable(mapped) is is_usable(address)


@pytest.mark.parametrize(
    "address", ["0.0.0.0", "::", "224.0.0.1", "ff02::1", "255.255.255.255", "::ffff:0.0.0.0"]
)
def test_no_single_server_is_meant_by_an_address_of_many_or_of_none(address: str) -> None:
    assert not is_usable(ipaddress.ip_address(address))


@pytest.mark.parametrize(
    "host",
    ["localhost", "LOCALHOST.", "a.localhost", "crm.internal", "nas.local", "127.0.0.1", "::1", "10.1.2.3"],
)
def test_a_host_that_is_private_by_its_name_is_known_without_a_look_up(host: str) -> None:
    assert is_private_host(host)


@pytest.mark.parametrize("host", ["crm.example", "8.8.8.8", "localhost.example", "2606:4700::1111"])
def test_any_other_host_has_to_be_looked_up(host: str) -> None:
    assert not is_private_host(host)


@pytest.mark.parametrize(
    ("host", "itself"),
    [
        *((host, True) for host in ("localhost", "LocalHost", "127.0.0.1", "127.9.9.9", "::1")),
        *((host, False) for host in ("0.0.0.0", "localhost.example", "127.0.0.1.example", "")),
    ],
)
def test_only_loopback_addresses_and_localhost_are_this_computer_by_themselves(
    host: str, itself: bool
) -> None:
    assert is_loopback_host(host) is itself
