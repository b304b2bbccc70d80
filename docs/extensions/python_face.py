"""What `import minecover` offers, from its `__all__`."""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Iterator

from markup import heading

import minecover

ORDER = ("Classes", "Functions", "Modules", "Errors")


def face() -> str:
    """Describe every name of `minecover.__all__`."""
    kinds: dict[str, list[str]] = {kind: [] for kind in ORDER}
    for name in minecover.__all__:
        if name != "__version__":
            kinds[_kind(name)].append(name)
    return "\n\n".join(part for kind, names in kinds.items() for part in _group(kind, names))


def _group(kind: str, names: Iterable[str]) -> Iterator[str]:
    listed = sorted(names, key=str.lower)
    if not listed:
        return
    yield heading(kind, 2)
    yield "\n".join(
        ["```{eval-rst}", *(line for name in listed for line in _documented(name)), "```"]
    )


def _documented(name: str) -> Iterator[str]:
    kind = _kind(name)
    yield ""
    if kind == "Functions":
        yield f".. autofunction:: minecover.{name}"
    elif kind == "Modules":
        yield f".. automodule:: minecover.{name}"
        yield "   :members:"
    else:
        yield f".. auto{'exception' if kind == 'Errors' else 'class'}:: minecover.{name}"
        if kind == "Classes":
            yield "   :members:"
            yield "   :exclude-members: model_config"
    yield ""


def _kind(name: str) -> str:
    thing = getattr(minecover, name)
    if inspect.ismodule(thing):
        return "Modules"
    if not inspect.isclass(thing):
        return "Functions"
    return "Errors" if issubclass(thing, Exception) else "Classes"
