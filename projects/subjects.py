"""A socket: the rooms above register how an object that people talk about is found in its project."""

from collections.abc import Callable

from django.urls import reverse

from problems.problem import Missing
from projects.models.projects import Project
from projects.services.tasks import About

# Given a project and the object's own word in addresses (`48`, `customers/v3`), its name and address; or Missing.
Finder = Callable[[Project, str], tuple[str, str]]
_finders: dict[str, Finder] = {}
MAX_ID = 160


def subject(word: str) -> Callable[[Finder], Finder]:
    """Register the function that finds one kind of object."""

    def register(finder: Finder) -> Finder:
        _finders[word] = finder
        return finder

    return register


def words() -> list[str]:
    """The kinds of objects that can be talked about."""
    return sorted(_finders)


def about(project: Project, word: str, own: str) -> About:
    """The object, fetched through its project: nobody talks about what is not there, or is somebody else's."""
    if word not in _finders or len(own) > MAX_ID:
        raise Missing("There is no such object in this project.")
    name, url = _finders[word](project, own)
    return About(word, own, name[:160], url)


def split_number(own: str) -> tuple[str, int]:
    """`customers/v3` as its name and number."""
    name, _, number = own.rpartition("/v")
    return name, whole(number)


def whole(text: str) -> int:
    """A number in an object's own word."""
    if not (text.isascii() and text.isdigit() and len(text) < 9):
        raise Missing("There is no such object in this project.")
    return int(text)


@subject("project")
def _project(project: Project, own: str) -> tuple[str, str]:
    _alone(project, own)
    return project.name, reverse("project", args=[project.key])


@subject("define")
def _define(project: Project, own: str) -> tuple[str, str]:
    _alone(project, own)
    return "The problem and its targets", reverse("define", args=[project.key])


def _alone(project: Project, own: str) -> None:
    if own != project.key:
        raise Missing("There is no such object in this project.")
