"""PURE: what the person who uploads may say about a file instead of having it guessed."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from problems.problem import Invalid

DELIMITERS = {"comma": ",", "semicolon": ";", "tab": "\t", "pipe": "|"}
DELIMITER_WORDS = {",": "comma", ";": "semicolon", "\t": "tab", "|": "pipe"}
ENCODINGS = {
    "utf-8": "UTF-8",
    "utf-16-le": "UTF-16 little-endian",
    "utf-16-be": "UTF-16 big-endian",
    "windows-1252": "Windows-1252 (Western European)",
    "iso-8859-1": "ISO 8859-1 (Latin-1)",
    "iso-8859-2": "ISO 8859-2 (Central European)",
    "windows-1250": "Windows-1250 (Central European)",
    "windows-1251": "Windows-1251 (Cyrillic)",
    "shift_jis": "Shift-JIS (Japanese)",
    "gb18030": "GB 18030 (Chinese)",
    "euc-kr": "EUC-KR (Korean)",
    "mac-roman": "Mac Roman",
}
FORMATS = {
    "delimited": "Rows of cells (CSV, TSV)",
    "json": "JSON document",
    "json_lines": "JSON lines",
    "xml": "XML",
    "html": "Web page with tables",
    "log": "Log, line by line",
}
QUOTES = {"double": 'Double quotes, "a"', "single": "Single quotes, 'a'", "none": "Nothing; quotes are text"}
QUOTE_BYTES = {"double": b'"', "single": b"'", "none": b""}
HEADERS = {"yes": "The first row holds the names", "no": "The first row is data"}
DECIMALS = {"point": "Point, as in 1.5", "comma": "Comma, as in 1,5"}
SHORT_ROWS = {"refuse": "Leave them out and list them", "fill": "Fill them up with missing cells at their end"}
NESTED = {
    "columns": "Objects become columns named by their path; lists stay text",
    "all": "Objects and lists become columns named by their path",
    "text": "Whatever is nested stays text, as JSON",
}
PATTERNS = {
    "combined": "Combined log format (web server, with referrer and browser)",
    "common": "Common log format (web server)",
    "custom": "A regular expression of your own",
}
ARCHIVES = {
    "tables": "Tables",
    "images": "Pictures: one row for each, with size and hash",
    "texts": "Texts: one row for each, with its content",
}
CHOICES: dict[str, dict[str, str]] = {
    "format": FORMATS,
    "delimiter": DELIMITERS,
    "quote": QUOTES,
    "encoding": ENCODINGS,
    "header": HEADERS,
    "decimal": DECIMALS,
    "short_rows": SHORT_ROWS,
    "nested": NESTED,
    "pattern": PATTERNS,
    "archive": ARCHIVES,
}
COUNTS = {"preamble": "Lines before the table", "summary_rows": "Summary rows at the end"}
TEXTS = {
    "sheet": "Sheet",
    "table": "Table",
    "member": "File in the archive",
    "records": "Where the records are",
    "regex": "Regular expression",
}
TYPES = {
    "integer": "whole number",
    "number": "number",
    "boolean": "true or false",
    "text": "text",
    "date": "date",
    "datetime": "date and time",
}
EDGES = {"preamble", "summary_rows"}
ANY_TEXT = {"format", "encoding"}
# What may be stated for each format; anything else that was stated is told to have had no meaning.
MEANINGFUL: dict[str, set[str]] = {
    "delimited": ANY_TEXT | EDGES | {"delimiter", "quote", "header", "decimal", "short_rows"},
    "json": ANY_TEXT | {"nested", "records"},
    "json_lines": ANY_TEXT | {"nested"},
    "xlsx": EDGES | {"sheet", "header"},
    "xls": EDGES | {"sheet", "header"},
    "parquet": set(),
    "xml": {"format", "nested", "records", "decimal"},
    "html": ANY_TEXT | EDGES | {"table", "header", "decimal", "short_rows"},
    "sqlite": {"table"},
    "zip": {"archive", "member", "encoding"},
    "log": ANY_TEXT | {"pattern", "regex", "preamble", "decimal"},
}
MOST_LINES = 10_000
LONGEST = 1_000
EVERY_MEMBER = "*"


@dataclass(frozen=True)
class Options:
    """Empty means: find out, and say what was found. `types` states the type of single columns by their names."""

    format: str = ""
    delimiter: str = ""
    quote: str = ""
    encoding: str = ""
    header: str = ""
    decimal: str = ""
    short_rows: str = ""
    nested: str = ""
    pattern: str = ""
    archive: str = ""
    preamble: str = ""
    summary_rows: str = ""
    sheet: str = ""
    table: str = ""
    member: str = ""
    records: str = ""
    regex: str = ""
    types: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, given: Mapping[str, Any]) -> "Options":
        """Checked options; an unknown name or value is refused beside its field."""
        wrong: dict[str, str] = {}
        kept: dict[str, Any] = {}
        for name, value in given.items():
            if fault := _fault(name, value):
                wrong[name] = fault
            elif name == "types":
                kept[name] = {column: kind for column, kind in (value or {}).items() if kind}
            else:
                kept[name] = str(value) if value not in ("", None) else ""
        if kept.get("pattern") == "custom" and not kept.get("regex"):
            wrong["regex"] = "A pattern of your own needs its regular expression."
        if wrong:
            raise Invalid("An option of the upload is wrong. " + " ".join(wrong.values()), fields=wrong)
        return cls(**kept)

    def as_dict(self) -> dict[str, Any]:
        """Only what was said."""
        return {name: value for name, value in asdict(self).items() if value}

    def lines(self, name: str) -> int:
        """One of the counts as a number."""
        return int(getattr(self, name) or 0)


def _fault(name: str, value: Any) -> str:
    """What is wrong with one option; empty when nothing is."""
    if name == "types":
        return _fault_of_types(value)
    if name not in CHOICES and name not in COUNTS and name not in TEXTS:
        return f"There is no option “{name}”. There are: {', '.join([*CHOICES, *COUNTS, *TEXTS, 'types'])}."
    if value in ("", None):
        return ""
    if name in CHOICES:
        known = isinstance(value, str) and value in CHOICES[name]
        return "" if known else f"“{value}” is not one of: {', '.join(CHOICES[name])}."
    if name in COUNTS:
        return _fault_of_count(name, str(value))
    if not isinstance(value, str) or len(value) > LONGEST or "\0" in value:
        return f"{TEXTS[name]} is a text of at most {LONGEST} characters."
    return ""


def _fault_of_count(name: str, value: str) -> str:
    fits = value.isascii() and value.isdigit() and len(value) < 6 and int(value) <= MOST_LINES
    return "" if fits else f"{COUNTS[name]}: a number from 0 to {MOST_LINES}."


def _fault_of_types(value: Any) -> str:
    if value in ("", None):
        return ""
    if not isinstance(value, Mapping):
        return "Types are an object of column names and types."
    wrong = [str(kind) for kind in value.values() if kind and (not isinstance(kind, str) or kind not in TYPES)]
    return f"“{wrong[0]}” is not a type. There are: {', '.join(TYPES)}." if wrong else ""
