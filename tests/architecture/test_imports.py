"""Who may import whom: imports point one way, lowest first. What stands under TYPE_CHECKING counts too."""

import ast
import functools
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

# A module may import its own layer and lower ones. A package stands for everything in it.
LAYERS: tuple[tuple[str, ...], ...] = (
    ("errors", "amounts", "quoting", "duration", "clock", "ids"),
    (
        "model",
        "workflow_model",
        "events",
        "rules",
        "callables",
        "config",
        "keys",
        "indexing",
        "serializer",
        "payloads",
        "schema",
        "call",
        "protocols",
    ),
    ("lua", "connection"),
    ("adapters",),
    ("workflows",),
    ("worker", "middleware", "retry", "context"),
    (
        "agreement",
        "app",
        "checks",
        "collecting",
        "contracts",
        "dead_letters",
        "defining",
        "definition",
        "dispatch_by_name",
        "flow_control",
        "function_task",
        "home",
        "implementing",
        "job",
        "migration",
        "settings",
        "version",
        "task",
        "tracing",
        "workflow_engine",
        "handle",
        "outbox",
        "readable",
        "running",
        "ruled",
        "waiting",
        "fleets",
        "inspector",
        "latency",
        "listing",
        "looking",
        "listening",
        "schedules",
        "housekeeping",
        "service",
        "standalone",
        "supervising",
        "loading",
    ),
    ("testing", "benchmarking", "board", "demo", "integrations"),
    ("cli",),
)
EDGES = len(LAYERS) - 2

# The master knows processes, not jobs. These modules run in processes that it forks, or put it together.
BESIDE_THE_MASTER = {"child", "clerk", "steward", "observer", "counting", "command", "loading", "options", "__main__"}
KNOWN_TO_THE_MASTER = {*LAYERS[0], "model", "config"}
HIDDEN_FROM_THE_ROOT = {"cli", "testing", "supervisor"}

# An import of the left side belongs into the package on the right, and nowhere else.
OWNERS = {
    "networkx": "taskora.workflows",
    "redis": "taskora.connection",
    "hiredis": "taskora.connection",
    "multiprocessing": "taskora.supervisor",
    "signal": "taskora.supervisor",
    "os.fork": "taskora.supervisor",
    "os.forkpty": "taskora.supervisor",
}
# (module, what it imports): why it may.
OWNER_EXCEPTIONS: dict[tuple[str, str], str] = {
    ("taskora.cli.live", "signal"): "gives the terminal back when it is told to end",
    ("taskora.cli.demo", "signal"): "ends the fleet that it started when it is told to end",
    ("taskora.standalone", "signal"): "is the process itself, when there is no supervisor",
    ("taskora.connection.embedded", "signal"): "tells the guardian to end",
    ("taskora.connection.embedded_guardian", "signal"): "is a program of its own",
}

# Imports inside functions: optional extras, what is slow to import, and what a forked process alone needs.
LAZY: set[tuple[str, str]] = {
    ("taskora.adapters.opening", "taskora.adapters.memory"),
    *(("taskora.app", f"taskora.{name}") for name in ("dead_letters", "inspector", "standalone", "supervising")),
    ("taskora.benchmarking.processing", "uvloop"),
    ("taskora.board.board", "uvicorn"),
    ("taskora.cli.board", "taskora.board"),
    ("taskora.cli.demo", "taskora.demo.app"),
    ("taskora.service", "psutil"),
    ("taskora.connection.embedded_guardian", "ctypes"),
    ("taskora.connection.client_library", "redis"),
    ("taskora.connection.cluster_address", "redis"),
    ("taskora.connection.endpoint", "redis"),
    ("taskora.connection.sentinel_address", "redis"),
    ("taskora.connection.wire", "redis"),
    ("taskora.schedules.cron", "croniter"),
    ("taskora.schema.models", "taskora.schema.msgspec_types"),
    ("taskora.schema.models", "taskora.schema.pydantic_types"),
    ("taskora.supervisor.command", "taskora.supervisor.options"),
    ("taskora.supervisor.options", "taskora.supervisor.child"),
    ("taskora.supervisor.options", "taskora.supervisor.steward"),
    ("taskora.workflows.export", "networkx"),
}


@dataclass(frozen=True, slots=True)
class Import:
    """One import, or a use of an attribute that counts as one (``os.fork``)."""

    target: str
    line: int
    relative: bool = False
    in_function: bool = False


@dataclass(frozen=True, slots=True)
class Module:
    """A module of the package, by its installed name."""

    name: str
    source: str
    is_package: bool = False

    @property
    def package(self) -> str:
        return self.name if self.is_package else self.name.rpartition(".")[0]


@functools.cache
def mapping() -> dict[str, str]:
    """Package name to folder, the most specific first."""
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]
    folders: dict[str, str] = settings["package-dir"]
    return dict(sorted(folders.items(), key=lambda item: -len(item[0])))


def modules_on_disk() -> list[Module]:
    found: list[Module] = []
    for package, folder in mapping().items():
        for path in sorted((ROOT / folder).rglob("*.py")):
            parts = path.relative_to(ROOT / folder).with_suffix("").parts
            is_package = parts[-1] == "__init__"
            name = ".".join((package, *(parts[:-1] if is_package else parts)))
            found.append(Module(name, path.read_text(), is_package))
    return found


def imports_of(module: Module, known: set[str]) -> list[Import]:
    """Every import of a module, by absolute name; ``from x import y`` names ``x.y`` when that is a module."""
    found: list[Import] = []

    def visit(node: ast.AST, in_function: bool) -> None:
        found.extend(_imports_at(node, module, known, in_function))
        inside = in_function or isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
        for child in ast.iter_child_nodes(node):
            visit(child, inside)

    visit(ast.parse(module.source), False)
    return found


def _imports_at(node: ast.AST, module: Module, known: set[str], in_function: bool) -> Iterator[Import]:
    match node:
        case ast.Import(names=names):
            for alias in names:
                yield Import(alias.name, node.lineno, in_function=in_function)
        case ast.ImportFrom(module=base, names=names, level=level):
            absolute = _resolve(module, base, level)
            for alias in names:
                full = f"{absolute}.{alias.name}"
                target = full if full in known or full in OWNERS else absolute
                yield Import(target, node.lineno, relative=level > 0, in_function=in_function)
        case ast.Attribute(value=ast.Name(id="os"), attr=attribute) if f"os.{attribute}" in OWNERS:
            yield Import(f"os.{attribute}", node.lineno)
        case ast.Call(
            func=ast.Name(id="import_module") | ast.Attribute(attr="import_module"),
            args=[ast.Constant(value=str(target)), *_],
        ):
            yield Import(target, node.lineno, in_function=in_function)
        case _:
            return


def _resolve(module: Module, base: str | None, level: int) -> str:
    if level == 0:
        return base or ""
    parts = module.package.split(".")
    anchor = parts[: len(parts) - level + 1]
    return ".".join((*anchor, *((base,) if base else ())))


def folder_of(name: str) -> str | None:
    """The mapped package that a module lies in; None for other people's modules."""
    return next((package for package in mapping() if _within(name, package)), None)


def area_of(name: str) -> str:
    """The part of the name that the layers speak of; empty for the root."""
    return name.split(".")[1] if "." in name else ""


def layer_of(name: str) -> float | None:
    """Which layer a module of ours is in; None when nobody gave it one."""
    area = area_of(name)
    if not area:
        return EDGES - 0.5  # the root shows what is below the edges
    if area == "supervisor":
        return EDGES
    return next((number for number, names in enumerate(LAYERS) if area in names), None)


def direction_problems(module: Module, known: set[str]) -> Iterator[str]:
    """Imports that point up, and modules without a layer."""
    own = layer_of(module.name)
    if own is None:
        yield f"{module.name} has no layer: give it one in LAYERS"
        return
    for found in imports_of(module, known):
        if folder_of(found.target) is None:
            continue
        problem = _supervisor_problem(module, found.target) or _root_problem(module, found.target)
        layer = layer_of(found.target)
        if layer is not None and layer > own and not problem and module.name != "taskora":
            problem = "points up"
        if area_of(found.target) == "supervisor" and area_of(module.name) != "supervisor":
            problem = "nothing imports the supervisor"
        if problem:
            yield f"{module.name}:{found.line} imports {found.target}: {problem}"


def _supervisor_problem(module: Module, target: str) -> str | None:
    if area_of(module.name) != "supervisor":
        return None
    if _leaf_of_supervisor(module.name) in BESIDE_THE_MASTER:
        allowed = area_of(target) == "supervisor" or (layer_of(target) or 0) < EDGES
        return None if allowed else "the supervisor does not import the edges"
    if area_of(target) == "supervisor":
        beside = _leaf_of_supervisor(target) in BESIDE_THE_MASTER
        return "the master does not import what loads the app" if beside else None
    return None if area_of(target) in KNOWN_TO_THE_MASTER else "the master knows processes, not jobs"


def _root_problem(module: Module, target: str) -> str | None:
    if module.name == "taskora" and area_of(target) in HIDDEN_FROM_THE_ROOT:
        return "importing taskora must not load it"
    return None


def _leaf_of_supervisor(name: str) -> str:
    return name.split(".")[2] if name.count(".") >= 2 else ""


def border_problems(module: Module, known: set[str]) -> Iterator[str]:
    """Relative imports that leave their folder, and folders imported by their bare name."""
    bare = {package.rpartition(".")[2] for package in mapping()} - {"taskora"}
    for found in imports_of(module, known):
        if found.relative and folder_of(found.target) != folder_of(module.name):
            yield f"{module.name}:{found.line} leaves its folder by a relative import: write {found.target} out"
        if not found.relative and found.target.split(".")[0] in bare:
            yield f"{module.name}:{found.line} imports {found.target}: its name is taskora.{found.target}"


def owner_problems(module: Module, known: set[str]) -> Iterator[str]:
    """Imports that belong into one package and stand elsewhere."""
    for found in imports_of(module, known):
        for owned, owner in OWNERS.items():
            allowed = _within(module.name, owner) or (module.name, owned) in OWNER_EXCEPTIONS
            if _within(found.target, owned) and not allowed:
                yield f"{module.name}:{found.line} imports {found.target}, which only {owner} may"


def lazy_imports(module: Module, known: set[str]) -> Iterator[tuple[tuple[str, str], int]]:
    """Imports inside functions as (module, top name or module of ours), with their lines."""
    for found in imports_of(module, known):
        if found.in_function:
            ours = folder_of(found.target) is not None
            yield (module.name, found.target if ours else found.target.split(".")[0]), found.line


def _within(name: str, package: str) -> bool:
    return name == package or name.startswith(f"{package}.")


ON_DISK = modules_on_disk()
KNOWN = {module.name for module in ON_DISK}


def test_imports_point_one_way() -> None:
    assert [problem for module in ON_DISK for problem in direction_problems(module, KNOWN)] == []


def test_no_relative_import_crosses_the_border_of_a_folder() -> None:
    assert [problem for module in ON_DISK for problem in border_problems(module, KNOWN)] == []


def test_each_dependency_is_imported_by_its_owner_alone() -> None:
    assert [problem for module in ON_DISK for problem in owner_problems(module, KNOWN)] == []


def test_functions_import_only_what_is_listed_as_lazy() -> None:
    found = [entry for module in ON_DISK for entry in lazy_imports(module, KNOWN)]
    assert [f"{name}:{line} imports {what}" for (name, what), line in found if (name, what) not in LAZY] == []
    assert LAZY - {entry for entry, _ in found} == set(), "listed as lazy, but nobody imports it so"


def test_every_exception_is_still_needed() -> None:
    used = {
        (module.name, owned)
        for module in ON_DISK
        for found in imports_of(module, KNOWN)
        for owned in OWNERS
        if _within(found.target, owned)
    }
    assert OWNER_EXCEPTIONS.keys() - used == set()


SAMPLE = {*KNOWN, "taskora.errors", "taskora.adapters", "taskora.app", "taskora.cli", "taskora.supervisor.child"}


@pytest.mark.parametrize(
    ("name", "source"),
    [
        ("taskora.errors", "from .adapters import x"),
        ("taskora.errors", "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from taskora.app import App"),
        ("taskora.adapters.memory", "def f():\n    from ..app import App"),
        ("taskora.worker.loop", "from taskora import Taskora"),
        ("taskora.app", "import taskora.supervisor.child"),
        ("taskora.supervisor.arbiter", "from taskora.keys import Keys"),
        ("taskora.supervisor.arbiter", "from . import child"),
        ("taskora.supervisor.child", "from taskora.cli import main"),
        ("taskora.board", "from taskora.cli import main"),
        ("taskora.nobody_placed_me", ""),
    ],
)
def test_an_import_that_points_up_is_found(name: str, source: str) -> None:
    assert list(direction_problems(Module(name, source), SAMPLE))


@pytest.mark.parametrize(
    ("name", "source"),
    [
        ("taskora.app", "from .adapters import x\nfrom taskora.workflows import chain"),
        ("taskora.cli.main", "from taskora import Taskora\nfrom ..app import App"),
        ("taskora.supervisor.arbiter", "from taskora.errors import TaskoraError\nfrom .beats import Beats"),
        ("taskora.supervisor.child", "from taskora import Taskora\nfrom taskora.worker import loop"),
    ],
)
def test_an_import_that_points_down_is_fine(name: str, source: str) -> None:
    module = Module(name, source)
    assert list(direction_problems(module, SAMPLE)) == []
    assert list(border_problems(module, SAMPLE)) == []


@pytest.mark.parametrize(
    ("name", "source"),
    [
        ("taskora.supervisor.child", "from ..errors import TaskoraError"),
        ("taskora.app", "from .workflows import chain"),
        ("taskora.app", "import workflows"),
    ],
)
def test_an_import_across_the_border_is_found(name: str, source: str) -> None:
    assert list(border_problems(Module(name, source), SAMPLE))


@pytest.mark.parametrize(
    "source",
    [
        "import os\nos.fork()",
        "from os import fork",
        "import signal",
        "import redis.asyncio",
        "from networkx import DiGraph",
    ],
)
def test_an_import_in_the_wrong_package_is_found(source: str) -> None:
    assert list(owner_problems(Module("taskora.app", source), SAMPLE))


def test_an_import_in_a_function_is_found() -> None:
    module = Module("taskora.app", "def f():\n    import redis.asyncio\n    importlib.import_module('msgspec')")
    assert [entry for entry, _ in lazy_imports(module, SAMPLE)] == [
        ("taskora.app", "redis"),
        ("taskora.app", "msgspec"),
    ]
