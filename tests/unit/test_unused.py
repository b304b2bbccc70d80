"""What nothing uses is not in the package.

This goes by names: a function, class, method or constant is used where its name is, outside of
itself. Of two with one name, one that nobody uses is not found.
"""

from __future__ import annotations

import ast
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import minecover

PACKAGE = Path(minecover.__file__).parent
ROOT = PACKAGE.parent.parent

USERS = ("benchmarks", "cluster", "docs", "notebooks", "tests/doors")
"""Folders beside the package that use it; `doors` holds what packages of others build on it."""

TEXTS = {".html", ".ipynb", ".j2", ".md", ".py", ".toml"}

SHIPPED = ("models/series_kind.py", "testing/")
"""What is there for the models and the tests of others."""

PLAIN = {
    "abstractmethod", "cache", "cached_property", "classmethod", "compiled", "contextmanager",
    "dataclass", "lru_cache", "property", "staticmethod",
}  # fmt: skip
"""Decorators that are no use by themselves; others are, as those of commands and validators."""

CALLED_BY_LIBRARIES = {
    "_repr_html_", "_repr_mimebundle_", "construct_scalar", "forward", "get_credential_options",
    "compose_mapping_node", "invoke", "json_loads", "list_commands", "model_copy", "read_text",
}  # fmt: skip
"""By IPython, PyTorch, rasterio, Typer, pystac-client, pydantic and PyYAML."""

Definition = ast.FunctionDef | ast.ClassDef | ast.Assign | ast.AnnAssign


def test_everything_is_used() -> None:
    trees = {path: parsed(path) for path in sorted(PACKAGE.rglob("*.py"))}
    used = Counter(name for tree in trees.values() for name in uses(tree))
    known = words_of_users() | CALLED_BY_LIBRARIES
    unused = [
        f"{path.relative_to(PACKAGE)}:{node.lineno} {name}"
        for path, tree in trees.items()
        if not path.relative_to(PACKAGE).as_posix().startswith(SHIPPED)
        for name, node in definitions(tree)
        if name not in known and used[name] == list(uses(node)).count(name)
    ]
    assert not unused, "only tests use these, if anything does: use or delete them"


def parsed(path: Path) -> ast.Module:
    """Parse a module without its `__all__`: to be offered is not to be used."""
    tree = ast.parse(path.read_text())
    tree.body = [node for node in tree.body if not is_offer(node)]
    return tree


def is_offer(node: ast.stmt) -> bool:
    return isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__"


def definitions(tree: ast.Module) -> Iterator[tuple[str, Definition]]:
    """What a module and its classes define, but for what decorators have called."""
    for node in tree.body:
        match node:
            case ast.ClassDef():
                yield from ((m.name, m) for m in node.body if isinstance(m, ast.FunctionDef)
                            if not m.name.startswith("__") and is_plain(m))  # fmt: skip
                if is_plain(node):
                    yield node.name, node
            case ast.FunctionDef() if is_plain(node) and not node.name.startswith("__"):
                yield node.name, node
            case ast.Assign(targets=[ast.Name(id=name)]):
                yield name, node
            case ast.AnnAssign(target=ast.Name(id=name)):
                yield name, node


def is_plain(node: ast.FunctionDef | ast.ClassDef) -> bool:
    called = (item.func if isinstance(item, ast.Call) else item for item in node.decorator_list)
    return {ast.unparse(item).rpartition(".")[2] for item in called} <= PLAIN


def uses(tree: ast.AST) -> Iterator[str]:
    """Names that are read, also those in texts that name a thing, as in `module:NAME`."""
    for node in ast.walk(tree):
        match node:
            case ast.Name(id=name, ctx=ast.Load()) | ast.Attribute(attr=name, ctx=ast.Load()):
                yield name
            case ast.Constant(value=str(text)) if re.fullmatch(r"([\w.]+:)?\w+", text):
                yield text.rpartition(":")[2]


def words_of_users() -> set[str]:
    """Every word of the templates of the package and of what uses it."""
    places = [*(ROOT / name for name in USERS), ROOT / "README.md", ROOT / "pyproject.toml"]
    files = [file for place in places for file in (place.rglob("*") if place.is_dir() else [place])]
    files += [file for file in PACKAGE.rglob("*") if file.suffix not in {".py", ".pyc"}]
    texts = (file.read_text() for file in files if file.is_file() and file.suffix in TEXTS)
    return {word for text in texts for word in re.findall(r"\w+", text)}
