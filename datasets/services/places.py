"""What sources and destinations share when their parameters are written: what changed, and which secrets stay."""

from typing import Any

from django.conf import settings

from datasets.connectors.base import Place, meant
from datasets.connectors.fields import HOW
from datasets.models.destinations import Destination
from datasets.models.sources import Source
from problems.problem import Invalid
from storage.sealed import seal


def put_params(row: Source | Destination, member: Place, params: Any) -> set[str]:
    """Put checked parameters onto the row; returns what changed: the place, what is read or written, secrets.

    Another place, or another name to sign in with, needs the secrets again.
    """
    found = member.read(params)
    secrets = {name: found.pop(name) for name in member.secrets}
    before, changed = row.params, set()
    for one in member.fields:
        if one.kind != "secret" and (not before or found[one.name] != before.get(one.name)):
            changed.add("place" if one.locates else "pace" if one.group == HOW else "what")
            changed |= {"reach"} if one.widens else set()
    member.watch(found, allow=settings.OUTBOUND_ALLOW)
    kept = row.sealed if "place" not in changed else {}
    fresh = {name: seal(text).decode() for name, text in secrets.items() if text}
    wanted = {one.name for one in member.fields if one.kind == "secret" and meant(one, found)}
    sealed = {name: token for name, token in {**kept, **fresh}.items() if name in wanted}
    if lacking := member.lacking({**found, **dict.fromkeys(sealed, "sealed")}):
        again = bool(before) and "place" in changed and bool(row.sealed)
        text = "Enter the secret again: where it is sent changes." if again else f"“{lacking[0].label}” is needed."
        raise Invalid(text, code="secret_needed", fields={lacking[0].name: text})
    if fresh:
        changed.add("secret")
    row.params, row.sealed = found, sealed
    return changed


def columns_listed(name: str, value: Any, most: int) -> list[str]:
    """Names of columns, each once."""
    names = [one for one in value or [] if isinstance(one, str) and one.strip()]
    if len(names) > most or len(set(names)) < len(names) or any(len(one) > 200 for one in names):
        text = f"At most {most} columns, each named once."
        raise Invalid(text, fields={name: text})
    return names
