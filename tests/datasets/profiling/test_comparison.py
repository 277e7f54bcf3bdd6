"""What changed between two versions, told from their profiles alone."""

from typing import Any

import pytest

from datasets import charts, columns, sentences
from datasets.profiling.comparison import Change, compare, rebinned, stability


def numbers(name: str, counts: list[int], edges: list[float], missing: int = 0, **more: Any) -> dict[str, Any]:
    return {
        "name": name,
        "type": "number",
        "missing": missing,
        "present": sum(counts),
        "distinct": 99,
        "min": edges[0],
        "max": edges[-1],
        "mean": 1.0,
        "std": 1.0,
        "histogram": {"edges": edges, "counts": counts},
        "quantiles": {"0.05": 0.0, "0.25": 1.0, "0.5": 2.0, "0.75": 3.0, "0.95": 4.0},
    } | more


def words(name: str, counts: dict[str, int], missing: int = 0) -> dict[str, Any]:
    top = [{"value": value, "count": count} for value, count in counts.items()]
    return {
        "name": name,
        "type": "text",
        "missing": missing,
        "present": sum(counts.values()),
        "distinct": len(counts),
        "min": "",
        "max": "",
        "mean": None,
        "std": None,
        "top": top,
    }


def profile(rows: int, *found: dict[str, Any]) -> dict[str, Any]:
    return {"rows": rows, "columns": list(found)}


def test_the_same_version_has_not_changed() -> None:
    one = profile(100, numbers("x", [50, 50], [0, 1, 2]), words("w", {"a": 60, "b": 40}))
    assert [(change.kind, change.moved, change.matters) for change in compare(one, one)] == [("same", 0.0, False)] * 2
    assert sentences.changed_words(compare(one, one), 1) == "No column changed noticeably since v1."


def test_the_stability_index_is_that_of_the_books() -> None:
    moved = stability(words("w", {"a": 50, "b": 50}), words("w", {"a": 80, "b": 20}))
    assert moved == pytest.approx(0.3 * 0.4700036 + -0.3 * -0.9162907, abs=1e-4)


def test_histograms_with_other_edges_are_brought_to_the_same_bins() -> None:
    spread, low, high = rebinned({"edges": [0, 10], "counts": [100]}, [2, 4, 8])
    assert (spread, low, high) == ([20.0, 40.0], 20.0, 20.0)
    assert rebinned({"edges": [5, 5], "counts": [7]}, [0, 5, 10]) == ([0.0, 7.0], 0.0, 0.0)
    assert rebinned({"edges": [0, 5], "counts": [7]}, [9, 9]) == ([0.0], 7.0, 0.0)
    same = stability(numbers("x", [50, 50], [0, 1, 2]), numbers("x", [25, 25, 25, 25], [0, 0.5, 1, 1.5, 2]))
    assert same == pytest.approx(0.0, abs=1e-6)


def test_new_and_gone_values_come_with_their_rows() -> None:
    (change,) = compare(
        profile(100, words("plan", {"month": 60, "year": 40})), profile(100, words("plan", {"month": 60, "flex": 40}))
    )
    assert change.new_values == [{"value": "flex", "count": 40}]
    assert change.gone_values == ["year"]
    assert columns.change_words(change).startswith("New value flex (40 rows); no longer year")


def test_new_gone_and_retyped_columns_weigh_most() -> None:
    before = profile(10, words("a", {"x": 10}), words("b", {"x": 10}))
    now = profile(10, numbers("a", [10], [0, 1]), words("c", {"x": 10}))
    found = {change.name: change for change in compare(before, now)}
    assert {name: change.kind for name, change in found.items()} == {"a": "type", "c": "new", "b": "gone"}
    assert all(change.matters and change.weight == 10 for change in found.values())
    assert columns.change_words(found["a"]) == "Was text"


def test_missing_shares_that_move_are_told_in_points() -> None:
    before = profile(1000, numbers("x", [996], [0, 1], missing=4))
    now = profile(1000, numbers("x", [979], [0, 1], missing=21))
    (change,) = compare(before, now)
    assert columns.change_words(change) == "Missing up 1.7 points"
    assert sentences.changed_words([change], 14) == "1 column changed since v14: x."


@pytest.mark.parametrize(
    ("holes", "said"),
    [
        ({}, "No cell is empty."),
        ({"x": 11}, "x is empty in 11 rows."),
        ({"x": 1}, "x is empty in 1 row."),
        ({"x": 100}, "x is empty in every row."),
        ({"x": 1, "y": 2}, "y is empty in 2 rows. x is empty in 1 row."),
        ({"x": 1, "y": 2, "z": 3}, "3 columns have empty cells, most of all z (in 3 rows)."),
    ],
)
def test_empty_cells_are_told_by_name_or_number(holes: dict[str, int], said: str) -> None:
    found = profile(100, *(words(name, {"a": 1}, missing) for name, missing in holes.items()), words("full", {"a": 1}))
    assert sentences.empty_words(found) == said


def test_rows_are_counted_in_whole_sentences() -> None:
    assert sentences.short(7043, 0) == "7\u2009043 rows were read, none refused"
    assert sentences.short(1, 1) == "1 row was read, 1 was refused"


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (0, "0"),
        (-5, "−5"),
        (1234567, "1\u2009234\u2009567"),
        (0.1234567, "0.1235"),
        (8684.8, "8\u2009684.8"),
        (123456.7, "123\u2009457"),
        (1e-9, "1e−09"),
        (1e300, "1e+300"),
        (2**60, "1\u2009152\u2009921\u2009504\u2009606\u2009846\u2009976"),
    ],
)
def test_numbers_read_well(value: float, said: str) -> None:
    assert columns.number(value) == said


def test_a_figure_has_bars_for_now_and_an_outline_for_before() -> None:
    now, before = numbers("x", [10, 30], [0, 1, 2]), numbers("x", [20, 20], [0, 1, 2])
    figure = charts.column_figure(now, 40, before, ("v2", "v1"))
    assert figure is not None
    bars, outline = figure.plot["data"]
    assert bars["y"] == [0.25, 0.75]
    assert (outline["x"], outline["y"]) == ([0, 1, 2], [0.5, 0.5, 0.5])
    assert [row[0] for row in figure.rows] == ["0 to 1", "1 to 2"]
    assert figure.columns == ["Value", "Rows", "Share in v2", "Share in v1"]


def test_an_identifier_has_no_figure() -> None:
    found = words("id", {f"u{i}": 1 for i in range(12)}) | {"distinct": 500, "present": 500}
    assert charts.column_figure(found, 500, None, ("v1", "")) is None
    assert columns.bars_of(found, None) == ([], [])


def test_a_change_of_nothing_says_nothing() -> None:
    assert columns.change_words(None) == ""
    assert columns.change_words(Change("x")) == "none"
