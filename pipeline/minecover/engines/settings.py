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
    prediction: EngineName | None = Field(
        None,
        description="tiled prediction; null: this process, with the threads of all workers, up to "
        "two million pixels and where no `ray_address` is given, else ray",
    )
    training: Literal["ray", "local"] | None = Field(
        None,
        description="of models that several processes can train together; null: ray where "
        "`training_workers` are several or a `ray_address` is given, else this process",
    )
    workers: int = Field(
        2, ge=1, le=100_000, description="processes on this machine, or of the cluster"
    )
    threads: int = Field(1, ge=1, le=4096, description="threads of one worker")
    training_workers: int = Field(
        1,
        ge=1,
        le=100_000,
        description="processes (or GPUs) that train a model together, which decides its weights: "
        "each sees its own share of a step. On one machine one is quickest; more pay across hosts",
    )
    training_threads: int = Field(
        1,
        ge=1,
        le=4096,
        description="threads of each process that trains a network: they decide the last digits of "
        "its weights, `workers` and `threads` do not. More than 1 pay for large networks alone; "
        "several trainings, as in the assessment, use the threads of all workers anyway",
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
    def cores(self) -> int:
        """Threads of all workers."""
        return self.workers * self.threads

    @property
    def trains_on_ray(self) -> bool:
        """Whether what several processes can train together is trained on Ray."""
        if self.training is None:
            return self.training_workers > 1 or self.ray_address is not None
        return self.training == "ray"
