"""Answers that a decision policy gave are measured as they were given, and the window says which policies those were."""

from typing import Any

import orjson
import pyarrow as pa
import pytest

from deployments.sealing import SCHEMA
from monitoring.pages.reading import _by_policy
from monitoring.performance import measured
from monitoring.window import Live

SIGNATURE: dict[str, Any] = {"kind": "binary", "positive": "yes", "negative": "no", "threshold": 0.5, "inputs": []}
REFERENCE = {
    "rows": 100,
    "inputs": [],
    "answers": {"edges": [None, 0.5, None], "shares": [0.5, 0.5], "positive_share": 0.5},
    "metrics": {},
}


def row(chance: float, answer: str, policy: int | None, decision: str, outcome: str = "yes") -> dict[str, Any]:
    return {
        "row": orjson.dumps({}).decode(),
        "answer": orjson.dumps(answer).decode(),
        "number": None,
        "probability": chance,
        "policy": policy,
        "decision": decision,
        "outcome": outcome,
    }


def log(*rows: dict[str, Any]) -> pa.RecordBatch:
    return pa.RecordBatch.from_pylist(list(rows), schema=SCHEMA)


def test_what_was_answered_counts_and_not_what_the_models_own_threshold_would_say() -> None:
    rows = [row(0.4, "yes", 2, "yes", "yes") for _ in range(20)] + [row(0.2, "no", 2, "no", "no") for _ in range(20)]
    assert measured.metrics(SIGNATURE, rows)[0]["recall"]["value"] == 1.0
    untouched = [one | {"answer": '"no"'} for one in rows]
    assert measured.metrics(SIGNATURE, untouched)[0]["recall"]["value"] == 0.0


def test_a_window_counts_policies_and_decisions_and_compares_no_share_across_thresholds() -> None:
    live = Live(REFERENCE, SIGNATURE)
    live.add(log(row(0.7, "yes", None, "yes"), row(0.4, "yes", 2, "yes"), row(0.3, "no", 3, "person")))
    found = live.answers(1)
    assert found["policies"] == {"": 1, "2": 1, "3": 1}
    assert found["decisions"] == {"yes": 2, "person": 1}
    assert found["positive_share"] == pytest.approx(2 / 3)
    assert found["positive_share_reference"] is None
    assert _by_policy(found) == "by policy v2, v3, 1 to a person"


def test_without_a_policy_the_share_stands_beside_that_of_training() -> None:
    live = Live(REFERENCE, SIGNATURE)
    live.add(log(row(0.7, "yes", None, "yes")))
    assert live.answers(1)["positive_share_reference"] == 0.5
