"""What holds for any table: it reads back equal, no row is lost, and the fast way agrees with the slow one."""

import csv
import io
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from datasets.reading import delimited
from datasets.reading.blocks import Scanner
from datasets.reading.dialects import Layout
from datasets.reading.findings import Findings
from datasets.reading.options import DELIMITERS, Options
from datasets.reading.records import Dialect, OpenQuote, count_lines, is_blank, record_at
from datasets.reading.rows import TrailingCellFilled, fault_of
from jobs.report import Silent
from problems.problem import Problem
from storage import tables

CELLS = st.text(
    st.one_of(
        st.sampled_from(list("ab01 ,;\t|\"'\r\n.-+eENA")),
        st.characters(exclude_categories=("Cs",), exclude_characters="\0\x1f"),
    ),
    max_size=8,
)
TABLES = st.integers(1, 5).flatmap(
    lambda width: st.lists(st.lists(CELLS, min_size=width, max_size=width), min_size=1, max_size=12)
)


def written(rows: list[list[str]], delimiter: str, quote: str, end: str, quoting: int) -> bytes:
    text = io.StringIO(newline="")
    writer = csv.writer(text, delimiter=delimiter, quotechar=quote, lineterminator=end, quoting=quoting)
    careful = csv.writer(text, delimiter=delimiter, quotechar=quote, lineterminator=end, quoting=csv.QUOTE_ALL)
    for row in rows:  # Python's writer leaves line ends bare that are not its own
        (careful if any("\r" in cell or "\n" in cell for cell in row) else writer).writerow(row)
    return text.getvalue().encode("utf-8")


@settings(max_examples=120, deadline=None)
@given(
    rows=TABLES,
    delimiter=st.sampled_from(list(DELIMITERS.values())),
    end=st.sampled_from(["\n", "\r\n", "\r"]),
    quoting=st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL, csv.QUOTE_NONNUMERIC]),
    block=st.sampled_from([1 << 20, 64, 17]),
)
@example(rows=[["\ufeff"]], delimiter=",", end="\n", quoting=csv.QUOTE_MINIMAL, block=64)
@example(rows=[["a\r"], ["\n"]], delimiter=",", end="\r\n", quoting=csv.QUOTE_MINIMAL, block=17)
def test_any_table_of_texts_reads_back_equal(
    rows: list[list[str]], delimiter: str, end: str, quoting: int, block: int
) -> None:
    content = written(rows, delimiter, '"', end, quoting)
    layout = Layout(Dialect(delimiter.encode()), has_header=False, width=len(rows[0]))
    read, findings = scanned(content, layout, block)
    expected = [[cell or None for cell in row] for row in rows]
    assert read == expected
    assert findings.refusals.count == 0


def scanned(content: bytes, layout: Layout, block: int = 1 << 20) -> tuple[list[list[str | None]], Findings]:
    findings = Findings()
    with TemporaryDirectory() as folder:
        place = Path(folder) / "text"
        place.write_bytes(content)
        scanner = Scanner(place, layout, findings, start=0, line=1, block=block)
        rows = [list(row.values()) for batch in scanner.batches() for row in batch.to_pylist()]
    return rows, findings


RAW = st.lists(
    st.sampled_from(
        [b"a", b"1", b",", b",", b'"', b'""', b"\n", b"\n", b"\r\n", b"\r", b" ", b"\0", b"\xc3\xa9", b"\xff", b"xyz"]
    ),
    min_size=1,
    max_size=60,
).map(b"".join)


def slowly(content: bytes, layout: Layout) -> tuple[list[list[str | None]], list[tuple[int, str]], int]:
    """The reference: the grammar alone, record by record."""
    position, line, blank = 0, 1, 0
    rows: list[list[str | None]] = []
    refused: list[tuple[int, str]] = []
    while position < len(content):
        record = record_at(content, position, layout.dialect, final=True)
        assert record is not None
        if is_blank(content, record, layout.width):
            blank += 1
        elif fault := record.fault or fault_of(record.cells, layout):
            refused.append((line, fault))
        else:
            cells = [cell.decode() or None for cell in record.cells]
            rows.append([*cells, *[None] * layout.cells][: layout.width])
        line += count_lines(content[position : record.end])
        position = record.end
    return rows, refused, blank


@settings(max_examples=500, deadline=None)
@given(
    content=RAW,
    width=st.integers(1, 3),
    trailing=st.booleans(),
    fill=st.booleans(),
    block=st.sampled_from([1 << 20, 16, 5]),
)
@example(content=b'"a\n",1\n\r\n,"\n', width=2, trailing=False, fill=False, block=5)
@example(content=b"a,1\r", width=2, trailing=False, fill=False, block=4)
def test_the_fast_way_and_the_slow_way_agree_on_any_bytes(
    content: bytes, width: int, trailing: bool, fill: bool, block: int
) -> None:
    layout = Layout(Dialect(b","), has_header=False, width=width, trailing=trailing, strict=True, fill=fill)
    try:
        expected = slowly(content, layout)
    except OpenQuote:
        with pytest.raises(Problem, match="never closed"):
            scanned(content, layout, block)
        return
    rows, findings = scanned(content, layout, block)
    assert (rows, [(one.line, one.reason) for one in findings.refusals.listed], findings.blank_lines) == expected
    assert findings.lines == count_lines(content) + (not content.endswith((b"\n", b"\r")))


@settings(max_examples=120, deadline=None)
@given(content=RAW, block=st.sampled_from([1 << 20, 8]))
def test_a_trailing_column_that_turns_out_filled_is_noticed_by_both_ways(content: bytes, block: int) -> None:
    layout = Layout(Dialect(b","), has_header=False, width=1, trailing=True, strict=False)
    noticed: list[bool | None] = []
    for way in (lambda: slowly(content, layout), lambda: scanned(content, layout, block)):
        try:
            way()
            noticed.append(False)
        except TrailingCellFilled:
            noticed.append(True)
        except (OpenQuote, Problem):
            noticed.append(None)
    if None not in noticed:
        assert noticed[0] == noticed[1]


@settings(max_examples=100, deadline=None)
@given(rows=TABLES, delimiter=st.sampled_from(sorted(DELIMITERS)), header=st.sampled_from(["yes", "no"]))
def test_no_row_is_lost_and_every_value_is_what_was_written(rows: list[list[str]], delimiter: str, header: str) -> None:
    names = [[f"n{i}" for i in range(len(rows[0]))]] if header == "yes" else []
    content = written(names + rows, DELIMITERS[delimiter], '"', "\n", csv.QUOTE_ALL)
    assume(content.strip())
    findings = Findings()
    with TemporaryDirectory() as folder:
        place = Path(folder) / "upload"
        place.write_bytes(content)
        options = Options(delimiter=delimiter, header=header)
        done = delimited.read(place, options, Path(folder), findings, Silent())
        table = tables.read(done.path).to_pylist()
    assert done.rows + findings.refusals.count == len(rows)
    assert findings.refusals.count == 0
    for row, given_row in zip(table, rows, strict=True):
        for value, cell in zip(row.values(), given_row, strict=False):
            if value is None:
                assert not cell.strip()
            elif isinstance(value, str):
                assert value == cell
            elif isinstance(value, bool):
                assert str(value).lower() == cell.strip().lower()
            elif isinstance(value, int):
                assert str(value) == cell.strip()
            elif isinstance(value, float):
                assert value == float(cell.strip().replace(",", "."))
