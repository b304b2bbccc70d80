"""Dates on which the satellites pass over the simulated district, and the weather on them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

__all__ = ["OFFSET", "OVERPASSES", "RADAR_PASSES", "SEASONS", "YEAR", "Overpass", "Year"]

#: Date ranges of the four seasons; there is no snow.
SEASONS: dict[str, str] = {
    "spring": "2021-03-01/2021-05-31",
    "summer": "2021-06-01/2021-08-31",
    "autumn": "2021-09-01/2021-11-30",
    "winter": "2021-12-01/2022-02-28",
}

#: First day and name of each processing baseline, the newest first; older data was processed again.
BASELINES = (
    ("2022-12-06", "05.09"), ("2022-01-25", "04.00"), ("2021-06-30", "03.01"),
    ("2021-03-30", "03.00"), ("2015-06-23", "02.12"),
)  # fmt: skip

OFFSET = 1000  # added to digital numbers from baseline 04.00 on


@dataclass(frozen=True)
class Overpass:
    """One date of Sentinel-2 at about 11:15 local solar time.

    Attributes
    ----------
    date
        Day, as ``YYYY-MM-DD``.
    sun_zenith, sun_azimuth
        Degrees, rounded, at this place and date.
    clouds
        Share of the district under clouds.
    wetness
        Factor by which moisture darkens the ground.
    haze
        Reflectance that imperfect atmospheric correction leaves in the blue band.
    satellite
        ``A`` or ``B``.
    """

    date: str
    sun_zenith: float
    sun_azimuth: float
    clouds: float
    wetness: float
    haze: float
    satellite: str = "A"

    @property
    def datetime(self) -> datetime:
        """Moment of the overpass (UTC)."""
        return datetime.fromisoformat(self.date).replace(hour=3, minute=15, second=49, tzinfo=UTC)

    @property
    def day(self) -> float:
        """Day of the year, from 1."""
        return float(self.datetime.timetuple().tm_yday)

    @property
    def baseline(self) -> str:
        """Processing baseline in force on that day (ESA, Sentinel-2 L2A processing baselines)."""
        return next(baseline for begin, baseline in BASELINES if self.date >= begin)

    @property
    def offset(self) -> int:
        """Number that the baseline adds to every valid digital number."""
        return OFFSET if self.baseline >= "04.00" else 0


OVERPASSES = (
    Overpass("2021-04-14", 35.0, 150.0, 0.07, 0.97, 0.006),
    Overpass("2021-05-04", 28.5, 146.0, 0.12, 1.00, -0.002),
    Overpass("2021-05-24", 24.0, 140.0, 0.10, 0.95, 0.003),
    Overpass("2021-06-23", 22.0, 135.0, 0.12, 0.92, 0.005),
    Overpass("2021-07-18", 24.0, 136.0, 0.20, 0.84, 0.008),
    Overpass("2021-08-12", 29.0, 143.0, 0.10, 0.88, 0.000),
    Overpass("2021-09-21", 41.5, 157.0, 0.08, 0.92, 0.002),
    Overpass("2021-10-16", 50.5, 163.0, 0.05, 0.97, -0.003),
    Overpass("2021-12-20", 64.5, 165.0, 0.08, 1.00, 0.004),
    Overpass("2022-01-19", 62.0, 162.0, 0.12, 1.02, 0.009),
    Overpass("2022-02-08", 57.5, 159.0, 0.07, 1.00, 0.001),
)

#: Dates of Sentinel-1, two for each season.
RADAR_PASSES = (
    "2021-04-09", "2021-05-15", "2021-07-02", "2021-08-07",
    "2021-09-24", "2021-10-18", "2021-12-29", "2022-02-03",
)  # fmt: skip


@dataclass(frozen=True)
class Year:
    """The observations of one period: from spring to the end of winter.

    Attributes
    ----------
    name
        The calendar year of its spring.
    seasons
        Date range of each season.
    overpasses, radar_passes
        Dates of Sentinel-2 and Sentinel-1.
    number
        Position among the periods, from 0.
    vigour
        Factor on the share of green plants: less than 1 in a drought.
    """

    name: str
    seasons: dict[str, str]
    overpasses: tuple[Overpass, ...]
    radar_passes: tuple[str, ...]
    number: int = 0
    vigour: float = 1.0

    def season_of(self, date: str) -> str:
        """Name the season that contains a day (``YYYY-MM-DD``)."""
        for name, dates in self.seasons.items():
            begin, end = dates.split("/")
            if begin <= date <= end:
                return name
        raise ValueError(f"{date} is in none of the seasons")


#: The year of a district without a history.
YEAR = Year("2021", SEASONS, OVERPASSES, RADAR_PASSES)
