"""Invariants that others can reuse for kernels of their own."""

from minecover.testing.invariants import assert_cut_invariant, assert_same_bits

__all__ = ["assert_cut_invariant", "assert_same_bits"]
