"""Anchors of the chain: its head, written every hour to a file and the log, beyond the reach of SQL."""

import json
import logging
import os
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path

from django.conf import settings
from django.utils import timezone

from audit.models import Entry, Head
from audit.services import Proof, verify

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Anchor:
    """What the chain's end was at a time."""

    at: str
    seq: int
    hash: str


def anchors_path() -> Path:
    """Where they are kept. A copy elsewhere proves more: whoever can write the data folder can write this file."""
    return Path(settings.DATA_DIR) / "audit-anchors.jsonl"


def write_anchor(path: Path | None = None) -> Anchor | None:
    """Add the head to the file and the log; nothing while there is no new entry."""
    path = path or anchors_path()
    head = Head.objects.filter(pk=1).first()
    known = read_anchors(path)
    if head is None or head.seq == 0 or (known and known[-1].seq == head.seq and known[-1].hash == head.hash):
        return None
    anchor = Anchor(timezone.now().isoformat(), head.seq, head.hash)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    with os.fdopen(descriptor, "a") as file:
        file.write(json.dumps(asdict(anchor)) + "\n")
        file.flush()
        os.fsync(file.fileno())
    log.info("Audit anchor: entry %s has the hash %s.", anchor.seq, anchor.hash)
    return anchor


def read_anchors(path: Path) -> list[Anchor]:
    """The anchors of a file, oldest first; a last line that was cut while it was written is left out."""
    found = []
    for line in path.read_text().splitlines() if path.is_file() else ():
        try:
            fields = json.loads(line)
            found.append(Anchor(str(fields["at"]), int(fields["seq"]), str(fields["hash"])))
        except (ValueError, KeyError, TypeError):
            log.warning("A line of %s is no anchor.", path)
    return found


def verify_against(anchors: Iterable[Anchor]) -> Proof:
    """The chain proves itself, and then each anchor still finds the entry that it was taken of."""
    proof = verify()
    if proof.first_bad is not None:
        return proof
    wanted = {anchor.seq: anchor for anchor in anchors}
    kept = dict(Entry.objects.filter(seq__in=wanted).values_list("seq", "hash"))
    for seq, anchor in sorted(wanted.items()):
        if seq not in kept:
            return Proof(proof.checked, proof.checked + 1, f"the end was cut: at {anchor.at} there was entry {seq}")
        if kept[seq] != anchor.hash:
            text = f"it was rewritten: it is not the entry {seq} of {anchor.at}"
            return Proof(proof.checked, seq, text)
    return proof
