"""Stores that pass the caches by, for results larger than them.

An ordinary store first reads the line of memory it writes to. A kernel that writes more than it
reads and computes little waits for these reads most of all; whole lines written past the caches
need none.
"""

from __future__ import annotations

from collections.abc import Callable

from llvmlite import ir
from numba import types
from numba.core.cpu import CPUContext
from numba.core.typing.templates import Signature
from numba.extending import intrinsic

from minecover.arrays import Float32Array
from minecover.engines.compiled import compiled

__all__ = ["copy_past_caches", "finish_stores"]

_LINE = 16  # float32 in a line of the cache

Codegen = Callable[[CPUContext, ir.IRBuilder, Signature, list[ir.Value]], ir.Value]


@intrinsic  # type: ignore[untyped-decorator]
def _copy_line(
    typing_context: object, source: types.Type, target: types.Type
) -> tuple[Signature, Codegen]:
    """Copy 64 bytes between two addresses, of which `target` is a multiple of 64."""

    def codegen(
        context: CPUContext, b: ir.IRBuilder, signature: Signature, args: list[ir.Value]
    ) -> ir.Value:
        line = ir.VectorType(ir.FloatType(), _LINE).as_pointer()
        source, target = (b.inttoptr(address, line) for address in args)
        store = b.store(b.load(source, align=4), target, align=64)
        one = b.module.add_metadata([ir.Constant(ir.IntType(32), 1)])
        store.set_metadata("nontemporal", one)
        return context.get_dummy_value()

    return types.void(types.uintp, types.uintp), codegen


@intrinsic  # type: ignore[untyped-decorator]
def finish_stores(typing_context: object) -> tuple[Signature, Codegen]:
    """Make all stores so far visible to other threads, those past the caches too."""

    def codegen(
        context: CPUContext, b: ir.IRBuilder, signature: Signature, args: list[ir.Value]
    ) -> ir.Value:
        b.fence("seq_cst")
        return context.get_dummy_value()

    return types.void(), codegen


@compiled
def copy_past_caches(source: Float32Array, target: Float32Array) -> None:
    """Copy a contiguous row; call `finish_stores` after the last."""
    n = target.size
    from_address, to_address = source.ctypes.data, target.ctypes.data
    head = min(n, (64 - to_address % 64) % 64 // 4)
    lines_end = head + (n - head) // _LINE * _LINE
    for x in range(head):
        target[x] = source[x]
    for x in range(head, lines_end, _LINE):
        _copy_line(from_address + 4 * x, to_address + 4 * x)
    for x in range(lines_end, n):
        target[x] = source[x]
