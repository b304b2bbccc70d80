#!/bin/bash
# A missing value is 0 to a LightGBM that met none in its training; one among 2,000 makes it something else.
#
# Seen with lightgbm 4.7.0, beside scikit-learn 1.9.1, on 29 November 2026.
# LightGBM is taken for rasters since it reads missing values. But a feature that is complete among the samples
# is told apart as "no missing values": NaN is then read as 0, be the feature all between 5 and 10 (so that NaN
# falls to its low side) or all between -10 and -5 (so that it falls to its high side), and nothing warns. With
# one NaN among the 2,000 samples NaN has a side of its own, and the same pixel gets the other class. The
# histogram trees of scikit-learn send NaN, where they met none, to the side with more samples in all three
# cases. A guess would be that the two agree, or that a side is chosen by what was learned.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check \
    lightgbm==4.7.0 scikit-learn==1.9.1 numpy==2.4.6 scipy==1.17.1
"$folder/venv/bin/python" -W ignore - <<'PYTHON'
import sys

import lightgbm
import numpy as np
from sklearn.ensemble import HistGradientBoostingClassifier

rng = np.random.default_rng(1)


def samples(low, high, gaps=0):
    values = rng.uniform(low, high, (2000, 1))
    labels = (values[:, 0] > low + 2).astype(int)  # three fifths are of class 1
    values[:gaps] = np.nan
    return values, labels


def read(kind, values, labels, places):
    if kind == "LightGBM":
        model = lightgbm.train(
            {"objective": "binary", "verbose": -1, "num_threads": 1},
            lightgbm.Dataset(values, labels), num_boost_round=20,
        )
        chances = model.predict(places)
    else:
        model = HistGradientBoostingClassifier(max_iter=20, random_state=0).fit(values, labels)
        chances = model.predict_proba(places)[:, 1]
    return [int(chance > 0.5) for chance in chances]


seen = {}
for what, low, high, gaps in (
    ("5 to 10", 5, 10, 0), ("-10 to -5", -10, -5, 0), ("5 to 10, one NaN", 5, 10, 1),
):
    values, labels = samples(low, high, gaps)
    for kind in ("LightGBM", "scikit-learn"):
        seen[what, kind] = read(kind, values, labels, np.array([[np.nan], [0.0]]))
for (what, kind), (missing, zero) in seen.items():
    print(f"feature {what:<17} {kind:<13} NaN: class {missing}, 0: class {zero}")
expected = {
    ("5 to 10", "LightGBM"): [0, 0], ("5 to 10", "scikit-learn"): [1, 0],
    ("-10 to -5", "LightGBM"): [1, 1], ("-10 to -5", "scikit-learn"): [1, 1],
    ("5 to 10, one NaN", "LightGBM"): [1, 0], ("5 to 10, one NaN", "scikit-learn"): [1, 0],
}
sys.exit(seen != expected)
PYTHON
