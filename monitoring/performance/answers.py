"""PURE: logged answers as the words that outcomes use."""

import json

from experiments.signatures import word


def plain(answer: str | None) -> str | None:
    """A logged answer (JSON scalar text) as the word that outcomes use."""
    if answer is None:
        return None
    try:
        return word(json.loads(answer))
    except ValueError:
        return answer
