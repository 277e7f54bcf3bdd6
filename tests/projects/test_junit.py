"""A gate as JUnit XML: what blocks has failed, what was waived is skipped, and any text is XML."""

from xml.etree import ElementTree

from projects.junit import report

CHECKS = [
    {"key": "targets", "name": "Targets", "state": "pass", "text": "All met."},
    {"key": "groups", "name": "Groups <&\x01>", "state": "fail", "text": "“a” is treated otherwise."},
    {"key": "speed", "name": "Speed", "state": "fail", "text": "Too slow."},
    {"key": "size", "name": "Size", "state": "warn", "text": "Large."},
]
WAIVER = {"check": "speed", "kind": "waived", "by": "Ada", "reason": "A week.", "counts": True}
GATE = {
    "subject": "churn v3",
    "environment": "production",
    "checks": CHECKS,
    "waivers": [WAIVER, WAIVER | {"check": "groups", "counts": False}],
    "roles": ["ml_engineer", "business_analyst"],
    "signatures": [{"role": "ml_engineer", "counts": True}],
    "blocked_by": ["check:groups: “a” is treated otherwise.", "warning:size", "signature:business_analyst"],
}


def test_what_blocks_has_failed_and_what_was_waived_is_skipped() -> None:
    suites = ElementTree.fromstring(report(GATE, lambda text: text.replace("“a”", "hidden")).encode())
    cases = {case.get("name"): [part.tag for part in case] for case in suites.iter("testcase")}
    assert cases == {
        "Targets": ["system-out"],
        "Groups <&\N{REPLACEMENT CHARACTER}>": ["failure"],
        "Speed": ["skipped"],
        "Size": ["failure"],
        "ml_engineer": [],
        "business_analyst": ["failure"],
    }
    assert suites.attrib == {"tests": "6", "failures": "3", "errors": "0", "skipped": "1"}
    assert next(one.get("message") for one in suites.iter("failure")) == "hidden is treated otherwise."
    assert "waived by Ada: A week." in [one.get("message") for one in suites.iter("skipped")]


def test_a_closed_gate_has_failed() -> None:
    shut = GATE | {"checks": [], "roles": [], "blocked_by": ["gate:refused"]}
    suites = ElementTree.fromstring(report(shut).encode())
    assert suites.get("failures") == "1"
