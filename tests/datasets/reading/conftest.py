"""How the tests of reading call it."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from datasets.reading.engine import run
from jobs.report import Silent
from problems.problem import Problem
from storage import tables


@dataclass
class Outcome:
    """What reading gave: a table as columns and rows, or a refusal."""

    answer: dict[str, Any]
    rows: list[dict[str, Any]]
    refusal: Problem | None = None

    @property
    def types(self) -> dict[str, str]:
        return {column["name"]: column["type"] for column in self.answer["schema"]}

    @property
    def report(self) -> dict[str, Any]:
        report: dict[str, Any] = self.answer["report"]
        return report

    @property
    def refused(self) -> list[tuple[int, str]]:
        return [(one["line"], one["reason"]) for one in self.report["refused"]]

    def guess(self, what: str) -> str:
        return next((guess["value"] for guess in self.report["guesses"] if guess["what"] == what), "")


Read = Callable[..., Outcome]


@pytest.fixture
def read_file(tmp_path: Path) -> Read:
    """Read a file as the job's child does, without the child."""
    count = iter(range(1000))

    def read(source: Path, **options: str) -> Outcome:
        folder = tmp_path / f"job{next(count)}"
        folder.mkdir()
        try:
            answer = run({"source": str(source), "options": options}, folder, Silent())
        except Problem as problem:
            return Outcome({}, [], problem)
        return Outcome(answer, tables.read(folder / answer["table"]).to_pylist())

    return read


@pytest.fixture
def read_bytes(read_file: Read, tmp_path: Path) -> Read:
    """Read some bytes as a file."""

    def read(content: bytes, **options: str) -> Outcome:
        place = tmp_path / "upload"
        place.write_bytes(content)
        return read_file(place, **options)

    return read
