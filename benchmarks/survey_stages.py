"""What each stage of a whole survey takes: core-seconds a square kilometre, from the ledger.

``python -m benchmarks.survey_stages`` maps the simulated district of the demo, a simulated one of
2,048 x 2,048 pixels with a sixteenth of the points, that again with a network in bfloat16, and
Strzegom, and writes ``benchmarks/STAGES.md``. ``--earlier CHECKOUT`` maps the demo's district with
the code of another checkout, too, right after this one. Core-seconds are seconds of the clock times
the cores of the machine, which wait where a stage does not use all of them; starting workers is in
them. Let the machine be quiet.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import yaml

from minecover import __version__
from minecover.demo.district import build_district
from minecover.engines.machine import describe
from minecover.storage.canonical_json import Json

RESULTS = Path(__file__).with_name("STAGES.md")
CHECKOUT = Path(__file__).parents[1]
STRZEGOM = CHECKOUT / "tests/acceptance/strzegom.yaml"
STAGES = (
    "catalog", "cube", "features", "samples", "select", "train", "predict", "assess", "publish",
)  # fmt: skip
AWAY = ("cube", "features", "predict")
"""What is done for every pixel."""

RUN = "from minecover.{} import main; import sys; sys.argv[0] = 'minecover'; main()"


@dataclass(frozen=True)
class Mapped:
    """What a survey took.

    Attributes
    ----------
    name
        Of the survey, in the table.
    kilometres
        Square kilometres of its tiles' pixels.
    taken
        Core-seconds by stage.
    """

    name: str
    kilometres: float
    taken: dict[str, float]

    def share(self, *stages: str) -> float:
        """Core-seconds a square kilometre of some stages."""
        return sum(self.taken[stage] for stage in stages) / self.kilometres


def mapped(name: str, survey: Path, store: Path, code: Path, edge: float) -> Mapped:
    """Map a survey with the code of a checkout; `edge` is that of the area, in kilometres."""
    package = code / "pipeline"
    face = "commands.app" if (package / "minecover/commands").exists() else "cli"
    command = [sys.executable, "-c", RUN.format(face), "run", str(survey), "--store", str(store)]
    environment = {**os.environ, "PYTHONPATH": str(package)}
    subprocess.run(command, check=True, env=environment, stdout=subprocess.DEVNULL)
    cores = len(os.sched_getaffinity(0))
    seconds = {s: json.loads((store / f"ledger/{s}/stage.json").read_text()) for s in STAGES}
    return Mapped(name, edge**2, {s: cores * found["seconds"] for s, found in seconds.items()})


def simulated(folder: Path, size: int, points: float) -> Path:
    """Draw a district, in tiles of a size for many of them."""
    survey = build_district(folder, size=size, points_scale=points).survey
    return changed(survey, "grid", tile=512) if size > 512 else survey


def changed(survey: Path, section: str, **keys: Json) -> Path:
    """Write a survey anew beside it, with other keys in one of its sections."""
    document = yaml.safe_load(survey.read_text())
    document[section] = {**document.get(section, {}), **keys}
    other = survey.with_name(f"{'-'.join(map(str, keys.values()))}.yaml")
    other.write_text(yaml.safe_dump(document, sort_keys=False))
    return other


def measure(earlier: Path | None) -> list[Mapped]:
    """Map everything."""
    found = []
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        demo = simulated(folder / "demo", 512, 1.0)
        found.append(mapped("simulated, 512 px", demo, folder / "one", CHECKOUT, 5.12))
        if earlier:
            found.append(mapped("the same, earlier build", demo, folder / "two", earlier, 5.12))
        large = simulated(folder / "large", 2048, 1 / 16)
        low = changed(large, "model", precision="bfloat16")
        for name, survey in (("simulated, 2,048 px", large), ("the same in bfloat16", low)):
            found.append(mapped(name, survey, folder / survey.stem, CHECKOUT, 20.48))
        if (CHECKOUT.parent / "shared/data/strzegom").exists():
            found.append(mapped("Strzegom", STRZEGOM, folder / "four", CHECKOUT, 4.01))
    return found


def table(found: list[Mapped]) -> list[str]:
    """Lay out core-seconds a square kilometre, a row a stage."""
    names = [f"{mapped.name}, {mapped.kilometres:.0f} km²" for mapped in found]
    rows = {stage: (stage,) for stage in STAGES}
    rows |= {"**cube, features, predict**": AWAY, "**all**": STAGES}
    return [
        "| " + " | ".join(["stage", *names]) + " |",
        "| --- |" + " --- |" * len(found),
        *(
            "| " + " | ".join([row, *(f"{mapped.share(*stages):.2f}" for mapped in found)]) + " |"
            for row, stages in rows.items()
        ),
    ]


def main() -> None:
    """Measure and write."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--earlier", type=Path)
    load = os.getloadavg()[0]
    found = measure(parser.parse_args().earlier)
    text = [
        "# What the stages of a survey take",
        "",
        "Core-seconds a square kilometre: seconds of the clock times the cores of the machine, ",
        "from the ledger of one run each. Written by `python -m benchmarks.survey_stages`, whose ",
        "docstring says what is mapped. The districts are simulated; Strzegom is real.",
        "",
        f"Machine: {describe()}, load average {load:.1f} at the start; minecover {__version__}.",
        "",
        *table(found),
    ]
    RESULTS.write_text("\n".join(line.rstrip() for line in text) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
