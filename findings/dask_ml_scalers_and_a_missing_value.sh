#!/bin/bash
# One missing value among 10,000 is nothing to one scaler of dask-ml, NaN to the next, and a shift to the third.
#
# Seen with dask-ml 2025.1.0, dask 2026.8.0 and scikit-learn 1.9.1 on 29 November 2026.
# The scalers of scikit-learn pass over NaN, and those of dask-ml have their names and attributes. A column grows
# from 0 to 1, and one value of it is missing. StandardScaler passes over that, too. MinMaxScaler learns that
# the maximum is NaN, and scales the whole column to NaN. RobustScaler merges the quartiles of chunks, of which
# those of one chunk are NaN now: in chunks of 1,000 it says, without a warning, that the median is 0.6 (0.5 is
# right, and is what it finds where nothing is missing), in chunks of 5,000 that it is NaN. A guess would be that
# one module treats gaps in one way, and that NaN in a median makes NaN of it or nothing.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check --only-binary :all: \
    dask-ml==2025.1.0 dask==2026.8.0 distributed==2026.8.0 scikit-learn==1.9.1 numpy==2.4.6 pandas==2.3.3
"$folder/venv/bin/python" -W ignore - <<'PYTHON'
import sys

import dask.array as da
import dask_ml.preprocessing as theirs
import numpy as np
import sklearn.preprocessing as ours

whole = np.linspace(0.0, 1.0, 10_000)[:, None]
gap = whole.copy()
gap[1234] = np.nan
LEARNED = {"StandardScaler": "mean_", "MinMaxScaler": "data_max_", "RobustScaler": "center_"}


def learned(module, name, values):
    found = getattr(getattr(module, name)().fit(values), LEARNED[name])
    return round(float(np.asarray(found)[0]), 2)


def row(name, values):
    chunked = [learned(theirs, name, da.from_array(values, chunks=(n, 1))) for n in (1000, 5000)]
    return [learned(ours, name, values), *chunked]


seen = {(name, what): row(name, values)
        for what, values in (("whole", whole), ("one gap", gap)) for name in LEARNED}
for (name, what), (right, *chunked) in seen.items():
    print(f"{name:<15} {what:<8} {LEARNED[name]:<10} scikit-learn {right}, dask-ml in 10 and 2 chunks", *chunked)
nan = float("nan")
expected = {
    ("StandardScaler", "whole"): [0.5, 0.5, 0.5], ("StandardScaler", "one gap"): [0.5, 0.5, 0.5],
    ("MinMaxScaler", "whole"): [1.0, 1.0, 1.0], ("MinMaxScaler", "one gap"): [1.0, nan, nan],
    ("RobustScaler", "whole"): [0.5, 0.5, 0.5], ("RobustScaler", "one gap"): [0.5, 0.6, nan],
}
sys.exit(not all(np.array_equal(seen[key], expected[key], equal_nan=True) for key in expected))
PYTHON
