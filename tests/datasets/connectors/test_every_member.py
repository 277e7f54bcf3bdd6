"""What every kind of source must be, checked on each member of the family by itself."""

import json
from typing import Any

import pytest

from datasets.connectors.base import FULL, Connector
from datasets.connectors.catalog import CONNECTORS, GROUPS, connector_for
from datasets.connectors.fields import KINDS, Field
from problems.problem import Invalid, Problem

MEMBERS = list(CONNECTORS.values())
# What each member needs at least, with an address that everybody may dial.
LEAST: dict[str, dict[str, Any]] = {
    "events": {"sender": "Line 3"},
    "url": {"address": "https://data.example.org/a.csv"},
    "rest_api": {"address": "https://data.example.org/v1/rows"},
    "website": {"addresses": ["https://www.example.org/"]},
    "postgresql": {"host": "db.example.org", "database": "shop", "user": "reader", "table": "orders"},
    "mariadb": {"host": "db.example.org", "database": "shop", "user": "reader", "table": "orders"},
    "sqlite_file": {"path": "shop/orders.sqlite"},
    "s3": {"endpoint": "https://s3.example.org", "bucket": "shelf", "access_key": "AK"},
}


def members() -> Any:
    return pytest.mark.parametrize("member", MEMBERS, ids=[one.key for one in MEMBERS])


@members()
def test_it_says_what_it_is(member: Connector) -> None:
    assert CONNECTORS[member.key] is member
    assert sum(member in group for group in GROUPS.values()) == 1
    assert member.title
    assert member.help.endswith(".")
    assert FULL in member.modes
    names = [one.name for one in member.fields]
    assert len(set(names)) == len(names)
    for one in member.fields:
        assert one.kind in KINDS
        assert one.label
        assert (one.kind == "choice") == bool(one.choices)
        assert one.only is None or one.only[0] in names
    assert any(one.locates and one.kind != "secret" for one in member.fields), "something says where it comes from"


@members()
def test_the_least_is_enough_and_stays_the_same(member: Connector) -> None:
    found = member.read(LEAST[member.key])
    kept = {name: value for name, value in found.items() if name not in member.secrets}
    assert member.read(kept) == found
    assert json.loads(json.dumps(found)) == found
    assert member.where(kept)
    assert member.sentence(kept)
    member.watch(kept, allow=frozenset({"file:/srv/exports"}))
    member.accepts(kept, FULL)
    for one in member.fields:
        shown = one.as_text(found[one.name])
        assert one.kind in ("choice", "yes_no") or one.kind == "secret" or one.from_text(shown) in (found[one.name], "")


@members()
def test_what_is_wrong_is_named(member: Connector) -> None:
    least = LEAST[member.key]
    for wrong in ({**least, "nonsense": 1}, [], "text", None):
        with pytest.raises(Invalid):
            member.read(wrong)
    for one in member.fields:
        for value in ({"a": 1}, "\x00", True if one.kind != "yes_no" else 3, 10**400, "x" * 30_000):
            with pytest.raises(Problem) as refused:
                member.read({**least, one.name: value})
            assert one.name in refused.value.fields, (one.name, value)


@members()
def test_no_secret_is_shown(member: Connector) -> None:
    for one in member.fields:
        if one.kind == "secret":
            assert one.as_text("hidden") == ""
            assert "hidden" not in member.where({**member.read(LEAST[member.key])})


# A48: every form in which an address can lead into our own network.
CLOSED = [
    "http://127.0.0.1/",
    "http://2130706433/",
    "http://0x7f000001/",
    "http://0177.0.0.1/",
    "http://127.1/",
    "http://[::1]/",
    "http://[::ffff:127.0.0.1]/",
    "http://[2002:7f00:1::]/",
    "http://[64:ff9b::7f00:1]/",
    "http://0.0.0.0/",
    "http://100.64.0.1/",
    "http://169.254.169.254/latest/meta-data",
    "http://[fe80::1]/",
    "http://224.0.0.1/",
    "http://localhost/",
    "http://localhost./",
    "http://user@127.0.0.1/",
    "http://example.org#@127.0.0.1/",
    "http://127。0。0。1/",
    "file:///etc/passwd",
    "gopher://127.0.0.1/",
    "dict://127.0.0.1/",
    "ftp://127.0.0.1/",
    "jar:http://127.0.0.1!/",
    "data:text/csv,a",
    "http://10.0.0.1:99999/",
    "http://a\r\nHost: b/",
]


def tried(member: Connector, name: str, address: str) -> None:
    given = {**LEAST[member.key], name: [address] if name == "addresses" else address}
    member.watch(member.read(given), allow=frozenset())


@pytest.mark.parametrize("member", [one for one in MEMBERS if one.key in ("url", "rest_api", "website")])
def test_closed_addresses_are_refused_before_anything_is_dialled(member: Connector) -> None:
    """A48 and A51 of sources; databases and storage beside, webhooks and sign-in in their rooms."""
    name = next(iter(LEAST[member.key]))
    for address in CLOSED:
        with pytest.raises(Problem) as refused:
            tried(member, name, address)
        assert list(refused.value.fields) == [name], address
    texts = set()
    for port in (22, 9, 65000):
        with pytest.raises(Problem) as refused:
            tried(member, name, f"http://127.0.0.1:{port}/")
        texts.add(str(refused.value))
    assert len(texts) == 1, "an open and a closed port sound the same"


@pytest.mark.parametrize("member", [one for one in MEMBERS if one.key != "events"])  # which dials nobody
def test_no_choice_beside_it_opens_a_closed_address(member: Connector) -> None:
    """A27: the field that says where, together with every value of every other choice and switch."""
    name = next(iter(LEAST[member.key]))
    closed = {"path": "../../etc/passwd"}.get(name, "file:///etc/passwd" if member.key != "postgresql" else "/var/run")
    beside = [(one.name, value) for one in member.fields if one.kind == "choice" for value in one.choices]
    beside += [(one.name, value) for one in member.fields if one.kind == "yes_no" for value in (True, False)]
    for other, value in beside:
        given = {**LEAST[member.key], name: [closed] if name == "addresses" else closed, other: value}
        with pytest.raises(Problem) as refused:
            member.watch(member.read(given), allow=frozenset({"file:/srv/exports"}))
        assert refused.value.status in (400, 422), (other, value)


def test_an_unknown_kind_is_named() -> None:
    with pytest.raises(Invalid, match="no kind of source"):
        connector_for("nothing")


def test_a_field_without_meaning_beside_a_choice_stays_empty() -> None:
    with pytest.raises(Invalid, match="has no meaning"):
        CONNECTORS["url"].read({**LEAST["url"], "auth": "none", "user": "ann"})
    with pytest.raises(Invalid, match="is needed"):
        CONNECTORS["url"].read({**LEAST["url"], "auth": "basic"})
    lacking = CONNECTORS["url"].lacking(CONNECTORS["url"].read({**LEAST["url"], "auth": "bearer"}))
    assert [one.name for one in lacking] == ["secret"]


def test_kinds_of_fields_read_what_a_person_types() -> None:
    lines = Field("a", "lines", "A")
    assert lines.from_text(" x \r\n\r\ny") == ["x", "y"]
    assert lines.as_text(["x", "y"]) == "x\ny"
    assert Field("a", "number", "A").from_text("2.5") == 2.5
    assert Field("a", "integer", "A").from_text("7") == 7
    with pytest.raises(Invalid):
        Field("a", "number", "A").from_text("many")
