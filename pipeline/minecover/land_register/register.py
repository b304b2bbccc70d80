"""The register of a survey, as it was read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from minecover.geography.grid import Grid
from minecover.land_register.parcels import Parcels, read_parcels
from minecover.land_register.settings import RegisterSettings
from minecover.land_register.states import State, read_states

__all__ = ["Register", "read_register"]


@dataclass(frozen=True)
class Register:
    """Polygons on the survey's grid, and what people found of suspects.

    Attributes
    ----------
    licences, protected, units
        Polygons; None: the register has none of the kind.
    edge
        Metres from an outline within which mined ground is no evidence.
    states
        By key of the suspect.
    """

    licences: Parcels | None
    protected: Parcels | None
    units: Parcels | None
    edge: float
    states: Mapping[str, State]


def read_register(
    settings: RegisterSettings, grid: Grid, days: Sequence[tuple[str, str]]
) -> Register:
    """Read the register.

    Parameters
    ----------
    settings
        Where its files are.
    grid
        The survey's.
    days
        First and last day of each period, YYYY-MM-DD.

    Raises
    ------
    SurveyError
        A file cannot be read, or is not what it should be.
    """
    kinds = {"licences": settings.licences, "protected": settings.protected,
             "units": settings.units}  # fmt: skip
    return Register(
        **{
            kind: None if its is None else read_parcels(its, grid, days, f"registers.{kind}")
            for kind, its in kinds.items()
        },
        edge=settings.edge_m,
        states=read_states(settings.states),
    )
