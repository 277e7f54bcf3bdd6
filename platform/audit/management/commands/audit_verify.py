"""`manage.py audit_verify`: proves the audit chain, or names the first entry that breaks it."""

import argparse
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from audit.anchors import anchors_path, read_anchors, verify_against


class Command(BaseCommand):
    help = "Check every audit entry against the chain of hashes, and the chain against its anchors."

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("--anchors", type=Path, help="a copy of audit-anchors.jsonl that was kept elsewhere")

    def handle(self, *args: Any, **options: Any) -> None:
        given = options.get("anchors")
        if given and not given.is_file():
            raise CommandError(f"There is no file {given}.")
        anchors = read_anchors(given or anchors_path())
        proof = verify_against(anchors)
        if proof.first_bad is not None:
            raise CommandError(f"Entry {proof.first_bad} breaks the chain: {proof.reason}. {proof.checked} hold.")
        self.stdout.write(f"{proof.checked} entries hold, and {len(anchors)} anchors agree.")
