"""The import tower, the wall of 300 lines, and what may be written in one place only."""

import ast
import builtins
import re
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "src" / "vitalkeep"
WALL = 300

# Lowest first. A room imports itself and lower floors; rooms on one floor never meet.
FLOORS: tuple[frozenset[str], ...] = (
    frozenset({"base"}),
    frozenset({"datatypes"}),
    frozenset({"persons"}),
    frozenset({"notices"}),
    frozenset({"consents", "audit"}),
    frozenset({"records"}),
    frozenset({"summaries", "connectors"}),
    frozenset({"care"}),
    frozenset({"fhir"}),
    frozenset({"disclosure", "statistics"}),
    frozenset({"erasure"}),
    frozenset({"retention"}),
    frozenset({"web"}),
    frozenset({"openapi", "explorer"}),
    frozenset({"app"}),
    frozenset({"demo", "worker"}),
    frozenset({"cli"}),
)
FLOOR = {room: height for height, rooms in enumerate(FLOORS) for room in rooms}
VAGUE = {"util", "utils", "helper", "helpers", "manager", "managers", "service", "services"}

# A full name used anywhere, called or not, and the one file that may use it.
NAMES_ALLOWED_IN = {
    "datetime.datetime.now": "base/clock.py",
    "datetime.datetime.utcnow": "base/clock.py",
    "datetime.datetime.today": "base/clock.py",
    "datetime.date.today": "base/clock.py",
    "time.time": "base/clock.py",
    "time.time_ns": "base/clock.py",
    "os.environ": "base/settings.py",
    "os.environb": "base/settings.py",
    "os.getenv": "base/settings.py",
    "fastapi.HTTPException": "app.py",  # to render the framework's own refusals
    "fastapi.exceptions.HTTPException": "app.py",
    "starlette.exceptions.HTTPException": "app.py",
}
# Full names that may be written as a type anywhere, but called in one file.
CALLS_ALLOWED_IN = {
    "httpx.AsyncClient": "base/outbound.py",
    "httpx.Client": "base/outbound.py",
    "fastapi.HTTPException": None,
    "fastapi.exceptions.HTTPException": None,
    "starlette.exceptions.HTTPException": None,
    "print": None,
}


class Source(NamedTuple):
    """A file: its path below the package (or below the checkout) and its text, also parsed."""

    path: str
    text: str
    tree: ast.Module


Checker = Callable[[Source], Iterator[str]]


def imported_modules(tree: ast.Module) -> Iterator[str]:
    """Every module that is imported, at the top, in a function, for types, or by its name."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            module = "." * node.level + (node.module or "")
            yield from (f"{module}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.Call) and node.args and isinstance(node.args[0], ast.Constant):
            called = ast.unparse(node.func).rsplit(".", 1)[-1]
            if called in ("import_module", "__import__"):
                yield str(node.args[0].value)


def full_names(tree: ast.Module) -> dict[str, str]:
    """What each imported local name stands for: `dt` for `datetime.datetime`."""
    names: dict[str, str] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                first = alias.name.split(".")[0]
                names[alias.asname or first] = alias.name if alias.asname else first
        elif isinstance(node, ast.ImportFrom):
            for alias in node.names:
                names[alias.asname or alias.name] = f"{node.module}.{alias.name}"
    return names


def full_name(node: ast.expr, names: dict[str, str]) -> str:
    """`node` as a dotted name with its imports resolved; empty for anything else."""
    if isinstance(node, ast.Name):
        return names.get(node.id, node.id if hasattr(builtins, node.id) else "")
    if isinstance(node, ast.Attribute):
        before = full_name(node.value, names)
        return f"{before}.{node.attr}" if before else ""
    return ""


def spoken_text(tree: ast.Module) -> Iterator[str]:
    """Every string but docstrings: those are the bare ones."""
    bare = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in bare:
            yield node.value


def check_tower(source: Source) -> Iterator[str]:
    room = Path(source.path).parts[0].removesuffix(".py")
    height = -1 if room == "__init__" else FLOOR.get(room)
    if height is None:
        yield f"{room} is on no floor"
        return
    for module in imported_modules(source.tree):
        parts = module.split(".")
        if module.startswith("."):
            yield f"relative import {module}"
        if parts[0] != "vitalkeep" or len(parts) == 1 or parts[1] == "__version__":
            continue
        if parts[1] not in FLOOR:
            yield f"{module} is on no floor"
        elif parts[1] != room and FLOOR[parts[1]] >= height:
            yield f"{room} may not import {parts[1]}"


def check_wall(source: Source) -> Iterator[str]:
    lines = len(source.text.splitlines())
    if lines > WALL:
        yield f"{lines} lines: divide it"


def check_room_docstring(source: Source) -> Iterator[str]:
    alone = len(source.tree.body) == 1 and ast.get_docstring(source.tree)
    if source.path.endswith("/__init__.py") and not alone:
        yield "a room's __init__.py is a docstring and nothing else"


def check_file_name(source: Source) -> Iterator[str]:
    parts = source.path.removesuffix(".py").split("/")
    words = {word for part in parts for word in part.split("_")}
    yield from (f"{word} says nothing of what is inside" for word in sorted(words & VAGUE))


def check_names(source: Source) -> Iterator[str]:
    names = full_names(source.tree)
    used = {full_name(node, names) for node in ast.walk(source.tree) if isinstance(node, ast.expr)}
    for name in sorted((used | set(names.values())) & set(NAMES_ALLOWED_IN)):
        if source.path != NAMES_ALLOWED_IN[name]:
            yield f"{name} belongs in {NAMES_ALLOWED_IN[name]}"


def calls(source: Source) -> Iterator[tuple[str, str, ast.Call]]:
    """Each call with its full name, and with the last part alone of whatever is called."""
    names = full_names(source.tree)
    for node in ast.walk(source.tree):
        if isinstance(node, ast.Call):
            last = ast.unparse(node.func).rsplit(".", 1)[-1]
            yield full_name(node.func, names), last, node


def check_calls(source: Source) -> Iterator[str]:
    for name, last, node in calls(source):
        if source.path != CALLS_ALLOWED_IN.get(name, source.path):
            yield f"{name}() belongs in {CALLS_ALLOWED_IN[name] or 'no file'}"
        if last == "commit" and source.path != "base/db.py":
            yield "commit() belongs in base/db.py"
        if last == "with_for_update" and any(each.arg == "read" for each in node.keywords):
            yield "with_for_update(read=…) is FOR SHARE"


def check_jose(source: Source) -> Iterator[str]:
    modules = {module.split(".")[0] for module in imported_modules(source.tree)}
    if "jose" in modules and source.path != "persons/tokens.py":
        yield "jose belongs in persons/tokens.py"


def check_locks(source: Source) -> Iterator[str]:
    attributes = [node.attr for node in ast.walk(source.tree) if isinstance(node, ast.Attribute)]
    for text in [*spoken_text(source.tree), *attributes]:
        if re.search(r"pg_(try_)?advisory|\bfor\s+share\b", text, re.IGNORECASE):
            yield f"advisory and shared locks are banned: {text!r}"


IN_SRC: tuple[Checker, ...] = (check_tower, check_room_docstring, check_names)
IN_SRC += (check_calls, check_jose, check_locks)
EVERYWHERE: tuple[Checker, ...] = (check_wall, check_file_name)


def parsed(text: str, path: str) -> Source:
    return Source(path, text, ast.parse(text))


@cache
def read_all(folder: Path, above: Path) -> list[Source]:
    files = sorted(folder.rglob("*.py"))
    return [parsed(file.read_text(), file.relative_to(above).as_posix()) for file in files]


def found(checkers: tuple[Checker, ...], sources: list[Source]) -> list[str]:
    pairs = [(source, check) for source in sources for check in checkers]
    return [f"{source.path}: {fault}" for source, check in pairs for fault in check(source)]


@pytest.mark.parametrize("check", IN_SRC, ids=lambda check: check.__name__)
def test_the_package_keeps_the_rule(check: Checker) -> None:
    sources = read_all(PACKAGE, PACKAGE)
    assert "openapi.py" in {source.path for source in sources}
    assert found((check,), sources) == []


@pytest.mark.parametrize("check", EVERYWHERE, ids=lambda check: check.__name__)
def test_the_package_and_its_tests_keep_the_rule(check: Checker) -> None:
    sources = [*read_all(PACKAGE, ROOT), *read_all(ROOT / "tests", ROOT)]
    assert "tests/test_architecture.py" in {source.path for source in sources}
    assert found((check,), sources) == []


@pytest.mark.parametrize(
    ("check", "path", "bad", "good"),
    [
        (check_tower, "records/a.py", "import vitalkeep.care.reading", "import vitalkeep.base.db"),
        (
            check_tower,
            "audit/a.py",
            "from vitalkeep import consents",
            "from vitalkeep import audit",
        ),
        (check_tower, "base/a.py", "def f():\n from vitalkeep.web import x", "import ast"),
        (check_tower, "base/a.py", "if TYPE_CHECKING:\n import vitalkeep.app", "import vitalkeep"),
        (check_tower, "base/a.py", "import_module('vitalkeep.cli')", "import_module('json')"),
        (check_tower, "app.py", "from vitalkeep.cli import x", "from vitalkeep.openapi import x"),
        (check_tower, "openapi.py", "import vitalkeep.explorer", "import vitalkeep.web"),
        (check_tower, "cli.py", "import vitalkeep.attic", "from vitalkeep import __version__"),
        (check_tower, "care/a.py", "from . import b", "from vitalkeep.care import b"),
        (check_wall, "a.py", "x = 1\n" * 301, "x = 1\n" * 300),
        (check_room_docstring, "care/__init__.py", "'''Room.'''\nX = 1", "'''Room.'''"),
        (check_names, "care/a.py", "from datetime import datetime as d\nd.now()", "clock.now()"),
        (check_names, "care/a.py", "import datetime as d\nx = d.date.today", "time.time()"),
        (check_names, "care/a.py", "from time import time\ntime()", "from time import monotonic"),
        (check_names, "care/a.py", "import os\nos.environ['A']", "import os\nos.getpid()"),
        (check_names, "care/a.py", "from os import getenv", "'os.getenv'"),
        (check_names, "care/a.py", "import fastapi\nfastapi.HTTPException", "HTTPException = 1"),
        (check_calls, "app.py", "from fastapi import HTTPException as H\nH(404)", "H(404)"),
        (check_calls, "care/a.py", "print('x')", "console.print('x')"),
        (check_calls, "care/a.py", "connection.commit()", "committed = 'commit()'"),
        (check_calls, "care/a.py", "import httpx\nhttpx.Client()", "import httpx\nhttpx.Client"),
        (check_calls, "care/a.py", "q.with_for_update(read=True)", "q.with_for_update()"),
        (check_jose, "care/a.py", "def f():\n from jose import jwt", "import josepy"),
        (check_locks, "care/a.py", "s = f'SELECT 1 FOR  SHARE {x}'", "'''No FOR SHARE.'''"),
        (check_locks, "care/a.py", "func.pg_advisory_xact_lock(1)", "s = 'SELECT 1 FOR UPDATE'"),
    ],
)
def test_a_rule_sees_what_breaks_it(check: Checker, path: str, bad: str, good: str) -> None:
    assert found((check,), [parsed(bad, path)]) != []
    assert found((check,), [parsed(good, path)]) == []


@pytest.mark.parametrize("path", ["base/utils.py", "helpers/a.py", "care/token_manager.py"])
def test_a_name_that_says_nothing_is_seen(path: str) -> None:
    assert found((check_file_name,), [parsed("", path)]) != []


@pytest.mark.parametrize(
    ("check", "place", "text"),
    [
        (check_names, "base/clock.py", "from datetime import datetime\ndatetime.now()"),
        (check_names, "base/settings.py", "import os\nos.environ"),
        (check_names, "app.py", "from starlette.exceptions import HTTPException"),
        (check_calls, "base/outbound.py", "import httpx\nhttpx.AsyncClient()"),
        (check_calls, "base/db.py", "connection.commit()"),
        (check_jose, "persons/tokens.py", "from jose import jwt"),
    ],
)
def test_what_is_banned_has_its_place(check: Checker, place: str, text: str) -> None:
    assert found((check,), [parsed(text, place)]) == []
    assert found((check,), [parsed(text, "care/reading.py")]) != []


def test_a_room_or_module_that_is_on_no_floor_is_seen() -> None:
    assert found((check_tower,), [parsed("", "attic/rubbish.py")]) == [
        "attic/rubbish.py: attic is on no floor"
    ]
