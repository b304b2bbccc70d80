"""Points held out: a model learns from the others and is tested on them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from minecover.accuracy.blocks import Folds, apart_from
from minecover.arrays import BoolArray, Float32Array, Int64Array
from minecover.errors import DataError
from minecover.models.classifier import Classifier
from minecover.models.data import ModelInputs, TrainingData
from minecover.samples.sample_set import OpenFeatures, SampleSet

__all__ = ["Holdout", "HoldoutData", "buffer_of", "over_classes"]


def buffer_of(split: str, reach: int) -> int:
    """Pixels that a split keeps between points that are trained on and those that are tested.

    Parameters
    ----------
    split
        `random`: patches may overlap; any other: none does.
    reach
        Edge in pixels of all that is looked at around a point, odd.
    """
    return 1 if split == "random" else reach


def over_classes(
    probabilities: Float32Array, known: Sequence[int], classes: Sequence[int]
) -> Float32Array:
    """Lay probabilities out over all classes of a survey, 0 for those that a model does not know.

    Parameters
    ----------
    probabilities
        (point, known class).
    known, classes
        Codes of the model's classes and of the survey's.
    """
    out = np.zeros((len(probabilities), len(classes)), dtype=np.float32)
    out[:, [list(classes).index(code) for code in known]] = probabilities
    return out


@dataclass(frozen=True, eq=False)
class Holdout:
    """Samples of which some are held out.

    Attributes
    ----------
    samples
        All points of the survey, or of a region.
    rows
        (point,) their rows in the samples of the survey.
    training, test
        (point,) those that are trained on, and those that are held out.
    name
        Of what is held out, for messages.
    """

    samples: SampleSet
    rows: Int64Array
    training: BoolArray
    test: BoolArray
    name: str

    @classmethod
    def of_fold(cls, samples: SampleSet, folds: Folds, fold: int, buffer: int) -> Holdout:
        """Hold out a fold; points closer to one of it than `buffer` pixels are not trained on."""
        test = np.asarray(folds.fold == fold)
        training = apart_from(samples.table, test, buffer)
        return cls(samples, np.arange(len(samples)), training, test, f"fold {fold}")

    def only(self, use: BoolArray) -> Holdout:
        """Neither train nor test on the others; `use`: (point,)."""
        return replace(self, training=self.training & use, test=self.test & use)

    def regions(self) -> Iterator[tuple[str, Holdout]]:
        """Go through the regions by name, each with its own points."""
        for name, here in self.samples.regions():
            samples, rows = self.samples.part(here), self.rows[here]
            label = f"{self.name} of {name}" if name else self.name
            yield name, Holdout(samples, rows, self.training[here], self.test[here], label)

    def apart(self, distance: int) -> BoolArray:
        """(point,) those at least `distance` pixels away from all that are trained on."""
        return apart_from(self.samples.table, self.training, distance)

    def data(
        self,
        inputs: ModelInputs,
        classes: Sequence[int],
        features: OpenFeatures,
    ) -> HoldoutData:
        """Cut the patches that a model is trained on and tested on.

        Parameters
        ----------
        inputs
            What the model reads; points without a value in one of its layers are left out.
        classes
            Codes of the survey's classes, in its order.
        features
            What patches are cut from.

        Raises
        ------
        DataError
            The points that are left to train on are of fewer than two classes.
        """
        complete = self.only(self.samples.is_complete(inputs.layers))
        use = complete.training | complete.test
        training, test = complete.training[use], complete.test[use]
        samples = self.samples.part(use)
        patches = samples.patches(inputs.layers, inputs.window, features)
        data = TrainingData.labelled(patches[training], samples.codes[training], inputs, classes)
        if len(data.classes) < 2:
            raise DataError(
                f"samples: without {self.name} all points are of one class; give points in more "
                "places, or fewer samples.folds"
            )
        return HoldoutData(
            training=data,
            blocks=samples.blocks[training],
            test=samples.part(test),
            rows=self.rows[complete.test],
            patches=patches[test],
        )


@dataclass(frozen=True, eq=False)
class HoldoutData:
    """What a model is trained on without some points, and these points.

    Attributes
    ----------
    training
        Samples that are trained on, with those of the classes that they are of.
    blocks
        (sample,) spatial blocks of the same.
    test
        The points that are held out.
    rows
        (test point,) their rows in the samples of the survey.
    patches
        (test point, layer, window, window) around them.
    """

    training: TrainingData
    blocks: Int64Array
    test: SampleSet
    rows: Int64Array
    patches: Float32Array

    def probabilities(self, classifier: Classifier) -> Float32Array:
        """(test point, class) as a classifier reads the points that are held out."""
        return classifier.predict_centres(self.patches)

    def mapped(self, classifier: Classifier) -> Int64Array:
        """(test point,) codes of the most probable classes."""
        codes = np.array(classifier.classes, dtype=np.int64)
        best: Int64Array = codes[self.probabilities(classifier).argmax(axis=1)]
        return best
