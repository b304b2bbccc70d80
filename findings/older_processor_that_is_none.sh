#!/bin/bash
# NPY_DISABLE_CPU_FEATURES with the names of NumPy 2.3 and NUMBA_CPU_NAME alone imitate no older processor.
#
# Seen with numpy 2.4.6 and numba 0.68.1 on 29 November 2026, x86_64.
# Two variables with which results are compared across processors on one machine. NumPy 2.4 has put its
# features into groups (X86_V3, X86_V4): AVX2, FMA3 or AVX512F, which 2.3 took, are passed over with an
# ImportWarning, which Python does not show unless asked, and the code of the newest processor runs. Numba
# compiles for the CPU that NUMBA_CPU_NAME says, but with the features of the host, AVX-512 among them, unless
# NUMBA_CPU_FEATURES is set as well; only the name `generic` empties them by itself. A guess would be that a
# name that cannot be disabled is an error, and that a CPU's name says what it has. On a machine without
# AVX-512 there is nothing to disable, and this says so.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
grep -q avx512bw /proc/cpuinfo || { echo "this processor has no AVX-512: nothing to see"; exit 0; }
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check numpy==2.4.6 numba==0.68.1
cat > "$folder/uses.py" <<'PYTHON'
from numba.core.registry import cpu_target
from numpy._core._multiarray_umath import __cpu_dispatch__, __cpu_features__

codegen = cpu_target.target_context.codegen()
features = codegen._get_host_cpu_features().split(",")
print(
    "NumPy", *[name for name in __cpu_dispatch__ if __cpu_features__[name]],
    "| Numba", codegen._get_host_cpu_name(), "with AVX-512" if "+avx512f" in features else "without",
)
PYTHON
said() { env "$@" "$folder/venv/bin/python" "$folder/uses.py" 2>/dev/null; }
old=$(said NPY_DISABLE_CPU_FEATURES="AVX512F AVX512CD AVX512_SKX AVX2 FMA3" NUMBA_CPU_NAME=haswell)
new=$(said NPY_DISABLE_CPU_FEATURES="X86_V4 AVX512_ICL AVX512_SPR" NUMBA_CPU_NAME=haswell NUMBA_CPU_FEATURES=+avx2,+fma)
echo "with the names of 2.3, and the CPU's name alone: $old"
echo "with the groups of 2.4, and the CPU's features:  $new"
case $old in *X86_V4*"haswell with AVX-512"*) ;; *) exit 1 ;; esac
case $new in *X86_V4*|*"with AVX-512"*) exit 1 ;; esac
