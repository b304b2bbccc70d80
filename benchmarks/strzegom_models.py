"""Models where nobody labelled: strips of Strzegom, each read by models that saw the others alone.

`python -m benchmarks.strzegom_models FOLDER` builds the cube and features of the acceptance survey
in a folder, trains every model on the points outside each of four strips, reads the strip, and
compares it with the reference of all its pixels. Trials are kept in the folder, and the same
command goes on with them. What came of it is in `benchmarks/STRZEGOM.md`.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import rasterio
from scipy.ndimage import label

from minecover.arrays import BoolArray, Float32Array
from minecover.engines.threads import limited_threads
from minecover.geography.grid import Window
from minecover.models.data import TrainingData
from minecover.models.lookup import kind_of
from minecover.models.settings import ModelSettings
from minecover.models.training import train
from minecover.prediction.blocks import predict_blocks
from minecover.prediction.refinement import Refinement
from minecover.prediction.smoothing import Smoothing
from minecover.samples.sample_set import SampleSet
from minecover.stages.features import open_features
from minecover.stages.registry import stages_of
from minecover.survey import Survey, load
from minecover.survey.model_inputs import model_inputs
from minecover.workflow.progress import Silent
from minecover.workflow.run import Run

ROOT = Path(__file__).parents[1]
SURVEY = ROOT / "tests/acceptance/strzegom.yaml"
REFERENCE = ROOT.parent / "shared/data/strzegom/labels_west.tif"

STRIPS = ((0, 100), (100, 200), (200, 300), (300, 401))
"""Rows of the strips; the reference has columns of the west alone."""

GAP = 8
"""Pixels between a strip and what is trained on: no patch of 9 x 9 pixels overlaps one of it."""

SEASONS = {"kind": "seasons", "window": 7, "width": 0.5, "epochs": 30}

MODELS: dict[str, dict[str, Any]] = {
    "resnet50": {"kind": "resnet50", "window": 9, "width": 0.5, "epochs": 40},
    "seasons": SEASONS,
    "seasons3": {**SEASONS, "members": 3},
    "pretrained": {**SEASONS, "pretraining": {"steps": 800}},
    "boosting": {"kind": "boosting"},
    "rf": {"kind": "rf"},
}
"""By what the table calls them: settings of the survey's `model`. `seasons3` has three members;
`pretrained` is `seasons` that has learned from the features of the whole area, once for all."""

VOTES = (
    ("seasons", "boosting"),
    ("resnet50", "boosting"),
    ("resnet50", "seasons"),
    ("resnet50", "seasons", "boosting"),
    ("seasons3", "boosting"),
    ("resnet50", "seasons3", "boosting"),
)
"""Models that vote, where all of them are compared: what the kind `voting` maps."""


@dataclass(frozen=True)
class Trial:
    """A model trained without a strip, and the probabilities that it reads there.

    Attributes
    ----------
    probabilities
        (class, y, x) of the strip, in the survey's order of the classes.
    training, reading
        Seconds of a core that training took, and reading the strip.
    """

    probabilities: Float32Array
    training: float
    reading: float


@dataclass(frozen=True)
class Bench:
    """The survey with its features, where trials are kept, and how some points are drawn.

    Attributes
    ----------
    folder
        With the store and the trials.
    equal
        As many points of each class, instead of its share.
    """

    folder: Path
    equal: bool = False

    @cached_property
    def survey(self) -> Survey:
        """The acceptance survey, in this process."""
        document = load(SURVEY).model_dump()
        document["engine"] |= {"training": "local", "prediction": "local", "tiles": "local"}
        document["engine"] |= {"workers": 1, "threads": 1}
        document["store"] = str(self.folder / "store")
        return Survey.model_validate(document)

    @cached_property
    def run(self) -> Run:
        """The survey up to its samples."""
        run = Run(self.survey, stages_of(self.survey), Silent())
        run.until("samples")
        return run

    @cached_property
    def samples(self) -> SampleSet:
        """All points."""
        return SampleSet.read(self.run.store)

    @cached_property
    def reference(self) -> npt.NDArray[np.int64]:
        """(y, x) class codes of the west; 0: none."""
        with rasterio.open(REFERENCE) as opened:
            read: npt.NDArray[np.int64] = opened.read(1).astype(np.int64)
        return read[:, : int(np.flatnonzero(read.any(axis=0))[-1]) + 1]

    @cached_property
    def sharp(self) -> Float32Array:
        """(layer, y, x) of the west: what borders are read by."""
        features = open_features(self.run.store, self.survey)
        window = Window(0, STRIPS[-1][1], 0, self.reference.shape[1])
        return features.read(window, self.survey.border_layers)

    def trial(self, model: str, seed: int, strip: int, points: int | None) -> Trial:
        """Carry out a trial, or read what an earlier call left of it."""
        document = {**MODELS[model], "seed": seed}
        if points is not None:  # few are shown more often
            document.pop("epochs", None)
        settings = ModelSettings.model_validate(document)
        name = f"{model}-{seed}-{strip}-{points or 'all'}{'-equal' * self.equal}"
        path = self.folder / f"{name}.npz"
        key = json.dumps(settings.model_dump(mode="json"), sort_keys=True)
        if path.exists():
            kept = np.load(path)
            if str(kept["key"]) == key:
                return Trial(kept["probabilities"], float(kept["training"]), float(kept["reading"]))
        with limited_threads(1):
            trial = self._carried_out(settings, strip, points)
        np.savez(path, key=key, **vars(trial))
        print(f"{name}: trained in {trial.training:.1f} s, read in {trial.reading:.1f}", flush=True)
        return trial

    def _pretrain(self, settings: ModelSettings) -> None:
        """Have the network learn without labels, unless the store has what came of it."""
        survey = self.survey.replace(model=settings.replace(seed=0, epochs=None))
        Run(survey, stages_of(survey), Silent()).until("pretrain")

    def _carried_out(self, settings: ModelSettings, strip: int, points: int | None) -> Trial:
        survey, store = self.survey, self.run.store
        if settings.pretraining is not None:
            self._pretrain(settings)
        names = self.samples.layers
        inputs = model_inputs(survey, names, names, settings)
        rows = self.samples.table["row"].to_numpy()
        low, high = STRIPS[strip]
        outside: BoolArray = (rows < low - GAP) | (rows >= high + GAP)
        samples = self.samples.part(outside & self.drawn(points, settings.seed))
        features = partial(open_features, store, survey)
        patches = samples.patches(inputs.layers, inputs.window, features)
        classes = tuple(survey.class_codes.values())
        data = TrainingData.labelled(patches, samples.codes, inputs, classes)
        start = time.process_time()
        classifier, _ = train(settings, survey.engine, data, None, self.folder / "checkpoints")
        training = time.process_time() - start
        window = Window(low, high, 0, self.reference.shape[1]).pad(classifier.halo)
        layers = open_features(store, survey).read(window, classifier.layers, mirror=True)
        start = time.process_time()
        read = predict_blocks(classifier, layers, 2**28)
        reading = time.process_time() - start
        out = np.zeros((len(classes), *read.shape[1:]), np.float32)
        out[[classes.index(code) for code in classifier.classes]] = read
        return Trial(out, training, reading)

    def drawn(self, points: int | None, seed: int) -> BoolArray:
        """Draw a number of points, of each class its share or as many; None: all."""
        drawn = np.ones(len(self.samples), dtype=bool)
        if points is None:
            return drawn
        rng, codes = np.random.default_rng(seed), self.samples.codes
        drawn[:] = False
        for code in np.unique(codes):
            own = np.flatnonzero(codes == code)
            share = 1 / len(np.unique(codes)) if self.equal else len(own) / len(codes)
            count = min(round(points * share), len(own))
            drawn[rng.choice(own, count, replace=False)] = True
        return drawn


@dataclass(frozen=True)
class Score:
    """How well strips are read, all of them counted together.

    Attributes
    ----------
    matrices
        (outline, reference, map) pixels of each outline of the reference.
    """

    matrices: npt.NDArray[np.int64]

    @classmethod
    def of(cls, bench: Bench, strips: list[Float32Array]) -> Score:
        """Compare the most probable classes of the strips with the reference."""
        codes = np.array(list(bench.survey.class_codes.values()))
        known = bench.reference > 0
        outline, count = outlines(bench.reference)
        mapped = np.concatenate([probabilities.argmax(axis=0) for probabilities in strips])
        matrices = np.zeros((count, len(codes), len(codes)), np.int64)
        truth = np.searchsorted(codes, bench.reference[known])
        np.add.at(matrices, (outline[known] - 1, truth, mapped[known]), 1)
        return cls(matrices)

    @property
    def matrix(self) -> npt.NDArray[np.int64]:
        """(reference, map) pixels."""
        total: npt.NDArray[np.int64] = self.matrices.sum(axis=0)
        return total

    @property
    def overall(self) -> float:
        """Overall accuracy."""
        return float(np.trace(self.matrix) / self.matrix.sum())

    @property
    def f1(self) -> npt.NDArray[np.float64]:
        """(class,) F1."""
        return f1_of(self.matrix)

    def interval(self, draws: int = 2000) -> tuple[float, float]:
        """95 % of macro-F1 over draws of as many outlines of each class, with replacement."""
        rng, of_class = np.random.default_rng(0), self.matrices.sum(axis=2).argmax(axis=1)
        found = []
        for _ in range(draws):
            drawn = [
                rng.choice(np.flatnonzero(of_class == one), (of_class == one).sum())
                for one in np.unique(of_class)
            ]
            found.append(f1_of(self.matrices[np.concatenate(drawn)].sum(axis=0)).mean())
        low, high = np.percentile(found, (2.5, 97.5))
        return float(low), float(high)


def outlines(reference: npt.NDArray[np.int64]) -> tuple[npt.NDArray[np.int64], int]:
    """Give each connected part of a class a number, from 1."""
    numbers, count = np.zeros_like(reference), 0
    for code in np.unique(reference[reference > 0]):
        own, more = label(reference == code, np.ones((3, 3)))
        numbers[own > 0] = own[own > 0] + count
        count += more
    return numbers, count


def f1_of(matrix: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
    """F1 of each class."""
    found: npt.NDArray[np.float64] = 2 * np.diag(matrix) / (matrix.sum(axis=0) + matrix.sum(axis=1))
    return found


@dataclass(frozen=True)
class Row:
    """A row of the table.

    Attributes
    ----------
    name
        Of the model, or of those whose probabilities are averaged.
    scores
        By seed, or of the mean of all seeds.
    trials
        Of each seed, strip by strip.
    """

    name: str
    scores: list[Score]
    trials: list[list[Trial]]

    @classmethod
    def of_seeds(cls, bench: Bench, name: str, trials: list[list[Trial]]) -> Row:
        """Score every seed by itself."""
        scores = [Score.of(bench, [trial.probabilities for trial in each]) for each in trials]
        return cls(name, scores, trials)

    def averaged(self, bench: Bench) -> Row:
        """Score the mean of all seeds."""
        mean = [together(one) for one in zip(*self.trials, strict=True)]
        return Row.of_seeds(bench, f"{self.name}, {len(self.trials)} members", [mean])

    def refined(self, bench: Bench) -> Iterator[Row]:
        """Score the strips smoothed as the survey's map is, and with their borders read again."""
        survey = bench.survey
        names, usual = tuple(survey.class_codes), kind_of(survey.model).smoothness
        smoothing = Smoothing.of(survey.prediction, names, usual)
        sharp = Refinement.of(smoothing, survey.prediction, survey.border_layers)
        for what, way in (("smoothed", Refinement(smoothing)), ("smoothed, borders read", sharp)):
            trials = [[refined(bench, way, *e) for e in enumerate(each)] for each in self.trials]
            yield Row.of_seeds(bench, f"{self.name}, {what}", trials)


def refined(bench: Bench, way: Refinement, strip: int, trial: Trial) -> Trial:
    """Refine a strip by itself: what lies beyond its rim has no say."""
    rim = ((0, 0), *[(way.halo, way.halo)] * 2)
    beside = bench.sharp[:, slice(*STRIPS[strip])]
    read, features = (
        np.pad(values, rim, constant_values=np.nan) for values in (trial.probabilities, beside)
    )
    return replace(trial, probabilities=way(read, features, bench.survey.border_layers))


def together(trials: Sequence[Trial]) -> Trial:
    """Average probabilities; training and reading take what they take one after the other."""
    return Trial(
        np.mean([trial.probabilities for trial in trials], axis=0),
        sum(trial.training for trial in trials),
        sum(trial.reading for trial in trials),
    )


def rows(bench: Bench, models: list[str], seeds: list[int], points: int | None) -> Iterator[Row]:
    """Give each model by seed, and the votes of `VOTES`; of all points also the mean of all seeds.

    Each as it is, smoothed, and with its borders read after that, as the survey has it. Of some
    points each seed draws its own: their mean would have seen more than one of them has.
    """
    strips = range(len(STRIPS))
    votes = [(model,) for model in models] + [vote for vote in VOTES if set(vote) <= set(models)]
    for vote in votes:
        trials = [
            [together([bench.trial(model, seed, n, points) for model in vote]) for n in strips]
            for seed in seeds
        ]
        row = Row.of_seeds(bench, " and ".join(vote), trials)
        means = [row.averaged(bench)] if len(seeds) > 1 and points is None else []
        for one in (row, *means):
            yield one
            yield from one.refined(bench)


def line(bench: Bench, row: Row) -> str:
    """Write a row of the table."""

    def spread(values: list[float]) -> str:
        deviation = f" ± {np.std(values, ddof=1):.3f}" if len(values) > 1 else ""
        return f"{np.mean(values):.3f}{deviation}"

    area = bench.reference.size / 1e4
    flat, scores = [trial for each in row.trials for trial in each], row.scores
    training = np.mean([trial.training for trial in flat])
    reading = len(STRIPS) * np.mean([trial.reading for trial in flat]) / area
    cells = [
        row.name,
        str(len(scores)),
        spread([score.overall for score in scores]),
        spread([float(score.f1.mean()) for score in scores]),
        "{:.3f} to {:.3f}".format(*scores[0].interval()),
        *(f"{value:.3f}" for value in np.mean([score.f1 for score in scores], axis=0)),
        f"{training:.0f}",
        f"{reading:.2f}",
    ]
    return f"| {' | '.join(cells)} |"


def table(bench: Bench, models: list[str], seeds: list[int], points: int | None) -> list[str]:
    """Write the table of some models."""
    names = [*bench.survey.class_codes]
    head = ["model", "seeds", "OA", "macro-F1", "95 %, first seed", *names]
    head += ["training, core-s", "core-s a km²"]
    lines = [f"| {' | '.join(head)} |", "|" + " --- |" * len(head)]
    return lines + [line(bench, row) for row in rows(bench, models, seeds, points)]


def main() -> None:
    """Carry the trials out and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--models", nargs="+", choices=MODELS, default=list(MODELS))
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    parser.add_argument("--points", type=int, help="of all; without it all")
    parser.add_argument("--equal", action="store_true", help="as many points of each class")
    given = parser.parse_args()
    given.folder.mkdir(parents=True, exist_ok=True)
    bench = Bench(given.folder, given.equal)
    print("\n".join(table(bench, given.models, given.seeds, given.points)))


if __name__ == "__main__":
    main()
