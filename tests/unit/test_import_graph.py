"""The house: rooms that import one way, no circle of files, little on the top floor."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

import minecover

ROOT = Path(minecover.__file__).parent
FILES = sorted(path for path in ROOT.rglob("*.py"))

KNOW_THE_SURVEY = {
    "api", "area_estimation", "commands", "comparison", "kubernetes", "label_review", "labelling",
    "planning", "stages", "survey", "testing", "validation", "workflow",
}  # fmt: skip
"""Rooms that may read a survey; settings come into all others as arguments."""

APART = ("features", "models", "products", "sources")
"""Rooms that never import each other."""

MOST_LINES = 350


def name_of(path: Path) -> str:
    parts = path.relative_to(ROOT.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {name_of(path): path for path in FILES}


def room_of(module: str) -> str:
    parts = module.split(".")
    return parts[1] if len(parts) > 2 or (ROOT / parts[-1]).is_dir() else ""


def imported(path: Path) -> Iterator[str]:
    """Modules of minecover that a module imports, also inside functions and for types alone."""
    waiting: list[ast.AST] = [ast.parse(path.read_text(encoding="utf-8"))]
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name in MODULES)
        elif isinstance(node, ast.ImportFrom) and node.module in MODULES:
            names = [f"{node.module}.{alias.name}" for alias in node.names]
            yield from (name if name in MODULES else str(node.module) for name in names)
        waiting += ast.iter_child_nodes(node)


GRAPH = {name: set(imported(path)) - {name} for name, path in MODULES.items()}


def circles(graph: Mapping[str, set[str]]) -> list[list[str]]:
    """Sets of nodes that reach each other (Tarjan 1972), of more than one."""
    found: list[list[str]] = []
    index: dict[str, int] = {}
    low: dict[str, int] = {}
    stack: list[str] = []

    def visit(node: str) -> None:
        index[node] = low[node] = len(index)
        stack.append(node)
        for other in sorted(graph[node]):
            if other not in index:
                visit(other)
                low[node] = min(low[node], low[other])
            elif other in stack:
                low[node] = min(low[node], index[other])
        if low[node] == index[node]:
            group = stack[stack.index(node) :]
            del stack[stack.index(node) :]
            if len(group) > 1:
                found.append(sorted(group))

    for node in sorted(graph):
        if node not in index:
            visit(node)
    return found


def test_circles_are_found() -> None:
    assert circles({"a": {"b"}, "b": {"c"}, "c": {"a", "d"}, "d": set()}) == [["a", "b", "c"]]
    assert circles({"a": {"b", "c"}, "b": {"c"}, "c": set()}) == []


def test_no_circle_of_files() -> None:
    assert circles(GRAPH) == []


def test_no_circle_of_rooms() -> None:
    rooms: dict[str, set[str]] = {}
    for module, others in GRAPH.items():
        ours = rooms.setdefault(room_of(module), set())
        if not module.endswith(".registry"):  # a door: it names things and imports none of them
            rest = {other for other in others if not other.endswith(".registry")}
            ours |= {room_of(other) for other in rest} - {room_of(module), ""}
    assert circles(rooms) == []


def test_the_top_floor_has_at_most_eight_modules() -> None:
    top = sorted(path.name for path in ROOT.glob("*.py"))
    assert len(top) <= 8, top


@pytest.mark.parametrize("room", APART)
def test_rooms_apart_do_not_import_each_other(room: str) -> None:
    others = {
        (module, other)
        for module, found in GRAPH.items()
        if room_of(module) == room
        for other in found
        if room_of(other) in set(APART) - {room}
    }
    assert not others


def test_kernels_know_no_survey() -> None:
    knowing = {
        module
        for module, found in GRAPH.items()
        if any(room_of(other) == "survey" for other in found)
    }
    assert {room_of(module) for module in knowing} <= KNOW_THE_SURVEY


def test_only_the_command_line_builds_on_the_face() -> None:
    importing = {m for m, found in GRAPH.items() if any(room_of(o) == "api" for o in found)}
    assert {room_of(module) for module in importing} <= {"", "api", "commands"}


def test_no_product_module_imports_testing() -> None:
    importing = {m for m, found in GRAPH.items() if any(room_of(o) == "testing" for o in found)}
    assert {room_of(module) for module in importing} <= {"testing"}


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_modules_are_short(path: Path) -> None:
    assert len(path.read_text(encoding="utf-8").splitlines()) <= MOST_LINES
