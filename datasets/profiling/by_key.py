"""PURE: two versions row by row, matched by a key: what came, what went, what changed; by DuckDB, out of core."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from datasets.profiling.summary import plain
from datasets.recipes.database import Database, said_plainly
from jobs.report import Report
from problems.problem import Invalid
from storage import tables

EXAMPLES = 20
SHOWN_COLUMNS = 12
Schema = Sequence[Mapping[str, Any]]


def run(spec: dict[str, Any], folder: Path, report: Report) -> dict[str, Any]:
    """The entry of the child: `spec["now"]` and `spec["before"]` (path and schema), and the names in `spec["key"]`."""
    now, before, key = spec["now"], spec["before"], spec["key"]
    for one in (now, before):
        for _batch in tables.read_batches(Path(one["path"])):  # every page against its checksum
            pass
    report.progress(1, 3, "matching rows")
    sources = {
        "main": (Path(now["path"]), len(now["schema"])),
        "before": (Path(before["path"]), len(before["schema"])),
    }
    database = Database(folder, sources)
    try:
        with said_plainly():
            return _Match(database, now["schema"], before["schema"], key).told(report)
    finally:
        database.close()


class _Match:
    """The joined versions. Every name in the SQL is one of ours: c0, c1, … and d0, d1, …"""

    def __init__(self, database: Database, now: Schema, before: Schema, key: Sequence[str]) -> None:
        self.connection = database.connection
        self.now = {column["name"]: (f"c{i}", column["type"]) for i, column in enumerate(now)}
        self.old = {column["name"]: (f"c{i}", column["type"]) for i, column in enumerate(before)}
        if not key or any(name not in self.now or name not in self.old for name in key):
            text = "Name columns that both versions have as the key."
            raise Invalid(text, fields={"key": text})
        self.key = list(key)
        self.shared = [name for name in self.now if name in self.old and name not in self.key]

    def told(self, report: Report) -> dict[str, Any]:
        """Counts, counts for each column, and the first examples."""
        self._unique("main", self.now)
        self._unique("before", self.old)
        match = " AND ".join(f"{self._left(name)} = {self._right(name)}" for name in self.key)
        different = "".join(
            f", ({self._left(name)} IS DISTINCT FROM {self._right(name)}) AS d{i}" for i, name in enumerate(self.shared)
        )
        self.connection.execute(
            f"CREATE TEMP TABLE j AS SELECT n.r AS nr, b.r AS br{different} FROM main n FULL JOIN before b ON {match}"  # noqa: S608
        )
        report.progress(2, 3, "counting")
        changed = " OR ".join(f"d{i}" for i in range(len(self.shared))) or "false"
        self.both = f"nr IS NOT NULL AND br IS NOT NULL AND ({changed})"
        counts = "".join(
            f", count(*) FILTER (nr IS NOT NULL AND br IS NOT NULL AND d{i})" for i in range(len(self.shared))
        )
        added, removed, moved, kept, *each = self._row(
            "count(*) FILTER (br IS NULL), count(*) FILTER (nr IS NULL), "
            f"count(*) FILTER ({self.both}), count(*) FILTER (nr IS NOT NULL AND br IS NOT NULL){counts} FROM j"
        )
        columns = [{"name": name, "changed": n} for name, n in zip(self.shared, each, strict=True)]
        return {
            "key": self.key,
            "rows_now": added + kept,
            "rows_before": removed + kept,
            "added": added,
            "removed": removed,
            "changed": moved,
            "same": kept - moved,
            "columns": sorted(columns, key=lambda one: -one["changed"]),
            "new_columns": [name for name in self.now if name not in self.old],
            "gone_columns": [name for name in self.old if name not in self.now],
            "examples": self._examples(),
        }

    def _unique(self, table: str, columns: Mapping[str, tuple[str, str]]) -> None:
        names = ", ".join(columns[name][0] for name in self.key)
        known = " AND ".join(f"{columns[name][0]} IS NOT NULL" for name in self.key)
        groups = f"SELECT 1 FROM {table} WHERE {known} GROUP BY {names} HAVING count(*) > 1"  # noqa: S608  names of ours
        twice = self._row(f"count(*) FROM ({groups})")[0]
        if twice:
            which = "this version" if table == "main" else "the version before"
            key = ", ".join(self.key)
            text = f"{key} does not name one row each: {twice} of its values stand more than once in {which}."
            raise Invalid(text, fields={"key": text}, code="no_key")

    def _row(self, rest: str) -> tuple[Any, ...]:
        found = self.connection.execute(f"SELECT {rest}").fetchone()
        return found or ()

    def _left(self, name: str) -> str:
        return self._side("n", self.now, name)

    def _right(self, name: str) -> str:
        return self._side("b", self.old, name)

    def _side(self, table: str, columns: Mapping[str, tuple[str, str]], name: str) -> str:
        place = f"{table}.{columns[name][0]}"
        return place if self.now[name][1] == self.old[name][1] else f"{place}::VARCHAR"

    def _examples(self) -> dict[str, Any]:
        shown = [*self.key, *[name for name in self.now if name not in self.key]][:SHOWN_COLUMNS]
        gone = [*self.key, *[name for name in self.old if name not in self.key]][:SHOWN_COLUMNS]
        return {
            "added": self._rows("main", "nr", "br IS NULL", self.now, shown),
            "removed": self._rows("before", "br", "nr IS NULL", self.old, gone),
            "changed": self._changed(),
        }

    def _rows(
        self, table: str, place: str, where: str, columns: Mapping[str, tuple[str, str]], names: list[str]
    ) -> list[dict[str, Any]]:
        wanted = ", ".join(f"t.{columns[name][0]}" for name in names)
        first = f"SELECT {place} FROM j WHERE {where} ORDER BY {place} LIMIT {EXAMPLES}"  # noqa: S608
        found = self.connection.execute(
            f"SELECT {wanted} FROM {table} t JOIN ({first}) e ON t.r = e.{place} ORDER BY t.r"  # noqa: S608
        ).fetchall()
        return [{name: plain(value) for name, value in zip(names, row, strict=True)} for row in found]

    def _changed(self) -> list[dict[str, Any]]:
        if not self.shared:
            return []
        key = ", ".join(f"n.{self.now[name][0]}" for name in self.key)
        pairs = ", ".join(f"e.d{i}, b.{self.old[name][0]}, n.{self.now[name][0]}" for i, name in enumerate(self.shared))
        found = self.connection.execute(
            f"SELECT {key}, {pairs} FROM (SELECT * FROM j WHERE {self.both} ORDER BY nr LIMIT {EXAMPLES}) e "  # noqa: S608
            "JOIN main n ON n.r = e.nr JOIN before b ON b.r = e.br ORDER BY n.r"
        ).fetchall()
        return [self._cells(row) for row in found]

    def _cells(self, row: tuple[Any, ...]) -> dict[str, Any]:
        width = len(self.key)
        cells = [
            {"name": name, "before": plain(row[width + 3 * i + 1]), "now": plain(row[width + 3 * i + 2])}
            for i, name in enumerate(self.shared)
            if row[width + 3 * i]
        ]
        return {"key": [plain(value) for value in row[:width]], "cells": cells[:SHOWN_COLUMNS]}
