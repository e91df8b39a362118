"""What the demo's jobs do: take a Python file apart with `ast`."""

from __future__ import annotations

import ast
import tokenize
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

_BRANCHES = (
    ast.If, ast.For, ast.AsyncFor, ast.While, ast.Try, ast.TryStar, ast.ExceptHandler, ast.Match, ast.match_case,
    ast.IfExp, ast.BoolOp, ast.comprehension, ast.Assert,
)  # fmt: skip
_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)


@dataclass(frozen=True, slots=True)
class LongFunction:
    """A function and how many lines it has."""

    path: str
    name: str
    lines: int


@dataclass(frozen=True, slots=True)
class FileFacts:
    """What is in a file. ``imports`` counts top-level modules; a file that does not parse has only lines."""

    path: str
    lines: int
    parsed: bool
    functions: int = 0
    classes: int = 0
    branches: int = 0
    longest: LongFunction | None = None
    imports: dict[str, int] | None = None


@dataclass(frozen=True, slots=True)
class Report:
    """What is in all files."""

    files: int
    unparsed: int
    lines: int
    functions: int
    classes: int
    branches: int
    longest_functions: list[LongFunction]
    most_imported: list[tuple[str, int]]
    most_branching: list[tuple[str, int]]


def analyse_file(path: str) -> FileFacts:
    """Take a file apart; some have wrong syntax on purpose."""
    try:
        with tokenize.open(path) as file:
            source = file.read()
    except (SyntaxError, UnicodeDecodeError):
        return FileFacts(path, len(Path(path).read_bytes().splitlines()), parsed=False)
    lines = source.count("\n") + 1
    try:
        tree = ast.parse(source, path)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return FileFacts(path, lines, parsed=False)
    kinds: Counter[str] = Counter()
    imports: Counter[str] = Counter()
    longest: LongFunction | None = None
    for node in ast.walk(tree):
        if isinstance(node, _FUNCTIONS):
            kinds["functions"] += 1
            length = (node.end_lineno or node.lineno) - node.lineno + 1
            if longest is None or length > longest.lines:
                longest = LongFunction(path, node.name, length)
        elif isinstance(node, ast.ClassDef):
            kinds["classes"] += 1
        elif isinstance(node, _BRANCHES):
            kinds["branches"] += 1
        else:
            imports.update(_imported(node))
    return FileFacts(path, lines, True, kinds["functions"], kinds["classes"], kinds["branches"], longest, dict(imports))


def summarise(facts: list[FileFacts], top: int = 10) -> Report:
    """Add up all files."""
    imports: Counter[str] = Counter()
    for file in facts:
        imports.update(file.imports or {})
    longest = sorted((file.longest for file in facts if file.longest), key=lambda found: -found.lines)
    branching = sorted(((file.path, file.branches) for file in facts), key=lambda found: -found[1])
    return Report(
        files=len(facts),
        unparsed=sum(not file.parsed for file in facts),
        lines=sum(file.lines for file in facts),
        functions=sum(file.functions for file in facts),
        classes=sum(file.classes for file in facts),
        branches=sum(file.branches for file in facts),
        longest_functions=longest[:top],
        most_imported=imports.most_common(top),
        most_branching=branching[:top],
    )


def _imported(node: ast.AST) -> Iterator[str]:
    if isinstance(node, ast.Import):
        for alias in node.names:
            yield alias.name.partition(".")[0]
    elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
        yield node.module.partition(".")[0]
