"""What a unit of work takes: measured on this machine, or shipped with the machine it was on."""

from __future__ import annotations

from functools import cache
from importlib import resources
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from minecover.errors import StoreError
from minecover.planning.stage_cost import cost_of, surveys_of
from minecover.storage.names import CALIBRATION_FILE
from minecover.storage.store import Store
from minecover.survey import Survey

__all__ = ["Constants", "Cost", "Memory", "calibrated", "cost_key", "is_measured", "shipped"]

UNMEASURED = "other"
"""Stands in keys for a kind of model that nobody measured."""


class _Frozen(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Cost(_Frozen):
    """Core-seconds of a stage: `fixed` + `rate` x units of work.

    `fixed` is spent once a stage; in stages of tiles once a worker (its first tile loads and
    compiles what the others find), in those that train once a training.
    """

    fixed: float = Field(0.0, ge=0)
    rate: float = Field(ge=0)


class Memory(_Frozen):
    """Highest resident size of a worker: `base` MiB + `slope` x bytes of a tile's layers.

    At least `floor` MiB, what it takes to import and compile.

    A model and the block that it reads come on top of it: see `ModelKind.reading_memory`.
    """

    base: float = Field(ge=0)
    slope: float = Field(ge=0)
    floor: float = Field(0.0, ge=0)

    def of(self, tile: float) -> float:
        """MiB of a worker whose tile has layers of `tile` MiB."""
        return max(self.floor, self.base + self.slope * tile)


class Constants(_Frozen):
    """Measured constants.

    Attributes
    ----------
    machine, measured
        On what, and when.
    device
        What the model was trained and read on.
    costs
        By stage; by `STAGE:KIND` where the kind of model decides, `STAGE:other` for those that
        were not measured.
    memory
        Of a process that drives and works, as the index of a Job does, by the same keys, for the
        stages of tiles; of a worker of Dask or Ray by `STAGE:dask` and `STAGE:ray`.
    stored
        Bytes in the store for each value of a raster, by stage; of `publish` for each pixel; of
        `source` for each native pixel in the catalog's files.
    write_rate, read_rate
        MB/s to and from the disk.
    spread
        Seconds of tiles by stage, as they were measured one by one: how unequal they are.
    how
        How they were measured, in words.
    """

    machine: str
    measured: str
    device: Literal["cpu", "cuda"] = "cpu"
    costs: dict[str, Cost]
    memory: dict[str, Memory]
    stored: dict[str, float]
    write_rate: float = Field(gt=0)
    read_rate: float = Field(gt=0)
    spread: dict[str, list[float]] = Field(default_factory=dict)
    how: str = "minecover calibrate"

    @field_validator("costs")
    @classmethod
    def _has_dissimilarity(cls, costs: dict[str, Cost]) -> dict[str, Cost]:
        """Calibrations of earlier versions lack it."""
        if "dissimilarity" not in costs:
            raise ValueError("dissimilarity was not measured")
        return costs

    def cost(self, key: str) -> Cost:
        """Give the cost of a stage by its `cost_key`; of an unknown one nothing."""
        return self.costs.get(key) or self.costs.get(_unmeasured(key)) or Cost(rate=0.0)

    def memory_of(self, key: str) -> Memory:
        """Give the memory of a stage by its `cost_key`; of an unknown one the largest there is."""
        known = self.memory.get(key) or self.memory.get(_unmeasured(key))
        return known or max(self.memory.values(), key=lambda memory: memory.of(0.0))


def _unmeasured(key: str) -> str:
    return f"{key.partition(':')[0]}:{UNMEASURED}"


def cost_key(stage: str, survey: Survey) -> str:
    """Name the entry of a stage in `costs` and `memory`."""
    cost = cost_of(stage)
    part = survey.model.kind if cost.by_model else cost.variant(survey)
    return f"{stage}:{part}" if part else stage


@cache
def shipped() -> Constants:
    """Read the constants that come with the package."""
    text = resources.files("minecover.planning").joinpath("constants.json").read_bytes()
    return Constants.model_validate_json(text)


def is_measured(stage: str, survey: Survey) -> bool:
    """Tell whether shipped constants of a stage were measured for the survey's kind of model."""
    keys = {cost_key(stage, one) for one in surveys_of(stage, survey)}
    return not cost_of(stage).by_model or keys <= shipped().costs.keys()


def calibrated(store: Store) -> Constants | None:
    """Read the constants measured for this store, or None where nobody did.

    Raises
    ------
    StoreError
        They are damaged.
    """
    raw = store.read_json(CALIBRATION_FILE)
    if raw is None:
        return None
    try:
        return Constants.model_validate(raw)
    except ValidationError as error:
        raise StoreError(
            f"{store.url}/{CALIBRATION_FILE}: damaged or of another version "
            f"({error.error_count()} mistakes); run `minecover calibrate` again"
        ) from error
