"""What every section of a survey file is, how files of settings are read, names in registries."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from difflib import get_close_matches
from pathlib import Path
from types import UnionType
from typing import TYPE_CHECKING, Annotated, Any, Self, Union, get_args, get_origin

import yaml
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    GetCoreSchemaHandler,
    GetJsonSchemaHandler,
    ValidationError,
)
from pydantic_core import CoreSchema, core_schema

from minecover.errors import SurveyError
from minecover.registry import registry_at

__all__ = [
    "PARTS",
    "CrsName",
    "Encoding",
    "Frozen",
    "Location",
    "NameIn",
    "Section",
    "given",
    "mistakes",
    "read_yaml",
]

PARTS = "__"
"""Between the keys that lead to a setting, in the name of an argument."""

Location = Sequence[str | int]
"""Keys and positions that lead to a setting."""

LISTED = 20
"""Mistakes that are listed one by one."""

SHOWN = 60
"""Letters of a wrong value that a message shows."""

WANTED = {
    "string": "give a text, in quotes where YAML takes it for a number, a date, or yes and no",
    "tuple": "give a list, as [a, b]",
    **dict.fromkeys(("dict", "model"), "give keys with their values, as {key: value}"),
    "int": "give a whole number",
    "float": "give a number, without a unit",
    "bool": "give true or false",
}
"""What to give instead of a value of another type, by the first word of pydantic's mistake."""

OF_ANOTHER_TYPE = ("type", "attributes_type", "parsing", "from_float")

_HALVES = re.compile("[\ud800-\udfff]")


def _known_encoding(name: str | None) -> str | None:
    try:
        return name if name is None or "a".encode(name) else None
    except LookupError as error:
        raise ValueError(f"{name!r} is no known encoding; give it as gbk or cp1252") from error


Encoding = Annotated[str | None, AfterValidator(_known_encoding)]
"""Name of an encoding of texts; None: not given."""


CrsName = Annotated[
    str, BeforeValidator(lambda crs: f"EPSG:{crs}" if str(crs).isdecimal() else crs)
]
"""Name of a CRS, or its number of the EPSG's list."""


class Frozen(BaseModel):
    """Values that were validated together and stay as they are, with no others."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    def replace(self, **changes: object) -> Self:
        """Give the same with some values replaced, validated as a whole.

        Parameters
        ----------
        **changes
            New values by name. A part of a part is named with two underscores between, as in
            `survey.replace(model__kind="rf", features__texture_window=7)`; a section may be given
            as a whole, as its object or a mapping.

        Raises
        ------
        SurveyError
            An argument has no such place, or a value that cannot be; it is named.
        """
        values = given(self)
        for argument, value in changes.items():
            _put(values, argument.split(PARTS), value, argument)
        try:
            return self.model_validate(values)
        except ValidationError as error:
            lines = mistakes(error, lambda place: _argument(place, changes), self)
            raise SurveyError("\n".join(lines)) from error

    def model_copy(self, *, update: Mapping[str, Any] | None = None, deep: bool = False) -> Self:
        """Copy, as pydantic does; values of an `update` are validated, as by `replace`.

        Parameters
        ----------
        update
            New values by name; None: none.
        deep
            Copy what it holds as well.

        Raises
        ------
        SurveyError
            A name is unknown, or a value cannot be.
        """
        changed = self.replace(**update) if update else self
        return super(Frozen, changed).model_copy(deep=deep)

    if not TYPE_CHECKING:  # which would take every attribute for one that can be set

        def __setattr__(self, name: str, value: object) -> None:
            """Refuse it: what was validated does not change."""
            try:
                super().__setattr__(name, value)
            except ValidationError as error:
                raise _fixed(name) from error

        def __delattr__(self, name: str) -> None:
            """Refuse it: what was validated does not change."""
            try:
                super().__delattr__(name)
            except ValidationError as error:
                raise _fixed(name) from error


class Section(Frozen):
    """A section of a survey file: frozen, and strict about the keys it knows."""


class NameIn:
    """Annotation of a key whose text is a name in a registry, as in `Annotated[str, NameIn(R)]`.

    Other names are refused with those that there are, which are also in the JSON schema.

    Parameters
    ----------
    place
        Of the registry, as ``"minecover.models.registry:MODELS"``.
    """

    def __init__(self, place: str) -> None:
        self.place = place

    def __get_pydantic_core_schema__(
        self, source: object, handler: GetCoreSchemaHandler
    ) -> CoreSchema:
        """Look the name up, after it was found to be text."""
        return core_schema.no_info_after_validator_function(self._known, handler(source))

    def __get_pydantic_json_schema__(
        self, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        """List the names."""
        return {**handler(schema), "enum": list(registry_at(self.place).names())}

    def _known(self, name: str) -> str:
        try:
            registry_at(self.place).place(name)
        except SurveyError as error:
            raise ValueError(str(error)) from None
        return name


def given(values: Frozen | Mapping[str, Any]) -> dict[str, Any]:
    """Give what was said of a section or mapping, by key: nothing that is left to its default."""
    if isinstance(values, Mapping):
        return dict(values)
    known = values.model_fields_set
    return {name: getattr(values, name) for name in type(values).model_fields if name in known}


class _Loader(yaml.SafeLoader):
    """Refuses a key that is there twice, of which the first would be lost without a word.

    It joins the halves in which JSON, which is YAML too, escapes a rare character.
    """

    def compose_mapping_node(self, anchor: Any) -> yaml.MappingNode:  # noqa: ANN401
        node = super().compose_mapping_node(anchor)
        seen = set[str]()
        for key, _ in node.value:
            name = f"{key.tag} {key.value}"
            if isinstance(key, yaml.ScalarNode) and name in seen:
                problem = f"the key {key.value!r} is there twice"
                raise yaml.composer.ComposerError(None, None, problem, key.start_mark)
            seen.add(name)
        return node

    def construct_scalar(self, node: yaml.ScalarNode | yaml.MappingNode) -> str:
        value = super().construct_scalar(node)
        if not _HALVES.search(value):
            return value
        try:
            return value.encode("utf-16", "surrogatepass").decode("utf-16")
        except UnicodeDecodeError as error:
            problem = "text with half of a character"
            raise yaml.constructor.ConstructorError(None, None, problem, node.start_mark) from error


def read_yaml(path: Path, named: str, what: str = "it") -> object:
    """Read what a person wrote in a YAML file, before it is validated.

    Parameters
    ----------
    path
        Of the file.
    named
        What messages begin with, as ``"--prices FILE"``.
    what
        What cannot be read, in messages.

    Raises
    ------
    SurveyError
        The file is missing, is no YAML, or has a value that no Python value can be.
    """
    try:
        return yaml.load(path.read_text(encoding="utf-8"), _Loader)
    except OSError as error:
        raise SurveyError(f"{named}: cannot read {what}: {error.strerror}") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise SurveyError(f"{named}: not a YAML file: {error}") from error
    except (RecursionError, ValueError) as error:  # a thirteenth month, a number of 5,000 digits
        raise SurveyError(f"{named}: cannot read {what}: {error}") from error


def mistakes(
    error: ValidationError,
    named: Callable[[Location], str],
    settings: BaseModel | type[BaseModel] | None = None,
) -> list[str]:
    """Say what is wrong with settings, one line for each mistake; of many for the first ones.

    Parameters
    ----------
    error
        What pydantic found.
    named
        What the person who gave them calls the setting at a place; nothing where the mistake
        itself says it.
    settings
        Settings of the same kind, or the kind, which know the names that there are; None: nothing
        does.
    """
    lines = []
    for item in error.errors()[:LISTED]:
        place, what = item["loc"], item["msg"].removeprefix("Value error, ")
        wanted, _, kind = item["type"].partition("_")
        if item["type"] == "missing":
            what = "required, but missing"
        elif item["type"] == "extra_forbidden":
            what = _unknown(settings, place)
        elif wanted in WANTED and kind in OF_ANOTHER_TYPE:
            what = f"{str(item['input'])[:SHOWN]!r}: {WANTED[wanted]}"
        name = named(place)
        lines.append(f"{name}: {what}" if name else what)
    left = error.error_count() - LISTED
    return [*lines, f"and {left} more"] if left > 0 else lines


def _fixed(name: str) -> SurveyError:
    return SurveyError(
        f"{name}: settings do not change; give it to replace, as in replace({name}=...), which "
        "makes new ones"
    )


def _unknown(settings: BaseModel | type[BaseModel] | None, place: Location) -> str:
    """Say that the name at a place is unknown, and which there are."""
    if settings is None:
        return "unknown; take it out"
    *parents, name = place
    found: object = settings
    for key in parents:
        found = _part(found, key)
    kind = found if isinstance(found, type) else type(found)
    known = list(kind.model_fields) if issubclass(kind, BaseModel) else []
    near = "".join(f"; is it {other}?" for other in get_close_matches(str(name), known, 1))
    return f"unknown{near}; there are {', '.join(known)}" if known else "unknown; take it out"


def _part(found: object, key: str | int) -> object:
    """Give what is at a key of settings, or of a kind of them its kind; None: not known."""
    if isinstance(found, Mapping):
        return found.get(key)
    if isinstance(key, int):
        return next(iter(found if isinstance(found, tuple) else get_args(found)), None)
    if get_origin(found) is dict:
        return get_args(found)[1]
    if isinstance(found, type) and issubclass(found, BaseModel):
        field = found.model_fields.get(key)
        return None if field is None else _present(field.annotation)
    kind_of: Callable[[str], object] | None = getattr(found, "kind_of", None)
    return getattr(found, key, None) if kind_of is None else kind_of(key)


def _present(kind: object) -> object:
    """Give the kind of a section that may be left out; any other stays."""
    kinds = get_args(kind) if get_origin(kind) in (Union, UnionType) else (kind,)
    return next(one for one in kinds if one is not type(None))


def _put(values: dict[str, Any], path: Sequence[str], value: object, argument: str) -> None:
    """Replace a value in a tree of sections and mappings, of which the way there is copied."""
    key, *rest = path
    if not rest:
        values[key] = value
        return
    part = values.get(key)
    if not isinstance(part, Frozen | Mapping | None):
        raise SurveyError(f"{argument}: {key} has no parts with names; give {key} itself")
    values[key] = {} if part is None else given(part)
    _put(values[key], rest, value, argument)


def _argument(place: Location, arguments: Collection[str]) -> str:
    """Name the argument that gave the setting at a place, or those that gave parts of it."""
    where = [str(part) for part in place]
    within = []
    for argument in arguments:
        path = argument.split(PARTS)
        if where[: len(path)] == path:
            return argument + "".join(f"[{part!r}]" for part in place[len(path) :])
        if path[: len(where)] == where:
            within.append(argument)
    if not where and len(within) > 1:
        return ""
    return ", ".join(within) or PARTS.join(where)
