"""PURE: which regular expressions are taken: those that every engine reads alike, in time that grows with the text."""

import re

FOREIGN = re.compile(r"\(\?(?![:i])|\\[1-9]|[*+?}][+]|\\[CZGzXR]")
NO_PARTS = "Looking ahead or back, and parts that refer to other parts, are not possible."


def refused_pattern(pattern: str) -> str:
    """Why the pattern cannot be used; empty when it can."""
    try:
        re.compile(pattern)
    except (re.error, RecursionError, OverflowError) as error:
        return f"The pattern cannot be read: {str(error)[:100]}."
    return NO_PARTS if FOREIGN.search(pattern) else ""
