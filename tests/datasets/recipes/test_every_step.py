"""The checks that every recipe step must pass, whoever adds one."""

import hashlib
import json
import tempfile
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from datasets.recipes import engine
from datasets.recipes.catalog import STEPS
from datasets.recipes.fields import KINDS
from datasets.recipes.frame import TYPES
from datasets.recipes.plan import outline, read_step, read_steps
from jobs.report import Silent
from problems.problem import Invalid
from tests.datasets.recipes.kitchen import EVERYTHING, ROWS, cook, step, stored

OTHER = ([{"k": "a", "v": 1.5}, {"k": "c", "v": 2.5}], [{"name": "k", "type": "text"}, {"name": "v", "type": "number"}])
# One good use of each kind on the table EVERYTHING. A new step gets a line here and a golden test beside the others.
GOOD: dict[str, dict[str, Any]] = {
    "fill_missing": {"columns": ["n", "x"], "method": "mean"},
    "map_values": {"column": "t", "values": {"a": "A"}},
    "clean_text": {"columns": ["t"], "case": "lower"},
    "replace_text": {"columns": ["t"], "find": "a", "replacement": "o"},
    "agree": {"keys": ["n"], "columns": ["t"]},
    "outliers": {"columns": ["x"], "method": "iqr", "action": "clip"},
    "read_numbers": {"columns": ["t"], "decimal": "point"},
    "read_dates": {"columns": ["t"], "format": "D.M.Y"},
    "convert_units": {"column": "x", "unit": "kg", "to": "lb"},
    "change_type": {"columns": ["n"], "type": "text"},
    "split_address": {"column": "t", "form": "street_first"},
    "derive": {"name": "y", "formula": "n * 2 + x"},
    "bins": {"column": "x", "name": "group", "method": "width", "count": 2},
    "rename_columns": {"names": {"n": "number"}},
    "choose_columns": {"columns": ["t", "n"]},
    "keep_rows": {"formula": "x > 0"},
    "drop_missing": {"columns": ["x"]},
    "drop_duplicates": {"columns": ["t"]},
    "sample_rows": {"percent": 50},
    "sort_rows": {"columns": ["t"]},
    "join_dataset": {"dataset": "other", "keys": {"t": "k"}},
    "union_rows": {"dataset": "other"},
    "group_rows": {"keys": ["t"], "values": [{"name": "rows", "function": "count", "column": ""}]},
    "window": {"name": "w", "function": "sum", "column": "x", "rows": 2, "order": "n", "keys": ["t"]},
    "pivot": {"keys": ["d"], "column": "t", "function": "count"},
}
EVERY = pytest.mark.parametrize("kind", list(STEPS))


def test_every_kind_has_a_good_example_here() -> None:
    assert set(GOOD) == set(STEPS)


@EVERY
def test_its_fields_are_declared_in_full(kind: str) -> None:
    names = [field.name for field in STEPS[kind].fields]
    assert len(set(names)) == len(names)
    for field in STEPS[kind].fields:
        assert field.kind in KINDS
        assert field.label
        assert set(field.types) <= set(TYPES)
        assert bool(field.choices) == (field.kind == "choice")
    assert STEPS[kind].title
    assert STEPS[kind].help


@EVERY
def test_its_parameters_survive_json(kind: str) -> None:
    planned = read_step(step(kind, **GOOD[kind]))
    again = read_step(json.loads(json.dumps(planned.as_dict)))
    assert again.params == planned.params
    assert planned.sentence.endswith(".")


@EVERY
def test_its_parameters_survive_a_form(kind: str) -> None:
    planned = read_step(step(kind, **GOOD[kind]))
    for field in STEPS[kind].fields:
        if field.kind not in ("columns", "yes_no") and planned.params[field.name] is not None:
            assert field.read(field.from_text(field.as_text(planned.params[field.name]))) == planned.params[field.name]


@EVERY
def test_an_unknown_parameter_is_refused_by_name(kind: str) -> None:
    with pytest.raises(Invalid) as refused:
        read_steps([step(kind, **GOOD[kind], surprise=1)])
    assert list(refused.value.fields) == ["steps[0].params.surprise"]


@EVERY
def test_a_missing_parameter_is_refused_by_name(kind: str) -> None:
    for name in GOOD[kind]:
        field = next(field for field in STEPS[kind].fields if field.name == name)
        if field.required and field.default is None:
            with pytest.raises(Invalid) as refused:
                read_steps([step(kind, **{key: value for key, value in GOOD[kind].items() if key != name})])
            assert f"steps[0].params.{name}" in refused.value.fields


@EVERY
@pytest.mark.parametrize("bad", [5, ["x", 5], {"a": 5}, True, "\x01", "x" * 5000, [[]], float("nan")], ids=repr)
def test_a_value_of_another_kind_is_refused_and_never_an_error(kind: str, bad: Any) -> None:
    for field in STEPS[kind].fields:
        try:
            planned = read_step(step(kind, **GOOD[kind] | {field.name: bad}))
            outline([planned], EVERYTHING, {"other": OTHER[1]})
        except Invalid as refused:
            assert refused.text  # noqa: PT017
        except KeyError as error:  # the name of a dataset that the caller has not resolved
            assert field.name in ("dataset", "version"), error  # noqa: PT017


@EVERY
def test_an_unknown_column_is_refused_with_its_name(kind: str) -> None:
    tried = 0
    for field in STEPS[kind].fields:
        if field.name not in GOOD[kind]:
            continue
        absent: Any = {
            "column": "gone",
            "columns": ["gone"],
            "formula": "gone > 1",
            "mapping": {"gone": "k"} if kind != "map_values" else None,
            "aggregates": [{"name": "s", "function": "sum", "column": "gone"}],
        }.get(field.kind)
        if absent is None:
            continue
        tried += 1
        with pytest.raises(Invalid, match="gone"):
            outline([read_step(step(kind, **GOOD[kind] | {field.name: absent}))], EVERYTHING, {"other": OTHER[1]})
    assert tried or kind in ("sample_rows", "union_rows")


@EVERY
def test_a_column_of_the_wrong_type_is_refused_with_its_name(kind: str) -> None:
    for field in STEPS[kind].fields:
        if field.kind not in ("column", "columns") or not field.types or field.name not in GOOD[kind]:
            continue
        for one in EVERYTHING:
            if one["type"] not in field.types:
                value: Any = one["name"] if field.kind == "column" else [one["name"]]
                with pytest.raises(Invalid) as refused:
                    outline(
                        [read_step(step(kind, **GOOD[kind] | {field.name: value}))], EVERYTHING, {"other": OTHER[1]}
                    )
                assert f"“{one['name']}”" in refused.value.text


@EVERY
@pytest.mark.parametrize("rows", [[], ROWS, [dict.fromkeys(ROWS[0])]], ids=["no rows", "rows", "a row of nothing"])
def test_it_works_on_any_table_and_says_before_the_data_which_columns_there_will_be(
    kind: str, rows: list[dict[str, Any]]
) -> None:
    answer, cooked = cook([step(kind, **GOOD[kind])], rows, others={"other": OTHER})
    assert answer["rows"] == len(cooked)
    frames = outline([read_step(step(kind, **GOOD[kind]))], EVERYTHING, {"other": OTHER[1]})
    if frames[-1].columns_known:
        found = [{"name": one["name"], "type": one["type"]} for one in answer["schema"]]
        assert frames[-1].schema == found


@EVERY
def test_it_never_changes_its_input(kind: str, tmp_path: Path) -> None:
    spec = {
        "main": stored(ROWS, EVERYTHING, tmp_path),
        "others": {"other": stored(*OTHER, tmp_path, "other")},
        "steps": [step(kind, **GOOD[kind])],
    }
    before = [
        hashlib.sha256(path.read_bytes()).digest() for path in (tmp_path / "main.parquet", tmp_path / "other.parquet")
    ]
    engine.run(spec, tmp_path, Silent())
    after = [
        hashlib.sha256(path.read_bytes()).digest() for path in (tmp_path / "main.parquet", tmp_path / "other.parquet")
    ]
    assert before == after


@EVERY
def test_the_same_input_gives_the_same_bytes(kind: str) -> None:
    def bytes_of() -> bytes:
        with tempfile.TemporaryDirectory() as place:
            folder = Path(place)
            others = {"other": stored(*OTHER, folder, "other")}
            rows = [dict(ROWS[i % 4], n=i % 17) for i in range(3000)]
            spec = {"main": stored(rows, EVERYTHING, folder), "others": others, "steps": [step(kind, **GOOD[kind])]}
            engine.run(spec, folder, Silent())
            return (folder / "table.parquet").read_bytes()

    assert bytes_of() == bytes_of()


@EVERY
def test_what_it_learns_is_plain_json_and_takes_the_place_of_learning(kind: str) -> None:
    steps = [step(kind, **GOOD[kind])]
    answer, cooked = cook(steps, others={"other": OTHER})
    learned = [one["learned"] for one in answer["steps"]]
    assert json.loads(json.dumps(learned, allow_nan=False)) == learned
    assert bool(learned[0]) == STEPS[kind].learns
    _, again = cook(steps, others={"other": OTHER}, learned=learned)
    assert again == cooked


@EVERY
def test_its_preview_shows_what_a_run_makes(kind: str, tmp_path: Path) -> None:
    steps = [step(kind, **GOOD[kind])]
    spec = {
        "main": stored(ROWS, EVERYTHING, tmp_path),
        "others": {"other": stored(*OTHER, tmp_path, "other")},
        "steps": steps,
    }
    shown = engine.preview(spec, tmp_path, Silent())
    json.dumps(shown, allow_nan=False)
    answer, _ = cook(steps, others={"other": OTHER})
    assert shown["steps"][0]["rows_after"] == answer["rows"]
    assert shown["steps"][0]["names"] == [one["name"] for one in answer["schema"]]


def test_a_refusal_names_the_step_and_its_parameter() -> None:
    steps = [step("derive", name="y", formula="n + 1"), step("drop_missing", columns=["y", "gone"])]
    with pytest.raises(Invalid) as refused:
        outline(read_steps(steps), EVERYTHING, {})
    assert refused.value.text.startswith("Step 2: There is no column “gone” here.")
    assert refused.value.facts["step"] == 2


def test_a_damaged_table_is_never_read(tmp_path: Path) -> None:
    spec = {"main": stored(ROWS, EVERYTHING, tmp_path), "others": {}, "steps": []}
    path = tmp_path / "main.parquet"
    chunk = pq.read_metadata(path).row_group(0).column(0)
    whole = bytearray(path.read_bytes())
    whole[chunk.data_page_offset + chunk.total_compressed_size - 1] ^= 4  # the end of its values
    path.write_bytes(whole)
    with pytest.raises(Exception, match="damaged"):
        engine.run(spec, tmp_path, Silent())


def test_a_long_table_goes_through_in_batches_with_its_rows_in_order() -> None:
    rows = [{"n": i} for i in range(120_000)]
    _, cooked = cook([step("derive", name="y", formula="n + 1")], rows, [{"name": "n", "type": "integer"}])
    assert [row["y"] for row in cooked] == list(range(1, 120_001))
