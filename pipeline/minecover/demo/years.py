"""The years in which a district with a history is observed: dates, weather, droughts and clouds."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

from minecover.demo.calendar import OVERPASSES, RADAR_PASSES, SEASONS, YEAR, Year
from minecover.demo.noise import stream
from minecover.errors import SurveyError

__all__ = ["FEWEST_PERIODS", "MOST_PERIODS", "draw_years", "dry_period", "unlabelled_period"]

FEWEST_PERIODS, MOST_PERIODS = 2, 9
FIRST_YEAR = 2017  # the first with two satellites
DROUGHT = (0.55, 0.65)  # share of the usual green plants
WET = (0.94, 1.06)
OVERCAST = 3.0  # factor on the clouds of one summer
MOST_CLOUDS = 0.4


def dry_period(periods: int) -> int:
    """Give the number of the period with a drought: one before the middle."""
    return (periods - 1) // 2


def unlabelled_period(periods: int) -> int:
    """Give the number of the period without samples: the one after the drought."""
    return dry_period(periods) + 1


def draw_years(periods: int, seed: int) -> list[Year]:
    """Draw the years of all periods: two years apart, or one where there are more than five.

    Every date lies within four days of the usual one, with weather of its own. One period is dry,
    and one summer, of the last period, is cloudy.

    Parameters
    ----------
    periods
        How many: 2 to 9.
    seed
        Seed of the district.

    Raises
    ------
    SurveyError
        The number of periods is not possible.
    """
    if not FEWEST_PERIODS <= periods <= MOST_PERIODS:
        raise SurveyError(
            f"a history of {periods} periods cannot be simulated: give {FEWEST_PERIODS} to "
            f"{MOST_PERIODS}, or none for a district without a history"
        )
    step = 2 if periods <= 5 else 1
    return [_draw_year(FIRST_YEAR + step * k, k, periods, seed) for k in range(periods)]


def _draw_year(calendar: int, number: int, periods: int, seed: int) -> Year:
    rng = stream(seed, "weather", number)
    later = calendar - int(YEAR.name)
    seasons = {name: _moved_range(dates, later) for name, dates in SEASONS.items()}
    low, high = DROUGHT if number == dry_period(periods) else WET
    vigour = float(rng.uniform(low, high))
    overpasses = []
    for index, usual in enumerate(OVERPASSES):
        summer = SEASONS["summer"][:10] <= usual.date <= SEASONS["summer"][11:]
        cloudy = OVERCAST if summer and number == periods - 1 else 1.0
        shift, wet, haze, share = rng.uniform(-1, 1, 4)
        overpasses.append(
            replace(
                usual,
                date=_moved(usual.date, later, round(4 * shift)),
                clouds=min(usual.clouds * (1 + 0.3 * share) * cloudy, MOST_CLOUDS),
                wetness=usual.wetness + 0.04 * wet,
                haze=usual.haze + 0.003 * haze,
                satellite="AB"[index % 2],
            )
        )
    radar = tuple(_moved(day, later, int(rng.integers(-3, 4))) for day in RADAR_PASSES)
    return Year(str(calendar), seasons, tuple(overpasses), radar, number, vigour)


def _moved(day: str, years: int, days: int) -> str:
    """Move a day (``YYYY-MM-DD``; not 29 February) by years and days."""
    usual = date.fromisoformat(day)
    return (usual.replace(year=usual.year + years) + timedelta(days=days)).isoformat()


def _moved_range(dates: str, years: int) -> str:
    """Move a date range by years; one that ended with February still does."""
    begin, end = dates.split("/")
    after = date.fromisoformat(end) + timedelta(days=1)
    last = after.replace(year=after.year + years) - timedelta(days=1)
    return f"{_moved(begin, years, 0)}/{last.isoformat()}"
