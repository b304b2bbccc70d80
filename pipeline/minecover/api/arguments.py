"""Errors of the face: what is wrong with which argument of which function."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from numbers import Integral, Real
from typing import TypeVar

from pydantic import ValidationError

from minecover.errors import DataError, SurveyError
from minecover.settings import Location, Section, mistakes

__all__ = ["about", "checked", "number", "strings", "whole"]

Settings = TypeVar("Settings", bound=Section)


@contextmanager
def about(function: str, names: Mapping[str, str] | None = None) -> Iterator[None]:
    """Let errors of what runs inside begin with the function that was called.

    Parameters
    ----------
    function
        As it is called, for example ``"mc.train"``.
    names
        What a message calls something, and what the arguments of the function call it.
    """
    try:
        yield
    except (DataError, SurveyError) as error:
        text = str(error)
        for key, argument in (names or {}).items():
            text = text.replace(key, argument)
        start = f"{function}: "
        raise type(error)(start + text.removeprefix(start)) from error


def checked(kind: type[Settings], values: Mapping[str, object]) -> Settings:
    """Validate arguments as the section of a survey of which they are keys.

    Raises
    ------
    SurveyError
        One is unknown or wrong; the message says which, as it was given.
    """

    def named(place: Location) -> str:
        name = str(place[0]) if place else ""
        return f"{name}={values[name]!r}" if name in values else name

    try:
        return kind.model_validate(dict(values))
    except ValidationError as error:
        raise SurveyError("; ".join(mistakes(error, named, kind()))) from None


def number(name: str, value: object) -> float:
    """Take an argument that must be a number.

    Raises
    ------
    SurveyError
        It is something else.
    """
    if isinstance(value, bool) or not isinstance(value, Real):
        raise SurveyError(f"{name}={value!r}: give a number")
    return float(value)


def whole(name: str, value: object) -> int:
    """Take an argument that must be a whole number.

    Raises
    ------
    SurveyError
        It is something else.
    """
    if isinstance(value, bool) or not isinstance(value, Integral):
        raise SurveyError(f"{name}={value!r}: give a whole number")
    return int(value)


def strings(name: str, values: object) -> tuple[str, ...]:
    """Take an argument that must be one name or several.

    Raises
    ------
    SurveyError
        It is something else.
    """
    given = (values,) if isinstance(values, str) else values
    found = tuple(given) if isinstance(given, Iterable) else ()
    if not isinstance(given, Iterable) or not all(isinstance(item, str) for item in found):
        raise SurveyError(f"{name}={values!r}: give a list of names")
    return tuple(map(str, found))
