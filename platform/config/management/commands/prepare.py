"""Brings an instance up to date before it starts: tables, static files, and the set-up link of a new one."""

import hashlib
from pathlib import Path
from typing import Any

from django.conf import settings
from django.contrib.staticfiles.finders import get_finders
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError
from django.db import OperationalError, connection
from django.db.migrations.executor import MigrationExecutor

from accounts.queries import needs_setup
from accounts.services import make_setup_link
from config.static import UNUSED


class Command(BaseCommand):
    """Prints a new set-up link, or nothing."""

    help = "Migrate, collect the static files when they changed, and make the set-up link of a new instance."
    requires_system_checks = []

    def handle(self, *args: Any, **options: Any) -> str:
        try:
            migrate()
        except OperationalError as error:
            raise CommandError(f"The database cannot be used: {error}") from None
        collect_static()
        return make_setup_link() if needs_setup() else ""


def migrate() -> None:
    """Apply what is not applied yet. Looking first makes every later start a second shorter."""
    executor = MigrationExecutor(connection)
    if executor.migration_plan(executor.loader.graph.leaf_nodes()):
        call_command("migrate", verbosity=0, interactive=False)


def collect_static() -> None:
    """Collect the static files, unless the last collection saw the very same sources."""
    stamp, now = Path(settings.STATIC_ROOT) / "stamp", _sources()
    if stamp.is_file() and stamp.read_text() == now:
        return
    call_command("collectstatic", ignore_patterns=UNUSED, clear=True, interactive=False, verbosity=0)
    stamp.write_text(now)


def _sources() -> str:
    """A digest of every source's path, size and time."""
    digest = hashlib.sha256(settings.VERSION.encode())
    for finder in get_finders():
        for path, storage in sorted(finder.list(UNUSED), key=lambda found: found[0]):
            state = Path(storage.path(path)).stat()
            digest.update(f"{path} {state.st_size} {state.st_mtime_ns}\n".encode())
    return digest.hexdigest()
