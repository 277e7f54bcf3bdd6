"""PURE: the entry of the ingestion job's child: a file in, a typed table with its report and profile out."""

from pathlib import Path
from typing import Any

from datasets.profiling import summary
from datasets.reading import bundles, formats, tars
from datasets.reading.catalog import READERS
from datasets.reading.findings import Findings
from datasets.reading.options import MEANINGFUL, Options
from datasets.reading.tables import Written
from jobs.report import Report
from problems.problem import Problem


def run(spec: dict[str, Any], folder: Path, report: Report) -> dict[str, Any]:
    """Read `spec["source"]` with `spec["options"]`.

    Returns the name of the Parquet file in `folder`, rows, refused rows, schema, profile and the report of the reading.
    Raises a Problem that says what and where when the file cannot become a table.
    """
    return _read(spec, Findings(), folder, report)


def look(spec: dict[str, Any], folder: Path, report: Report) -> dict[str, Any]:
    """The same as `run`, for a person who decides afterwards: a refusal comes back with what was found before it."""
    findings = Findings()
    try:
        return _read(spec, findings, folder, report)
    except Problem as problem:
        told = {"text": problem.text, "code": problem.code, "fields": problem.fields}
        return {"refusal": told, "report": findings.as_dict(0, {})}


def _read(spec: dict[str, Any], findings: Findings, folder: Path, report: Report) -> dict[str, Any]:
    source, options = Path(spec["source"]), Options.of(spec.get("options", {}))
    findings.size = source.stat().st_size
    kind = formats.format_of(source, options)
    packed = kind == "gzip"
    if packed:
        source = formats.unpack(source, folder / "unpacked", report)
        kind = formats.format_of(source, options)
    if kind == "tar":
        source = tars.as_zip(source, folder / "members", report)
        written = bundles.read(source, options, folder, findings, report)
        findings.format = tars.told(findings.format)
    elif kind == "zip":
        written = bundles.read(source, options, folder, findings, report)
    else:
        words, read = READERS[kind]
        findings.format = f"{words}, packed with gzip" if packed else words
        _tell_format(kind, options, findings)
        written = read(source, options, folder, findings, report)
    report.log(f"{findings.format}: {written.rows} rows kept, {findings.refusals.count} refused.")
    profile = summary.profile(written.path, written.schema, folder, report)
    _nullable_by_profile(written, profile)
    return {
        "table": str(written.path.relative_to(folder)),
        "rows": written.rows,
        "refused_rows": findings.refusals.count,
        "schema": written.schema,
        "profile": profile,
        "report": findings.as_dict(written.rows, written.notes),
    }


def _tell_format(kind: str, options: Options, findings: Findings) -> None:
    """Say what the file is taken for, and what was stated in vain."""
    findings.kind = kind
    vain = [name for name in options.as_dict() if name not in MEANINGFUL[kind] | {"types"}]
    if vain:
        words = ", ".join(name.replace("_", " ") for name in vain)
        findings.notes.append(f"Stated, but without meaning for this format: {words}.")


def _nullable_by_profile(written: Written, profile: dict[str, Any]) -> None:
    """Two ways of counting missing cells must agree before a version is made of them."""
    for column, summed in zip(written.columns, profile["columns"], strict=True):
        counted = column.notes.empty + column.notes.blank
        if counted != summed["missing"]:
            raise AssertionError(f"{column.name}: {counted} missing cells were read, {summed['missing']} were stored")
