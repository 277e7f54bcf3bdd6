"""PURE: how a delimited file is laid out: delimiter, quote, line ends, header, trailing delimiters; found or stated."""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import islice

from datasets.reading.findings import Findings
from datasets.reading.options import DELIMITER_WORDS, DELIMITERS, QUOTE_BYTES, QUOTES, Options
from datasets.reading.records import NO_DELIMITER, Dialect, Record, all_records, is_blank

SAMPLE_RECORDS = 500
NUMBER = re.compile(rb"\s*[-+]?(\d+([.,]\d*)?|[.,]\d+)([eE][-+]?\d+)?\s*%?\s*")
DATE = re.compile(rb"\s*\d{1,4}[-/.]\d{1,2}[-/.]\d{1,4}([ T]\d.*)?\s*")


@dataclass(frozen=True)
class Layout:
    """What the scanner needs: bytes of structure, header or not, columns kept, and whether one empty cell trails.

    `strict` says what a filled trailing cell means: a refused row (the header names fewer columns), or a mistake of
    ours (the header itself ended in a delimiter), after which the file is read again with that column kept. `fill`
    lets rows end early, because the person who uploads said so.
    """

    dialect: Dialect
    has_header: bool
    width: int
    trailing: bool = False
    strict: bool = False
    fill: bool = False

    @property
    def cells(self) -> int:
        """How many cells a row must have."""
        return self.width + self.trailing

    def fits(self, cells: int) -> bool:
        """Whether a row of so many cells can be kept."""
        return cells == self.cells or (self.fill and cells < self.cells)

    def keeping_last(self) -> "Layout":
        """The same layout with the trailing cell as a column."""
        return replace(self, width=self.width + 1, trailing=False)


def find(sample: bytes, whole: bool, options: Options, findings: Findings) -> Layout:
    """The layout of the file whose beginning is `sample` (`whole`: it is all of it)."""
    dialect, records = _dialect(sample, whole, options)
    rows = [record.cells for record in records]
    _tell_dialect(dialect, sample, options, findings)
    if not rows:
        return Layout(dialect, False, 0)
    has_header = _header(rows, options, findings)
    layout = Layout(dialect, has_header, _width(rows, has_header), fill=options.short_rows == "fill")
    return _trailing(layout, rows, findings)


def _width(rows: list[list[bytes]], has_header: bool) -> int:
    return len(rows[0]) if has_header else Counter(len(cells) for cells in rows).most_common(1)[0][0]


def _trailing(layout: Layout, rows: list[list[bytes]], findings: Findings) -> Layout:
    """The layout with its trailing delimiter, if rows have one."""
    body = rows[1:] if layout.has_header else rows
    longer = [cells for cells in body if len(cells) == layout.width + 1]
    filled = sum(bool(cells[-1]) for cells in longer)
    if layout.has_header and len(longer) * 2 > len(body) and filled * 5 <= len(longer):
        text = "Rows end in a delimiter that the header does not have. Cells were kept under their own names."
        findings.guess("trailing delimiter", "yes", text, sure=True)
        return replace(layout, trailing=True, strict=True)
    nameless = not layout.has_header or not rows[0][-1].strip()
    full = [cells for cells in body if len(cells) == layout.width]
    if layout.width > 1 and nameless and full and not any(cells[-1] for cells in full):
        return replace(layout, width=layout.width - 1, trailing=True)
    return layout


def _dialect(sample: bytes, whole: bool, options: Options) -> tuple[Dialect, list[Record]]:
    quote = QUOTE_BYTES[options.quote] if options.quote else _quote(sample)
    stated = DELIMITERS.get(options.delimiter, "").encode()
    candidates = [stated] if stated else [mark.encode() for mark in DELIMITER_WORDS]
    best = (0.0, 1, Dialect(stated or NO_DELIMITER, quote))
    for mark in candidates:
        dialect = Dialect(mark, quote)
        score, width = _score(_records(sample, dialect, whole=whole))
        if width > 1 and (score, width) > best[:2]:
            best = (score, width, dialect)
    return best[2], _records(sample, best[2], whole=whole)


def _records(sample: bytes, dialect: Dialect, *, whole: bool) -> list[Record]:
    """The first rows; blank lines are none."""
    records = all_records(sample, dialect, final=whole)
    return list(islice((record for record in records if not is_blank(sample, record, 2)), SAMPLE_RECORDS))


def _score(records: Sequence[Record]) -> tuple[float, int]:
    """The share of rows that have the commonest number of cells, and that number; the first row counts double."""
    rows = [record.cells for record in records]
    if not rows:
        return 0.0, 1
    widths = Counter(len(cells) for cells in rows)
    width, count = max(widths.items(), key=lambda pair: (pair[1], len(rows[0]) == pair[0], pair[0]))
    share = count / len(rows)
    if len(rows[0]) not in (width, width - 1):
        share /= 2
    return round(share, 2), width


def _quote(sample: bytes) -> bytes:
    """The double quote, unless only single quotes enclose cells."""
    edge = rb"(?:^|[,;\t|\r\n])"
    if re.search(edge + rb'"', sample):
        return b'"'
    opening = len(re.findall(edge + rb"'", sample))
    closing = len(re.findall(rb"'(?=[,;\t|\r\n]|$)", sample))
    enclosed = len(re.findall(edge + rb"'[^'\r\n]*'(?=[,;\t|\r\n]|$)", sample))
    return b"'" if enclosed >= 2 and enclosed * 10 >= max(opening, closing) * 5 else b'"'


def _tell_dialect(dialect: Dialect, sample: bytes, options: Options, findings: Findings) -> None:
    if dialect.delimiter == NO_DELIMITER:
        findings.guess("delimiter", "none", "No delimiter found; every line is one cell.", sure=False)
    else:
        word = DELIMITER_WORDS[dialect.delimiter.decode()]
        how = "Stated at the upload" if options.delimiter else "Found by the cells that line up"
        findings.guess("delimiter", word, f"{how}: {word}.", sure=bool(options.delimiter))
    if options.quote:
        findings.guess("quote", options.quote, f"Stated at the upload: {QUOTES[options.quote]}.", sure=True)
    elif dialect.quote == b"'":
        findings.guess("quote", "single", "Cells are enclosed in single quotes.", sure=False)
    crlf, lf, cr = sample.count(b"\r\n"), sample.count(b"\n"), sample.count(b"\r")
    kinds = [("CR LF", crlf), ("LF", lf - crlf), ("CR", cr - crlf)]
    word = max(kinds, key=lambda pair: pair[1])[0] if lf or cr else "none"
    findings.guess("line ends", word, f"Lines end in {word}." if word != "none" else "There is one line.", sure=True)


def _header(rows: list[list[bytes]], options: Options, findings: Findings) -> bool:
    if options.header:
        has_header = options.header == "yes"
        findings.guess("header", options.header, "Stated at the upload.", sure=True)
        return has_header
    has_header, why = looks_like_header(rows[0], rows[1:])
    text = f"The first row {'holds the names' if has_header else 'is data, so columns are numbered'}: {why}."
    findings.guess("header", "yes" if has_header else "no", text, sure=False)
    return has_header


def looks_like_header(first: list[bytes], below: list[list[bytes]]) -> tuple[bool, str]:
    """Whether the first row holds names rather than data, and the evidence in words."""
    if not below:
        data = any(_is_data(cell) for cell in first)
        return not data, "it holds numbers or dates" if data else "it holds words only"
    for_names = for_data = repeats = 0
    for column, name in enumerate(first):
        cells = [row[column] for row in below if column < len(row) and row[column].strip()]
        typed = bool(cells) and sum(map(_is_data, cells)) * 10 >= len(cells) * 9
        if _is_data(name):
            for_data += typed
        elif typed and name.strip():
            for_names += 1
        repeats += bool(name.strip()) and name in cells
    if for_names or for_data:
        decided = for_names > for_data
        return decided, "words stand above numbers" if decided else "it holds numbers like the rows below"
    if repeats * 2 >= len([name for name in first if name.strip()]) > 0:
        return False, "its words come again in the rows below"
    return True, "its words do not come again below"


def _is_data(cell: bytes) -> bool:
    return bool(NUMBER.fullmatch(cell) or DATE.fullmatch(cell))
