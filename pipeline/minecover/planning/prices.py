"""A price list, and what work costs by it."""

from __future__ import annotations

from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from minecover.errors import SurveyError
from minecover.settings import read_yaml

__all__ = ["Prices", "load_prices"]


class Prices(BaseModel):
    """What is paid for, in any one currency; what is not given costs nothing."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    currency: str = Field("", description="printed behind amounts")
    core_hour: float = Field(0.0, ge=0, description="one core for one hour, its memory with it")
    gpu_hour: float = Field(0.0, ge=0, description="one GPU for one hour, beside its cores")
    gb_month_stored: float = Field(0.0, ge=0, description="10⁹ bytes kept for a month")
    gb_moved: float = Field(0.0, ge=0, description="10⁹ bytes over the network, either way")
    months: float = Field(1.0, ge=0, description="how long what is stored is kept")

    def computing(self, core_hours: float, gpu_hours: float) -> float:
        """Price of computing."""
        return core_hours * self.core_hour + gpu_hours * self.gpu_hour

    def keeping(self, stored: float, moved: float) -> float:
        """Price of bytes stored for `months`, and of bytes moved."""
        return stored / 1e9 * self.gb_month_stored * self.months + moved / 1e9 * self.gb_moved


def load_prices(path: Path) -> Prices:
    """Read a price list.

    Raises
    ------
    SurveyError
        The file is missing, is no YAML, or has an unknown or wrong entry.
    """
    raw = read_yaml(path, f"--prices {path}")
    try:
        return Prices.model_validate(raw)
    except ValidationError as error:
        known = ", ".join(Prices.model_fields)
        lines = [f"--prices {path}: {error.error_count()} mistake(s); the entries are {known}:"]
        for item in error.errors():
            where = ".".join(str(part) for part in item["loc"]) or "the file"
            lines.append(f"  {where}: {item['msg']}")
        raise SurveyError("\n".join(lines)) from error
