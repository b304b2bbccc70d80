"""Registries: what may be added, by name, from inside the package and from outside.

A registry knows things of one kind: those of the package, each with the place where it is defined,
those that installed packages bring through an entry point, and those that were registered in this
process. A thing is imported when it is first asked for, so that to list names costs nothing.

An entry point of another package, in its `pyproject.toml`::

    [project.entry-points."minecover.indices"]
    BSI = "their_package.bsi:BSI"
"""

from __future__ import annotations

import importlib.metadata
import sys
from collections.abc import Iterator, Mapping
from importlib import import_module
from typing import Any, Generic, TypeVar

from minecover.errors import SurveyError

__all__ = ["Registry", "registry_at"]

T = TypeVar("T")


class Registry(Generic[T]):
    """Things of one kind by name.

    Parameters
    ----------
    noun
        What one of them is called in messages, for example ``"spectral index"``.
    group
        Group of entry points, for example ``"minecover.indices"``.
    kind
        Class that each of them is an instance of (a subclass of, where classes are registered), as
        ``"module:attribute"``: a registry imports nothing by itself.
    places
        Those of this package in order: name to ``"module:attribute"``.
    check
        Where a function of a name and the thing of that name is, as ``"module:attribute"``, which
        raises a `SurveyError` where the thing cannot be used; empty: its class is all that counts.
    """

    def __init__(
        self, noun: str, group: str, kind: str, places: Mapping[str, str], check: str = ""
    ) -> None:
        self.noun, self.group, self.kind, self.check = noun, group, kind, check
        self._places = dict(places)
        self._known: dict[str, T] = {}
        self._added: dict[str, str] = {}

    def names(self) -> tuple[str, ...]:
        """All names: of this package in order, then of others in alphabetical order."""
        others = sorted({*self._entry_points(), *self._added} - set(self._places))
        return (*self._places, *others)

    def own_names(self) -> tuple[str, ...]:
        """Names of the things of this package, in order."""
        return tuple(self._places)

    def __contains__(self, name: object) -> bool:
        # a scan of all installed packages takes long
        return name in self._places or name in self.names()

    def __iter__(self) -> Iterator[T]:
        return (self[name] for name in self.names())

    def __getitem__(self, name: str) -> T:
        """Find one by its name, importing it at first use.

        Raises
        ------
        SurveyError
            There is none of that name, or its package cannot be imported or brings something else.
        """
        if name not in self._known:
            self._known[name] = self._load(name, self.place(name))
        return self._known[name]

    def place(self, name: str) -> str:
        """Where one is defined, as ``"module:attribute"``.

        Raises
        ------
        SurveyError
            There is none of that name.
        """
        if name in self._places:  # without a look at what is installed, which takes milliseconds
            return self._places[name]
        places = self._entry_points() | self._added
        if name not in places:
            known = ", ".join(self.names()) or "none"
            raise SurveyError(f"no {self.noun} {name!r}; there are {known}")
        return places[name]

    def register(self, name: str, thing: T, module: str | None = None) -> T:
        """Add one in this process; the same name may be registered again, but none of the package.

        Workers that are processes of their own, as those of Dask and Ray, know it only by an entry
        point.

        Parameters
        ----------
        name, thing
            What is added.
        module
            Where it is defined: name of a module, or of a cell of a notebook as its functions have
            it; None: the module that calls this.

        Raises
        ------
        SurveyError
            This package has one of that name, it is of another kind, or it cannot be used.
        """
        if name in self._places:
            raise SurveyError(f"{self.noun} {name!r} is one of minecover's; give another name")
        self._check(name, thing)
        self._added[name] = f"{module or sys._getframe(1).f_globals['__name__']}:{name}"
        self._known[name] = thing
        return thing

    def module(self, name: str) -> str:
        """Name of the module in which one is defined: its code is part of fingerprints."""
        return self.place(name).rpartition(":")[0]

    def is_own(self, name: str) -> bool:
        """Tell whether one is of this package."""
        return name in self._places

    def is_only_here(self, name: str) -> bool:
        """Tell whether one was registered in this process and other processes do not know it."""
        return name in self._added and name not in self._entry_points()

    def _entry_points(self) -> dict[str, str]:
        found = importlib.metadata.entry_points(group=self.group)
        return {point.name: point.value for point in found}

    def _load(self, name: str, place: str) -> T:
        try:
            thing: T = _imported(place)
        except (ImportError, AttributeError) as error:
            raise SurveyError(
                f"{self.noun} {name!r}: {place} cannot be imported: {error}; "
                "install its package anew, or remove it"
            ) from error
        self._check(name, thing)
        return thing

    def _check(self, name: str, thing: object) -> None:
        kind = _imported(self.kind)
        fits = issubclass(thing, kind) if isinstance(thing, type) else isinstance(thing, kind)
        if not fits:
            wanted = self.kind.replace(":", ".")
            raise SurveyError(
                f"{self.noun} {name!r} is of type {type(thing).__name__}; it must be a {wanted}"
            )
        if self.check:
            _imported(self.check)(name, thing)


def registry_at(place: str) -> Registry[Any]:
    """Find a registry by its place, as ``"module:attribute"``, when it is first asked.

    Settings name things that are themselves made with settings: neither imports the other.
    """
    registry: Registry[Any] = _imported(place)
    return registry


def _imported(place: str) -> Any:  # noqa: ANN401
    module, _, attribute = place.partition(":")
    return getattr(import_module(module), attribute)
