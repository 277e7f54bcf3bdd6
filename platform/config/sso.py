"""PURE: the single sign-on providers that BATON_SSO names, each read from its own variables."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

NAME = re.compile(r"[a-z][a-z0-9-]{0,29}")


@dataclass(frozen=True)
class Provider:
    """One OpenID Connect provider. `trusts_email` counts its addresses as confirmed where it does not say so."""

    name: str
    issuer: str
    client_id: str
    client_secret: str
    text: str
    admin_claim: str = ""
    admin_value: str = ""
    trusts_email: bool = False


def providers(environment: Mapping[str, str]) -> dict[str, Provider]:
    """By name, in the order of BATON_SSO. A provider that is not whole is a mistake that stops the start."""
    found = {}
    for name in (word.strip().lower() for word in environment.get("BATON_SSO", "").split(",") if word.strip()):
        if not NAME.fullmatch(name):
            raise ValueError(f"BATON_SSO: {name!r} is not a name of letters, digits and hyphens.")
        start = f"BATON_SSO_{name.upper().replace('-', '_')}_"
        values = {key.removeprefix(start): value.strip() for key, value in environment.items() if key.startswith(start)}
        if lacking := [key for key in ("ISSUER", "CLIENT_ID", "CLIENT_SECRET") if not values.get(key)]:
            raise ValueError(f"BATON_SSO names {name}, and {start}{lacking[0]} is not set.")
        found[name] = Provider(
            name,
            values["ISSUER"].rstrip("/"),
            values["CLIENT_ID"],
            values["CLIENT_SECRET"],
            values.get("TEXT") or f"Sign in with {name}",
            values.get("ADMIN_CLAIM", ""),
            values.get("ADMIN_VALUE", ""),
            values.get("TRUST_EMAIL", "") == "1",
        )
    return found
