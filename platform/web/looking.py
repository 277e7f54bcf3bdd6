"""Looking at a project as another role: a mark in the session that doors read, and that stops every write."""

from dataclasses import dataclass

from django.http import HttpRequest

from problems.problem import Denied

MARK = "looking"
SAFE = frozenset({"GET", "HEAD", "OPTIONS"})


@dataclass(frozen=True)
class Looking:
    """In which project somebody looks, and as which role."""

    project_key: str
    role: str
    words: str


def looking(request: HttpRequest) -> Looking | None:
    """How this browser looks now, if it does."""
    session = getattr(request, "session", None)
    mark = session.get(MARK) if session is not None else None
    return Looking(**mark) if mark else None


def begin(request: HttpRequest, project_key: str, role: str, words: str) -> None:
    """From now on this browser sees that project as that role."""
    request.session[MARK] = {"project_key": project_key, "role": role, "words": words}


def stop(request: HttpRequest) -> None:
    """Back to the own eyes."""
    request.session.pop(MARK, None)


def refuse_writes(request: HttpRequest) -> None:
    """While somebody only looks, nothing may be changed anywhere."""
    if request.method in SAFE:
        return
    if seen := looking(request):
        text = f"You are looking as {seen.words}, and while you look nothing can be changed. Stop looking first."
        raise Denied(text, code="only_looking")
