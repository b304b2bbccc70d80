"""Older processors, imitated by what libraries are told to use of the one that there is."""

from __future__ import annotations

import os

from numpy._core._multiarray_umath import __cpu_dispatch__, __cpu_features__

__all__ = ["AVX2", "PLAIN", "in_use"]

_BEYOND_AVX2 = [name for name in __cpu_dispatch__ if name.startswith("AVX512") or name == "X86_V4"]

AVX2 = {
    "ATEN_CPU_CAPABILITY": "avx2",
    "GLIBC_TUNABLES": "glibc.cpu.hwcaps=-AVX512F,-AVX512VL",
    "NPY_DISABLE_CPU_FEATURES": " ".join(_BEYOND_AVX2),
    "NUMBA_CPU_NAME": "haswell",
    "NUMBA_CPU_FEATURES": "+avx2,+fma",  # else those of this processor, whatever its name
    "OPENBLAS_CORETYPE": "Haswell",
    "MKL_ENABLE_INSTRUCTIONS": "AVX2",
    "ONEDNN_MAX_CPU_ISA": "AVX2",
}
"""Variables with which a process takes this processor for one of 2013."""

PLAIN = {
    "ATEN_CPU_CAPABILITY": "default",
    "GLIBC_TUNABLES": "glibc.cpu.hwcaps=-AVX512F,-AVX512VL,-AVX2,-FMA,-FMA4",
    "NPY_DISABLE_CPU_FEATURES": " ".join(__cpu_dispatch__),
    "NUMBA_CPU_NAME": "generic",
    "OPENBLAS_CORETYPE": "Nehalem",
    "MKL_ENABLE_INSTRUCTIONS": "SSE4_2",
    "ONEDNN_MAX_CPU_ISA": "SSE41",
}
"""The same, for one of 2008, without AVX and fused multiplication."""


def in_use() -> dict[str, str]:
    """Say what each library makes use of in this process."""
    import scipy.linalg  # noqa: F401  has an OpenBLAS of its own
    import torch
    from numba.core.registry import cpu_target
    from threadpoolctl import threadpool_info

    codegen = cpu_target.target_context.codegen()
    blas = {pool["architecture"] for pool in threadpool_info() if "architecture" in pool}
    return {
        "NumPy": " ".join(name for name in __cpu_dispatch__ if __cpu_features__[name]),
        "Numba": codegen._get_host_cpu_name(),
        "features of Numba": codegen._get_host_cpu_features(),
        "OpenBLAS": " ".join(sorted(blas)),
        "PyTorch": torch.backends.cpu.get_cpu_capability().lower(),
    }


def check_imitation() -> None:
    """Refuse an imitation that a library passes over: some say nothing of a name they do not know.

    Raises
    ------
    AssertionError
        One makes use of what it was told not to.
    """
    said = {name: os.environ.get(name, "") for name in AVX2}
    uses = in_use()
    not_numpy = set(said["NPY_DISABLE_CPU_FEATURES"].split())
    assert not not_numpy & set(uses["NumPy"].split()), uses
    for library, variable in (
        ("Numba", "NUMBA_CPU_NAME"), ("OpenBLAS", "OPENBLAS_CORETYPE"),
        ("PyTorch", "ATEN_CPU_CAPABILITY"),
    ):  # fmt: skip
        assert said[variable] in ("", uses[library]), uses
    if said["NUMBA_CPU_NAME"]:
        assert "avx512f" not in uses["features of Numba"], uses
