"""PURE: Parquet objects in folders such as `year=2024/month=03`: which are wanted, and their values as columns."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from problems.problem import Invalid

NONE = "__HIVE_DEFAULT_PARTITION__"
FILTER = re.compile(r"\s*([^\s=<>!|]{1,120})\s*(>=|<=|!=|=|>|<)\s*(.{1,200}?)\s*")
WHOLE = re.compile(r"-?(0|[1-9]\d{0,17})")
DAY = re.compile(r"\d{4}-\d\d-\d\d")
COMPARED: dict[str, Callable[[Any, Any], bool]] = {
    ">=": lambda a, b: bool(a >= b),
    "<=": lambda a, b: bool(a <= b),
    ">": lambda a, b: bool(a > b),
    "<": lambda a, b: bool(a < b),
}


@dataclass(frozen=True)
class Wanted:
    """One line of the filter: a name, how it compares, and with what."""

    name: str
    how: str
    values: tuple[str, ...]

    def holds(self, found: str | None) -> bool:
        """Whether a folder of this value is wanted. Numbers compare as numbers when both sides are some."""
        if self.how in ("=", "!="):
            same = found is not None and any(_same(found, one) for one in self.values)
            return same == (self.how == "=")
        if found is None:
            return False
        a, b = _number(found), _number(self.values[0])
        return COMPARED[self.how](found, self.values[0]) if a is None or b is None else COMPARED[self.how](a, b)


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


def _same(a: str, b: str) -> bool:
    number = _number(a)
    return a == b or (number is not None and number == _number(b))


def read_filters(lines: Sequence[str]) -> list[Wanted]:
    """The lines of a filter, such as `year>=2024` or `region=EU|US`."""
    found = []
    for line in lines:
        match = FILTER.fullmatch(line)
        if not match:
            text = f"“{line[:60]}” is no condition. Write such as year>=2024 or region=EU|US."
            raise Invalid(text, fields={"filters": text})
        how, values = match[2], tuple(one.strip() for one in match[3].split("|"))
        if len(values) > 1 and how not in ("=", "!="):
            text = f"“{line[:60]}” compares with several values; only = and != can."
            raise Invalid(text, fields={"filters": text})
        found.append(Wanted(match[1], how, values))
    return found


def values_of(key: str, prefix: str) -> dict[str, str | None]:
    """The values that the folders of an object below the prefix state."""
    folders = key.removeprefix(prefix).split("/")[:-1]
    # The prefix may itself end inside such folders.
    folders = prefix.split("/")[:-1] + folders
    pairs = [one.partition("=") for one in folders if "=" in one]
    return {unquote(name): None if value == NONE else unquote(value) for name, _, value in pairs if name}


def is_wanted(values: Mapping[str, str | None], filters: Sequence[Wanted]) -> bool:
    """Whether all conditions hold; one about a folder that is not there is a mistake."""
    for one in filters:
        if one.name not in values:
            there = ", ".join(values) or "none"
            text = f"There is no folder “{one.name[:60]}=…”; there is {there[:200]}."
            raise Invalid(text, fields={"filters": text})
    return all(one.holds(values[one.name]) for one in filters)


def kinds_of(found: Sequence[Mapping[str, str | None]]) -> dict[str, str]:
    """One type for each folder: whole numbers or days where all its values are, as `07` is text."""
    kinds = {}
    for name in {name: None for values in found for name in values}:
        texts = [values[name] for values in found if values.get(name) is not None]
        whole = bool(texts) and all(WHOLE.fullmatch(text or "") and text != "-0" for text in texts)
        days = bool(texts) and all(DAY.fullmatch(text or "") for text in texts)
        kinds[name] = "integer" if whole else "date" if days and _are_days(texts) else "text"
    return kinds


def _are_days(texts: Sequence[str | None]) -> bool:
    from datetime import date

    try:
        return all(date.fromisoformat(text or "") for text in texts)
    except ValueError:
        return False


def with_values(path: Path, values: Mapping[str, str | None], kinds: Mapping[str, str]) -> Iterator[Any]:
    """The batches of a typed table with the values of its folders as further columns."""
    import pyarrow as pa

    from datasets.reading.cells import ARROW
    from storage import tables

    for batch in tables.read_batches(path):
        arrays, names = list(batch.columns), list(batch.schema.names)
        for name, kind in kinds.items():
            text = pa.array([values.get(name)], pa.string()).cast(ARROW[kind])
            arrays.append(pa.repeat(text[0], batch.num_rows))
            names.append(name)
        yield pa.RecordBatch.from_arrays(arrays, names=names)
