"""What every section of a survey file is."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict

__all__ = ["Section"]


class Section(BaseModel):
    """Frozen, and strict about the keys it knows."""

    model_config = ConfigDict(extra="forbid", frozen=True)
