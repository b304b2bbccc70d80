#!/bin/bash
# safetensors writes the same tensors and metadata as other bytes from process to process.
#
# Seen with safetensors 0.8.0 (numpy 2.4.6) on 29 November 2026.
# One tensor with eight keys of metadata is written by eight processes: the keys come in another order nearly
# every time, so the files differ, and so do their checksums, though they hold the same. With one key, or none,
# all files are the same. PYTHONHASHSEED changes nothing: the order is not Python's. Whoever compares files, or
# names them by their content, puts all metadata under one key, as one JSON text with sorted keys.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check safetensors==0.8.0 numpy==2.4.6
cat > "$folder/digest.py" <<'PYTHON'
import hashlib
import sys

import numpy as np
from safetensors.numpy import load, save

written = save({"a": np.zeros(1)}, {key: "" for key in sys.argv[1]})
assert load(written)["a"].tolist() == [0.0]
print(hashlib.sha256(written).hexdigest()[:8])
PYTHON
count() {
    for _ in 1 2 3 4 5 6 7 8; do
        PYTHONHASHSEED=0 "$folder/venv/bin/python" "$folder/digest.py" "$1"
    done | sort -u | wc -l
}
eight=$(count abcdefgh)
one=$(count a)
echo "files that differ, of eight processes: $eight with eight keys, $one with one"
[ "$eight" -gt 1 ] && [ "$one" -eq 1 ]
