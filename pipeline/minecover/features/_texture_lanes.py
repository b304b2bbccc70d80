"""Two operations on 32 adjacent windows at once, written as vector instructions.

numba's compiler cannot vectorise an exchange of two rows in place, nor keep running products of
adjacent windows in registers, so these two say it outright. The vectors are LLVM's own, of any
target: where the machine has shorter registers the compiler splits them, with the same results.
"""

from __future__ import annotations

from collections.abc import Callable

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.core.cpu import CPUContext
from numba.core.typing.templates import Signature
from numba.extending import intrinsic

__all__ = ["CHUNK", "LANES", "count_lanes", "exchange_lanes"]

LANES = 32
"""Windows side by side: a 512-bit register of 16-bit codes."""

CHUNK = 16
"""Counts multiplied in single precision before they are folded: 210^16 is within its range."""

Codegen = Callable[[CPUContext, ir.IRBuilder, Signature, list[ir.Value]], ir.Value]

_I16, _I64 = ir.IntType(16), ir.IntType(64)
_CODES = ir.VectorType(_I16, LANES)
_SUMS = ir.VectorType(ir.IntType(32), LANES)
_SINGLES = ir.VectorType(ir.FloatType(), LANES)
_DOUBLES = ir.VectorType(ir.DoubleType(), LANES)


def _splat(kind: ir.VectorType, value: float) -> ir.Constant:
    return ir.Constant(kind, [value] * LANES)


def _at(builder: ir.IRBuilder, base: ir.Value, offset: ir.Value, of: ir.VectorType) -> ir.Value:
    """Address of the vector that starts `offset` elements after the address `base`."""
    size = {_CODES: 2, _SUMS: 4, _DOUBLES: 8}[of]
    address = builder.add(base, builder.mul(offset, ir.Constant(_I64, size)))
    return builder.inttoptr(address, of.as_pointer())


def _load(builder: ir.IRBuilder, base: ir.Value, offset: ir.Value) -> ir.Value:
    return builder.load(_at(builder, base, offset, _CODES), align=2)


@intrinsic  # type: ignore[untyped-decorator]
def exchange_lanes(
    typing_context: object,
    base: types.Type,
    low: types.Type,
    high: types.Type,
    a: types.Type,
    b: types.Type,
) -> tuple[Signature, Codegen]:
    """Store the smaller of the codes at `a` and `b` at `low`, the larger at `high`.

    `base` is the address of the workspace, the others are positions in it.
    """

    def codegen(
        context: CPUContext, builder: ir.IRBuilder, signature: Signature, args: list[ir.Value]
    ) -> ir.Value:
        base, low, high, a, b = args
        first, second = _load(builder, base, a), _load(builder, base, b)
        less = builder.icmp_unsigned("<", first, second)
        small = builder.select(less, first, second)
        large = builder.select(less, second, first)
        builder.store(small, _at(builder, base, low, _CODES), align=2)
        builder.store(large, _at(builder, base, high, _CODES), align=2)
        return context.get_dummy_value()

    return types.void(types.uintp, *[types.int64] * 4), codegen


def _run_lengths(
    b: ir.IRBuilder, rows: ir.Value, order: ir.Value, x: ir.Value, runs: ir.Value, pairs: ir.Value
) -> None:
    """Store the position of every code among its equals, 1, 2, ..., in `runs`."""
    one = _splat(_CODES, 1)
    run = cgutils.alloca_once_value(b, one)
    before = cgutils.alloca_once_value(b, _splat(_CODES, 0))
    with cgutils.for_range(b, pairs) as loop:
        code = _load(b, rows, b.add(_order(b, order, loop.index), x))
        same = b.icmp_unsigned("==", code, b.load(before))
        length = b.select(same, b.add(b.load(run), one), one)
        b.store(code, before)
        b.store(length, run)
        where = b.mul(loop.index, ir.Constant(_I64, LANES))
        b.store(length, _at(b, runs, where, _CODES), align=2)


def _order(b: ir.IRBuilder, order: ir.Value, i: ir.Value) -> ir.Value:
    address = b.add(order, b.mul(i, ir.Constant(_I64, 8)))
    return b.load(b.inttoptr(address, _I64.as_pointer()))


class _Backward:
    """Walks back over the sorted codes, carrying each count from the end of its run."""

    def __init__(
        self, b: ir.IRBuilder, rows: ir.Value, order: ir.Value, x: ir.Value, runs: ir.Value
    ) -> None:
        self.b, self.rows, self.order, self.x, self.runs = b, rows, order, x, runs
        self.count = cgutils.alloca_once_value(b, _splat(_CODES, 1))
        self.after = cgutils.alloca_once_value(b, _splat(_CODES, -2))
        self.weighted = cgutils.alloca_once_value(b, _splat(_CODES, 0))
        self.product = cgutils.alloca_once_value(b, _splat(_SINGLES, 1.0))
        self.squares = cgutils.alloca_once_value(b, _splat(_SUMS, 0))
        self.total = cgutils.alloca_once_value(b, _splat(_DOUBLES, 1.0))

    def visit(self, i: ir.Value) -> ir.Value:
        b = self.b
        code = _load(b, self.rows, b.add(_order(b, self.order, i), self.x))
        run = _load(b, self.runs, b.mul(i, ir.Constant(_I64, LANES)))
        same = b.icmp_unsigned("==", code, b.load(self.after))
        count = b.select(same, b.load(self.count), run)
        # The top bit marks pairs of equal levels, which weigh twice.
        weighted = b.shl(count, b.lshr(code, _splat(_CODES, 15)))
        b.store(b.add(b.load(self.weighted), weighted), self.weighted)
        b.store(code, self.after)
        b.store(count, self.count)
        return count

    def multiply(self, factor: ir.Value) -> None:
        b = self.b
        b.store(b.fmul(b.load(self.product), b.uitofp(factor, _SINGLES)), self.product)

    def fold(self, scale: ir.Value) -> None:
        b = self.b
        widened = b.zext(b.load(self.weighted), _SUMS)
        b.store(b.add(b.load(self.squares), widened), self.squares)
        b.store(_splat(_CODES, 0), self.weighted)
        part = b.fmul(b.fpext(b.load(self.product), _DOUBLES), scale)
        b.store(b.fmul(b.load(self.total), part), self.total)
        b.store(_splat(_SINGLES, 1.0), self.product)


@intrinsic  # type: ignore[untyped-decorator]
def count_lanes(
    typing_context: object,
    rows: types.Type,
    order: types.Type,
    pairs: types.Type,
    x: types.Type,
    runs: types.Type,
    scale: types.Type,
    squares: types.Type,
    total: types.Type,
) -> tuple[Signature, Codegen]:
    """Sum of n_i w_i and scaled product of n_i of the windows at `x` and the 31 after it.

    Parameters are addresses, but for `pairs`, an even number, `x`, and `scale`, which multiplies
    the product of every `CHUNK` counts: `rows` is the workspace, `order` the positions of its
    sorted rows, `runs` room for ``pairs * LANES`` codes; `squares` (int32) and `total` (float64)
    receive the results.
    """

    def codegen(
        context: CPUContext, b: ir.IRBuilder, signature: Signature, args: list[ir.Value]
    ) -> ir.Value:
        rows, order, pairs, x, runs, scale, squares, total = args
        _run_lengths(b, rows, order, x, runs, pairs)
        back = _Backward(b, rows, order, x, runs)
        zero, one, two, chunk = (ir.Constant(_I64, k) for k in (0, 1, 2, CHUNK))
        scales = b.insert_element(ir.Constant(_DOUBLES, ir.Undefined), scale, ir.Constant(_I64, 0))
        scales = b.shuffle_vector(scales, scales, _splat(ir.VectorType(ir.IntType(32), LANES), 0))
        chunks = b.udiv(b.add(pairs, b.sub(chunk, one)), chunk)
        with cgutils.for_range(b, chunks) as outer:
            done = b.mul(outer.index, chunk)
            left = b.sub(pairs, done)
            size = b.select(b.icmp_signed("<", left, chunk), left, chunk)
            with cgutils.for_range(b, b.udiv(size, two)) as inner:
                i = b.sub(b.sub(left, one), b.mul(inner.index, two))
                last = back.visit(i)
                # Two counts of up to 210 each fit 16 bits.
                back.multiply(b.mul(last, back.visit(b.sub(i, one))))
            back.fold(scales)
        b.store(b.load(back.squares), _at(b, squares, zero, _SUMS), align=4)
        b.store(b.load(back.total), _at(b, total, zero, _DOUBLES), align=8)
        return context.get_dummy_value()

    signature = types.void(
        types.uintp,
        types.uintp,
        types.int64,
        types.int64,
        types.uintp,
        types.float64,
        types.uintp,
        types.uintp,
    )
    return signature, codegen
