"""One check, from stored answers to findings: what changed is named first, what did not change stays silent."""

import json
import random
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from experiments.packaging import Bundle
from jobs.report import Silent
from monitoring import demo_story, rules, window
from monitoring.demo_story import Customer
from problems.problem import Corrupted
from projects.contract import Goal
from tests.monitoring.world import START, Answered, Trained, answer

RELEASE = "r1"
GOALS = [Goal("Find leavers", "recall", "at_least", 0.99, "", True)]


def spec_of(trained: Trained, answered: list[Answered], outcomes: str = "", least: int = 200) -> dict[str, Any]:
    losses = {row["name"]: max(row["loss"], 0.0) for row in trained.answer["evaluation"]["importance"]}
    return {
        "start": START.isoformat(),
        "end": (START + timedelta(days=1)).isoformat(),
        "release": RELEASE,
        "bundle": str(trained.bundle),
        "segments": [str(piece.path) for piece in answered],
        "answered": [str(piece.path) for piece in answered] if outcomes else [],
        "outcomes": outcomes,
        "minimum_rows": least,
        "limits": {"watch_at": 0.1, "act_at": 0.2},
        "weights": {name: loss / sum(losses.values()) for name, loss in losses.items()},
    }


def check(trained: Trained, bundle: Bundle, place: Path, customers: list[Customer], least: int = 200) -> dict[str, Any]:
    piece = answer(place / "answers.parquet", bundle, customers, release=RELEASE)
    return window.run(spec_of(trained, [piece], least=least), place, Silent())


def matters_of(found: dict[str, Any], goals: list[Goal] | None = None) -> list[rules.Matter]:
    return rules.matters(
        found["inputs"], found["answers"], found["performance"], limits=rules.Limits(), goals=goals or []
    )


def test_the_planted_change_is_found_with_the_contract_named_first(
    trained: Trained, bundle: Bundle, place: Path
) -> None:
    found = check(trained, bundle, place, demo_story.week(demo_story.WEEKS_BEFORE))
    matters = matters_of(found)
    assert found["enough"]
    assert matters[0].subject == "contract_type"
    assert matters[0].severity == "act"
    assert "“flex”" in matters[0].sentence
    assert found["inputs"][0]["name"] == "contract_type"
    assert found["inputs"][0]["new"][0]["value"] == "flex"
    assert found["inputs"][0]["labels"][-1] == "flex"
    assert "monthly_fee" in [matter.subject for matter in matters]


def test_a_week_like_training_raises_nothing(trained: Trained, bundle: Bundle, place: Path) -> None:
    found = check(trained, bundle, place, demo_story.week(0))
    assert matters_of(found) == []
    assert {entry["state"] for entry in found["inputs"]} <= {"stayed", "minor"}


def test_a_hundred_unchanged_replays_raise_no_more_alerts_than_stated(
    trained: Trained, bundle: Bundle, place: Path
) -> None:
    everyone = demo_story.history(seed=99, customers=4000)
    chance, raised = random.Random(5), 0
    for _ in range(100):
        found = check(trained, bundle, place, chance.sample(everyone, 250))
        raised += bool(matters_of(found))
    assert raised <= 3  # stated: one check in a hundred


@pytest.mark.parametrize("rows", [0, 1, 41])
def test_too_few_answers_are_said_and_not_judged(trained: Trained, bundle: Bundle, place: Path, rows: int) -> None:
    """F55: no answer and one answer."""
    found = check(trained, bundle, place, demo_story.week(5)[:rows])
    assert found["rows"] == rows
    assert not found["enough"]
    json.dumps(found, allow_nan=False)


def test_answers_with_every_value_missing_are_a_matter_of_missing_values(
    trained: Trained, bundle: Bundle, place: Path
) -> None:
    """F55."""
    from dataclasses import replace

    empty: dict[str, Any] = dict.fromkeys(("payment", "data_use_gb", "router_age_years"))
    found = check(trained, bundle, place, [replace(customer, **empty) for customer in demo_story.week(0)])
    json.dumps(found, allow_nan=False)
    states = {entry["name"]: entry for entry in found["inputs"]}
    assert states["payment"]["missing"] == 1
    assert states["payment"]["psi"] is None
    assert states["data_use_gb"]["state"] in ("act", "minor")


def test_answers_with_only_new_categories_do_not_break_it(trained: Trained, bundle: Bundle, place: Path) -> None:
    """F55."""
    from dataclasses import replace

    customers = [replace(customer, contract_type="brand new", region="moon") for customer in demo_story.week(0)]
    found = check(trained, bundle, place, customers)
    assert matters_of(found)[0].rule == "new_values"
    assert found["inputs"][0]["new_share"] == 1


def test_answers_of_another_release_and_outside_the_window_are_left_out(
    trained: Trained, bundle: Bundle, place: Path
) -> None:
    ours = answer(place / "a.parquet", bundle, demo_story.week(0)[:50], release=RELEASE)
    other = answer(place / "b.parquet", bundle, demo_story.week(0)[:70], release="r0")
    late = answer(
        place / "c.parquet", bundle, demo_story.week(0)[:30], release=RELEASE, start=START + timedelta(days=2)
    )
    found = window.run(spec_of(trained, [ours, other, late]), place, Silent())
    assert found["rows"] == 50


def test_measured_performance_comes_with_the_outcomes_and_a_missed_target_is_a_matter(
    trained: Trained, bundle: Bundle, place: Path
) -> None:
    piece = answer(place / "answers.parquet", bundle, demo_story.week(5), release=RELEASE)
    known = dict(zip(piece.ids[:300], piece.truth[:300], strict=True))
    (place / "outcomes.json").write_text(json.dumps(known))
    found = window.run(spec_of(trained, [piece], outcomes="outcomes.json"), place, Silent())
    performance = found["performance"]
    assert performance["joined"] == 300
    assert performance["answered"] == piece.rows
    assert 0 < performance["metrics"]["recall"]["low"] <= performance["metrics"]["recall"]["high"] <= 1
    assert matters_of(found, GOALS)[0].rule == "target_at_risk"


def test_a_handful_of_outcomes_is_counted_but_not_judged(trained: Trained, bundle: Bundle, place: Path) -> None:
    piece = answer(place / "answers.parquet", bundle, demo_story.week(0), release=RELEASE)
    (place / "outcomes.json").write_text(json.dumps({piece.ids[0]: piece.truth[0], "unknown": "yes"}))
    found = window.run(spec_of(trained, [piece], outcomes="outcomes.json"), place, Silent())
    assert found["performance"]["joined"] == 1
    assert found["performance"]["metrics"] == {}


def test_latency_and_rate_are_those_of_the_window(trained: Trained, bundle: Bundle, place: Path) -> None:
    service = check(trained, bundle, place, demo_story.week(0))["service"]
    assert service["latency_ms"]["p50"] == pytest.approx(11.5, rel=0.1)
    assert service["latency_ms"]["p95"] == pytest.approx(20.5, rel=0.1)
    assert service["per_hour"] == pytest.approx(demo_story.ROWS_A_WEEK / 24)


def test_a_bundle_without_its_reference_is_said_not_guessed(place: Path) -> None:
    """F55: the reference is gone."""
    (place / "bundle.zip").write_bytes(b"not a bundle")
    with pytest.raises(Corrupted):
        window.inside_bundle(place / "bundle.zip")


def test_a_target_that_is_probably_missed_is_a_matter_before_any_outcome_is_known() -> None:
    low = {"metrics": {"recall": {"value": 0.6, "low": 0.55, "high": 0.65, "n": 500}}}
    high = {"metrics": {"recall": {"value": 1.0, "low": 0.995, "high": 1.0, "n": 500}}}

    def severities(estimated: dict[str, Any], performance: dict[str, Any]) -> list[tuple[str, bool]]:
        found = rules.matters([], {}, performance, limits=rules.Limits(), goals=GOALS, estimated=estimated)
        return [(matter.severity, "probably" in matter.sentence) for matter in found]

    assert severities(low, {}) == [("act", True)]
    assert severities(low, {"joined": 99} | high) == [("watch", True)]  # older answers were good
    assert severities(low, {"joined": 99} | low) == [("act", False)]  # measured: told once, as measured
    assert severities(high, {}) == severities({}, {}) == []
