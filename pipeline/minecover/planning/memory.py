"""Highest resident memory of a worker, and what the machine has."""

from __future__ import annotations

from pathlib import Path

import psutil

from minecover.cube.build import cube_layer_names
from minecover.features.build import feature_layer_names
from minecover.planning.constants import Constants, cost_key
from minecover.survey import Survey

__all__ = ["control_group_limit", "layers_mib", "machine_memory", "worker_memory"]

TILE_STAGES = ("cube", "features", "predict")


def layers_mib(survey: Survey) -> float:
    """MiB of the layers of one whole tile, of the cube or of the features, which are more."""
    layers = max(len(cube_layer_names(survey)), len(feature_layer_names(survey)))
    return layers * survey.grid.tile**2 * 4 / 2**20


def worker_memory(survey: Survey, constants: Constants, *stages: str) -> float:
    """Highest resident MiB of one process that works on tiles of `stages`, by default of all."""
    tile = layers_mib(survey)
    keys = [cost_key(stage, survey) for stage in stages or TILE_STAGES]
    return max(constants.memory[key].of(tile) for key in keys)


def machine_memory() -> int:
    """Bytes of memory of this machine, or of this container where it is limited to less."""
    limit = control_group_limit(Path("/sys/fs/cgroup"))
    total = int(psutil.virtual_memory().total)
    return total if limit is None else min(total, limit)


def control_group_limit(control_group: Path) -> int | None:
    """Bytes that a control group (version 2) may use; None where there is no limit."""
    try:
        text = (control_group / "memory.max").read_text().strip()
    except OSError:
        return None
    return None if text == "max" else int(text)
