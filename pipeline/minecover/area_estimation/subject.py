"""What a design is drawn from: the map of one period, or what changed between several."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import pandas as pd

from minecover.area_estimation.labelled_points import REFERENCE, label_columns
from minecover.area_estimation.strata import (
    change_strata,
    expected_of_strata,
    joined_strata,
    names_of_strata,
)
from minecover.errors import DataError, SurveyError
from minecover.geography.grid import Window
from minecover.storage.names import MAP_RASTER, READINGS_RASTER
from minecover.transitions.from_to import Codes
from minecover.transitions.settings import ARROW
from minecover.workflow.stage import Workspace

__all__ = ["Subject"]


@dataclass(frozen=True)
class Subject:
    """The maps that points are drawn from, with their strata.

    Attributes
    ----------
    workspace
        Whose maps these are.
    periods
        Names: of one, whose classes are the strata, or of several, of which the first and the last
        make the strata; the empty name of a survey without periods.
    """

    workspace: Workspace
    periods: tuple[str, ...]
    classes: Mapping[str, int] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "classes", self.workspace.survey.class_codes)

    @classmethod
    def of(cls, workspace: Workspace, named: Sequence[str] = ()) -> Subject:
        """Take what is named, else the first period and the last.

        Raises
        ------
        SurveyError
            A name is of no period, or they are not in order.
        """
        known = workspace.survey.period_names
        periods = tuple(named) or ((known[0], known[-1]) if len(known) > 1 else known)
        if not set(periods) <= set(known):
            listed = ", ".join(known) if known != ("",) else "none"
            raise SurveyError(
                f"--periods: {', '.join(periods)}; the periods of the survey are: {listed}"
            )
        places = [known.index(name) for name in periods]
        if places != sorted(set(places)):
            raise SurveyError(
                f"--periods: {', '.join(periods)}; name each once, in the order of time"
            )
        return cls(workspace, periods)

    @property
    def is_change(self) -> bool:
        """Whether several periods are compared."""
        return len(self.periods) > 1

    @property
    def columns(self) -> tuple[str, ...]:
        """Columns of the true classes."""
        return label_columns(self.periods) if self.is_change else (REFERENCE,)

    @property
    def names(self) -> dict[int, str]:
        """Code of each stratum that there may be, and its name."""
        if self.is_change:
            return names_of_strata(self.classes)
        return {code: name for name, code in self.classes.items()}

    def classes_in(self, strata: Collection[int]) -> set[int]:
        """Codes of the classes that some strata are made of."""
        if not self.is_change:
            return set(strata)
        parts = {name for code in strata if code > 0 for name in _parts(self.names[code])}
        return {self.classes[name] for name in parts if name in self.classes}

    def expected(self, users: Mapping[int, float]) -> dict[int, float]:
        """User's accuracy to expect of each stratum, from those of the classes."""
        return expected_of_strata(self.classes, users) if self.is_change else dict(users)

    def joined(self, pixels: Mapping[int, int], minimum: int) -> dict[int, int]:
        """Code of each stratum of the map to that of the design: small ones are joined."""
        if self.is_change:
            return joined_strata(pixels, self.classes, minimum)
        return {code: code for code in pixels}

    def class_tiles(self, period: str) -> Iterator[tuple[Window, Codes]]:
        """Windows of the grid with the class codes of a period's map, 0 off the area."""
        for window, inside in self._windows():
            yield window, self._codes(MAP_RASTER, period, window, inside)

    def tiles(self) -> Iterator[tuple[Window, Codes]]:
        """Windows of the grid with the codes of their strata, 0 off the area."""
        first, last = self.periods[0], self.periods[-1]
        for window, inside in self._windows():
            before = self._codes(MAP_RASTER, first, window, inside)
            if not self.is_change:
                yield window, before
                continue
            after = self._codes(MAP_RASTER, last, window, inside)
            one, other = before, after
            if self.workspace.survey.combines_periods:
                one, other = (
                    self._codes(READINGS_RASTER, name, window, inside) for name in (first, last)
                )
            yield window, change_strata((before, after), (one, other), self.classes)

    def _windows(self) -> Iterator[tuple[Window, npt.NDArray[np.bool_]]]:
        grid = self.workspace.grid
        for tile in grid.tiles:
            window = grid.window(tile)
            # tiles are mapped whole, the sample is one of the area
            yield window, grid.area_mask(window)

    def _codes(
        self, raster: str, period: str, window: Window, inside: npt.NDArray[np.bool_]
    ) -> npt.NDArray[np.uint8]:
        layers = self.workspace.store.layers(raster, period)
        codes = np.nan_to_num(layers.read(window, ["landuse"])[0]).astype(np.uint8)
        return np.where(inside, codes, np.uint8(0))

    def mapped(self, table: pd.DataFrame) -> dict[str, list[str]]:
        """Name of each period to the class of its map at each point.

        Raises
        ------
        DataError
            A map has none there.
        """
        return {period: self._mapped(table, period) for period in self.periods}

    def _mapped(self, table: pd.DataFrame, period: str) -> list[str]:
        names = {code: name for name, code in self.classes.items()}
        layers = self.workspace.store.layers(MAP_RASTER, period)
        mapped = []
        for number, row, col in zip(table["id"], table["row"], table["col"], strict=True):
            value = layers.read(Window(row, row + 1, col, col + 1), ["landuse"])[0, 0, 0]
            if not np.isfinite(value):
                raise DataError(
                    f"{MAP_RASTER}: no class at point {number}; the map changed since the design "
                    "was drawn and no longer covers it: draw another design"
                )
            mapped.append(names[int(value)])
        return mapped


def _parts(stratum: str) -> list[str]:
    return stratum.split(f" {ARROW} ")
