"""The house itself: which rooms and files there are, who points where, and what no file may hold."""

import ast
import importlib
import os
import re
import subprocess
import sys
import tomllib
import weakref
from collections.abc import Iterator
from pathlib import Path

import lucide
import pytest
from django.apps import apps
from django.db.models import signals

ROOT = Path(__file__).resolve().parents[1]
FLOOR = ["problems", "outbound", "storage", "audit", "jobs", "notices", "accounts", "web", "config"]
ROOMS = ["projects", "datasets", "experiments", "deployments", "monitoring"]
RANK = {
    name: rank
    for rank, names in enumerate(
        [
            ["problems"],
            ["storage", "audit", "outbound"],
            ["jobs"],
            ["notices"],
            ["accounts"],
            ["web"],
            *[[room] for room in ROOMS],
            ["config"],
        ]
    )
    for name in names
}
SHELF = {"models", "queries", "services", "jobs", "charts", "forms", "pages", "api", "urls", "apps"}
DJANGO = {"__init__", "migrations", "management", "templatetags"}
# What a room holds beside its shelf and its pure modules, each with the reason why it must.
BESIDE = {
    "projects": {
        "access": "the door",
        "overview": "the socket",
        "standing": "fills the socket",
        "flow": "fills the socket",
        "subjects": "the socket of objects that people talk about",
        "talking": "fills the sockets of home and mail",
        "rejudging": "a socket",
        "discarding": "the socket of deletion",
        "moving": "the socket of moving to another instance",
        "moves": "fills the socket of moving",
        "results": "the socket of what jobs found",
        "things": "the socket of what requirements can be linked to",
    },
    "datasets": {
        "overview": "fills the socket",
        "discarding": "fills the socket of deletion",
        "moving": "fills the socket of moving",
        "results": "fills the socket of what jobs found",
        "using": "the socket of what stands on a version",
        "downloads": "files as pages and API send them",
    },
    "experiments": {
        "tried": "reads about searches",
        "pointers": "the socket of aliases that follow something",
        "version_names": "a word of addresses",
        "picking": "the socket of rows for edge cases",
        "overview": "fills the socket",
        "discarding": "fills the socket of deletion",
        "moving": "fills the socket of moving",
        "tracking": "a protocol over the same services",
        "listing": "rows of lists, for pages and API alike",
        "reports": "a run as its pages and the API show it",
        "results": "fills the socket of what jobs found",
        "valuing": "a run's worth as its pages and the API show it",
    },
    "deployments": {
        "overview": "fills the socket",
        "discarding": "fills the socket of deletion",
        "moving": "fills the socket of moving",
        "serving": "a process of its own",
        "asking": "one call to the prediction server",
        "measuring": "the socket of outcomes",
        "facts": "fetches what the gate's pure rules look at",
    },
    "monitoring": {
        "overview": "fills the socket",
        "discarding": "fills the socket of deletion",
        "moving": "fills the socket of moving",
        "reading": "a watch as its pages and the API show it",
        "seen": "a watch without the values that somebody must not see",
        "trials": "fills the socket of outcomes",
        "picking": "fills the socket of rows for edge cases",
        "sample": "plays the sample project's story",
    },
}
FORBIDDEN_NAMES = {"utils", "helpers", "common", "core", "base", "manager", "handler"}
FORBIDDEN_TEXT = {
    r"\bimport pickle\b|\bpickle\.loads?\(": "pickle runs what it reads",
    r"\bjoblib\.load\(": "joblib.load is pickle",
    r"\byaml\.(unsafe_)?load\(": "yaml.load makes objects",
    r"(?<![\w.])eval\(": "eval",
    r"(?<![\w.])exec\(": "exec",
    r"shell=True": "a shell reads what a user wrote",
    r"\bos\.system\(": "a shell reads what a user wrote",
    r"\bmark_safe\(": "use format_html",
    r"trusted=get_untrusted": "trusts whatever the file holds",
    r"\.(filter|exclude|get|order_by)\(\*\*?(self\.)?request": "a request chooses the columns",
    r"\bfrom django\.dispatch\b|django\.db\.models\.signals": "no signals of ours",
}
WRITES = {"save", "create", "update", "delete", "bulk_create", "bulk_update", "get_or_create", "update_or_create"}
SHOWING = {"pages", "api"}


def home(room: str) -> Path:
    return ROOT / room if room in ROOMS else ROOT / "platform" / room


def sources(*, migrations: bool = False) -> Iterator[Path]:
    """Every source file of ours but the tests."""
    for room in [*FLOOR, *ROOMS]:
        for path in sorted(home(room).rglob("*.py")):
            if migrations or "migrations" not in path.parts:
                yield path


def short(path: Path) -> str:
    return str(path.relative_to(ROOT))


def module_of(path: Path) -> str:
    start = ROOT / "platform" if path.is_relative_to(ROOT / "platform") else ROOT
    parts = path.relative_to(start).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def docstring(path: Path) -> str:
    return ast.get_docstring(ast.parse(path.read_text())) or ""


def is_pure(path: Path) -> bool:
    return docstring(path).startswith("PURE")


def test_platform_is_a_folder_and_the_standard_library_keeps_its_name() -> None:
    assert not (ROOT / "platform" / "__init__.py").exists()
    import platform

    assert platform.__file__ is not None
    assert not Path(platform.__file__).is_relative_to(ROOT)
    assert platform.python_version()


def test_no_room_bears_a_name_of_the_standard_library() -> None:
    assert not set(RANK) & set(sys.stdlib_module_names)


def test_every_folder_with_code_is_a_known_room() -> None:
    found = {path.parent.name for path in [*ROOT.glob("*/apps.py"), *ROOT.glob("platform/*/apps.py")]}
    assert found <= set(RANK), found - set(RANK)
    assert {path.name for path in (ROOT / "platform").iterdir() if path.is_dir() and path.name != "__pycache__"} == set(
        FLOOR
    )


def test_every_init_is_empty() -> None:
    full = [short(path) for path in sources(migrations=True) if path.name == "__init__.py" and path.read_text().strip()]
    assert set(full) <= {"platform/config/__init__.py"}, full


def test_every_folder_with_modules_has_an_init() -> None:
    folders = {path.parent for path in sources(migrations=True)}
    assert [short(folder) for folder in folders if not (folder / "__init__.py").exists()] == []


def test_every_module_opens_with_a_docstring() -> None:
    bare = [short(path) for path in sources() if path.name != "__init__.py" and not docstring(path)]
    assert bare == []


def test_no_file_has_a_name_that_says_nothing() -> None:
    named = [short(path) for path in sources() if path.stem in FORBIDDEN_NAMES or path.parent.name in FORBIDDEN_NAMES]
    # architecture.md section 6 gives every family of plug-ins a small base of its own
    assert [name for name in named if not name.endswith("/base.py") or name.count("/") < 2] == []


@pytest.mark.parametrize("room", ROOMS)
def test_a_room_holds_its_shelf_and_pure_modules_only(room: str) -> None:
    allowed = SHELF | DJANGO | set(BESIDE[room])
    strange = []
    for entry in sorted(home(room).iterdir()):
        if entry.name == "__pycache__" or entry.stem in allowed or (entry.is_file() and entry.suffix != ".py"):
            continue
        modules = [entry] if entry.is_file() else [path for path in entry.rglob("*.py") if path.name != "__init__.py"]
        strange += [short(path) for path in modules if not is_pure(path)]
    assert strange == [], "neither on the shelf nor PURE; if it must be, say why in BESIDE"


def test_no_file_is_longer_than_400_lines() -> None:
    long = {short(path): lines for path in sources() if (lines := len(path.read_text().splitlines())) > 400}
    assert long == {}


def test_no_function_is_longer_than_40_lines() -> None:
    long = []
    for path in sources():
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
                lines = (node.end_lineno or 0) - node.body[0].lineno + 1 if _documented(node) else _lines(node)
                if lines > 40:
                    long.append(f"{short(path)}:{node.lineno} {node.name} has {lines}")
    assert long == []


def _documented(node: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    return ast.get_docstring(node) is not None


def _lines(node: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    return (node.end_lineno or 0) - node.lineno + 1


@pytest.mark.parametrize("pattern", sorted(FORBIDDEN_TEXT))
def test_no_source_holds_a_forbidden_call(pattern: str) -> None:
    sought = re.compile(pattern)
    found = [
        f"{short(path)}:{number}"
        for path in sources()
        for number, line in enumerate(path.read_text().splitlines(), 1)
        if sought.search(line)
    ]
    assert found == [], FORBIDDEN_TEXT[pattern]


def test_pages_and_endpoints_write_only_through_services() -> None:
    assert [found for path in sources() if _shows(path) for found in _writes(path)] == []


def _shows(path: Path) -> bool:
    """Pages and endpoints by name; in the web room everything that answers a request."""
    if path.is_relative_to(home("web")):
        return path.stem not in {"services", "jobs", "models", "queries"}
    return path.stem in SHOWING or path.parent.name in SHOWING


def _writes(path: Path) -> list[str]:
    return [
        f"{short(path)}:{node.lineno} .{node.func.attr}()"
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in WRITES
    ]


def test_every_foreign_key_points_down_or_stays_in_its_room() -> None:
    up = []
    for model in apps.get_models():
        here = model._meta.app_label
        for field in model._meta.get_fields():
            if here not in RANK or not field.is_relation or field.auto_created or field.related_model is None:
                continue
            there = field.related_model._meta.app_label  # type: ignore[union-attr]
            if there != here and RANK.get(there, -1) >= RANK[here]:
                up.append(f"{model._meta.label}.{field.name} -> {there}")
    assert up == []


@pytest.mark.parametrize("room", ["jobs", "audit", "notices"])
def test_these_know_their_subject_by_word_and_id(room: str) -> None:
    for model in apps.get_app_config(room).get_models():
        for field in model._meta.get_fields():
            if field.is_relation and not field.auto_created and field.related_model is not None:
                assert field.related_model._meta.app_label == room  # type: ignore[union-attr]


def test_no_room_listens_to_signals() -> None:
    ours = []
    for name in ("pre_save", "post_save", "pre_delete", "post_delete", "m2m_changed", "pre_init", "post_init"):
        for entry in getattr(signals, name).receivers:
            receiver = entry[1]() if isinstance(entry[1], weakref.ReferenceType) else entry[1]
            module = getattr(receiver, "__module__", "")
            if module.split(".")[0] in RANK:
                ours.append(f"{name}: {module}")
    assert ours == []


def contracts() -> list[dict[str, object]]:
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text())
    found: list[dict[str, object]] = settings["tool"]["importlinter"]["contracts"]
    return found


def pure_contract() -> set[str]:
    for contract in contracts():
        if contract["type"] == "forbidden":
            listed = contract["source_modules"]
            assert isinstance(listed, list)
            return set(listed)
    raise AssertionError("there is no contract for pure modules")


def test_every_pure_module_is_under_the_contract() -> None:
    listed = pure_contract()
    free = []
    for path in sources():
        name = module_of(path)
        if is_pure(path) and not any(name == entry or name.startswith(f"{entry}.") for entry in listed):
            free.append(name)
    assert free == [], "add them to the source_modules of the second contract in pyproject.toml"


def test_everything_under_the_contract_says_that_it_is_pure() -> None:
    pure = {module_of(path) for path in sources() if is_pure(path)}
    modules = {module_of(path) for path in sources() if path.name != "__init__.py"}
    silent = {
        name
        for entry in pure_contract()
        for name in modules
        if (name == entry or name.startswith(f"{entry}.")) and name not in pure
    }
    assert silent == set()
    gone = {entry for entry in pure_contract() if not any(n == entry or n.startswith(f"{entry}.") for n in modules)}
    assert gone == set()


def test_the_laws_of_import_hold() -> None:
    tool = Path(sys.executable).with_name("lint-imports")
    if not tool.exists():
        pytest.skip("needs import-linter, which requirements/dev.txt brings")
    environment = os.environ | {"PYTHONPATH": f"{ROOT / 'platform'}{os.pathsep}{ROOT}"}
    done = subprocess.run([tool, "--no-cache"], cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-1000:]


def test_every_room_is_imported_without_heavy_libraries() -> None:
    code = (
        "import sys, django; from django.urls import get_resolver; django.setup(); get_resolver().url_patterns;"
        "print([name for name in ('pandas', 'sklearn', 'pyarrow', 'duckdb', 'scipy', 'skops', 'ibis') if name in sys.modules])"
    )
    environment = os.environ | {
        "PYTHONPATH": f"{ROOT / 'platform'}{os.pathsep}{ROOT}",
        "DJANGO_SETTINGS_MODULE": "config.settings",
    }
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )
    assert done.stdout.strip() == "[]", done.stdout + done.stderr[-1000:]


TEMPLATES = sorted((ROOT / "templates").rglob("*.html"))
IN_TEMPLATES = {
    r"\sstyle\s*=": "inline style",
    r"<style\b": "inline style",
    r"\son[a-z]+\s*=\s*[\"']": "inline handler",
    r"<script(?![^>]*\bsrc=)": "inline script",
    r"javascript:": "a script in an address",
    r"(?<!=\")(https?:)?//[a-z0-9-]+\.[a-z]": "an address outside",
    r"\|\s*safe\b": "text that is not escaped",
    r"\bautoescape\s+off": "text that is not escaped",
    r"hx-on|hx-vals=.js:": "a script in an attribute",
}


@pytest.mark.parametrize("pattern", sorted(IN_TEMPLATES))
def test_no_template_breaks_the_policy(pattern: str) -> None:
    sought = re.compile(pattern)
    found = [
        f"{short(path)}:{number}"
        for path in TEMPLATES
        for number, line in enumerate(path.read_text().splitlines(), 1)
        if sought.search(line)
    ]
    assert found == [], IN_TEMPLATES[pattern]


def test_every_template_compiles() -> None:
    from django.template.loader import get_template

    for path in TEMPLATES:
        get_template(str(path.relative_to(ROOT / "templates")))


def test_every_icon_exists() -> None:
    named = {
        name
        for path in [*TEMPLATES, *sources()]
        for name in re.findall(r"{%\s*icon \"([a-z0-9-]+)\"|(?<![\w.])icon\(\"([a-z0-9-]+)\"", path.read_text())
        for name in name
        if name
    }
    named |= set(importlib.import_module("web.templatetags.baton").STAGE_ICONS.values())
    named |= {icon for _, icon, _ in importlib.import_module("web.templatetags.baton").STATUSES.values()}
    named |= {icon for _, _, icon, _ in importlib.import_module("web.context").PLACES}
    missing = []
    for name in sorted(named - {"tilde"}):
        try:
            lucide._render_icon(name, 16)
        except lucide.IconDoesNotExist:
            missing.append(name)
    assert missing == []
