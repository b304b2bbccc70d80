"""A district, a city and a province on 1 to 1,000 workers, as `minecover scale` predicts them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from minecover.kubernetes.sizes import TILES_PER_INDEX
from minecover.planning.prices import load_prices
from minecover.planning.scale import Scaled, Scaling
from minecover.planning.simulation import Pool
from minecover.stages.registry import stages_of
from minecover.survey import load
from minecover.workflow.stage import Workspace

__all__ = ["AREAS", "WORKERS", "Predicted", "on_demand", "predicted", "spot"]

ROOT = Path(__file__).resolve().parents[2]
SURVEY = ROOT / "examples" / "dongsheng.yaml"
PRICES = ROOT / "pipeline" / "minecover" / "planning" / "prices.yaml"
CENTRE = (600_000, 4_400_000)

AREAS = {"district": 2_160, "city": 86_752, "province": 157_000}
"""Square kilometres of Dongsheng, of Ordos, to which it belongs, and of Shanxi."""

WORKERS = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000)


@dataclass(frozen=True)
class Predicted:
    """An area on each number of workers.

    Attributes
    ----------
    name, area, tiles
        Square kilometres, and tiles of a stage.
    calm, spot
        On machines that stay, and on spot nodes.
    """

    name: str
    area: int
    tiles: int
    calm: tuple[Scaled, ...]
    spot: tuple[Scaled, ...]


def on_demand(workers: int, lease: float) -> Pool:
    """Pods of an Indexed Job on machines that stay, and storage behind 10 Gbit/s."""
    return Pool(
        workers, start=30, renewed=TILES_PER_INDEX, bandwidth=1.25e9, stream=1e8, lease=lease
    )


def spot(workers: int, lease: float) -> Pool:
    """Take nodes that are lost every ten hours, half of them without notice."""
    return replace(on_demand(workers, lease), preemptions=0.1, announced=0.5, replaced=120)


def predicted(name: str, workers: Sequence[int] = WORKERS) -> Predicted:
    """Predict the survey of the paper on a square of the size of an area."""
    half = 500 * math.sqrt(AREAS[name])
    x, y = CENTRE
    box = (x - half, y - half, x + half, y + half)
    survey = load(SURVEY, store=str(ROOT / "no-store"))
    wide = survey.replace(area={"bbox": box, "crs": survey.grid.crs})
    scaling = Scaling.of(Workspace(wide, stages_of(wide)), load_prices(PRICES))
    tiles = scaling.plan.stage("cube").tiles or 0
    lease = survey.engine.lease
    calm, taken = (
        tuple(scaling.on(pool(count, lease)) for count in workers) for pool in (on_demand, spot)
    )
    return Predicted(name, AREAS[name], tiles, calm, taken)
