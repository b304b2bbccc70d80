"""Settings of the selection of layers."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from minecover.settings import Section

__all__ = ["SelectionSettings"]


class SelectionSettings(Section):
    """Which layers the model sees."""

    method: Literal["both", "relieff", "forest", "all"] = Field(
        "both", description="by which scores layers are ranked; all: keep every layer"
    )
    engine: Literal["native", "skrebate"] = Field(
        "native",
        description="implementation of Relief-F: of this package, or skrebate's, slower",
    )
    keep: int | None = Field(None, ge=1, description="layers kept; null: chosen by validation")
    neighbours: int = Field(100, ge=1, description="k of Relief-F")
    trees: int = Field(300, ge=10, description="trees of the random forest")
