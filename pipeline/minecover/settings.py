"""What every section of a survey file is, and keys that name things of a registry."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic_core import CoreSchema, core_schema

from minecover.errors import SurveyError
from minecover.registry import registry_at

__all__ = ["NameIn", "Section"]


class Section(BaseModel):
    """Frozen, and strict about the keys it knows."""

    model_config = ConfigDict(extra="forbid", frozen=True)


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
