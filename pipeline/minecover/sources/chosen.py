"""The sources of a survey, each with its settings."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from typing import Any, Self

from pydantic import (
    Field,
    GetCoreSchemaHandler,
    GetJsonSchemaHandler,
    SerializationInfo,
    ValidationError,
    create_model,
)
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, InitErrorDetails, PydanticCustomError, core_schema

from minecover.errors import SurveyError
from minecover.settings import Section
from minecover.sources.registry import SOURCES, sources_of

__all__ = ["SourceSettings"]


class SourceSettings(Mapping[str, Section]):
    """What is observed: the settings of each source of a survey, by its name.

    The sections are those of the registered sources and validated by it: a source that is not
    named or null is not there, unless every survey has it.

    Parameters
    ----------
    sections
        By name of the source, in the registry's order.
    named
        Names that the survey file has; None: all of `sections`. The others have their defaults.
    """

    def __init__(self, sections: Mapping[str, Section], named: Iterable[str] | None = None) -> None:
        self._sections = dict(sections)
        self._named = frozenset(sections if named is None else named)

    @classmethod
    def defaults(cls) -> Self:
        """Give the settings of a survey that names no source."""
        return cls._validated({})

    def __getitem__(self, name: str) -> Section:
        return self._sections[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._sections)

    def __len__(self) -> int:
        return len(self._sections)

    def __hash__(self) -> int:
        return hash(tuple(self._sections))

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._sections})"

    @classmethod
    def kind_of(cls, name: str) -> type[Section] | None:
        """Kind of the section of a source; None: there is no such source."""
        return SOURCES[name].settings_type if name in SOURCES else None

    @classmethod
    def _validated(cls, given: object) -> Self:
        if isinstance(given, cls):
            return given
        named = given if isinstance(given, Mapping) else ()
        others = sorted((name for name in named if not SOURCES.is_own(name)), key=str)
        _refuse_unknown(others)
        names = (*SOURCES.own_names(), *others)
        made = _section(names).model_validate(given)
        found = {name: getattr(made, name) for name in names if getattr(made, name) is not None}
        _refuse_double(found)
        return cls(found, made.model_fields_set)

    def _dumped(self, info: SerializationInfo) -> dict[str, Any]:
        return {
            name: section.model_dump(
                mode=info.mode,
                exclude_unset=info.exclude_unset,
                exclude_defaults=info.exclude_defaults,
            )
            for name, section in self._sections.items()
            if name in self._named or not info.exclude_unset
        }

    @classmethod
    def __get_pydantic_core_schema__(
        cls, source: type[Any], handler: GetCoreSchemaHandler
    ) -> CoreSchema:
        """Validate when a survey is read, so that sources may be registered until then."""
        del source, handler
        return core_schema.no_info_plain_validator_function(
            cls._validated,
            serialization=core_schema.plain_serializer_function_ser_schema(
                cls._dumped, info_arg=True
            ),
        )

    @classmethod
    def __get_pydantic_json_schema__(
        cls, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        """Describe the sections of all registered sources."""
        del schema
        return handler(_section(SOURCES.names()).__pydantic_core_schema__)


@lru_cache(maxsize=32)
def _section(names: tuple[str, ...]) -> type[Section]:
    """Section of a survey file that holds the sections of some sources."""
    fields: dict[str, Any] = {}
    for name in names:
        source = SOURCES[name]
        if source.name != name:
            raise SurveyError(
                f"source {name!r}: its class {source.__qualname__} calls itself {source.name!r}; "
                "give the class and its entry point one name"
            )
        kind = source.settings_type
        fields[name] = (
            (kind, Field(default_factory=kind, description=source.label))
            if source.required
            else (kind | None, Field(None, description=source.label))
        )
    text = "What is observed. A source left out leaves its features out."
    return create_model("Sources", __base__=Section, __doc__=text, **fields)


def _refuse_unknown(names: Iterable[str]) -> None:
    """Refuse names of no source, each at its place in the survey."""
    mistakes = []
    for name in names:
        try:
            SOURCES.place(name)
        except SurveyError as error:
            mistake = PydanticCustomError("unknown_source", "{reason}", {"reason": str(error)})
            mistakes.append(InitErrorDetails(type=mistake, loc=(str(name),), input=name))
    if mistakes:
        raise ValidationError.from_exception_data("Sources", mistakes)


def _refuse_double(sections: Mapping[str, Section]) -> None:
    """Refuse two sources that bring a layer or a feature of one name."""
    owners: dict[str, str] = {}
    for source in sources_of(sections):
        try:
            layers = source.layers()
        except SurveyError as error:
            raise ValueError(str(error)) from error
        for name in {*(layer.name for layer in layers), *source.features()}:
            if owners.setdefault(name, source.name) != source.name:
                raise ValueError(
                    f"{owners[name]} and {source.name} both bring {name}; leave one of them out"
                )
