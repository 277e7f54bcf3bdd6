"""Exports and addresses as people and programs find them, with the bytes of a version for those who wait."""

import os
from collections.abc import Iterator
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import BinaryIO
from uuid import UUID

from django.db.models import QuerySet
from django.utils import timezone
from django.utils.crypto import constant_time_compare

from accounts.one_time import digest
from datasets import exporting
from datasets.models.feeds import Export, Feed
from datasets.models.versions import Version
from datasets.queries import seen
from datasets.queries.versions import table_path
from problems.problem import Denied, Gone, Missing
from projects.access import roles_of
from projects.models.projects import Project
from projects.permissions import Role, allows
from storage import blobs


def exports_of(version: Version) -> QuerySet[Export]:
    """Files of a version that are kept, newest first."""
    kept = version.exports.filter(expires_at__gt=timezone.now())
    return kept.select_related("created_by", "file", "version__dataset")


def export_for(version: Version, pk: UUID, roles: frozenset[Role]) -> Export:
    """One of them, for whoever may see at least what it shows."""
    export = exports_of(version).filter(pk=pk).first()
    if export is None:
        raise Missing("There is no such file of this version. Files are kept for a few days.")
    names = {column["name"] for column in version.schema}
    if not (seen.hidden_of(version.dataset, roles) & names) <= set(export.masked):
        raise Denied("This file shows sensitive columns that you may not see. Write one of your own.", code="sensitive")
    return export


def file_of(export: Export) -> Path:
    """Its verified bytes."""
    if export.file_id is None:
        raise Gone(export.message or "This file is not written yet.")
    return blobs.verified_path(export.file_id)


def masked_names(version: Version, roles: frozenset[Role]) -> list[str]:
    """The columns of this version whose values these roles must not see."""
    names = {column["name"] for column in version.schema}
    return sorted(seen.hidden_of(version.dataset, roles) & names)


def csv_of(version: Version, masked: list[str], *, raw: bool) -> Iterator[bytes]:
    """The version as CSV, batch by batch; its bytes are checked before the first."""
    return exporting.csv_pieces(table_path(version), masked, raw=raw)


def open_file(version: Version, kind: str, masked: list[str]) -> BinaryIO:
    """The version in another format: the stored table itself, or a file that is gone when it is closed."""
    path = table_path(version)
    if kind == "parquet" and not masked:
        return path.open("rb")
    with NamedTemporaryFile(dir=blobs.temporary_folder(), prefix="export-", suffix=f".{kind}", delete=False) as made:
        name = Path(made.name)
    try:
        exporting.write(kind, path, name, masked)
        return name.open("rb")
    finally:
        os.unlink(name)


def feed_by(pk: UUID, secret: str) -> Feed:
    """The address, for whoever knows its secret, while it lives and its owner is in the project."""
    missing = Missing("There is no such address, or it was revoked or has expired.")
    feeds = Feed.objects.select_related("dataset__project", "owner").filter(pk=pk, dataset__deleted_at=None)
    feed = feeds.first()
    if feed is None or not constant_time_compare(feed.digest, digest(secret)):
        raise missing
    if feed.revoked_at or feed.expires_at <= timezone.now() or not feed.owner.is_active:
        raise missing
    if not allows(feed_roles(feed), "data.export"):
        raise missing
    return feed


def feed_roles(feed: Feed) -> frozenset[Role]:
    """What its owner is in the project now; whoever left it reads nothing."""
    project: Project = feed.dataset.project
    return roles_of(feed.owner, project)
