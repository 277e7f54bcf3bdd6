"""The filter of the runs table: what it reads, what it refuses and where, and that nothing makes it crash."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from experiments.records.asked import asked
from experiments.records.filters import Clause, Every, Field, FilterProblem, Node, Not, parse
from tests.experiments.records.model import nodes


def test_the_example_of_the_page_reads_as_it_says() -> None:
    node = parse('metrics.recall > 0.7 and params.method = "forest" and data = telco/v2 and state != failed')
    assert node == Every(
        (
            Clause(Field("metrics", "recall"), ">", (0.7,)),
            Clause(Field("params", "method"), "=", ("forest",)),
            Clause(Field("", "data"), "=", ("telco/v2",)),
            Not(Clause(Field("", "state"), "=", ("failed",))),
        )
    )
    assert parse("  ") is None
    assert parse('tag."a b" not in (1, x)') == Not(Clause(Field("tags", "a b"), "in", (1.0, "x")))


@pytest.mark.parametrize(
    ("text", "place", "says"),
    [
        ("metrics.recall > 0.7 nad state = failed", 22, "“and”"),
        ("metrics.recall > much", 18, "number"),
        ("metrics.recall >", 17, "value"),
        ("recal = 1", 1, "no field"),
        ("stat = finished", 1, "Did you mean state?"),
        ("state = done", 9, "finished"),
        ("state > failed", 7, "no order"),
        ('params.x = "forest', 12, "quote"),
        ("(number = 1", 12, "“)”"),
        ("metrics.recall ~ 3", 16, "texts"),
        ("created > yesterday", 11, "2026-11-27"),
        ("created = 2026-11-27", 9, "moment"),
        ("not " * 30 + "number = 1", 85, "deeply"),
        ("metrics. > 3", 1, "name"),
        ("number = 1 and " * 60 + "number = 1", 901, "60"),
    ],
)
def test_what_cannot_be_read_is_refused_with_its_place(text: str, place: int, says: str) -> None:
    with pytest.raises(FilterProblem) as refused:
        parse(text)
    assert refused.value.place + 1 == place
    assert says in refused.value.text


@given(nodes)
def test_what_a_filter_says_of_itself_reads_as_the_same(node: Node) -> None:
    again = parse(str(node))
    assert again is not None
    assert str(parse(str(again))) == str(again)
    assert parse(str(again)) == again == node


@given(st.text() | st.text("metrics.parms\"'()<>=!~, andortinul0.1`\\-/@:", max_size=60))
def test_no_text_makes_it_crash(text: str) -> None:
    for part in ("filter", "order", "columns"):
        with suppress(FilterProblem):
            asked({part: text})


def test_columns_and_order_name_fields_and_say_where_they_are_wrong() -> None:
    found = asked({"columns": 'metrics.recall, params."a,b",data,data', "order": "-max.recall"})
    assert [str(one) for one in found.columns] == ["metrics.recall", 'params."a,b"', "data"]
    assert found.order == (Field("max", "recall"), True)
    with pytest.raises(FilterProblem, match="Sort by one column"):
        asked({"order": "number,trial"})
    with pytest.raises(FilterProblem, match="At most 30"):
        asked({"columns": ",".join(f"metrics.m{i}" for i in range(31))})
    assert asked({"filter": "kind = trial"}).with_trials
    assert not asked({"filter": "metrics.trial > 1"}).with_trials
