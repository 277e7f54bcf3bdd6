"""The table in `docs/reading.md`: every messy and relational sample file, read here and now; it is written by this test.

Run `python -m tests.datasets.reading.test_reading_table DATA` from the root to write it anew after a change that is meant.
"""

import sys
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest

from datasets.reading.engine import look
from jobs.report import Silent

PAGE = Path(__file__).resolve().parents[3] / "docs" / "reading.md"
BEGIN, END = "<!-- the table below is written by tests/datasets/reading/test_reading_table.py -->", "<!-- end -->"
HEAD = "| File | Stated | Read as | Rows | Columns | Refused | First reason |\n|---|---|---|---:|---:|---:|---|"
# What a person states after the first look, for files that need it or hold more than one table.
STATED: dict[str, list[dict[str, Any]]] = {
    "messy/montreal_bikes_latin1.csv": [{"short_rows": "fill"}],
    "messy/olympics.csv": [{"preamble": "1"}],
    "messy/superstore.xls": [{"sheet": "Returns"}, {"sheet": "People"}],
    "messy/survey_messy.xls": [{"sheet": "2014"}, {"sheet": "dates"}],
    "messy/university_towns.txt": [{"header": "no"}],
    "messy/edge_cases/test_extra_header.csv": [{"short_rows": "fill"}],
    "messy/edge_cases/test_skip_lines.xlsx": [{"preamble": "3"}],
    "messy/edge_cases/testjson_nested.json": [{"nested": "text"}],
    "messy/books.jsonl": [{"nested": "text"}],
    "messy/userdata1.csv": [{"types": {"id": "text"}}],
    "relational/chinook.sqlite": [{"table": "Customer"}, {"table": "InvoiceLine"}, {"table": "Track"}],
}


def files(data: Path) -> list[Path]:
    return [path for name in ("messy", "relational") for path in sorted((data / name).rglob("*")) if path.is_file()]


def rows(data: Path, name: str) -> Iterator[str]:
    """The lines of one file: as it is, and with what is stated."""
    for options in [{}, *STATED.get(name, [])]:
        yield row(data / name, name, options)


def row(path: Path, name: str, options: dict[str, Any]) -> str:
    with TemporaryDirectory() as folder:
        answer = look({"source": str(path), "options": options}, Path(folder), Silent())
    types = [f"{column} is {kind}" for column, kind in options.get("types", {}).items()]
    plain = [f"{key.replace('_', ' ')} {value}" for key, value in options.items() if key != "types"]
    stated = ", ".join(plain + types) or "nothing"
    report = answer["report"]
    if "refusal" in answer:
        reason = answer["refusal"]["text"]
        return line(name, stated, report["format"] or "not recognised", "none", "", "all", reason)
    first = report["refused"][0] if report["refused"] else None
    reason = f"line {first['line']}: {first['reason']}" if first else ""
    columns = str(len(answer["schema"]))
    return line(name, stated, how(report), str(answer["rows"]), columns, str(answer["refused_rows"]), reason)


def how(report: dict[str, Any]) -> str:
    """The format, and the guesses that say most about the file."""
    told = ("encoding", "delimiter", "quote", "header", "sheet", "table", "records", "pattern", "member")
    said = [f"{guess['what']} {guess['value']}" for guess in report["guesses"] if guess["what"] in told]
    return f"{report['format']}: {', '.join(said)}" if said else str(report["format"])


def line(*cells: str) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|").replace("\n", " ") for cell in cells) + " |"


def written() -> list[str]:
    """The lines of the table as they stand in the page."""
    return PAGE.read_text().split(BEGIN)[1].split(END)[0].strip().splitlines()[2:]


def name_of(line: str) -> str:
    return line.split(" | ")[0].removeprefix("| ")


def write(data: Path) -> None:
    text = PAGE.read_text()
    table = "\n".join([HEAD, *(line for path in files(data) for line in rows(data, str(path.relative_to(data))))])
    PAGE.write_text(f"{text.split(BEGIN)[0]}{BEGIN}\n\n{table}\n\n{END}{text.split(END)[1]}")


@pytest.mark.parametrize("name", sorted({name_of(line) for line in written()}))
def test_the_table_says_what_reading_does_with_this_file(sample_data: Path, name: str) -> None:
    if not (sample_data / name).is_file():
        pytest.skip(f"the sample data has no {name}")
    kept = [line for line in written() if name_of(line) == name]
    assert list(rows(sample_data, name)) == kept, "run this file as a module to write the table anew, and look at it"


def test_every_sample_file_stands_in_the_table(sample_data: Path) -> None:
    if not files(sample_data):
        pytest.skip("the sample data has no folders messy and relational")
    assert {str(path.relative_to(sample_data)) for path in files(sample_data)} == set(map(name_of, written()))


if __name__ == "__main__":
    write(Path(sys.argv[1]))
