"""PURE: column names that are unique and stable, as close to what the file says as that allows."""

from collections.abc import Sequence

from datasets.reading.findings import Findings
from datasets.reading.limits import MAX_COLUMNS, MAX_NAME_LENGTH
from problems.problem import Invalid


def numbered(count: int) -> list[str]:
    """Names for a file without a header."""
    return [f"column_{i + 1}" for i in range(count)]


def check_count(count: int) -> None:
    """Refuse a table that is wider than what pages and training can carry."""
    if count > MAX_COLUMNS:
        raise Invalid(f"The file has {count} columns; at most {MAX_COLUMNS} can be read.", code="too_many_columns")


def unique(given: Sequence[str], findings: Findings) -> list[str]:
    """The given names, each once; whatever had to change is written down with its place.

    Line breaks and runs of blanks become one blank, an empty name becomes `column_3`, the second `a` becomes `a_2`.
    """
    check_count(len(given))
    plain = [" ".join("".join(char if char.isprintable() else " " for char in name).split()) for name in given]
    taken: set[str] = {name[:MAX_NAME_LENGTH] for name in plain if name}
    used: set[str] = set()
    names: list[str] = []
    for position, (was, tidy) in enumerate(zip(given, plain, strict=True)):
        name = tidy[:MAX_NAME_LENGTH] or f"column_{position + 1}"
        if name in used or (not tidy and name in taken):
            name = _next_free(name, used | taken)
        used.add(name)
        names.append(name)
        if name != was:
            findings.renamed.append({"position": position + 1, "was": was[:500].replace("\0", "␀"), "now": name})
    return names


def _next_free(name: str, taken: set[str]) -> str:
    number = 2
    while f"{name}_{number}" in taken:
        number += 1
    return f"{name}_{number}"
