"""The truth of a history as files: classes, mines, dates, transitions and licences.

A run reads none of them. Hectares are those of the grid's plane: 0.01 for each pixel.
"""

from __future__ import annotations

import json
import math
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd

from minecover.demo.history import History
from minecover.demo.licences import Licence
from minecover.demo.materials import CLASSES, Land
from minecover.demo.mine_ids import Descent, Ids, identify_mines
from minecover.demo.noise import Field, Mask
from minecover.demo.raster import write_cog
from minecover.demo.years import dry_period, unlabelled_period

__all__ = ["LEAST_HECTARES", "LEAST_SHARE", "REACH", "Chronicle", "write_chronicle"]

REACH, LEAST_HECTARES, LEAST_SHARE = 2, 0.2, 0.1
"""How mines are told apart: pixels, hectares on the ground, and a share (`identify_mines`)."""

HECTARES = 0.01  # of a pixel
ON_THE_GROUND = 0.9992  # share of that, at the scale of the grid so far from its central meridian
TEXT = """# What is true of this simulated district

No such place exists. A run does not read these files; its products can be held against them.

| file | content |
| --- | --- |
| `../truth.tif` | classes 1 to 6, a band for each period |
| `mines.tif` | id of the mine of each mined pixel, a band for each period; 0: none |
| `years.tif` | year in which a pixel was dug first, and in which it was greened; 0: never |
| `mines.csv` | hectares of each mine in each period |
| `genealogy.csv` | what each mine comes from: new, continued, split, merged, part, ended |
| `areas.csv` | hectares of each class in each period |
| `transitions.csv` | hectares that turned from a class to a class, from each period to the next |
| `licences.csv` | hectares in each licence, and of its mine beyond it; no name: outside all |
| `history.json` | periods, the dry one, the one without samples, and the course of each mine |

A mine is a patch of the class mining of {least} ha or more; patches less than {apart} m apart are
one. It comes from those of the period before with which it shares a tenth of the smaller one. Land
is disturbed where it is mined, restored, or a lake in a pit. A pixel is 0.01 ha, in the plane of
the grid.
"""


@dataclass(frozen=True)
class Chronicle:
    """What is true of a district in all its periods.

    Attributes
    ----------
    history, licences
        What was simulated.
    codes
        Classes, (period, y, x).
    """

    history: History
    licences: list[Licence]
    codes: npt.NDArray[np.uint8]

    @property
    def names(self) -> list[str]:
        """Names of the periods."""
        return [year.name for year in self.history.years]

    def mined(self) -> Mask:
        """Mark the class mining, (period, y, x)."""
        return np.asarray(self.codes == Land.MINING)

    def disturbed(self) -> Mask:
        """Mark what is mined, restored or a lake in a pit, (period, y, x)."""
        lake = (self.codes == Land.WATER) & (self.history.ground() != Land.WATER)
        return np.asarray(np.isin(self.codes, (Land.MINING, Land.RESTORED)) | lake)

    def mines(self) -> tuple[Ids, list[Descent]]:
        """Ids of the mines, (period, y, x), and their genealogy."""
        least = math.ceil(LEAST_HECTARES / (HECTARES * ON_THE_GROUND))
        return identify_mines(self.mined(), reach=REACH, least=least, least_share=LEAST_SHARE)

    def years(self) -> npt.NDArray[np.int16]:
        """Years of digging and greening, (2, y, x), 0 where there is none."""
        return np.stack([self._year("dug"), self._year("greened")])

    def _year(self, name: str) -> npt.NDArray[np.int16]:
        years: Field = np.floor(self.history.calendar(self.history.moments(name)))
        last = int(self.names[-1])
        return np.where(years <= last, years, 0).astype(np.int16)

    def area_rows(self) -> pd.DataFrame:
        """Hectares of each class in each period."""
        rows = [
            {"period": name, "class": CLASSES[land][0], "hectares": _hectares(codes == land)}
            for name, codes in zip(self.names, self.codes, strict=True)
            for land in Land
        ]
        return pd.DataFrame(rows)

    def transition_rows(self) -> pd.DataFrame:
        """Hectares of every transition that occurs, also from a class to itself."""
        rows = []
        for number, period in enumerate(self.names[1:], 1):
            pairs = self.codes[number - 1].astype(np.uint16) * 16 + self.codes[number]
            for pair, pixels in zip(*np.unique(pairs, return_counts=True), strict=True):
                before, after = Land(int(pair) // 16), Land(int(pair) % 16)
                row = {"earlier": self.names[number - 1], "later": period}
                row |= {"from_class": CLASSES[before][0], "to_class": CLASSES[after][0]}
                rows.append(row | {"hectares": round(HECTARES * int(pixels), 2)})
        return pd.DataFrame(rows)

    def licence_rows(self) -> pd.DataFrame:
        """Hectares inside and beyond each licence in each period."""
        size = self.history.frame.size
        numbers = self.history.mine_numbers()
        masks = {licence.name: licence.inside(size) for licence in self.licences}
        outside = ~np.logical_or.reduce([np.zeros((size, size), bool), *masks.values()])
        nothing = np.zeros((size, size), dtype=bool)
        rows = []
        for name, mined, disturbed in zip(self.names, self.mined(), self.disturbed(), strict=True):
            places = [
                (licence.name, licence.mine, inside, (numbers == licence.mine) & ~inside)
                for licence, inside in zip(self.licences, masks.values(), strict=True)
            ]
            for licence_name, mine, inside, beyond in [*places, ("", 0, nothing, outside)]:
                beyond = beyond if mine or not licence_name else nothing
                rows.append(
                    {
                        "licence": licence_name,
                        "period": name,
                        "mining_inside": _hectares(mined & inside),
                        "mining_beyond": _hectares(mined & beyond),
                        "disturbed_inside": _hectares(disturbed & inside),
                        "disturbed_beyond": _hectares(disturbed & beyond),
                    }
                )
        return pd.DataFrame(rows)

    def facts(self) -> dict[str, object]:
        """Say what was simulated, for ``history.json``."""
        years = self.history.years
        licence_of = {licence.mine: licence.name for licence in self.licences if licence.mine}
        mines = {plot.mine: plot.name for plot in self.history.plots}
        return {
            "seed": self.history.seed,
            "periods": self.names,
            "dry": self.names[dry_period(len(years))],
            "without_samples": self.names[unlabelled_period(len(years))],
            "mines": [
                {"number": mine, "course": name, "licence": licence_of.get(mine)}
                for mine, name in sorted(mines.items())
            ],
        }


def _hectares(mask: Mask) -> float:
    return round(HECTARES * int(mask.sum()), 2)


def write_chronicle(chronicle: Chronicle, folder: Path) -> None:
    """Write the truth of a history to a folder."""
    grid = chronicle.history.frame.district_grid
    ids, descents = chronicle.mines()
    folder.mkdir(parents=True, exist_ok=True)
    write_cog(folder / "mines.tif", ids, grid, nodata=0, overviews="mode", names=chronicle.names)
    write_cog(
        folder / "years.tif", chronicle.years(), grid, nodata=0, overviews="mode",
        names=("dug", "greened"),
    )  # fmt: skip
    tables = {
        "areas": chronicle.area_rows(),
        "transitions": chronicle.transition_rows(),
        "licences": chronicle.licence_rows(),
        "mines": _mine_rows(ids, chronicle.names),
        "genealogy": _descent_rows(descents, chronicle.names),
    }
    for name, table in tables.items():
        table.to_csv(folder / f"{name}.csv", index=False, lineterminator="\n")
    facts = json.dumps(chronicle.facts(), indent=1)
    (folder / "history.json").write_text(facts, encoding="utf-8")
    text = TEXT.format(least=LEAST_HECTARES, apart=20 * REACH)
    (folder / "README.md").write_text(text, encoding="utf-8")


def _mine_rows(ids: Ids, names: list[str]) -> pd.DataFrame:
    rows = [
        {"mine": int(mine), "period": name, "hectares": round(HECTARES * int(pixels), 2)}
        for name, band in zip(names, ids, strict=True)
        for mine, pixels in zip(*np.unique(band[band > 0], return_counts=True), strict=True)
    ]
    return pd.DataFrame(rows, columns=["mine", "period", "hectares"])


def _descent_rows(descents: list[Descent], names: list[str]) -> pd.DataFrame:
    rows = [
        {
            **asdict(descent),
            "period": names[descent.period],
            "pixels": round(HECTARES * descent.pixels, 2),
        }
        for descent in descents
    ]
    return pd.DataFrame(rows).rename(columns={"pixels": "shared_hectares"})
