"""The charter and the contract: guarded texts, versions, signatures."""

import pytest

from audit.models import Entry
from problems.problem import Conflict, Denied, Invalid
from projects import targets
from projects.contract import Goal
from projects.models.define import Contract
from projects.models.projects import Project
from projects.overview import rail
from projects.permissions import Role
from projects.queries.define import charter_of, contract_in_force, goals_of, latest_contract
from projects.services.charter import save_charter
from projects.services.define import set_targets, sign_contract
from tests.conftest import Cast

pytestmark = pytest.mark.django_db

TEXTS = {"problem": "They leave.", "decision": "We call.", "prediction": "Who leaves?", "harmed": "Nobody, because."}
RECALL = Goal("Find", "recall", "at_least", 0.7, "", True)
PRECISION = Goal("Do not waste", "precision", "at_least", 0.45)


def write(cast: Cast, version: int = 0, **texts: str) -> None:
    save_charter(cast.project, version=version, texts=TEXTS | texts, by=cast[Role.BUSINESS_ANALYST])


def put(cast: Cast, *goals: Goal) -> Contract:
    return set_targets(cast.project, goals, by=cast[Role.PRODUCT_MANAGER])


def sign(cast: Cast, *goals: Goal, role: Role = Role.BUSINESS_ANALYST) -> Contract:
    return sign_contract(cast.project, seen=targets.fingerprint(goals), by=cast[role])


def define_stop(project: Project) -> tuple[str, str]:
    stop = rail(project)[0]
    return stop.state, stop.note


def test_the_second_of_two_writers_sees_both_texts(cast: Cast) -> None:
    write(cast, problem="first")
    with pytest.raises(Conflict) as refusal:
        write(cast, problem="second")
    assert refusal.value.facts["theirs"]["problem"] == "first"
    assert refusal.value.facts["yours"]["problem"] == "second"
    assert refusal.value.facts["version"] == 1
    assert charter_of(cast.project).problem == "first"
    write(cast, version=1, problem="second")
    assert charter_of(cast.project).version == 2


def test_a_text_that_is_too_long_is_refused_by_field(cast: Cast) -> None:
    with pytest.raises(Invalid) as refusal:
        write(cast, positive_word="x" * 61, harmed="y" * 4001)
    assert set(refusal.value.fields) == {"positive_word", "harmed"}


def test_targets_change_in_place_until_they_are_signed(cast: Cast) -> None:
    first = put(cast, RECALL)
    assert put(cast, RECALL, PRECISION).pk == first.pk
    assert goals_of(latest_contract(cast.project)) == [RECALL, PRECISION]
    assert contract_in_force(cast.project) == first


def test_a_signed_contract_never_changes_and_gets_a_successor(cast: Cast) -> None:
    write(cast)
    put(cast, RECALL)
    signed = sign(cast, RECALL)
    assert put(cast, RECALL) == signed
    successor = put(cast, RECALL, PRECISION)
    assert (signed.version, successor.version) == (1, 2)
    assert goals_of(Contract.objects.get(pk=signed.pk)) == [RECALL]
    assert contract_in_force(cast.project) == signed
    assert define_stop(cast.project) == ("reopened", "Changed since signed")
    sign(cast, RECALL, PRECISION, role=Role.PRODUCT_MANAGER)
    assert contract_in_force(cast.project) == successor
    assert define_stop(cast.project) == ("done", "2 targets, signed off")


def test_only_what_was_seen_is_signed(cast: Cast) -> None:
    write(cast)
    put(cast, RECALL, PRECISION)
    with pytest.raises(Conflict) as refusal:
        sign(cast, RECALL)
    assert refusal.value.code == "changed_meanwhile"
    assert Contract.objects.get().signed_at is None


def test_only_what_was_seen_is_overwritten(cast: Cast) -> None:
    put(cast, RECALL)
    seen = targets.fingerprint([])
    with pytest.raises(Conflict):
        set_targets(cast.project, [PRECISION], seen=seen, by=cast[Role.OWNER])


def test_signing_needs_the_role_even_of_an_owner(cast: Cast) -> None:
    write(cast)
    put(cast, RECALL)
    for role in (Role.OWNER, Role.DATA_SCIENTIST, Role.VIEWER):
        with pytest.raises(Denied):
            sign(cast, RECALL, role=role)
    with pytest.raises(Denied):
        sign_contract(cast.project, seen=targets.fingerprint([RECALL]), by=cast.admin)


def test_what_is_not_ready_is_not_signed_and_says_what_is_missing(cast: Cast) -> None:
    put(cast, RECALL)
    with pytest.raises(Conflict) as refusal:
        sign(cast, RECALL)
    assert refusal.value.facts["blocked_by"] == [
        "point:problem",
        "point:decision",
        "point:prediction",
        "point:harmed",
    ]


def test_a_contract_is_signed_once(cast: Cast) -> None:
    write(cast)
    put(cast, RECALL)
    sign(cast, RECALL)
    with pytest.raises(Conflict):
        sign(cast, RECALL, role=Role.PRODUCT_MANAGER)
    assert Entry.objects.filter(name="contract.signed").count() == 1


@pytest.mark.parametrize(
    "goals",
    [
        [PRECISION],
        [RECALL, RECALL],
        [Goal("x", "mae", "at_most", 3, "", True)],
        [Goal("x", "recall", "at_least", 70, "", True)],
        [Goal("x", "recall", "at_least", float("nan"), "", True)],
        [Goal("x", "recall", "at_most", 0.7, "", True)],
    ],
)
def test_a_list_that_makes_no_sense_is_refused(cast: Cast, goals: list[Goal]) -> None:
    with pytest.raises(Invalid):
        put(cast, *goals)
    assert not Contract.objects.exists()


def test_the_rail_tells_how_define_stands(cast: Cast) -> None:
    assert define_stop(cast.project) == ("now", "Write the problem")
    write(cast)
    assert define_stop(cast.project) == ("now", "Targets are missing")
    put(cast, RECALL)
    assert define_stop(cast.project) == ("waiting", "1 target, not signed")
