"""The section of where work runs."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from minecover.settings import NameIn, Section

__all__ = ["EngineSettings"]

EngineName = Annotated[str, NameIn("minecover.engines.registry:ENGINES")]


class EngineSettings(Section):
    """Where work runs."""

    tiles: EngineName = Field("dask", description="tiles of every stage but the prediction")
    prediction: EngineName = Field("ray", description="tiled prediction")
    training: Literal["ray", "local"] = Field(
        "ray", description="of models that several processes can train together"
    )
    workers: int = Field(2, ge=1, description="processes on this machine, or of the cluster")
    threads: int = Field(1, ge=1, description="threads of one worker")
    training_workers: int = Field(
        1,
        ge=1,
        description="processes (or GPUs) that train a model together; they share the threads of "
        "all workers. On one machine one process is quickest; more pay across hosts",
    )
    checkpoint_seconds: float = Field(
        20.0, ge=0, description="between two checkpoints of a training; a lost one repeats as much"
    )
    bad_tiles: Literal["stop", "skip"] = Field(
        "stop",
        description="a tile whose data is bad: stop: end after the stage and name it; "
        "skip: nodata there, named in the report",
    )
    lease: float = Field(
        30.0,
        gt=0,
        description="seconds after which a worker that gives no sign counts as dead and its tile "
        "is taken over; the clocks of all hosts must agree within a fraction of it",
    )
    metrics_port: int | None = Field(
        None,
        ge=1024,
        le=65534,
        description="clusters started here export metrics for Prometheus on loopback: Dask's "
        "scheduler at this port, Ray at the next, both under /metrics; null: they do not. Of "
        "clusters that run already, see to it where they are started",
    )
    dask_address: str | None = Field(None, description="scheduler of a running Dask cluster")
    ray_address: str | None = Field(None, description="address of a running Ray cluster")

    @property
    def training_threads(self) -> int:
        """Threads of each process that trains."""
        return max(1, self.workers * self.threads // self.training_workers)
