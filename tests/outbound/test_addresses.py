"""A48, A50: which addresses are dialled."""

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from outbound.addresses import Refused, check, is_open, parse, reachable

FORMS = [
    "http://127.0.0.1/",
    "http://2130706433/",
    "http://0x7f000001/",
    "http://0x7f.0.0.1/",
    "http://017700000001/",
    "http://0177.0.0.1/",
    "http://127.1/",
    "http://127.0.1/",
    "http://[::1]/",
    "http://[::]/",
    "http://[::ffff:127.0.0.1]/",
    "http://[::ffff:7f00:1]/",
    "http://[::127.0.0.1]/",
    "http://[2002:7f00:1::]/",
    "http://[64:ff9b::7f00:1]/",
    "http://[64:ff9b:1::7f00:1]/",
    "http://[fe80::1%25eth0]/",
    "http://[fc00::1]/",
    "http://[fd00:ec2::254]/",
    "http://[ff02::1]/",
    "http://0.0.0.0/",
    "http://0/",
    "http://10.0.0.1/",
    "http://172.16.5.4/",
    "http://192.168.1.1/",
    "http://169.254.169.254/latest/meta-data/",
    "http://168.63.129.16/",
    "http://100.64.0.1/",
    "http://100.100.100.200/",
    "http://198.18.0.1/",
    "http://224.0.0.1/",
    "http://240.0.0.1/",
    "http://255.255.255.255/",
    "http://localhost/",
    "http://localhost./",
    "http://LOCALHOST/",
    "http://a.localhost/",
    "http://127。0。0。1/",
    "http://①②⑦.0.0.1/",
    "http://example.org@127.0.0.1/",
    "http://user:secret@example.org/",
    "http://127.0.0.1#@example.org/",
    "http://example.org\\@127.0.0.1/",
    "http://example.org/\r\nHost: inside",
    "http://exa mple.org/",
    "http://example.org:99999/",
    "http://example.org:0/",
    "http:///path",
    "http://",
    "//example.org/",
    "example.org",
    "file:///etc/passwd",
    "gopher://127.0.0.1:6379/_FLUSHALL",
    "dict://127.0.0.1:11211/",
    "ftp://example.org/",
    "jar:http://example.org!/",
    "data:text/plain,hello",
    "javascript:alert(1)",
    "http://" + "a" * 3000 + ".org/",
]


@pytest.mark.parametrize("url", FORMS)
def test_an_address_that_leads_inside_or_is_written_oddly_is_refused(url: str) -> None:
    with pytest.raises(Refused):
        parse(url)


@pytest.mark.parametrize(
    ("url", "origin", "path"),
    [
        ("https://hooks.example.org/services/T0/B0", "https://hooks.example.org", "/services/T0/B0"),
        ("http://example.org:8080?a=1", "http://example.org:8080", "/?a=1"),
        ("https://8.8.8.8/", "https://8.8.8.8", "/"),
        ("https://[2606:4700::1111]:8443/x", "https://[2606:4700::1111]:8443", "/x"),
        ("https://xn--bcher-kva.example/", "https://xn--bcher-kva.example", "/"),
    ],
)
def test_a_plain_address_is_taken_apart(url: str, origin: str, path: str) -> None:
    target = parse(url)
    assert (target.origin, target.path) == (origin, path)


def test_the_answer_for_a_forbidden_address_tells_nothing_about_it() -> None:
    said = set()
    for url in ("http://127.0.0.1:1/", "http://127.0.0.1:22/", "http://10.1.2.3/", "http://169.254.169.254/"):
        with pytest.raises(Refused) as refused:
            parse(url)
        said.add(refused.value.text)
    assert len(said) == 1


@given(st.ip_addresses())
def test_no_address_that_python_calls_private_or_special_is_open(address: ipaddress.IPv4Address) -> None:
    special = not address.is_global or address.is_multicast or address.is_reserved or address.is_loopback
    assert not (special and is_open(str(address)))


@given(st.ip_addresses(v=4).filter(lambda address: not is_open(str(address))))
def test_a_closed_address_inside_a_wider_one_is_closed_too(inner: ipaddress.IPv4Address) -> None:
    number = int(inner)
    for outer in (number, (0xFFFF << 32) | number, (0x64FF9B << 96) | number, (0x2002 << 112) | (number << 80)):
        assert not is_open(str(ipaddress.IPv6Address(outer)))


def test_one_forbidden_address_among_several_refuses_the_name() -> None:
    """A50: two records, one of them private."""
    with pytest.raises(Refused):
        check(["8.8.8.8", "127.0.0.1"], "mixed.example.org", 443)
    assert check(["8.8.8.8", "8.8.8.8", "1.1.1.1"], "good.example.org", 443) == ["8.8.8.8", "1.1.1.1"]


def test_a_name_without_an_address_is_refused() -> None:
    with pytest.raises(Refused, match="no such host"):
        reachable("nowhere.example.org", 443, by=lambda host, port: [])


def test_what_the_administrator_lists_may_be_reached_and_nothing_beside_it() -> None:
    allow = {"hooks.internal:8080", "10.0.0.5"}
    assert reachable("hooks.internal", 8080, allow=allow, by=lambda host, port: ["10.0.0.9"]) == ["10.0.0.9"]
    assert parse("http://10.0.0.5:9/", allow=allow).port == 9
    for host, port in (("hooks.internal", 22), ("other.internal", 8080)):
        with pytest.raises(Refused):
            reachable(host, port, allow=allow, by=lambda host, port: ["10.0.0.9"])
    with pytest.raises(Refused):
        parse("http://10.0.0.6/", allow=allow)
