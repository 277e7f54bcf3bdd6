"""One golden test for each step: the meanings in which engines differ (missing, zero, halves, case, order, dates)."""

import hashlib
from datetime import date, datetime
from typing import Any

import pytest

from problems.problem import Invalid
from tests.datasets.recipes.kitchen import column, cook, step

INTEGER, TEXT, NUMBER = "integer", "text", "number"
PLANES = [{"tail": "N1", "seats": 55}, {"tail": "N2", "seats": 180}, {"tail": None, "seats": 0}]
PLANES_SCHEMA = [{"name": "tail", "type": TEXT}, {"name": "seats", "type": INTEGER}]


def test_filled_means_are_rounded_half_away_from_zero_in_whole_numbers() -> None:
    fill = step("fill_missing", columns=["v"], method="mean")
    assert column("v", [1, 2, None], INTEGER, fill) == [1, 2, 2]
    assert column("v", [-1, -2, None], INTEGER, fill) == [-1, -2, -2]
    assert column("v", [1.0, 2.0, None], NUMBER, fill) == [1.0, 2.0, 1.5]
    assert column("v", [None, None], NUMBER, fill) == [None, None]


def test_the_middle_is_exact_and_ties_of_the_most_frequent_go_to_the_smallest() -> None:
    assert (
        column("v", [1.0, 2.0, 10.0, 20.0, None], NUMBER, step("fill_missing", columns=["v"], method="median"))[4]
        == 6.0
    )
    mode = step("fill_missing", columns=["v"], method="mode")
    assert column("v", ["b", "a", "b", "a", None], TEXT, mode)[4] == "a"
    assert column("v", ["b", "Z", None], TEXT, mode)[2] == "Z"


def test_forward_fill_goes_by_the_stated_order_and_leaves_the_beginning_missing() -> None:
    rows = [{"k": 2, "v": None}, {"k": 3, "v": "c"}, {"k": 1, "v": "a"}, {"k": 0, "v": None}, {"k": None, "v": None}]
    schema = [{"name": "k", "type": INTEGER}, {"name": "v", "type": TEXT}]
    _, found = cook([step("fill_missing", columns=["v"], method="forward", order="k")], rows, schema)
    assert [row["v"] for row in found] == ["a", "c", "a", None, "c"]
    assert column("v", [None, "x", None, "y", None], TEXT, step("fill_missing", columns=["v"], method="forward")) == [
        None, "x", "x", "y", "y",
    ]  # fmt: skip


def test_a_constant_must_be_of_the_columns_type() -> None:
    assert column("v", [None, 5], INTEGER, step("fill_missing", columns=["v"], method="constant", value="7")) == [7, 5]
    day = step("fill_missing", columns=["v"], method="constant", value="2026-01-31")
    assert column("v", [None], "date", day) == [date(2026, 1, 31)]
    with pytest.raises(Invalid, match="no whole number"):
        column("v", [None], INTEGER, step("fill_missing", columns=["v"], method="constant", value="many"))


def test_rows_go_by_any_or_by_all_missing() -> None:
    rows = [{"a": 1, "b": 1}, {"a": None, "b": 1}, {"a": None, "b": None}]
    schema = [{"name": "a", "type": INTEGER}, {"name": "b", "type": INTEGER}]
    assert cook([step("drop_missing")], rows, schema)[0]["rows"] == 1
    assert cook([step("drop_missing", when="all")], rows, schema)[0]["rows"] == 2


def test_missing_is_a_value_among_duplicates_and_case_is_not_folded() -> None:
    assert column("v", ["a", None, "A", "a", None, "é", "e"], TEXT, step("drop_duplicates")) == [
        "a",
        None,
        "A",
        "é",
        "e",
    ]


def test_which_duplicate_stays_is_stated_and_missing_comes_last_in_the_order() -> None:
    rows = [
        {"k": 1, "at": 5, "v": "old"},
        {"k": 1, "at": 9, "v": "new"},
        {"k": 1, "at": None, "v": "never"},
        {"k": 1, "at": 9, "v": "twin"},
    ]
    schema = [{"name": "k", "type": INTEGER}, {"name": "at", "type": INTEGER}, {"name": "v", "type": TEXT}]

    def kept(**params: Any) -> list[Any]:
        return [row["v"] for row in cook([step("drop_duplicates", columns=["k"], **params)], rows, schema)[1]]

    assert kept() == ["old"]
    assert kept(keep="last") == ["twin"]
    assert kept(order="at") == ["old"]
    assert kept(order="at", keep="last") == ["twin"]


def test_values_are_mapped_as_they_stand_or_without_regard_to_case() -> None:
    values = {"Male": "M", "female": "F", "?": ""}
    cells = ["Male", "male", "FEMALE", "?", "other", None]
    assert column("v", cells, TEXT, step("map_values", column="v", values=values)) == [
        "M",
        "male",
        "FEMALE",
        None,
        "other",
        None,
    ]
    folded = step("map_values", column="v", values=values, fold=True, others="missing")
    assert column("v", cells, TEXT, folded) == ["M", "M", "F", None, None, None]


def test_numbers_in_words_are_read() -> None:
    cells = [
        "50k",
        "1.2M",
        "$ 1,234.50",
        "€3",
        "12 %",
        "-7",
        "(5)",
        "1e3",
        "inf",
        "NaN",
        "0x10",
        "1_0",
        "",
        "50 k",
        "1,5",
        "3bn",
        "2 USD",
        None,
    ]
    expected = [
        50_000,
        1_200_000,
        1234.5,
        3,
        0.12,
        -7,
        None,
        1000,
        None,
        None,
        None,
        None,
        None,
        50_000,
        None,
        3e9,
        2,
        None,
    ]
    assert column("v", cells, TEXT, step("read_numbers", columns=["v"], decimal="point")) == expected


def test_a_decimal_comma_is_one_and_a_point_then_only_thousands() -> None:
    cells = ["1.234,50 €", "0,5", "1.234", "1.5", "12\u00a0345,6", "1,2M"]
    expected = [1234.5, 0.5, 1234, None, 12345.6, 1_200_000]
    assert column("v", cells, TEXT, step("read_numbers", columns=["v"], decimal="comma")) == expected


def test_what_cannot_be_read_is_counted_or_stops_the_recipe() -> None:
    answer, _ = cook(
        [step("read_numbers", columns=["v"], decimal="point")], [{"v": "x"}, {"v": "1"}], [{"name": "v", "type": TEXT}]
    )
    assert answer["steps"][0]["learned"] == {"unreadable": {"v": 1}}
    with pytest.raises(Invalid, match="Step 1: 1 cells of “v” cannot be read; the first is “x”"):
        column("v", ["1", "x"], TEXT, step("read_numbers", columns=["v"], decimal="point", otherwise="stop"))


@pytest.mark.parametrize(
    ("written", "cell", "day"),
    [
        ("D.M.Y", "03/04/2026", date(2026, 4, 3)),
        ("M/D/Y", "03/04/2026", date(2026, 3, 4)),
        ("M/D/Y", "31/01/2026", None),
        ("D.M.Y", "29.2.2023", None),
        ("D.M.Y", "29.2.2024", date(2024, 2, 29)),
        ("Y-M-D", "2026/1/31", date(2026, 1, 31)),
        ("YMD", "20260131", date(2026, 1, 31)),
        ("D Mon Y", "31-January-2026", date(2026, 1, 31)),
        ("D Mon Y", "31 JAN 2026", date(2026, 1, 31)),
        ("D Mon Y", "31 Foo 2026", None),
        ("Mon D Y", "Jan 31, 2026", date(2026, 1, 31)),
        ("Y-M-D", "2026-01-31 10:00", None),
        ("D.M.Y", "1.1.26", None),
    ],
)
def test_dates_are_read_as_they_were_said_to_be_written(written: str, cell: str, day: date | None) -> None:
    assert column("v", [cell], TEXT, step("read_dates", columns=["v"], format=written)) == [day]


def test_times_are_read_to_the_microsecond_and_25_o_clock_is_none() -> None:
    read = step("read_dates", columns=["v"], format="Y-M-D", clock=True)
    cells = ["2026-01-31 14:30", "2026-01-31T14:30:05.25", "2026-01-31 25:00", "2026-01-31"]
    expected = [datetime(2026, 1, 31, 14, 30), datetime(2026, 1, 31, 14, 30, 5, 250_000), None, None]
    assert column("v", cells, TEXT, read) == expected


def test_units_are_converted_from_one_or_from_the_cell() -> None:
    assert column("v", [1.0, None], NUMBER, step("convert_units", column="v", unit="lb", to="kg")) == [0.45359237, None]
    assert column("v", [212.0], NUMBER, step("convert_units", column="v", unit="°F", to="°C"))[0] == pytest.approx(100)
    assert column("v", [10], INTEGER, step("convert_units", column="v", unit="mi", to="km"))[0] == pytest.approx(
        16.09344
    )
    cells = ["2 kg", "1lb", "500 g", "3 mi", "4", None, "1.5 KG"]
    found = column("v", cells, TEXT, step("convert_units", column="v", unit="in the cell", to="kg"))
    assert found[:3] == pytest.approx([2, 0.45359237, 0.5])
    assert found[3:] == [None] * 4
    with pytest.raises(Invalid, match="kg is a mass, km a length"):
        column("v", [1.0], NUMBER, step("convert_units", column="v", unit="kg", to="km"))


def test_outliers_are_marked_cut_emptied_or_left_out_and_missing_is_none() -> None:
    values = [1.0, 2.0, 3.0, 4.0, 1000.0, None]

    def treated(action: str, **params: Any) -> list[dict[str, Any]]:
        steps = [step("outliers", columns=["v"], action=action, **params)]
        return cook(steps, [{"v": value} for value in values], [{"name": "v", "type": NUMBER}])[1]

    assert [row["v_outlier"] for row in treated("flag", method="iqr")] == [False, False, False, False, True, False]
    assert [row["v"] for row in treated("clip", method="iqr")] == [1, 2, 3, 4, 7, None]
    assert [row["v"] for row in treated("missing", method="range", low=2)] == [None, 2, 3, 4, 1000, None]
    assert [row["v"] for row in treated("drop", method="range", low=0, high=10)] == [1, 2, 3, 4, None]
    assert [row["v"] for row in treated("drop", method="z", times=1)] == [1, 2, 3, 4, None]


def test_types_change_with_one_meaning() -> None:
    def changed(values: list[Any], old: str, new: str) -> list[Any]:
        return column("v", values, old, step("change_type", columns=["v"], type=new))

    assert changed([2.5, 3.5, -2.5, 3.4, 1e300, None], NUMBER, INTEGER) == [3, 4, -3, 3, None, None]
    assert changed([0.49999999999999994], NUMBER, INTEGER) in ([0], [1])
    assert changed(["12", " 7 ", "1e3", "9007199254740993", "12.5", "x", "0x1"], TEXT, INTEGER) == [
        12, 7, 1000, 9007199254740993, 13, None, None,
    ]  # fmt: skip
    assert changed(["true", "No", "1", "maybe"], TEXT, "boolean") == [True, False, True, None]
    assert changed([1.0, 2.5, 1e20], NUMBER, TEXT)[:2] == ["1", "2.5"]
    assert changed([True, False, None], "boolean", TEXT) == ["true", "false", None]
    assert changed([True, None], "boolean", INTEGER) == [1, None]
    assert changed([0, 2, None], INTEGER, "boolean") == [False, True, None]
    assert changed(["2026-02-30", "2026-02-28", "28.2.2026"], TEXT, "date") == [None, date(2026, 2, 28), None]
    assert changed([datetime(2026, 1, 31, 23, 59)], "datetime", "date") == [date(2026, 1, 31)]
    assert changed([datetime(2026, 1, 31, 23, 59)], "datetime", TEXT) == ["2026-01-31 23:59:00"]
    with pytest.raises(Invalid, match="cannot become"):
        changed([1], INTEGER, "date")


def test_names_may_be_swapped_and_differ_only_in_case() -> None:
    rows, schema = [{"a": 1, "b": 2}], [{"name": "a", "type": INTEGER}, {"name": "b", "type": INTEGER}]
    assert cook([step("rename_columns", names={"a": "b", "b": "a"})], rows, schema)[1] == [{"b": 1, "a": 2}]
    assert cook([step("rename_columns", names={"b": "A"})], rows, schema)[1] == [{"a": 1, "A": 2}]
    with pytest.raises(Invalid, match="Two columns would be called"):
        cook([step("rename_columns", names={"a": "b"})], rows, schema)


def test_columns_are_kept_in_the_order_in_which_they_are_named() -> None:
    schema = [{"name": name, "type": INTEGER} for name in "abc"]
    _, rows = cook([step("choose_columns", columns=["c", "a"])], [{"a": 1, "b": 2, "c": 3}], schema)
    assert list(rows[0]) == ["c", "a"]
    _, rows = cook([step("choose_columns", columns=["a"], what="drop")], [{"a": 1, "b": 2, "c": 3}], schema)
    assert list(rows[0]) == ["b", "c"]


def test_a_value_on_an_edge_belongs_to_the_group_above() -> None:
    rows = [{"age": value} for value in (17, 18, 29, 30, 99, None)]
    _, found = cook(
        [step("bins", column="age", name="group", method="edges", edges=[18, 30])],
        rows,
        [{"name": "age", "type": INTEGER}],
    )
    assert [row["group"] for row in found] == ["below 18", "18 to 30", "18 to 30", "30 and more", "30 and more", None]


def test_texts_are_cleaned_with_every_kind_of_blank() -> None:
    cells = ["  a  b\u00a0", "\t", "Ångström ß", None]
    assert column("v", cells, TEXT, step("clean_text", columns=["v"])) == ["a  b", None, "Ångström ß", None]
    everything = step("clean_text", columns=["v"], spaces=True, accents=True, case="upper")
    assert column("v", cells, TEXT, everything) == ["a b".upper(), None, "ANGSTROM SS", None]


def test_parts_are_replaced_everywhere_as_they_stand_or_by_pattern() -> None:
    cells = ["a.b.c", "...", None]
    assert column("v", cells, TEXT, step("replace_text", columns=["v"], find=".", replacement="-")) == [
        "a-b-c",
        "---",
        None,
    ]
    pattern = step("replace_text", columns=["v"], find="[^a-z]+", pattern=True)
    assert column("v", cells, TEXT, pattern) == ["abc", None, None]
    for bad in ("(?=a)", "(", r"(a)\1", "a++"):
        with pytest.raises(Invalid, match="Step 1"):
            column("v", cells, TEXT, step("replace_text", columns=["v"], find=bad, pattern=True))


def test_a_row_whose_answer_is_missing_goes() -> None:
    assert column("v", [1, None, 5], INTEGER, step("keep_rows", formula="v > 2")) == [5]
    assert column("v", [1, None, 5], INTEGER, step("keep_rows", formula="not (v > 2)")) == [1]
    with pytest.raises(Invalid, match="a yes or no is needed"):
        column("v", [1], INTEGER, step("keep_rows", formula="v + 2"))


def test_sorting_puts_missing_last_both_ways_and_capitals_before_small_letters() -> None:
    cells = ["b", None, "B", "a", "é", "z"]
    assert column("v", cells, TEXT, step("sort_rows", columns=["v"])) == ["B", "a", "b", "z", "é", None]
    assert column("v", cells, TEXT, step("sort_rows", columns=["v"], way="falling")) == ["é", "z", "b", "a", "B", None]


def test_a_sample_is_the_same_for_the_same_seed_and_about_as_large_as_asked() -> None:
    rows = list(range(20_000))
    first = column("v", rows, INTEGER, step("sample_rows", percent=25, seed=3))
    assert first == column("v", rows, INTEGER, step("sample_rows", percent=25, seed=3))
    assert first != column("v", rows, INTEGER, step("sample_rows", percent=25, seed=4))
    assert 4700 < len(first) < 5300
    limit = f"{16**12 // 4:012x}"
    assert first == [i for i in rows if hashlib.md5(f"3:{i}".encode()).hexdigest()[:12] < limit]
    assert column("v", rows[:50], INTEGER, step("sample_rows", percent=100)) == rows[:50]


def test_groups_count_missing_keys_and_skip_missing_values() -> None:
    rows = [
        {"k": "a", "v": 1},
        {"k": None, "v": 5},
        {"k": "a", "v": None},
        {"k": None, "v": None},
        {"k": "c", "v": None},
    ]
    schema = [{"name": "k", "type": TEXT}, {"name": "v", "type": INTEGER}]
    functions = ["count", "present", "distinct", "sum", "mean", "median", "min", "max", "std", "first", "last"]
    values = [{"name": name, "function": name, "column": "" if name == "count" else "v"} for name in functions]
    _, found = cook([step("group_rows", keys=["k"], values=values)], rows, schema)
    nothing: dict[str, Any] = dict.fromkeys(functions[3:])
    assert found == [
        {"k": "a", "count": 2, "present": 1, "distinct": 1, "sum": 1, "mean": 1.0, "median": 1.0, "min": 1, "max": 1, "std": None, "first": 1, "last": 1},
        {"k": "c", "count": 1, "present": 0, "distinct": 0, **nothing},
        {"k": None, "count": 2, "present": 1, "distinct": 1, "sum": 5, "mean": 5.0, "median": 5.0, "min": 5, "max": 5, "std": None, "first": 5, "last": 5},
    ]  # fmt: skip
    _, all_rows = cook([step("group_rows", values=values[:1])], rows, schema)
    assert all_rows == [{"count": 5}]


def test_a_sum_beyond_64_bits_is_refused_in_words() -> None:
    with pytest.raises(Invalid, match="beyond what its type holds"):
        column(
            "v", [2**62, 2**62], INTEGER, step("group_rows", values=[{"name": "v", "function": "sum", "column": "v"}])
        )


def test_a_join_says_its_match_rate_and_a_missing_key_matches_nothing() -> None:
    rows = [{"t": "N2"}, {"t": None}, {"t": "n1"}, {"t": "N1"}]
    schema = [{"name": "t", "type": TEXT}]
    join = step("join_dataset", dataset="planes", keys={"t": "tail"})
    answer, found = cook([join], rows, schema, {"planes": (PLANES, PLANES_SCHEMA)})
    assert [row["seats"] for row in found] == [180, None, None, 55]
    assert answer["steps"][0]["learned"] == {"rows": 4, "matched": 2, "repeated_keys": 0}
    dropped, found = cook(
        [step("join_dataset", dataset="planes", keys={"t": "tail"}, rows="drop")],
        rows,
        schema,
        {"planes": (PLANES, PLANES_SCHEMA)},
    )
    assert [row["t"] for row in found] == ["N2", "N1"]
    assert dropped["steps"][0]["rows_after"] == 2


def test_a_join_that_would_multiply_rows_is_refused_unless_allowed() -> None:
    rows, schema = [{"t": "N2"}, {"t": "N1"}], [{"name": "t", "type": TEXT}]
    twice = [*PLANES, {"tail": "N1", "seats": 56}]
    with pytest.raises(Invalid, match="1 keys stand more than once in planes") as refused:
        cook(
            [step("join_dataset", dataset="planes", keys={"t": "tail"})],
            rows,
            schema,
            {"planes": (twice, PLANES_SCHEMA)},
        )
    assert refused.value.code == "fan_out"
    assert "steps[0].params.keys" in refused.value.fields
    allowed = step("join_dataset", dataset="planes", keys={"t": "tail"}, repeats=True)
    _, found = cook([allowed], rows, schema, {"planes": (twice, PLANES_SCHEMA)})
    assert [row["seats"] for row in found] == [180, 55, 56]


def test_a_join_needs_keys_of_one_type_and_free_names() -> None:
    with pytest.raises(Invalid, match="keys must be of one type"):
        cook(
            [step("join_dataset", dataset="planes", keys={"t": "seats"})],
            [{"t": "a"}],
            [{"name": "t", "type": TEXT}],
            {"planes": (PLANES, PLANES_SCHEMA)},
        )
    with pytest.raises(Invalid, match="“seats” already"):
        cook(
            [step("join_dataset", dataset="planes", keys={"t": "tail"})],
            [{"t": "a", "seats": 1}],
            [{"name": "t", "type": TEXT}, {"name": "seats", "type": INTEGER}],
            {"planes": (PLANES, PLANES_SCHEMA)},
        )


def test_a_union_matches_by_name_and_keeps_the_order_of_both() -> None:
    other = ([{"v": 1.5, "w": "x"}], [{"name": "v", "type": NUMBER}, {"name": "w", "type": TEXT}])
    _, found = cook(
        [step("union_rows", dataset="more")], [{"v": 2}, {"v": 1}], [{"name": "v", "type": INTEGER}], {"more": other}
    )
    assert found == [{"v": 2.0, "w": None}, {"v": 1.0, "w": None}, {"v": 1.5, "w": "x"}]
    with pytest.raises(Invalid, match="“v” is a text here and a number there"):
        cook([step("union_rows", dataset="more")], [{"v": "2"}], [{"name": "v", "type": TEXT}], {"more": other})


def test_a_pivot_learns_its_columns_and_keeps_them() -> None:
    rows = [
        {"k": 1, "c": "b", "v": 1.0},
        {"k": 1, "c": "a", "v": 2.0},
        {"k": 1, "c": "a", "v": 3.0},
        {"k": 0, "c": None, "v": 9.0},
    ]
    schema = [{"name": "k", "type": INTEGER}, {"name": "c", "type": TEXT}, {"name": "v", "type": NUMBER}]
    pivot = [step("pivot", keys=["k"], column="c", function="sum", value="v", prefix="c_")]
    answer, found = cook(pivot, rows, schema)
    assert found == [{"k": 0, "c_a": None, "c_b": None}, {"k": 1, "c_a": 5.0, "c_b": 1.0}]
    learned = [answer["steps"][0]["learned"]]
    _, later = cook(pivot, [{"k": 1, "c": "new", "v": 1.0}], schema, learned=learned)
    assert later == [{"k": 1, "c_a": None, "c_b": None}]


def test_rows_of_one_key_agree_on_the_most_frequent_value_and_ties_go_to_the_smallest() -> None:
    rows = [
        {"k": 1, "v": "x"},
        {"k": 1, "v": "y"},
        {"k": 1, "v": "y"},
        {"k": 2, "v": "b"},
        {"k": 2, "v": "a"},
        {"k": 1, "v": None},
        {"k": None, "v": "q"},
    ]
    schema = [{"name": "k", "type": INTEGER}, {"name": "v", "type": TEXT}]
    _, found = cook([step("agree", keys=["k"], columns=["v"])], rows, schema)
    assert [row["v"] for row in found] == ["y", "y", "y", "a", "a", "y", "q"]
    _, found = cook([step("agree", keys=["k"], columns=["v"], share=60)], rows, schema)
    assert [row["v"] for row in found] == ["y", "y", "y", "b", "a", "y", "q"]


DELAYS = [
    {"k": "b", "day": 2, "v": 20.0},
    {"k": "a", "day": 1, "v": 1.0},
    {"k": "a", "day": 3, "v": None},
    {"k": "a", "day": 2, "v": 5.0},
    {"k": "b", "day": 1, "v": -3.0},
    {"k": "a", "day": None, "v": 9.0},
    {"k": "a", "day": 2, "v": 7.0},
]
DELAYS_SCHEMA = [{"name": "k", "type": TEXT}, {"name": "day", "type": INTEGER}, {"name": "v", "type": NUMBER}]


def windowed(**params: Any) -> list[Any]:
    _, rows = cook([step("window", name="w", **params)], DELAYS, DELAYS_SCHEMA)
    assert [row["day"] for row in rows] == [one["day"] for one in DELAYS]  # the rows keep their order
    return [row["w"] for row in rows]


def test_windows_go_by_the_stated_order_within_their_groups_and_missing_comes_last() -> None:
    by = {"order": "day", "keys": ["k"]}
    assert windowed(function="lag", column="v", **by) == [-3.0, None, 7.0, 1.0, None, None, 5.0]
    assert windowed(function="lag", column="day", rows=2, **by) == [None, None, 2, None, None, 2, 1]
    assert windowed(function="lead", column="v", **by) == [None, 5.0, 9.0, 7.0, 20.0, None, None]
    assert windowed(function="lag", column="v", way="falling", **by) == [None, 7.0, None, None, 20.0, 1.0, 5.0]
    assert windowed(function="place", **by) == [2, 1, 4, 2, 1, 5, 3]
    assert windowed(function="rank", **by) == [2, 1, 4, 2, 1, None, 2]
    assert windowed(function="rank", order="day", way="falling") == [2, 5, 1, 2, 5, None, 2]
    assert windowed(function="lag", column="k") == [None, "b", "a", "a", "a", "b", "a"]


def test_rolling_and_cumulative_figures_leave_missing_out_and_never_are_infinite() -> None:
    by = {"order": "day", "keys": ["k"]}
    assert windowed(function="mean", column="v", rows=2, **by) == [8.5, 1.0, 7.0, 3.0, -3.0, 9.0, 6.0]
    assert windowed(function="sum", column="v", **by) == [17.0, 1.0, 13.0, 6.0, -3.0, 22.0, 13.0]
    assert windowed(function="count", column="v", rows=2, **by) == [2, 1, 1, 2, 1, 1, 2]
    assert windowed(function="max", column="v", **by)[5] == 9.0
    assert windowed(function="sum", column="day", order="day", rows=1) == [2, 1, 3, 2, 1, None, 2]
    whole = step("window", name="w", function="sum", column="v")
    assert column(
        "v",
        [1.7e308, 1.7e308],
        NUMBER,
        whole,
        step("choose_columns", columns=["w"]),
        step("rename_columns", names={"w": "v"}),
    ) == [1.7e308, None]
    with pytest.raises(Invalid, match="beyond what its type holds"):
        column("v", [2**62, 2**62], INTEGER, whole)


@pytest.mark.parametrize(
    ("params", "text"),
    [
        ({"function": "rank"}, "A rank needs a column to order by"),
        ({"function": "mean"}, "Say of which column"),
        ({"function": "place", "column": "v"}, "A rank or place is of no column"),
        ({"function": "place", "rows": 3}, "takes no rows"),
        ({"function": "mean", "column": "k"}, "“k” is a text and has no mean"),
    ],
)
def test_a_window_that_makes_no_sense_is_refused_in_words(params: dict[str, Any], text: str) -> None:
    with pytest.raises(Invalid, match=text):
        windowed(**params)


@pytest.mark.parametrize(
    ("form", "address", "parts"),
    [
        ("street_first", "Hauptstraße 12a, 10115 Berlin", ("Hauptstraße", "12a", "10115", "Berlin")),
        ("street_first", "Straße des 17. Juni  135\n10623 Berlin", ("Straße des 17. Juni", "135", "10623", "Berlin")),
        ("street_first", "Am Markt 5-7 D-04109 Leipzig", ("Am Markt", "5-7", "D-04109", "Leipzig")),
        ("street_first", "Keizersgracht 12, 1015 CJ Amsterdam", ("Keizersgracht", "12", "1015 CJ", "Amsterdam")),
        ("number_first", "12 bis rue de Rivoli, 75001 Paris", ("rue de Rivoli", "12 bis", "75001", "Paris")),
        ("number_first", "3, place du Marché 69002 Lyon", ("place du Marché", "3", "69002", "Lyon")),
        ("british", "221B Baker Street, London NW1 6XE", ("Baker Street", "221B", "NW1 6XE", "London")),
        ("british", "10 Downing St, London, SW1A 2AA", ("Downing St", "10", "SW1A 2AA", "London")),
        ("american", "12 W 4th St, New York, NY 10012-1234", ("W 4th St", "12", "10012-1234", "New York")),
    ],
)
def test_addresses_are_split_by_their_form(form: str, address: str, parts: tuple[str, ...]) -> None:
    steps, schema = [step("split_address", column="at", form=form, prefix="home ")], [{"name": "at", "type": TEXT}]
    answer, (row,) = cook(steps, [{"at": address}], schema)
    assert tuple(row[f"home {part}"] for part in ("street", "number", "postcode", "city")) == parts
    assert row["at"] == address
    assert answer["steps"][0]["note"] == ""


def test_an_address_of_another_form_stays_and_is_counted_or_stops_the_recipe() -> None:
    given = ["Hauptstraße 1, 10115 Berlin", "somewhere", None, "12 Main St, Springfield, IL 62701"]
    rows, schema = [{"at": one} for one in given], [{"name": "at", "type": TEXT}]
    split = {"column": "at", "form": "street_first"}
    answer, found = cook([step("split_address", **split)], rows, schema)
    assert [row["at"] for row in found] == given
    assert [row["city"] for row in found] == ["Berlin", None, None, None]
    assert [row["street"] for row in found] == ["Hauptstraße", None, None, None]
    assert answer["steps"][0]["note"] == "Not of this form, and not split: 2"
    with pytest.raises(Invalid, match="2 cells of “at” are not written so; the first is “somewhere”"):
        cook([step("split_address", **split, otherwise="stop")], rows, schema)
    with pytest.raises(Invalid, match="“city” already"):
        cook([step("split_address", **split)], [], [*schema, {"name": "city", "type": TEXT}])
