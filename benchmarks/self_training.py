"""Self-training where nobody labelled: strips of Strzegom, read with and without it.

`python -m benchmarks.self_training FOLDER rf` trains on some points outside each of four strips,
finds out whether self-training helps as the stage `train` does, trains on what the model is surest
of, and reads the strip. What came of it is in `benchmarks/SELF_TRAINING.md`.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.strzegom_models import GAP, MODELS, STRIPS, Bench, Score
from minecover.arrays import BoolArray, Float32Array
from minecover.engines.threads import limited_threads
from minecover.geography.grid import Window
from minecover.models.classifier import Classifier
from minecover.models.data import TrainingData
from minecover.models.self_training import Unlabelled
from minecover.models.tuning import tune_and_train
from minecover.prediction.blocks import predict_blocks
from minecover.samples.patches import extract
from minecover.samples.points import Points
from minecover.stages.features import open_features
from minecover.stages.registry import stages_of
from minecover.stages.self_training import SelfTraining, outcome, places_to_learn_from
from minecover.survey.model_inputs import model_inputs
from minecover.workflow.stage import Workspace

WAYS = ("labelled points alone", "self-trained", "self-trained where it was kept")


@dataclass(frozen=True)
class Trial:
    """A strip as it is read without and with self-training, and what the check found.

    Attributes
    ----------
    probabilities
        (class, y, x) of the strip in each of `WAYS`.
    facts
        Of the check, with the number of pixels.
    """

    probabilities: tuple[Float32Array, ...]
    facts: dict[str, Any]


def trial(bench: Bench, model: str, seed: int, strip: int, points: int | None) -> Trial:
    """Train outside of a strip, with and without pixels, and read it."""
    settings = {**MODELS[model], "seed": seed, "self_training": {}}
    survey = bench.survey.replace(model=settings)
    rows = bench.samples.table["row"].to_numpy()
    low, high = STRIPS[strip]
    outside: BoolArray = (rows < low - GAP) | (rows >= high + GAP)
    samples = bench.samples.part(outside & bench.drawn(points, seed))
    names = samples.layers
    inputs = model_inputs(survey, names, names)
    features = partial(open_features, bench.run.store, survey)
    patches = samples.patches(inputs.layers, inputs.window, features)
    data = TrainingData.labelled(patches, samples.codes, inputs, tuple(survey.class_codes.values()))
    places = places_to_learn_from(Workspace(survey, stages_of(survey)))
    assert places is not None
    drawn = extract(Points(places, {}), features(), inputs.window, inputs.layers)
    pixels = Unlabelled(drawn)
    importance = dict.fromkeys(inputs.layers, 1.0)
    training = SelfTraining(
        survey, pixels.part(pixels.is_complete), importance, bench.folder / "checkpoints"
    )
    folds = samples.folds("block").fold
    facts = outcome([training.tried(data, samples, fold) for fold in np.unique(folds)])
    first, tuned, _ = tune_and_train(
        survey.model, survey.engine, data, folds, bench.folder / "checkpoints"
    )
    last, used = training.taught(first, tuned, data, samples.blocks)
    before, after = (_read(bench, one, strip) for one in (first, last))
    kept = after if facts["taken"] else before
    return Trial((before, after, kept), {**facts, "pixels": int(used.sum())})


def _read(bench: Bench, classifier: Classifier, strip: int) -> Float32Array:
    low, high = STRIPS[strip]
    window = Window(low, high, 0, bench.reference.shape[1]).pad(classifier.halo)
    features = open_features(bench.run.store, bench.survey)
    read = predict_blocks(classifier, features.read(window, classifier.layers, mirror=True), 2**28)
    classes = tuple(bench.survey.class_codes.values())
    out = np.zeros((len(classes), *read.shape[1:]), np.float32)
    out[[classes.index(code) for code in classifier.classes]] = read
    return out


def lines(bench: Bench, model: str, seeds: list[int], points: int | None) -> Iterator[str]:
    """Carry the trials out, and write the rows of the table."""
    scores: dict[str, list[Score]] = {way: [] for way in WAYS}
    for seed in seeds:
        trials = [trial(bench, model, seed, strip, points) for strip in range(len(STRIPS))]
        for one in trials:
            print(f"{model}, seed {seed}: {one.facts}", flush=True)
        for number, way in enumerate(WAYS):
            strips = [one.probabilities[number] for one in trials]
            scores[way].append(Score.of(bench, strips))
    for way, found in scores.items():
        macro = [float(score.f1.mean()) for score in found]
        by_class = np.mean([score.f1 for score in found], axis=0)
        cells = [
            f"{np.mean([score.overall for score in found]):.3f}",
            f"{np.mean(macro):.3f}",
            ", ".join(f"{value:.3f}" for value in macro),
            *(f"{value:.3f}" for value in by_class),
        ]
        yield f"| {model} | {way} | {' | '.join(cells)} |"


def main() -> None:
    """Print the rows of the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("models", nargs="+", choices=MODELS)
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    parser.add_argument("--points", type=int, default=150, help="of all")
    given = parser.parse_args()
    given.folder.mkdir(parents=True, exist_ok=True)
    bench = Bench(given.folder)
    with limited_threads(1):
        for model in given.models:
            begun = time.process_time()
            print("\n".join(lines(bench, model, given.seeds, given.points)))
            print(f"{model}: {time.process_time() - begun:.0f} processor seconds", flush=True)


if __name__ == "__main__":
    main()
