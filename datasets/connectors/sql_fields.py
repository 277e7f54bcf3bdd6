"""PURE: the parameters that every SQL database asks for. There is no place for a raw connection string."""

import re
import ssl

from datasets.connectors.base import Params
from datasets.connectors.fields import HOW, SIGN_IN, WHERE, Field
from datasets.connectors.sql_text import LONGEST_QUERY
from outbound.addresses import Refused, parse_host
from problems.problem import Invalid

PLAIN_HOST = re.compile(r"[A-Za-z0-9._:-]{1,253}")
VERIFIED, ENCRYPTED, OFF = "verify", "encrypt", "off"
TLS = {
    VERIFIED: "Encrypted, and its certificate is checked",
    ENCRYPTED: "Encrypted, but its certificate is not checked",
    OFF: "Not encrypted",
}
TABLE, QUERY = "table", "query"
REFUSE, AS_TEXT = "refuse", "text"
WIDE_WORDS = {REFUSE: "Refuse the row and list it", AS_TEXT: "Keep such columns as text, digit by digit"}


def sql_fields(port: int, *, schema: bool) -> tuple[Field, ...]:
    """The fields, with the usual port of the database and whether its tables lie in schemas."""
    named = Field("schema", "text", "Schema", required=False, locates=True, only=("read", (TABLE,)), example="public")
    return (*reaching(port, "A user who may only read."), READ_WHAT, *([named] if schema else []), *READING)


def reaching(port: int, user: str) -> tuple[Field, ...]:
    """How a database is reached and signed in to; `user` says what the user there may do."""
    return (
        Field("host", "text", "Host", "A name or an address.", group=WHERE, locates=True, example="db.example.org"),
        Field("port", "integer", "Port", group=WHERE, default=port, locates=True, low=1, high=65_535),
        Field("database", "text", "Database", group=WHERE, locates=True),
        Field("tls", "choice", "Encryption", group=WHERE, default=VERIFIED, locates=True, choices=TLS),
        Field(
            "ca",
            "long",
            "Certificate of its authority",
            "PEM, if the authority is your own. Empty: the well-known authorities.",
            group=WHERE,
            required=False,
            locates=True,
            only=("tls", (VERIFIED,)),
            high=LONGEST_QUERY,
        ),
        Field("user", "text", "User name", user, group=SIGN_IN, locates=True),
        Field("password", "secret", "Password", "It is sealed and never shown again.", group=SIGN_IN),
    )


READ_WHAT = Field(
    "read", "choice", "Read", default=TABLE, locates=True, choices={TABLE: "One table", QUERY: "The answer of a query"}
)
READING = (
    Field("table", "text", "Table or view", locates=True, only=("read", (TABLE,))),
    Field(
        "columns",
        "columns",
        "Columns of the table",
        "None: all of them. Other columns are approved anew.",
        required=False,
        only=("read", (TABLE,)),
        widens=True,
    ),
    Field(
        "query",
        "long",
        "Query",
        "One SELECT. Another query is approved anew, and the password is entered again.",
        locates=True,
        only=("read", (QUERY,)),
        high=LONGEST_QUERY,
    ),
    Field(
        "watermark",
        "text",
        "Column that grows",
        "For loading only what is new: a number, a day or a time that is larger in every new or changed row.",
        required=False,
        incremental=True,
    ),
    Field(
        "wide",
        "choice",
        "Numbers that are too long",
        "Whole numbers beyond 64 bits and decimals beyond 2^53.",
        default=REFUSE,
        choices=WIDE_WORDS,
    ),
    Field("most_rows", "integer", "At most so many rows", group=HOW, default=10_000_000, low=1, high=200_000_000),
)


def check_host(p: Params, allow: frozenset[str]) -> str:
    """The host in small letters; refuses several hosts, paths of sockets, and what may not be dialled."""
    try:
        if not PLAIN_HOST.fullmatch(p["host"]):
            raise Refused("Give one plain name or address, such as db.example.org.")
        return parse_host(p["host"], p["port"], allow=allow)
    except Refused as refused:
        raise Invalid(refused.text, code=refused.code, fields={"host": refused.text}) from None


def trusted(p: Params) -> ssl.SSLContext:
    """The authorities that are trusted; refuses what is no certificate."""
    try:
        return ssl.create_default_context(cadata=p.get("ca") or None)
    except (ssl.SSLError, ValueError):
        text = "“Certificate of its authority” holds no certificate in PEM form."
        raise Invalid(text, fields={"ca": text}) from None
