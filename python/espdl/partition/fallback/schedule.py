# SPDX-License-Identifier: Apache-2.0
"""Loop structure of a kernel: what is computed where, so that little is stored between the steps of one function.

A function as TVM's legalisation leaves it has one loop nest (block) per step and a full buffer between any two. Three
rewrites, none of which changes a value: steps that are cheap or needed once are computed where they are used; nests
that walk the same leading dimensions share those loops, so that what lies between shrinks (a convolution's sum to one
number, a softmax to one row); and the initial value of a reduction is written before the loop, not tested inside it.
"""

from __future__ import annotations

import math

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
    tvm_ffi.structural_walk(function.body, (s_tir.SBlock, lambda block: found.append(block) and None))
    return [block for block in found if block.name_hint != "root"]


def _steps(sch: Schedule) -> list[SBlockRV]:
    return list(sch.get_child_blocks(sch.get_sblock("root")))


def _attempt(action, *arguments) -> bool:
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


def _worth_repeating(sch: Schedule, block: SBlockRV) -> bool:
    """Whether to compute this step where it is read, not to store it: it is cheap, or each element is read once."""
    if not _expensive(sch.get(block).body):
        return True
    buffer = sch.get(block).writes[0].source
    reads = sum(
        _evaluations(sch, consumer) * _loads(sch.get(consumer).body, buffer) for consumer in sch.get_consumers(block)
    )
    return reads <= _evaluations(sch, block)


def _evaluations(sch: Schedule, block: SBlockRV) -> int:
    return math.prod(int(variable.dom.extent) for variable in sch.get(block).iter_vars)


def _loads(body: tirx.Stmt, buffer: tvm.ir.Var) -> int:
    count = 0

    def visit(load: tvm.ir.TensorLoad) -> None:
        nonlocal count
        count += load.source.same_as(buffer)

    tvm_ffi.structural_walk(body, (tvm.ir.TensorLoad, visit))
    return count


def _expensive(body: tirx.Stmt) -> bool:
    """A division of floats, or a call other than a choice."""
    found = False

    def visit(node) -> None:
        nonlocal found
        if isinstance(node, tvm.ir.Call):
            found |= not (isinstance(node.op, tvm.ir.Op) and node.op.name.endswith((".if_then_else", ".likely")))
        else:
            found |= str(node.ty.dtype).startswith("float")

    tvm_ffi.structural_walk(body, ((tvm.ir.Call, tirx.Div), visit))
    return found


# Sharing loops


def _share_loops(sch: Schedule) -> None:
    """Computes every step inside the leading loops of the last one, as far as all of them walk those in step."""
    steps = _steps(sch)
    last = [block for block in steps if not sch.get_consumers(block)]
    if len(steps) < 2 or len(last) != 1:
        return
    depth = _common_depth(sch, steps)
    if depth == 0 or len(sch.get_loops(last[0])) < depth:
        return
    loop = sch.get_loops(last[0])[depth - 1]
    for block in reversed([b for b in steps if sch.get_consumers(b)]):
        if not _attempt(sch.compute_at, block, loop):
            return


def _common_depth(sch: Schedule, steps: list[SBlockRV]) -> int:
    """How many leading dimensions all blocks iterate equally and use as the leading indices of what they share."""
    blocks = [sch.get(step) for step in steps]
    shared = [block.writes[0].source for step, block in zip(steps, blocks) if sch.get_consumers(step)]
    depth = min(len(block.iter_vars) for block in blocks)
    extents = [int(v.dom.extent) for v in blocks[-1].iter_vars]
    for block in blocks:
        for position, variable in enumerate(block.iter_vars[:depth]):
            if variable.iter_type != tirx.IterVar.DataPar or int(variable.dom.extent) != extents[position]:
                depth = position
                break
        for region in [*block.reads, *block.writes]:
            if any(region.source.same_as(buffer) for buffer in shared):
                depth = min(depth, _leading(region.region, [v.var for v in block.iter_vars]))
    return depth


def _leading(region: list[tvm.ir.Range], variables: list[tvm.ir.Var]) -> int:
    """How many leading indices of `region` are `variables`, in their order."""
    for position, (index, variable) in enumerate(zip(region, variables)):
        if not index.min.same_as(variable) or not (isinstance(index.extent, tirx.IntImm) and int(index.extent) == 1):
            return position
    return min(len(region), len(variables))


def _split_reduction(sch: Schedule, block: SBlockRV) -> None:
    loops = sch.get_loops(block)
    if sch.get(block).init is None or not loops:
        return
    realize = sch.get(loops[-1]).body
    reduced: list[tvm.ir.Var] = []
    for variable, value in zip(sch.get(block).iter_vars, realize.iter_values):
        if variable.iter_type == tirx.IterVar.CommReduce:
            tvm_ffi.structural_walk(value, (tvm.ir.Var, lambda var: reduced.append(var) and None))
    for loop in loops:
        if any(sch.get(loop).loop_var.same_as(variable) for variable in reduced):
            _attempt(sch.decompose_reduction, block, loop)
            return
