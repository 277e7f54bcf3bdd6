"""PURE: the family of readers: one file for each format, one line for each file."""

from collections.abc import Callable
from pathlib import Path

from datasets.reading import (
    delimited,
    html_tables,
    json_rows,
    logs,
    old_sheets,
    parquet,
    sheets,
    sqlite_tables,
    xml_rows,
)
from datasets.reading.findings import Findings
from datasets.reading.options import Options
from datasets.reading.tables import Written
from jobs.report import Report

Reader = Callable[[Path, Options, Path, Findings, Report], Written]

READERS: dict[str, tuple[str, Reader]] = {
    "delimited": ("Delimited text", delimited.read),
    "json": ("JSON", json_rows.read_document),
    "json_lines": ("JSON lines", json_rows.read_lines),
    "xlsx": ("Excel workbook", sheets.read),
    "xls": ("Excel workbook (.xls)", old_sheets.read),
    "parquet": ("Parquet", parquet.read),
    "xml": ("XML", xml_rows.read),
    "html": ("Web page", html_tables.read),
    "sqlite": ("SQLite database", sqlite_tables.read),
    "log": ("Log", logs.read),
}
