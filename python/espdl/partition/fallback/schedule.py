# SPDX-License-Identifier: Apache-2.0
"""Loop structure of a kernel: what is computed where, so that little is stored between the steps of one function.

A function as TVM's legalisation leaves it has one loop nest (block) per step and a full buffer between any two. Three
rewrites, none of which changes a value: steps that are cheap or needed once are computed where they are used; nests
that walk the same dimensions share those loops, so that what lies between shrinks (a convolution's sum to one
number, a softmax to one row); and the initial value of a reduction is written before the loop, not tested inside it.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import tvm
import tvm_ffi
from tvm import s_tir, tirx
from tvm.s_tir.schedule import SBlockRV, Schedule, ScheduleError


def schedule(function: tirx.PrimFunc) -> tirx.PrimFunc:
    """`function` with its loops arranged; unchanged where a step does not say what it reads and writes."""
    if any(len(block.writes) == 0 for block in _nested_blocks(function)):
        return function
    sch = Schedule(function)
    _inline(sch)
    _share_loops(sch)
    for block in _steps(sch):
        _split_reduction(sch, block)
    return sch.mod["main"].with_attr(dict(function.attrs))


def _nested_blocks(function: tirx.PrimFunc) -> list[s_tir.SBlock]:
    found: list[s_tir.SBlock] = []
    tvm_ffi.structural_walk(function.body, (s_tir.SBlock, lambda block: found.append(block)))
    return [block for block in found if block.name_hint != "root"]


def _steps(sch: Schedule) -> list[SBlockRV]:
    return list(sch.get_child_blocks(sch.get_sblock("root")))


def _attempt(action: Callable, *arguments: Any) -> bool:
    """Whether the rewrite applied; where its conditions do not hold the schedule stays as it was."""
    try:
        action(*arguments)
    except ScheduleError:
        return False
    return True


# Inlining


def _inline(sch: Schedule) -> None:
    for block in _steps(sch):
        if sch.get_consumers(block) and _worth_repeating(sch, block):
            _attempt(sch.compute_inline, block)


# Values that a cheap step may read where it is computed several times: a chain of steps that read their operand twice
# would double with every step.
_MOST_READ = 8


def _worth_repeating(sch: Schedule, block: SBlockRV) -> bool:
    """Whether to compute this step where it is read, not to store it: it is cheap, or each element is read once."""
    body = sch.get(block).body
    if not _expensive(body) and _loads(body) <= _MOST_READ:
        return True
    buffer = sch.get(block).writes[0].source
    reads = sum(
        _evaluations(sch, consumer) * _loads(sch.get(consumer).body, buffer) for consumer in sch.get_consumers(block)
    )
    return reads <= _evaluations(sch, block)


def _evaluations(sch: Schedule, block: SBlockRV) -> int:
    return math.prod(int(variable.dom.extent) for variable in sch.get(block).iter_vars)


def _loads(body: tirx.Stmt, buffer: tvm.ir.Var | None = None) -> int:
    """How often `buffer`, or any, is read."""
    count = 0

    def visit(load: tvm.ir.TensorLoad) -> None:
        nonlocal count
        count += buffer is None or load.source.same_as(buffer)

    tvm_ffi.structural_walk(body, (tvm.ir.TensorLoad, visit))
    return count


def _expensive(body: tirx.Stmt) -> bool:
    """A division of floats, or a call other than a choice."""
    found = False

    def visit(node: Any) -> None:
        nonlocal found
        if isinstance(node, tvm.ir.Call):
            found |= not (isinstance(node.op, tvm.ir.Op) and node.op.name.endswith((".if_then_else", ".likely")))
        else:
            found |= str(node.ty.dtype).startswith("float")

    tvm_ffi.structural_walk(body, ((tvm.ir.Call, tirx.Div), visit))
    return found


# Sharing loops


def _share_loops(sch: Schedule) -> None:
    """Computes every step inside those loops of the last one that all of them walk in step."""
    steps = _steps(sch)
    last = [step for step in steps if not sch.get_consumers(step)]
    if len(steps) < 2 or len(last) != 1:
        return
    variables = _common_variables(sch, steps, last[0])
    loops = sch.get_loops(last[0])
    if not variables or not loops:
        return
    values = dict(zip([v.var for v in sch.get(last[0]).iter_vars], sch.get(loops[-1]).body.iter_values))
    outer = [loop for loop in loops if any(sch.get(loop).loop_var.same_as(values[v]) for v in variables)]
    if not outer or not _attempt(sch.reorder, *outer, *[loop for loop in loops if loop not in outer]):
        return
    for step in reversed([s for s in steps if sch.get_consumers(s)]):
        if not _attempt(sch.compute_at, step, outer[-1]):
            return


def _common_variables(sch: Schedule, steps: list[SBlockRV], last: SBlockRV) -> list[tvm.ir.Var]:
    """Variables of the last block that run through every block, and index every shared buffer, in the same way."""
    blocks = [sch.get(step) for step in steps]
    shared = [block.writes[0].source for step, block in zip(steps, blocks) if sch.get_consumers(step)]
    final = sch.get(last)
    return [v.var for v in final.iter_vars if _is_common(v.var, final, blocks, shared)]


def _is_common(variable: tvm.ir.Var, final: s_tir.SBlock, blocks: list[s_tir.SBlock], shared: list[tvm.ir.Var]) -> bool:
    """Follows `variable` of the block `final` through the shared buffers to its counterpart in every other block.

    The counterpart must be spatial, have the same extent, and be the whole index of one dimension in every access; then
    no block needs, at one value of the variable, what another computes at a different one.
    """
    counterpart = {final: variable}
    dimension: dict[tvm.ir.Var, int] = {}
    ahead = [final]
    while ahead:
        block = ahead.pop()
        for buffer, region in _accesses(block, shared):
            if buffer not in dimension:
                here = [d for d, index in enumerate(region) if _is_index(index, counterpart[block])]
                if len(here) != 1:
                    return False
                dimension[buffer] = here[0]
                for other in blocks:
                    if other not in counterpart and any(b.same_as(buffer) for b, _ in _accesses(other, [buffer])):
                        counterpart[other] = _accesses(other, [buffer])[0][1][here[0]].min
                        ahead.append(other)
            if not _is_index(region[dimension[buffer]], counterpart[block]):
                return False
    extents = {_spatial_extent(block, index) for block, index in counterpart.items()}
    return len(counterpart) == len(blocks) and len(extents) == 1 and -1 not in extents


def _accesses(block: s_tir.SBlock, buffers: list[tvm.ir.Var]) -> list[tuple[tvm.ir.Var, list[tvm.ir.Range]]]:
    regions = [*block.reads, *block.writes]
    return [(b, list(region.region)) for region in regions for b in buffers if region.source.same_as(b)]


def _is_index(index: tvm.ir.Range, variable: tvm.ir.Expr) -> bool:
    return index.min.same_as(variable) and isinstance(index.extent, tirx.IntImm) and int(index.extent) == 1


def _spatial_extent(block: s_tir.SBlock, variable: tvm.ir.Expr) -> int:
    """The extent of a block's spatial variable; -1 for anything else."""
    spatial = [v for v in block.iter_vars if v.var.same_as(variable) and v.iter_type == tirx.IterVar.DataPar]
    return int(spatial[0].dom.extent) if spatial else -1


def _split_reduction(sch: Schedule, block: SBlockRV) -> None:
    loops = sch.get_loops(block)
    if sch.get(block).init is None or not loops:
        return
    realize = sch.get(loops[-1]).body
    if not isinstance(realize, s_tir.SBlockRealize):  # loops of one iteration hold several blocks
        return
    reduced: list[tvm.ir.Var] = []
    for variable, value in zip(sch.get(block).iter_vars, realize.iter_values):
        if variable.iter_type == tirx.IterVar.CommReduce:
            tvm_ffi.structural_walk(value, (tvm.ir.Var, lambda var: reduced.append(var)))
    for loop in loops:
        if any(sch.get(loop).loop_var.same_as(variable) for variable in reduced):
            _attempt(sch.decompose_reduction, block, loop)
            return
