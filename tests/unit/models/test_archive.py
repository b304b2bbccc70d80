"""Classical estimators are the same bytes from any process, and read back as they were."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
import skops.io
from sklearn.base import BaseEstimator
from sklearn.ensemble import RandomForestClassifier
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier

from minecover.models.archive import estimator_bytes

X = np.random.default_rng(0).normal(size=(60, 4))
Y = np.arange(60) % 3

SCRIPT = """
import hashlib, sys
import numpy as np
from sklearn.ensemble import RandomForestClassifier
from minecover.models.archive import estimator_bytes
rubbish = [object() for _ in range(int(sys.argv[1]))]  # other addresses
x = np.random.default_rng(0).normal(size=(60, 4))
model = RandomForestClassifier(5, random_state=0).fit(x, np.arange(60) % 3)
print(hashlib.sha256(estimator_bytes(model)).hexdigest())
"""


@pytest.mark.parametrize(
    "estimator",
    [RandomForestClassifier(5, random_state=0), GaussianNB(), KNeighborsClassifier()],
    ids=lambda estimator: type(estimator).__name__,
)
def test_what_is_read_back_predicts_the_same(estimator: BaseEstimator) -> None:
    data = estimator_bytes(estimator.fit(X, Y))
    trusted = sorted(skops.io.get_untrusted_types(data=data))
    read = skops.io.loads(data, trusted=trusted)
    np.testing.assert_array_equal(read.predict_proba(X), estimator.predict_proba(X))


def test_two_processes_write_the_same_bytes() -> None:
    told = [
        subprocess.run(
            [sys.executable, "-c", SCRIPT, size], check=True, capture_output=True, text=True
        ).stdout
        for size in ("10", "100000")
    ]
    assert told[0] == told[1] != ""
