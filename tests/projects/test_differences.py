"""The word diff joins back to both texts, whatever they are."""

import time

from hypothesis import given
from hypothesis import strategies as st

from projects.differences import GONE, NEW, SAME, changes, pieces

TEXT = st.text(max_size=300) | st.lists(
    st.sampled_from(["we", "call", "leavers", "\n", " ", "Über."]), max_size=60
).map(" ".join)


@given(TEXT, TEXT)
def test_same_and_gone_give_the_old_text_and_same_and_new_the_new_one(old: str, new: str) -> None:
    found = pieces(old, new)
    assert "".join(piece.text for piece in found if piece.kind in (SAME, GONE)) == old
    assert "".join(piece.text for piece in found if piece.kind in (SAME, NEW)) == new
    assert all(piece.text for piece in found)


@given(TEXT)
def test_a_text_does_not_differ_from_itself(text: str) -> None:
    assert all(piece.kind == SAME for piece in pieces(text, text))
    assert changes({"problem": text}, {"problem": text}) == []


def test_one_changed_word_is_one_word() -> None:
    found = pieces("Every Monday we call 200 people.", "Every Friday we call 200 people.")
    assert [(piece.kind, piece.text) for piece in found] == [
        (SAME, "Every "),
        (GONE, "Monday"),
        (NEW, "Friday"),
        (SAME, " we call 200 people."),
    ]


def test_a_text_made_to_be_slow_is_compared_by_lines() -> None:
    began = time.process_time()
    found = pieces("a " * 2000 + "\nx", "a b " * 1000 + "\nx")
    assert time.process_time() - began < 20
    assert found[-1].kind == SAME


def test_only_fields_that_differ_are_named() -> None:
    assert [change.field for change in changes({"a": "1", "b": "2"}, {"a": "1", "b": "3", "c": "4"})] == ["b", "c"]
    assert [change.field for change in changes({"a": "1"}, {})] == ["a"]
