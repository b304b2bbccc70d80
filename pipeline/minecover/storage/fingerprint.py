"""Fingerprints: what a result is made from, as sixteen hexadecimal digits.

The fingerprint of code depends on what the code does, not on how it reads or where it lies. It is
made of the syntax trees of all top-level statements of some modules, as a set without order:

- comments, layout, docstrings, annotations of functions, `__all__` and the words of error messages
  leave it as it is, and so does moving a definition or a module from one file to another;
- a changed constant, operator, default, decorator, base class or order of statements within a
  function changes it.
"""

from __future__ import annotations

import ast
import hashlib
import importlib.util
import linecache
import sys
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

from minecover.errors import MinecoverError
from minecover.storage.canonical_json import Json, canonical_json

__all__ = ["code_version", "fingerprint", "home_of", "module_version", "syntax_digests"]

ROOT = Path(__file__).parent.parent
"""Folder of the package."""

UNSEEN = frozenset({"ctx", "kind", "lineno", "returns", "type_comment", "type_ignores"})
"""Fields of syntax nodes that change nothing of what code does."""


def fingerprint(*parts: Json) -> str:
    """SHA-256 over the canonical JSON of `parts`, 16 hexadecimal digits."""
    digest = hashlib.sha256()
    for part in parts:
        digest.update(canonical_json(part))
        digest.update(b"\0")
    return digest.hexdigest()[:16]


@cache
def code_version(*places: str) -> str:
    """Fingerprint of modules and packages of minecover.

    Parameters
    ----------
    places
        Paths inside the package, as `cube` or `geography/grid.py`.
    """
    return _version(file for place in places for file in _files(ROOT / place))


@cache
def module_version(name: str) -> str:
    """Fingerprint of an importable module, or of a package with all its modules.

    Parameters
    ----------
    name
        Of the module; of a cell of a notebook the name of its file, which is never written.

    Raises
    ------
    MinecoverError
        Its source cannot be read.
    """
    cell = linecache.getlines(name) if Path(name).is_absolute() or name[:1] == "<" else []
    if cell:
        return fingerprint(sorted(syntax_digests("".join(cell))))
    origin = _origin(name)
    if origin is None or not origin.endswith(".py"):
        raise MinecoverError(
            f"{name}: its source is needed to tell when results must be computed again, and it is "
            "not there; install the package with its .py files"
        )
    place = Path(origin)
    return _version(_files(place.parent if place.name == "__init__.py" else place))


def home_of(code: Any) -> str:  # noqa: ANN401
    """Name the module in which a function or class is defined, or the cell of a notebook.

    A notebook is no file; a cell of it has the name of one that is never written, under which
    Python finds its lines.
    """
    module = str(code.__module__)
    if getattr(sys.modules.get(module), "__file__", None):
        return module
    inside = vars(code).values() if isinstance(code, type) else [code]
    files = (one.__code__.co_filename for one in inside if hasattr(one, "__code__"))
    return next(files, module)


@cache
def syntax_digests(source: str) -> frozenset[str]:
    """Digest of every top-level statement of a module that does anything."""
    return frozenset(
        hashlib.sha256(canonical_json(_shape(node))).hexdigest()
        for node in ast.parse(source).body
        if not _is_silent(node)
    )


def _origin(name: str) -> str | None:
    """File of a module; of a script that runs, which has no name to be found by, its own."""
    module = sys.modules.get(name)
    if module is not None:
        return getattr(module, "__file__", None)
    spec = importlib.util.find_spec(name)
    return None if spec is None else spec.origin


def _files(place: Path) -> Iterator[Path]:
    yield from sorted(place.rglob("*.py")) if place.is_dir() else [place]


def _version(files: Iterator[Path]) -> str:
    read = (syntax_digests(file.read_text(encoding="utf-8")) for file in files)
    digests: set[str] = set().union(*read)
    return fingerprint(sorted(digests))


def _is_silent(node: ast.stmt) -> bool:
    """Tell whether a statement changes nothing: text alone, `__all__`, imports for types."""
    match node:
        case ast.Expr(value=ast.Constant(value=str())):
            return True
        case ast.Assign(targets=[ast.Name(id="__all__")]):
            return True
        case ast.If(test=ast.Name(id="TYPE_CHECKING")):
            return True
        case ast.ImportFrom(module=module) if module == "__future__":
            return True
        case ast.Import() | ast.ImportFrom():
            return not _shape(node)
        case _:
            return False


def _shape(node: object) -> Json:
    """Nested lists of what a syntax node does; the same for every version of Python."""
    if isinstance(node, list):
        kept = (item for item in node if not (isinstance(item, ast.stmt) and _is_silent(item)))
        return [_shape(item) for item in kept]
    if isinstance(node, ast.AST):
        special = SPECIAL.get(type(node), _fields)
        return special(node)
    if node is None or isinstance(node, bool | int | str):
        return node
    # numbers that JSON has not, bytes, the ellipsis
    return [type(node).__name__, repr(node)]


def _fields(node: ast.AST) -> list[Json]:
    """Name of a node and its fields that hold something."""
    shapes = [
        [name, value if type(value) is str else _shape(value)]
        for name in node._fields
        if name not in UNSEEN and (value := getattr(node, name, None)) is not None
    ]
    return [type(node).__name__, [pair for pair in shapes if pair[1] not in (None, [])]]


def _raised(node: ast.Raise) -> list[Json]:
    """Kind of an error: whatever is computed for its message changes no result."""
    if isinstance(node.exc, ast.Call):
        return ["Raise", _shape(node.exc.func), len(node.exc.args)]
    return _fields(node)


def _imported(node: ast.Import | ast.ImportFrom) -> list[Json]:
    """Names that an import brings; of minecover only where it gives them another name here."""
    module = node.module or "" if isinstance(node, ast.ImportFrom) else ""
    own = module.partition(".")[0] == "minecover" or getattr(node, "level", 0) > 0
    return sorted(
        [module if not own else "minecover", alias.name, alias.asname or ""]
        for alias in node.names
        if (not own and not alias.name.startswith("minecover")) or alias.asname
    )


SPECIAL: dict[type[ast.AST], Callable[[Any], Json]] = {
    ast.Import: _imported,
    ast.ImportFrom: _imported,
    ast.Raise: _raised,
    ast.arg: lambda node: ["arg", node.arg],
}
"""Nodes of which something else than their fields counts."""
