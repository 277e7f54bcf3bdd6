"""Who is mentioned: names of every sort."""

from hypothesis import given
from hypothesis import strategies as st

from projects.mentions import mentioned, plain

NAMES = st.text(min_size=1, max_size=30).map(plain).filter(lambda name: name and name[0].isalnum() and "@" not in name)


def known(*names: str) -> dict[str, str]:
    return {plain(name): name for name in names}


def test_the_longest_name_wins_and_a_longer_word_is_nobody() -> None:
    people = known("Ann", "Ann Lee")
    assert mentioned("Could @Ann Lee look?", people) == ["Ann Lee"]
    assert mentioned("Could @Ann look, and @ann   lee?", people) == ["Ann", "Ann Lee"]
    assert mentioned("@Annabel knows", people) == []


def test_an_address_inside_a_text_mentions_nobody() -> None:
    assert mentioned("write to me@ann.example.org", known("Ann")) == []
    assert mentioned("(@ann@example.org)", known("ann@example.org")) == ["ann@example.org"]


def test_odd_names_are_found_and_never_read_as_a_pattern() -> None:
    names = ["O'Brien", "José (Pepe) .*", "李小龍", "Ağaoğlu İ", "a|b", "[x]", "Zoë", "50%", "back\\slash"]
    for name in names:
        assert mentioned(f"Hello @{name}!", known(*names)) == [name]


def test_nobody_is_mentioned_twice_or_in_an_empty_house() -> None:
    assert mentioned("@ann @ANN @Ann", known("Ann")) == ["Ann"]
    assert mentioned("@ann", {}) == []


@given(st.lists(NAMES, min_size=1, max_size=6, unique=True), st.data())
def test_whoever_is_written_between_spaces_is_found(names: list[str], data: st.DataObject) -> None:
    name = data.draw(st.sampled_from(names))
    assert mentioned(f"please @{name} ", {each: each for each in names})[:1] == [name]


@given(st.text(max_size=200), st.lists(NAMES, max_size=5))
def test_any_text_is_read_without_an_error(text: str, names: list[str]) -> None:
    people = {name: name for name in names}
    assert set(mentioned(text, people)) <= set(people)
