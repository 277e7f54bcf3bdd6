"""A socket: the rooms say what of a job's result and words may be shown to whom. The rest is shown whole."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from jobs.models import Job
from problems.problem import Problem
from projects.permissions import Role

Shown = Callable[[Job, frozenset[Role]], Any]
_kinds: dict[str, Shown] = {}


def result_of(kind: str) -> Callable[[Shown], Shown]:
    """Register how the result of one kind of job is shown."""

    def register(source: Shown) -> Shown:
        _kinds[kind] = source
        return source

    return register


def shown_result(job: Job, roles: frozenset[Role]) -> Any:
    """The result as these roles may see it."""
    source = _kinds.get(job.kind)
    return source(job, roles) if source and job.result else job.result


# ---- What jobs say and what the audit keeps may quote a value ----


@dataclass(frozen=True)
class Words:
    """How sentences, lines of logs and the data of audit entries of one project are shown to somebody."""

    text: Callable[[str], str] = str
    line: Callable[[str], str] = str
    data: Callable[[Mapping[str, Any]], dict[str, Any]] = dict

    @contextmanager
    def refusals(self) -> Iterator[None]:
        """A refusal that is raised within quotes nothing that the reader must not see."""
        try:
            yield
        except Problem as problem:
            problem.text = self.text(problem.text)
            problem.fields = {name: self.text(text) for name, text in problem.fields.items()}
            raise


WordsSource = Callable[[Mapping[str, frozenset[Role]]], Mapping[str, Words]]
OPEN = Words()
_sources: list[WordsSource] = []


def words_of(source: WordsSource) -> WordsSource:
    """Register the one room that knows what is hidden; it names only the projects in which something is."""
    _sources.append(source)
    return source


def words_in(roles: Mapping[str, frozenset[Role]]) -> dict[str, Words]:
    """For each of these projects, by key, how its words are shown to the roles that are held there."""
    found = dict.fromkeys(roles, OPEN)
    for source in _sources:
        found |= source(roles)
    return found


def words(key: str, roles: frozenset[Role]) -> Words:
    """The same for one project."""
    return words_in({key: roles})[key]


def spoken(answer: Any, said: Words) -> Any:
    """An answer with each `message` in it as it may be shown."""
    if isinstance(answer, Mapping):
        clean = said.text
        return {
            key: clean(one) if key == "message" and isinstance(one, str) else spoken(one, said)
            for key, one in answer.items()
        }
    return [spoken(one, said) for one in answer] if isinstance(answer, list | tuple) else answer


def open_words(key: str) -> Words:
    """How words are shown that anybody may come to read, as notices, mail and webhooks."""
    return words(key, frozenset())
