"""The one table of who may do what."""

import pytest

from projects.permissions import ACTIONS, ROLE_NAMES, Role, allows, holders

READING = ["project.read", "data.read", "run.read", "model.read", "monitor.read"]
BUSINESS_WORD = [
    "contract.sign",
    "policy.sign",
    "autonomy.sign",
    "charter.approve",
    "quality.sign",
]  # the last: of those who bring the data


@pytest.mark.parametrize("role", Role)
@pytest.mark.parametrize("action", READING)
def test_everybody_in_a_project_may_read_it(role: Role, action: str) -> None:
    assert allows(frozenset({role}), action)


@pytest.mark.parametrize("action", [action for action in ACTIONS if action not in READING])
def test_a_viewer_may_do_nothing_but_read(action: str) -> None:
    assert not allows(frozenset({Role.VIEWER}), action)


@pytest.mark.parametrize("action", [action for action in ACTIONS if action not in BUSINESS_WORD])
def test_the_owner_may_do_everything_but_give_the_word_of_the_business(action: str) -> None:
    assert allows(frozenset({Role.OWNER}), action)
    assert not any(allows(frozenset({Role.OWNER}), name) for name in BUSINESS_WORD)


def test_no_roles_allow_nothing() -> None:
    assert not any(allows(frozenset(), action) for action in ACTIONS)


@pytest.mark.parametrize("action", ACTIONS)
def test_every_action_has_words_and_somebody_who_may(action: str) -> None:
    words, roles = ACTIONS[action]
    assert words[0].isupper()
    assert holders(action) == [role for role in Role if role in roles] != []


def test_rights_of_two_roles_add_up() -> None:
    both = frozenset({Role.BUSINESS_ANALYST, Role.DATA_ENGINEER})
    for action in ACTIONS:
        assert allows(both, action) == any(allows(frozenset({role}), action) for role in both)


def test_an_unknown_action_is_a_mistake_of_ours() -> None:
    with pytest.raises(KeyError):
        allows(frozenset({Role.OWNER}), "project.destroy")


def test_role_tags_are_two_letters_and_unique() -> None:
    tags = [tag for _, tag in ROLE_NAMES.values()]
    assert len(set(tags)) == len(Role)
    assert all(len(tag) == 2 for tag in tags)
