"""PURE: a gate as a JUnit XML report, which build servers show: a case for each check and each signature."""

from collections.abc import Callable, Mapping
from typing import Any
from xml.sax.saxutils import escape, quoteattr

FORBIDDEN = {code: "\N{REPLACEMENT CHARACTER}" for code in (*range(9), 11, 12, *range(14, 32), 0xFFFE, 0xFFFF)}


def report(gate: Mapping[str, Any], said: Callable[[str], str] = str) -> str:
    """The report. A check passes, fails, or is skipped because somebody waived or accepted it and said why.

    `gate` is as REST shows it; `said` cleans sentences of what the reader must not see.
    """
    settled = {one["check"]: one for one in gate["waivers"] if one["counts"]}
    signed = {one["role"] for one in gate["signatures"] if one["counts"]}
    blocked = {one.partition(": ")[0] for one in gate["blocked_by"]}
    cases = [_check(check, settled.get(check["key"]), blocked, said) for check in gate["checks"]]
    cases += [
        _case("signature", role, "" if role in signed else _failure("It has not signed.")) for role in gate["roles"]
    ]
    if closed := [one for one in blocked if one.startswith("gate:")]:
        cases.append(_case("gate", "open", _failure(f"It is {closed[0].partition(':')[2]}.")))
    failures, skipped = (sum(f"<{word}" in case for case in cases) for word in ("failure", "skipped"))
    name = quoteattr(_plain(f"{gate['subject']} to {gate['environment']}"))
    counts = f'tests="{len(cases)}" failures="{failures}" errors="0" skipped="{skipped}"'
    head = '<?xml version="1.0" encoding="UTF-8"?>\n'
    return (
        f"{head}<testsuites {counts}>\n<testsuite name={name} {counts}>\n{''.join(cases)}</testsuite>\n</testsuites>\n"
    )


def _check(
    check: Mapping[str, Any], waiver: Mapping[str, Any] | None, blocked: set[str], said: Callable[[str], str]
) -> str:
    key, words = check["key"], said(str(check.get("text") or check.get("quote") or check["state"]))
    if {f"check:{key}", f"warning:{key}"} & blocked:
        return _case("check", said(check["name"]), _failure(words))
    if waiver is not None and check["state"] != "pass":
        told = f"{waiver['kind']} by {waiver['by']}: {said(waiver['reason'])}"
        return _case("check", said(check["name"]), f"<skipped message={quoteattr(_plain(told))}/>")
    return _case("check", said(check["name"]), f"<system-out>{escape(_plain(words))}</system-out>")


def _failure(words: str) -> str:
    return f"<failure message={quoteattr(_plain(words))}/>"


def _case(group: str, name: str, inside: str) -> str:
    return f'<testcase classname="{group}" name={quoteattr(_plain(name))}>{inside}</testcase>\n'


def _plain(text: str) -> str:
    """Without what XML cannot hold."""
    return text.translate(FORBIDDEN)
