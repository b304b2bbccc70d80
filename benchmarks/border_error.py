"""Ids of mines followed on true maps whose borders alone are off: which borders the aims need.

``python -m benchmarks.border_error 0 1 2 20 21 22`` draws the true maps of six simulated histories,
without images, and moves the borders of what is mined. First each border runs as if drawn by an
uneven hand: outward or inward by a normal deviate, of which those along a border are alike over
some pixels, in each period anew. Then all borders are moved alike. Mines are followed as surveys
do, and held against the true ones. ``beside borders`` is the share of the pixels beside a border of
mining that are still right, which `benchmarks.district_history` says of maps as well.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from dataclasses import asdict

import numpy as np
import numpy.typing as npt
import pandas as pd
from odc.geo.geobox import GeoBox
from scipy.ndimage import distance_transform_edt, gaussian_filter
from shapely.geometry import box

from benchmarks.followed_mines import LARGE, TILE, followed
from benchmarks.history_scores import Passage, mine_borders, score_tracks
from minecover.arrays import BoolArray, Float64Array
from minecover.demo.chronicle import LEAST_HECTARES, LEAST_SHARE, REACH, Chronicle
from minecover.demo.frame import RESOLUTION, Frame
from minecover.demo.history import History
from minecover.demo.mine_ids import Ids
from minecover.demo.years import draw_years
from minecover.geography.grid import Grid
from minecover.mine_history.settings import MineSettings
from minecover.mine_history.tracking import EVEN

__all__ = ["measure"]

DEVIATIONS = (0.0, 0.25, 0.5, 0.75, 1.0, 1.5)  # pixels
LENGTHS = (1, 4)  # pixels, of the filter that makes deviates along a border alike
SHIFTS = (-2, -1, 1, 2)  # pixels, of all borders alike
KINDS = ("", "large_")  # of all mines, and of those from half a hectare
RIGHT = {"ids_right": "mines", "passages_right": "passages"}  # of what each is a share
SETTINGS = MineSettings(
    min_area_ha=LEAST_HECTARES, join_m=REACH * RESOLUTION, least_share=LEAST_SHARE
)


def measure(
    seeds: Sequence[int], size: int, periods: int, draws: int
) -> Iterator[dict[str, float]]:
    """Move borders and follow the mines: a row for each way, of all seeds together."""
    truths = [_Truth(seed, size, periods) for seed in seeds]
    for length in LENGTHS:
        for deviation in DEVIATIONS:
            rows = [
                truth.scores(truth.uneven(np.random.default_rng([seed, draw]), deviation, length))
                for seed, truth in zip(seeds, truths, strict=True)
                for draw in range(draws if deviation else 1)
            ]
            yield {"deviation": deviation, "alike": length, **_shares(rows, len(seeds))}
    for shift in SHIFTS:
        moved = [truth.scores(truth.moved(shift)) for truth in truths]
        yield {"shift": shift, **_shares(moved, len(seeds))}


def _shares(rows: Sequence[dict[str, float]], districts: int) -> dict[str, float]:
    """Sum counts; shares of what there truly is, and what is none for as many districts."""
    table = pd.DataFrame(rows)
    total, draws = table.sum(), len(rows) / districts
    shares = {"beside_borders": float(table["beside_borders"].mean())}
    for kind in KINDS:
        shares |= {kind + name: total[kind + name] / total[kind + of] for name, of in RIGHT.items()}
        shares[f"{kind}surplus"] = total[f"{kind}surplus"] / draws
    return shares


class _Truth:
    """What is mined in a simulated history, and its mines."""

    def __init__(self, seed: int, size: int, periods: int) -> None:
        history = History(Frame(size), seed, draw_years(periods, seed))
        chronicle = Chronicle(history, [], history.truth())
        image = history.frame.district_grid
        geobox = GeoBox(image.shape, image.transform, image.crs)
        self._grid = Grid(geobox, TILE, box(*geobox.boundingbox))
        self._mined: BoolArray = chronicle.mined()
        self._ids: Ids
        self._ids, descents = chronicle.mines()
        self._lines = [Passage(d.period, d.mine, d.parent, d.event, d.pixels) for d in descents]
        self._outside = np.stack([_distance(mask) for mask in self._mined])

    def uneven(self, rng: np.random.Generator, deviation: float, length: int) -> BoolArray:
        """Move every piece of border by a deviate of its own, in pixels."""
        noise = rng.standard_normal(self._mined.shape)
        smooth = gaussian_filter(noise, (0, length, length), mode="wrap")
        return np.asarray(self._outside < deviation * smooth / smooth.std(), dtype=bool)

    def moved(self, shift: float) -> BoolArray:
        """Move all borders outward by some pixels."""
        return np.asarray(self._outside < shift, dtype=bool)

    def scores(self, mapped: BoolArray) -> dict[str, float]:
        """Follow the mines on a map and count what is right."""
        ids, tracks = followed(self._grid, SETTINGS, mapped, mapped.astype(np.float32))
        given = (self._ids, ids, self._lines, tracks)
        strict, large = score_tracks(*given), score_tracks(*given, least=LARGE, even=EVEN)
        return {
            "beside_borders": mine_borders(self._mined, mapped),
            **{
                kind + name: float(value)
                for kind, its in zip(KINDS, (strict, large), strict=True)
                for name, value in asdict(its).items()
            },
        }


def _distance(mask: npt.NDArray[np.bool_]) -> Float64Array:
    """Pixels from a border to the centres of pixels, negative inside the mask."""
    outside, inside = distance_transform_edt(~mask), distance_transform_edt(mask)
    return np.asarray(np.where(mask, 0.5 - inside, outside - 0.5), dtype=np.float64)


def main() -> None:
    """Print a row for every way in which borders are moved."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("seeds", nargs="+", type=int)
    parser.add_argument("--size", type=int, default=384)
    parser.add_argument("--periods", type=int, default=4)
    parser.add_argument("--draws", type=int, default=10)
    options = parser.parse_args()
    rows = list(measure(options.seeds, options.size, options.periods, options.draws))
    print(pd.DataFrame(rows).round(3).to_csv(sep="|", index=False))


if __name__ == "__main__":
    main()
