"""Two people at the same moment: one wins, the other is told, nothing is lost or doubled."""

import threading
import time
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection

from problems.problem import Conflict, Gone, Problem
from projects import targets
from projects.contract import Goal
from projects.models.define import Contract
from projects.models.gates import Signature
from projects.models.projects import Project
from projects.models.questions import Question
from projects.models.team import Membership
from projects.permissions import Role
from projects.queries.define import charter_of, goals_of, latest_contract
from projects.services.charter import save_charter
from projects.services.define import set_targets, sign_contract
from projects.services.gates import open_gate, pass_gate, sign_gate
from projects.services.projects import create_project
from projects.services.questions import ask, resolve
from projects.services.team import accept_invitation, invite, remove_member
from projects.subjects import about
from tests.conftest import PASSWORD, Cast

pytestmark = pytest.mark.django_db(transaction=True)
RECALL = Goal("Find", "recall", "at_least", 0.7, "", True)
ROUNDS = 100
TEXTS = {"problem": "They leave.", "decision": "We call.", "prediction": "Who?", "harmed": "Nobody, because."}


def at_once(*acts: Callable[[], Any]) -> list[Any]:
    """Each act in a thread of its own, let go together; gives what each returned or refused."""
    start, found = threading.Barrier(len(acts)), [None] * len(acts)

    def run(place: int, act: Callable[[], Any]) -> None:
        start.wait()
        try:
            found[place] = act()
        except Problem as problem:
            found[place] = problem  # type: ignore[call-overload]
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=pair) for pair in enumerate(acts)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    return found


def refusals(found: list[Any], kind: type[Problem] = Conflict) -> int:
    assert all(not isinstance(each, Problem) or isinstance(each, kind) for each in found), found
    return sum(isinstance(each, kind) for each in found)


def test_one_of_two_creators_gets_the_chosen_key(cast: Cast) -> None:
    def create(person: Any) -> Callable[[], Any]:
        return lambda: create_project(name="Same", question="?", kind="binary", key="same", by=person)

    assert refusals(at_once(create(cast.stranger), create(cast.admin), create(cast[Role.OWNER]))) == 2
    assert Project.objects.filter(key="same").count() == 1


def test_creators_without_a_key_all_get_one(cast: Cast) -> None:
    people = [cast.stranger, cast.admin, cast[Role.OWNER]]
    acts = [
        lambda person=person: create_project(name="Same", question="?", kind="binary", by=person) for person in people
    ]
    assert refusals(at_once(*acts)) == 0
    assert set(Project.objects.filter(name="Same").values_list("key", flat=True)) == {"same", "same-2", "same-3"}


def test_one_of_two_writers_saves_the_charter(cast: Cast) -> None:
    def write(text: str) -> Callable[[], Any]:
        texts = TEXTS | {"problem": text}
        return lambda: save_charter(cast.project, version=0, texts=texts, by=cast[Role.OWNER])

    found = at_once(write("one"), write("two"))
    assert refusals(found) == 1
    lost = next(each for each in found if isinstance(each, Conflict))
    charter = charter_of(cast.project)
    assert charter.version == 1
    assert {lost.facts["yours"]["problem"], lost.facts["theirs"]["problem"]} == {"one", "two"}
    assert charter.problem == lost.facts["theirs"]["problem"]


def test_no_text_of_two_writers_by_page_and_rest_is_ever_lost(cast: Cast, browser_of: Any, api_of: Any) -> None:
    """F31: a hundred rounds, each at another field; the second gets 409 and both texts, and every saved text is kept."""
    page, api = browser_of(cast[Role.OWNER]), api_of(cast[Role.BUSINESS_ANALYST])
    for client in (page, api):
        client.raise_request_exception = False

    def by_page(version: int, text: str) -> Any:
        form = {"version": version, "problem": text, "ml_needed": "", "review_on": ""}
        return lambda: _answered(lambda: page.post("/p/churn/define/", form))

    def by_rest(version: int, text: str) -> Any:
        headers = {"If-Match": f'"{version}"'}
        body = {"decision": text}
        path = "/api/v1/projects/churn/charter/"
        return lambda: _answered(lambda: api.put(path, body, content_type="application/json", headers=headers))

    saved = []
    for number in range(ROUNDS):
        version = charter_of(cast.project).version
        mine, theirs = f"page {number}", f"rest {number}"
        pages, rest = at_once(by_page(version, mine), by_rest(version, theirs))
        assert sorted([pages.status_code in (302, 200), rest.status_code == 200]) == [False, True]
        lost = rest if rest.status_code == 409 else pages
        assert lost.status_code == 409
        shown = lost.content.decode()
        assert mine in shown
        assert theirs in shown
        saved.append(theirs if lost is pages else mine)
    kept = [value for row in cast.project.charter_versions.all() for value in row.texts.values()]
    assert set(saved) <= set(kept)
    assert charter_of(cast.project).version == ROUNDS


def _answered(act: Callable[[], Any]) -> Any:
    """A database that is locked answers 503 here; a person would try again."""
    for _ in range(200):
        answer = act()
        if answer.status_code != 503:
            return answer
        time.sleep(0.02)
    raise AssertionError("the database stayed locked")


def test_one_of_two_signers_signs_the_targets(cast: Cast) -> None:
    save_charter(cast.project, version=0, texts=TEXTS, by=cast[Role.OWNER])
    set_targets(cast.project, [RECALL], by=cast[Role.OWNER])
    seen = targets.fingerprint([RECALL])
    acts = [
        lambda role=role: sign_contract(cast.project, seen=seen, by=cast[role])
        for role in (Role.BUSINESS_ANALYST, Role.PRODUCT_MANAGER)
    ]
    assert refusals(at_once(*acts)) == 1


def test_a_signature_never_covers_a_change_of_the_same_moment(cast: Cast) -> None:
    save_charter(cast.project, version=0, texts=TEXTS, by=cast[Role.OWNER])
    set_targets(cast.project, [RECALL], by=cast[Role.OWNER])
    harder = Goal("Find", "recall", "at_least", 0.8, "", True)
    analyst = cast[Role.BUSINESS_ANALYST]
    at_once(
        lambda: sign_contract(cast.project, seen=targets.fingerprint([RECALL]), by=analyst),
        lambda: set_targets(cast.project, [harder], by=cast[Role.PRODUCT_MANAGER]),
    )
    for contract in Contract.objects.exclude(signed_at=None):
        assert goals_of(contract) == [RECALL]
    assert goals_of(latest_contract(cast.project)) == [harder]


def test_one_of_two_people_signs_for_a_role(cast: Cast) -> None:
    second = cast[Role.VIEWER]
    Membership.objects.create(project=cast.project, user=second, role=Role.ML_ENGINEER)
    gate = open_gate(
        cast.project, subject=cast.project, name="v7", url="/p/churn/", environment="production",
        fingerprint="a" * 64, checks=[], roles=["ml_engineer"], comment="", by=cast[Role.OWNER],
    )  # fmt: skip
    acts = [
        lambda person=person: sign_gate(gate, role="ml_engineer", given=True, reason="", by=person)
        for person in (second, cast[Role.ML_ENGINEER])
    ]
    assert refusals(at_once(*acts)) == 1
    assert Signature.objects.count() == 1


def test_one_gate_is_open_however_many_ask(cast: Cast) -> None:
    def ask(mark: str) -> Callable[[], Any]:
        return lambda: open_gate(
            cast.project, subject=cast.project, name="v7", url="/p/churn/", environment="production",
            fingerprint=mark * 64, checks=[], roles=["ml_engineer"], comment="", by=cast[Role.OWNER],
        )  # fmt: skip

    assert refusals(at_once(ask("a"), ask("b"), ask("a"))) == 0
    assert cast.project.gates.filter(state="open").count() == 1


def test_a_gate_passes_once(cast: Cast) -> None:
    gate = open_gate(
        cast.project, subject=cast.project, name="v7", url="/p/churn/", environment="production",
        fingerprint="a" * 64, checks=[], roles=[], comment="", by=cast[Role.OWNER],
    )  # fmt: skip
    acts = [lambda: pass_gate(gate, by=cast[Role.OWNER])] * 3
    assert refusals(at_once(*acts)) == 2


def test_an_invitation_is_used_once_by_however_many(cast: Cast) -> None:
    _, secret = invite(cast.project, email="new@example.org", roles=["viewer"], by=cast[Role.OWNER])
    acts = [lambda: accept_invitation(secret, user=None, name="New", password=PASSWORD)] * 3
    assert refusals(at_once(*acts), Gone) == 2


def test_two_owners_cannot_remove_each_other(cast: Cast) -> None:
    one, two = cast[Role.OWNER], cast[Role.VIEWER]
    Membership.objects.create(project=cast.project, user=two, role=Role.OWNER)
    found = at_once(
        lambda: remove_member(cast.project, one, by=two),
        lambda: remove_member(cast.project, two, by=one),
    )
    assert refusals(found) == 1
    assert Membership.objects.filter(project=cast.project, role=Role.OWNER).count() == 1


def test_of_two_who_settle_a_question_at_once_one_is_told_who_was_first(cast: Cast) -> None:
    found = about(cast.project, "project", "churn")
    question = ask(cast.project, text="Why?", about=found, by=cast[Role.VIEWER])
    people = [cast[Role.ML_ENGINEER], cast[Role.DATA_SCIENTIST]]
    outcomes = at_once(*[lambda person=person: resolve(question, by=person) for person in people])
    assert sorted(isinstance(outcome, Conflict) for outcome in outcomes) == [False, True]
    question.refresh_from_db()
    assert question.resolved_by in people


def test_questions_and_decisions_at_once_get_numbers_of_their_own(cast: Cast) -> None:
    found = about(cast.project, "project", "churn")
    at_once(*[lambda: ask(cast.project, text="Why?", about=found, by=cast[Role.VIEWER])] * 4)
    assert sorted(Question.objects.values_list("number", flat=True)) == [1, 2, 3, 4]
