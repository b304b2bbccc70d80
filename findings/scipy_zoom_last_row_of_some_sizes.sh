#!/bin/bash
# An elevation model made eight times coarser has a last row of zeros, at one size of eight and at no other.
#
# Seen with scipy 1.17.1 and numpy 2.4.6 on 30 November 2026.
# scipy.ndimage.zoom by an eighth, with straight lines, of a plain 1,200 m above the sea. Outermost pixels are
# aligned with outermost pixels, so every value lies on the plain, and none beyond it. Of the 248 sizes from 16 to
# 1,992 that are multiples of 8, 29 have 0 in their last row and column: the place of the last pixel is rounded to
# just beyond the edge, where the usual mode ("constant") has 0. Which sizes these are follows no rule that one
# would guess (472 and 480, but no other between 440 and 590). A path over the lowest ground then runs along the
# edge. With mode="nearest" no size has it, and all others keep their bits.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check --only-binary :all: scipy==1.17.1 numpy==2.4.6
"$folder/venv/bin/python" - <<'PYTHON'
import sys

import numpy as np
from scipy.ndimage import zoom


def lowest(size, **mode):
    return float(zoom(np.full((size, size), 1200.0), 1 / 8, order=1, **mode).min())


sizes = range(16, 2000, 8)
zeros = [size for size in sizes if lowest(size) == 0]
nearest = {round(lowest(size, mode="nearest"), 6) for size in sizes}
hills = np.random.default_rng(0).uniform(1000, 1500, (600, 600))
same = np.array_equal(zoom(hills, 1 / 8, order=1), zoom(hills, 1 / 8, order=1, mode="nearest"))
print(f"{len(zeros)} of {len(sizes)} sizes end in zeros:", *zeros)
print("lowest value with mode='nearest':", nearest, "and other sizes keep their bits:", same)
sys.exit(not (len(sizes) == 248 and len(zeros) == 29 and zeros[:5] == [216, 256, 432, 472, 480]
              and nearest == {1200.0} and same))
PYTHON
