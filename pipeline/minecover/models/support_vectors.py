"""Support vectors."""

from __future__ import annotations

from typing import Any

import numpy as np

from minecover.errors import DataError
from minecover.models.classical import ClassicalKind
from minecover.models.task import TrainingTask

__all__ = ["SUPPORT_VECTORS", "SupportVectors"]

CALIBRATION_FOLDS = 3


class SupportVectors(ClassicalKind):
    """A radial kernel and C = 10; decisions become probabilities by Platt's sigmoid over folds.

    scikit-learn 1.9 gives an SVC no probabilities of its own any more. Parameters are searched for
    without the sigmoid, which hardly moves the class that is most probable, at a third of the time.
    """

    name = "svm"
    label = "support vectors"
    parameters = {"C": [1.0, 10.0, 100.0], "gamma": ["scale", 0.003, 0.03]}  # noqa: RUF012
    fewest_of_class = CALIBRATION_FOLDS
    published_accuracy = 0.9152
    searched_part = "estimator"
    trusted = frozenset(
        {
            "sklearn.calibration._CalibratedClassifier",
            "sklearn.calibration._SigmoidCalibration",
        }
    )

    def estimator(self, task: TrainingTask) -> Any:  # noqa: ANN401
        """See `ClassicalKind.estimator`; nothing is drawn.

        Raises
        ------
        DataError
            A class has fewer samples than the calibration has folds.
        """
        from sklearn.calibration import CalibratedClassifierCV
        from sklearn.svm import SVC

        counts = np.bincount(task.labels)
        if counts.min() < CALIBRATION_FOLDS:
            raise DataError(
                f"samples: class {task.data.classes[int(counts.argmin())]} has fewer than "
                f"{CALIBRATION_FOLDS} training samples, which model.kind {self.name} needs; add "
                "points of it"
            )
        machine = SVC(C=10.0, kernel="rbf", gamma="scale")
        return CalibratedClassifierCV(machine, cv=CALIBRATION_FOLDS, ensemble=False)


SUPPORT_VECTORS = SupportVectors()
