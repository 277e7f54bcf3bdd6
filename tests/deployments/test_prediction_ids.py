"""Names of answered rows."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deployments.prediction_ids import LENGTH, belongs, new_id, new_ids, time_of

KEY = b"a key of this instance"


@given(st.floats(1_600_000_000, 4_000_000_000), st.text(min_size=1, max_size=40))
def test_a_name_belongs_to_its_deployment_only_and_tells_its_time(at, deployment):
    name = new_id(KEY, deployment, at)
    assert len(name) == LENGTH
    assert belongs(KEY, deployment, name)
    assert not belongs(KEY, deployment + "x", name)
    assert not belongs(KEY + b"x", deployment, name)
    assert time_of(name) == pytest.approx(at, abs=1e-6)


def test_names_sort_by_time():
    names = [new_id(KEY, "d", 1_700_000_000 + i / 1e6) for i in range(2000)]
    assert names == sorted(names)
    assert len(set(names)) == 2000


@given(st.text(max_size=60))
def test_any_other_text_is_refused_and_never_raises(text):
    assert not belongs(KEY, "d", text)


def test_no_other_spelling_of_a_name_is_accepted():
    name = new_id(KEY, "d", 1_700_000_000)
    assert not belongs(KEY, "d", name.upper())
    others = [name[:-1] + letter for letter in "0123456789abcdefghijklmnopqrstuv" if letter != name[-1]]
    assert not any(belongs(KEY, "d", other) for other in others)


def test_no_time_is_read_from_what_is_no_name():
    with pytest.raises(ValueError):
        time_of("nonsense")


def test_many_names_are_made_as_one_is():
    ats = [1_790_000_000 + place / 1e6 for place in range(7)]
    names = new_ids(b"key", "churn", ats)
    assert names == sorted(names)
    assert len(set(names)) == 7
    for name, at in zip(names, ats, strict=True):
        assert len(name) == LENGTH
        assert belongs(b"key", "churn", name)
        assert not belongs(b"key", "other", name)
        assert time_of(name) == pytest.approx(at, abs=2e-6)
