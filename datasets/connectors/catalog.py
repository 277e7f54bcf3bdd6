"""PURE: every kind of source, in the order in which pages offer them. A new one is one file and one line here."""

from datasets.connectors.base import Connector
from datasets.connectors.members.events import Events
from datasets.connectors.members.mariadb import Mariadb
from datasets.connectors.members.postgresql import Postgresql
from datasets.connectors.members.rest_api import RestApi
from datasets.connectors.members.s3 import S3
from datasets.connectors.members.sqlite_file import SqliteFile
from datasets.connectors.members.url import Url
from datasets.connectors.members.website import Website
from problems.problem import Invalid

GROUPS: dict[str, tuple[Connector, ...]] = {
    "The web": (Url(), RestApi(), Website()),
    "Databases": (Postgresql(), Mariadb(), SqliteFile()),
    "Storage": (S3(),),
    "What is sent here": (Events(),),
}
CONNECTORS: dict[str, Connector] = {one.key: one for group in GROUPS.values() for one in group}


def connector_for(key: str) -> Connector:
    """The member of that key."""
    if key not in CONNECTORS:
        text = f"There is no kind of source “{key[:40]}”. There are {', '.join(CONNECTORS)}."
        raise Invalid(text, fields={"connector": text})
    return CONNECTORS[key]
