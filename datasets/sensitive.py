"""PURE: columns that probably hold sensitive values, by their names and by the values that the profile lists."""

import re
from collections.abc import Mapping
from itertools import pairwise
from typing import Any

# kind -> words of column names; English and what is common in exported tables
NAMES = {
    "secret": ("password", "passwd", "secret", "token", "apikey", "pin"),
    "contact": ("email", "mail", "phone", "telephone", "mobile", "fax", "contact"),
    "health": ("diagnosis", "disease", "medication", "patient", "blood", "icd", "treatment", "allergy", "glucose"),
    "financial": ("iban", "account", "salary", "income", "creditcard", "card", "bank", "tax"),
    "location": ("address", "street", "zip", "zipcode", "postcode", "postal", "latitude", "longitude", "lat", "lon"),
    "personal": (
        "name", "firstname", "lastname", "surname", "fullname", "customername", "birth", "birthday", "birthdate",
        "dob", "ssn",
        "passport", "gender", "sex", "age", "race", "ethnicity", "religion", "nationality", "marital",
    ),
}  # fmt: skip
VALUES = {
    "contact": (re.compile(r"[^@\s]+@[^@\s]+\.[A-Za-z]{2,}"), re.compile(r"\+?\d[\d ()/.-]{7,}\d")),
    "financial": (re.compile(r"[A-Z]{2}\d{2}[A-Z0-9 ]{11,30}"),),
    "personal": (re.compile(r"\d{3}-\d{2}-\d{4}"),),
}
ENOUGH = 0.6


def suggested(profile: Mapping[str, Any]) -> dict[str, tuple[str, str]]:
    """Column -> kind and why, for those that look sensitive."""
    found: dict[str, tuple[str, str]] = {}
    for column in profile.get("columns", []):
        name = column["name"]
        texts = [str(row.get(name)) for row in profile.get("sample", []) if row.get(name) is not None]
        guess = _by_values(texts) if column["type"] == "text" else None
        guess = guess or _by_name(name)
        if guess:
            found[name] = guess
    return found


def _by_name(name: str) -> tuple[str, str] | None:
    parts = [part.lower() for part in re.findall(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])", name)]
    words = {*parts, "".join(parts), *(a + b for a, b in pairwise(parts))}
    if parts[-1:] != ["age"]:
        words.discard("age")  # the age of a router is nobody's
    for kind, known in NAMES.items():
        if hit := words & set(known):
            return kind, f"its name says “{sorted(hit)[0]}”"
    return None


def _by_values(texts: list[str]) -> tuple[str, str] | None:
    for kind, patterns in VALUES.items():
        hits = sum(any(pattern.fullmatch(text.strip()) for pattern in patterns) for text in texts)
        if texts and hits >= ENOUGH * len(texts):
            return kind, f"{hits} of its first {len(texts)} values are written like that"
    return None
