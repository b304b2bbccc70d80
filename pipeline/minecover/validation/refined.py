"""Points read as the map reads its pixels: smoothed, with borders read again, where it is."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from minecover.arrays import BoolArray, Float32Array
from minecover.models.classifier import Classifier
from minecover.models.lookup import kind_of
from minecover.prediction.refinement import Refinement
from minecover.prediction.smoothing import Smoothing
from minecover.samples.sample_set import OpenFeatures, SampleSet
from minecover.survey import Survey

__all__ = ["RefinedPoints", "refinement_of"]


def refinement_of(survey: Survey, codes: Collection[int], window: int) -> Refinement:
    """Give what a survey makes of the probabilities of classes by what lies around a pixel.

    Parameters
    ----------
    survey
        Whose map it is.
    codes
        Of the classes.
    window
        Edge in pixels of the smoothing that is applied, or tried.
    """
    names = [name for name, code in survey.class_codes.items() if code in codes]
    smoothness = kind_of(survey.model).smoothness
    smoothing = Smoothing.of(survey.prediction, names, smoothness, window)
    return Refinement.of(smoothing, survey.prediction, survey.border_layers)


@dataclass(frozen=True, eq=False)
class RefinedPoints:
    """Points with as much around them as the map looks at.

    Attributes
    ----------
    patches
        (point, layer, edge, edge), as `Refinement.at` takes them, or as the model does.
    refinement
        None: the map has the probabilities as the model gives them.
    """

    patches: Float32Array
    refinement: Refinement | None

    @classmethod
    def of(
        cls, survey: Survey, classifier: Classifier, samples: SampleSet, features: OpenFeatures
    ) -> RefinedPoints:
        """Cut what is needed around points.

        Parameters
        ----------
        survey
            Whose map it is.
        classifier
            Of the layers, the halo and the classes of all that will read the points.
        samples, features
            The points, and what patches are cut from.
        """
        window = survey.prediction.smoothing
        if not window:
            edge = 2 * classifier.halo + 1
            return cls(samples.patches(classifier.layers, edge, features), None)
        refinement = refinement_of(survey, classifier.classes, window)
        edge = 2 * (classifier.halo + refinement.halo) + 1
        layers = refinement.reads(classifier.layers)
        return cls(samples.patches(layers, edge, features), refinement)

    @property
    def halo(self) -> int:
        """Pixels around a point that are looked at beyond those that the model sees."""
        return 0 if self.refinement is None else self.refinement.halo

    def part(self, use: BoolArray) -> RefinedPoints:
        """Take some of the points."""
        return RefinedPoints(self.patches[use], self.refinement)

    def read(self, classifier: Classifier) -> Float32Array:
        """(point, class) as the map of a classifier has them."""
        if self.refinement is None:
            return classifier.predict_centres(self.patches)
        return self.refinement.at(classifier, self.patches)
