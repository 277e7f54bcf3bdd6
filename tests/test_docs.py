"""The documents tell the truth: every file and name that they mention exists."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PAGES = [ROOT / "docs" / "architecture.md", ROOT / "README.md", *sorted((ROOT / "docs").glob("adding/*.md"))]
PLACE = re.compile(r"`((?:[\w-]+/)*[\w.-]+/?)(?::([A-Za-z_]\w*(?:\.\w+)*))?`")


def names_of(path: Path) -> set[str]:
    """Functions, classes and methods of a module, methods as Class.method."""
    found = set()
    for node in ast.parse(path.read_text()).body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            found.add(node.name)
        if isinstance(node, ast.ClassDef):
            found |= {f"{node.name}.{inner.name}" for inner in node.body if isinstance(inner, ast.FunctionDef)}
    return found


def mentions(page: Path) -> list[tuple[str, str]]:
    """Paths (with a slash or a known ending) and the names behind a colon."""
    return [
        (place, name)
        for place, name in PLACE.findall(page.read_text())
        if "/" in place and not place.startswith(("/", "api/", "v1/"))
    ]


@pytest.mark.parametrize("page", [page for page in PAGES if page.is_file()], ids=lambda page: page.name)
def test_every_file_and_name_on_the_page_exists(page: Path) -> None:
    wrong = []
    for place, name in mentions(page):
        path = ROOT / place
        if not path.exists():
            wrong.append(place)
        elif name and name not in names_of(path):
            wrong.append(f"{place}:{name}")
    assert wrong == []


def test_the_page_of_the_house_mentions_every_room() -> None:
    text = (ROOT / "docs" / "architecture.md").read_text()
    rooms = {path.parent.name for path in ROOT.glob("*/apps.py")} | {
        f"platform/{path.parent.name}" for path in ROOT.glob("platform/*/apps.py")
    }
    assert [room for room in sorted(rooms) if f"`{room}/" not in text] == []


def test_a_name_that_does_not_exist_would_be_found(tmp_path: Path) -> None:
    assert "start" in names_of(ROOT / "platform" / "jobs" / "services.py")
    assert "no_such_verb" not in names_of(ROOT / "platform" / "jobs" / "services.py")
