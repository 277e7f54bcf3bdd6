"""PURE: which outside addresses may be dialled: never one that leads back into our own network."""

import ipaddress
import re
import socket
from collections.abc import Callable, Collection
from dataclasses import dataclass
from urllib.parse import urlsplit

from problems.problem import Invalid

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Resolve = Callable[[str, int], list[str]]
MAX_URL = 2000
# What `is_global` of some Python versions lets pass, and what carries an IPv4 address inside.
CLOSED = [
    ipaddress.ip_network(text)
    for text in (
        "0.0.0.0/8",
        "100.64.0.0/10",  # shared by a provider's customers, often routed inside clouds
        "168.63.129.16/32",  # a cloud's metadata on an address that looks public
        "192.0.0.0/24",
        "192.88.99.0/24",
        "198.18.0.0/15",
        "240.0.0.0/4",
        "2001::/23",  # Teredo, ORCHID
        "2002::/16",  # 6to4
        "3fff::/20",
    )
]
OPEN_SIX = ipaddress.IPv6Network("2000::/3")  # all that the internet uses; mapped IPv4 and the like lie outside
NAME = re.compile(r"(?=.{1,253}$)[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?(\.[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?)*")
# The last label of a name is never a number: `127.1`, `0x7f000001`, `017700000001` are addresses in disguise.
NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*")
NO = "This address leads into a network that may not be reached from here."


@dataclass(frozen=True)
class Target:
    """An address that was taken apart: where to connect, and what to ask for there."""

    secure: bool
    host: str
    port: int
    path: str

    @property
    def origin(self) -> str:
        """Scheme, host and port, as people may see it; the path can be a secret."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        usual = self.port == (443 if self.secure else 80)
        return f"{'https' if self.secure else 'http'}://{host}{'' if usual else f':{self.port}'}"


class Refused(Invalid):
    """An address that is not dialled. The text is the same for whatever stands behind it."""

    code = "address_refused"

    def __init__(self, text: str = NO) -> None:
        super().__init__(text, fields={"url": text})


def parse(url: str, *, allow: Collection[str] = ()) -> Target:
    """Take an http(s) address apart; raises `Refused` for odd forms and for forbidden literal addresses."""
    if len(url) > MAX_URL or not url.isascii() or not url.isprintable() or any(c in url for c in ' \\"<>^`{|}'):
        raise Refused("Give a plain address such as https://hooks.example.org/path.")
    try:
        parts = urlsplit(url)
        host, port = (parts.hostname or "").lower(), parts.port
    except ValueError:
        raise Refused("Give a plain address such as https://hooks.example.org/path.") from None
    if parts.scheme not in ("http", "https") or not host:
        raise Refused("The address must begin with https:// or http://.")
    if parts.username is not None or parts.password is not None or "@" in parts.netloc or parts.fragment:
        raise Refused("The address must not hold a user name, a password or a #part.")
    secure = parts.scheme == "https"
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    target = Target(secure, host, port or (443 if secure else 80), path)
    parse_host(target.host, 0 if port == 0 else target.port, allow=allow)
    return target


def parse_host(host: str, port: int, *, allow: Collection[str] = ()) -> str:
    """One bare name or address without scheme, for what is no web server; raises `Refused` like `parse`."""
    host = host.lower()
    if not 0 < port < 2**16:
        raise Refused()
    literal = _literal(host)
    if literal is not None:
        check([str(literal)], host, port, allow=allow)
    elif not _plain_name(host) or (_is_local(host) and not allowed(host, port, allow)):
        raise Refused()
    return host


def _plain_name(host: str) -> bool:
    return bool(NAME.fullmatch(host)) and not NUMBER.fullmatch(host.rsplit(".", 1)[-1])


def _is_local(host: str) -> bool:
    return host == "localhost" or host.endswith(".localhost")


def _literal(host: str) -> Address | None:
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None


def allowed(host: str, port: int, allow: Collection[str]) -> bool:
    """Whether the administrator listed this host, or this host and port."""
    shown = f"[{host}]" if ":" in host else host
    return bool({host, shown, f"{shown}:{port}"} & set(allow))


def opened_folders(allow: Collection[str]) -> list[str]:
    """The folders of this machine that the administrator listed as `file:/a/folder`."""
    return sorted(one.removeprefix("file:") for one in allow if one.startswith("file:/"))


def is_open(text: str) -> bool:
    """Whether an address lies in the open internet."""
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return False  # with a zone such as fe80::1%eth0
    if isinstance(address, ipaddress.IPv6Address) and (address.scope_id or address not in OPEN_SIX):
        return False
    if any(address in network for network in CLOSED if network.version == address.version):
        return False
    return address.is_global and not (address.is_multicast or address.is_reserved)


def check(found: Collection[str], host: str, port: int, *, allow: Collection[str] = ()) -> list[str]:
    """The addresses of a host if ALL of them may be dialled; one that may not refuses the host."""
    if not found:
        raise Refused("There is no such host.")
    if not allowed(host, port, allow) and not all(is_open(text) for text in found):
        raise Refused()
    return list(dict.fromkeys(found))


def resolve(host: str, port: int) -> list[str]:
    """Ask the resolver once; every address it knows."""
    try:
        answers = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        return []
    return [str(answer[4][0]) for answer in answers]


def reachable(host: str, port: int, *, allow: Collection[str] = (), by: Resolve | None = None) -> list[str]:
    """Resolve once and check all: connect to one of these addresses and never to the name again."""
    return check((by or resolve)(host, port), host, port, allow=allow)
