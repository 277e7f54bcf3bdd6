"""The socket of rows for edge cases: a room above says where else a row can be picked from, by a word in addresses."""

from collections.abc import Callable, Mapping
from typing import Any

from projects.models.projects import Project
from projects.permissions import Role

Pick = Callable[[Project, frozenset[Role], Mapping[str, Any]], tuple[dict[str, Any], str]]
PICKS: dict[str, Pick] = {}


def picks(word: str) -> Callable[[Pick], Pick]:
    """Register where rows come from when the address of a new case names this word."""

    def register(function: Pick) -> Pick:
        PICKS[word] = function
        return function

    return register
