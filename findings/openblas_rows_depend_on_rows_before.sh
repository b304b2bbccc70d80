#!/bin/bash
# A row of a matrix product in float32 has other last digits when rows before it are left out.
#
# Seen with NumPy 2.4.6 and its OpenBLAS 0.3.31 on 29 November 2026, with the kernels for processors of AVX2 (Haswell,
# which Zen uses as well), on one thread. 5,000 pixels of 40 layers are multiplied with weights for 128 units, as a
# perceptron does. Without the first pixel 835 of the others differ, without the first 8 or 16, multiples of the
# vector's width, 3,332 and 3,320, and without the first 12 none: how a row is summed depends on its place among
# twelve. In float64 one row differs without the first, and none where an even number is left out. A guess would be
# that each row is summed over its own 40 values in one order, or that rows in multiples of 16 are safe: a map whose
# tiles are cut in another way has other bytes by this.
set -eu
grep -q avx2 /proc/cpuinfo || { echo "needs a processor with AVX2"; exit 0; }
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check --only-binary :all: numpy==2.4.6
OPENBLAS_CORETYPE=Haswell OPENBLAS_NUM_THREADS=1 "$folder/venv/bin/python" - <<'PYTHON'
import sys

import numpy as np


def changed(kind, left_out):
    numbers = np.random.default_rng(0)
    pixels = numbers.normal(size=(5000, 40)).astype(kind)
    weights = numbers.normal(size=(40, 128)).astype(kind)
    whole = pixels @ weights
    return int((pixels[left_out:] @ weights != whole[left_out:]).any(axis=1).sum())


seen = {}
for kind in (np.float32, np.float64):
    seen[kind.__name__] = [changed(kind, left_out) for left_out in (1, 8, 12, 16)]
    print(kind.__name__, "rows that differ without the first 1, 8, 12, 16:", *seen[kind.__name__])
single, double = seen["float32"], seen["float64"]
right = single[0] > 500 and min(single[1], single[3]) > 2500 and single[2] == 0
sys.exit(0 if right and double[0] <= 5 and not any(double[1:]) else 1)
PYTHON
