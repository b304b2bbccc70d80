"""Write RESULTS.md and its figures from FOLDER/rounds.json: `python -m scaling FOLDER`."""

from __future__ import annotations

import argparse
import json
import platform
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from statistics import median

from minecover.api.tables import duration
from minecover.engines.machine import describe
from minecover.planning.prices import load_prices
from scaling.areas import AREAS, PRICES, Predicted, predicted
from scaling.figures import draw_areas, draw_measured
from scaling.measure import MEASURED, SIZE, TILE
from scaling.summary import Compared, Round, compare, gains
from scaling.tables import table

HERE = Path(__file__).parent
AIM = 1.9
SHOWN = (1, 10, 100, 1000)

INTRODUCTION = """\
# How a survey scales

Written by `python -m scaling FOLDER` from what `python -m scaling.measure FOLDER` measured
(`PYTHONPATH=pipeline:cluster`; both are run from the root of the repository).
"""

MEASURED_TEXT = """\
## Measured: one process and two

A simulated district of {size} x {size} pixels in tiles of {tile}: {tiles} tiles. Each process
is `minecover tile`, as one index of a Kubernetes Job, with one thread; every tile is leased and
marked in the ledger. All arrangements take turns, in {rounds} rounds; times are from the start
of the first tile to the end of the last, according to the ledger. A process takes {start:.1f} s
to start before its first tile.

![seconds on one and two processes](measured.png)
"""

AREAS_TEXT = """\
## Predicted: a district, a city, a province

`minecover scale`: the survey of `examples/dongsheng.yaml` (four seasons, 112 layers, ResNet-50
with window 17, tiles of 512 pixels) on squares of the size of Dongsheng (2,160 km²), of Ordos
(86,752) and of Shanxi (157,000), with the shipped constants and the round prices of
`planning/prices.yaml` (0.05 EUR per core-hour). Workers have one core; pods start in 30 s and
compute eight tiles each; storage delivers 1.25 GB/s in total and 100 MB/s to one worker. Spot
nodes are lost every ten hours on average, half of them without notice, and replaced after two
minutes. Selection, training, assessment and products take the same time whatever the number of
workers: this and the storage are why the curves level off. Opening a file takes as long as on
the local disk where it was measured; remote files take longer, and a plan that is made from the
ledger of a survey there includes that.

![hours and cost over workers](areas.png)
"""


def measured_section(rounds: Sequence[Round], compared: Sequence[Compared]) -> list[str]:
    """Describe what was measured, and the errors of the prediction."""
    starts = [start for item in compared for start in item.starts]
    introduction = MEASURED_TEXT.format(
        size=SIZE, tile=TILE, tiles=compared[0].tiles, rounds=len(rounds), start=median(starts)
    )
    header = (
        "stage",
        "by",
        "tiles",
        "median, s",
        "range, s",
        "predicted, s",
        "error",
    )
    rows = [
        (item.stage, item.label.replace("\n", ", "), str(item.tiles), f"{item.span:.2f}",
         f"{min(item.spans):.2f} to {max(item.spans):.2f}", f"{item.predicted:.2f}",
         f"{item.error:+.1%}")
        for item in compared
    ]  # fmt: skip
    two = next(item for item in compared if item.workers == 2)
    limit = median(gains(rounds[1:], MEASURED[0])[2])
    slowed = two.predicted * 2 / limit
    text = [
        "Predictions are made from the first round, in which one process did all tiles, and",
        "compared with the rounds after it. They do not include that workers slow each other",
        "down; with the limit of the machine's two cores (below) the prediction for two processes",
        f"is {slowed:.2f} s, and the error is {slowed / two.span - 1:+.1%}.",
    ]
    return [introduction, *table(header, rows), "", *text, "", *gain_section(rounds)]


def gain_section(rounds: Sequence[Round]) -> list[str]:
    """Compare strong and weak scaling with what the machine allows."""
    header = ("stage", "strong, 2 against 1", "weak, 2 against 1", "the machine's limit",
              "strong, of the limit", "aim, met")  # fmt: skip
    rows = []
    for stage in MEASURED:
        each = gains(rounds, stage)
        strong, weak, own = map(median, each)
        share = median(gain / least for gain, least in zip(each[0], each[2], strict=True))
        ranges = [f"{min(values):.2f} to {max(values):.2f}" for values in (each[0], each[2])]
        met = "yes" if strong >= AIM else "no"
        rows.append(
            (stage, f"{strong:.2f} x ({ranges[0]})", f"{weak:.2f} x", f"{own:.2f} x ({ranges[1]})",
             f"{share:.0%}", f"{AIM} x, {met}")
        )  # fmt: skip
    text = [
        "Strong: the same tiles by two processes. Weak: twice the tiles by two processes, as a",
        "multiple of what one process computes in that time. The machine's limit: as weak, but",
        "each process in a store of its own, so that they share nothing but caches, memory and",
        "disk. All are medians over the rounds, with the range: the two cores are virtual, and",
        "their speed varies with what else their host runs.",
    ]
    return [*table(header, rows), "", *text]


def areas_section(areas: Sequence[Predicted], currency: str) -> list[str]:
    """List hours, core-hours and cost on some numbers of workers."""
    header = ("area", "tiles", "workers", "time", "on tiles", "core-hours", f"cost, {currency}",
              "on spot nodes", "lost workers")  # fmt: skip
    rows = []
    for area in areas:
        for calm, spot in zip(area.calm, area.spot, strict=True):
            if calm.workers in SHOWN:
                rows.append(
                    (f"{area.name}, {area.area:,} km²", f"{area.tiles:,}", f"{calm.workers:,}",
                     duration(calm.seconds), duration(calm.tile_seconds),
                     f"{calm.core_hours:,.1f}", f"{calm.money or 0:,.2f}",
                     duration(spot.seconds), f"{spot.preempted:,}")
                )  # fmt: skip
    return [AREAS_TEXT, *table(header, rows)]


def main() -> None:
    """Write the results beside this file."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    rounds = json.loads((parser.parse_args().folder / "rounds.json").read_text())
    compared = compare(rounds)
    draw_measured(compared, HERE / "measured.png")
    areas = [predicted(name) for name in AREAS]
    currency = load_prices(PRICES).currency
    draw_areas(areas, currency, HERE / "areas.png")
    loads = ", ".join(f"{each['load']:.1f}" for each in rounds)
    packages = ", ".join(f"{name} {version(name)}" for name in ("numpy", "zarr", "obstore"))
    lines = [
        INTRODUCTION,
        f"- Machine: {describe()}; load average after each round {loads}",
        f"- Python {platform.python_version()}, {packages}",
        "",
        *measured_section(rounds, compared),
        "",
        *areas_section(areas, currency),
    ]
    (HERE / "RESULTS.md").write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
