"""PURE: every kind of destination, in the order in which pages offer them. A new one is one file and one line here."""

from datasets.writing.base import Writer
from datasets.writing.mariadb import MariadbWriter
from datasets.writing.postgresql import PostgresqlWriter
from problems.problem import Invalid

WRITERS: dict[str, Writer] = {one.key: one for one in (PostgresqlWriter(), MariadbWriter())}


def writer_for(key: str) -> Writer:
    """The member of that key."""
    if key not in WRITERS:
        text = f"There is no kind of destination “{key[:40]}”. There are {', '.join(WRITERS)}."
        raise Invalid(text, fields={"connector": text})
    return WRITERS[key]
