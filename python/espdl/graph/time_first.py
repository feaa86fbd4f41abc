# SPDX-License-Identifier: Apache-2.0
"""The input of a stream is given time first: what reorders its axes in front of the first layer goes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from espdl.graph.types import GraphOptions, OperatorGraph
from espdl.ops.lookup import Lookup, Table
from espdl.ops.operator import Operator
from espdl.ops.pad import Pad, Side
from espdl.ops.quantize import Quantize
from espdl.ops.rescale import Rescale
from espdl.ops.transpose import Transpose
from espdl.passes import Pass
from espdl.plan.types import Tensor

# By the order of the input's axes in the first layer; other orders stay as they are.
LAYOUTS = {(0, 1, 2): "", (0, 1, 2, 3): "", (0, 2, 1): "NTC", (0, 2, 3, 1): "NHWC"}
# What computes each value of its result of the same one of its input.
VALUE_BY_VALUE = (Lookup, Quantize, Rescale, Table)


@dataclass(frozen=True)
class Passed:
    """What an input passes through: an operator, or an alias that adds or drops axes of size 1.

    `axes`: for each axis of the result the axis of the input that it is, None for one of size 1 that was added.
    """

    moved: Operator | Tensor
    result: Tensor
    axes: tuple[int | None, ...]


def apply(graph: OperatorGraph, options: GraphOptions) -> OperatorGraph:
    """`graph` with the input `options.stream` in the order in which the first layer wants it."""
    for port in graph.inputs:
        if port.name == options.stream:
            shape = graph.tensors()[port.tensor].shape
            steps = _steps(graph, graph.tensors()[port.tensor])
            is_one_channel = len(shape) == 3 and shape[1] == 1 < shape[2]
            last = [i for i, step in enumerate(steps) if isinstance(step.moved, Transpose)]
            # One channel needs no reordering to come last, but a view that gives it an axis behind that of time.
            last += [i for i, step in enumerate(steps) if is_one_channel and not last and _is_time_first(step)]
            layout = _layout(shape, steps[last[-1]].axes) if last else None
            layout = "NTC" if is_one_channel and last else layout
            if layout is not None:
                graph = _without(graph, port.tensor, steps[: last[-1] + 1], layout)
    return graph


def _is_time_first(step: Passed) -> bool:
    return isinstance(step.moved, Tensor) and len(step.axes) == 4 and step.axes[2:] == (2, None)


def _steps(graph: OperatorGraph, tensor: Tensor) -> list[Passed]:
    """What alone reads the input, and what alone reads that, as long as it moves, pads or changes values one by one."""
    steps: list[Passed] = []
    axes: tuple[int | None, ...] = tuple(range(len(tensor.shape)))
    known = graph.tensors()
    while True:
        readers = graph.consumers(tensor.name)
        aliases = [a for a in graph.aliases if a.alias_of == tensor.name]
        if len(readers) + len(aliases) != 1 or any(p.tensor == tensor.name for p in graph.outputs):
            return steps
        moved: Operator | Tensor = readers[0] if readers else aliases[0]
        result = moved if isinstance(moved, Tensor) else moved.outputs[0]
        found = _axes(moved, tensor.shape, result.shape, axes)
        if found is None:
            return steps
        tensor, axes = known[result.name], found
        steps.append(Passed(moved, tensor, axes))


def _axes(
    moved: Operator | Tensor, before: Sequence[int], after: Sequence[int], axes: Sequence[int | None]
) -> tuple[int | None, ...] | None:
    """`Passed.axes` behind one more step; None where it is of another kind."""
    if isinstance(moved, Transpose):
        return tuple(axes[axis] for axis in moved.axes)
    if isinstance(moved, (*VALUE_BY_VALUE, Pad)):
        return tuple(axes)
    if not isinstance(moved, Tensor) or [n for n in before if n != 1] != [n for n in after if n != 1]:
        return None
    large = iter([axis for axis, size in zip(axes, before) if size != 1])
    return tuple(None if size == 1 else next(large) for size in after)


def _layout(shape: Sequence[int], axes: Sequence[int | None]) -> str | None:
    """What LAYOUTS says of an order of the axes of a shape; those of size 1 may be anywhere."""
    large = [axis for axis in axes if axis is not None and shape[axis] != 1]
    for order, layout in LAYOUTS.items():
        if len(order) == len(shape) and [axis for axis in order if shape[axis] != 1] == large:
            return layout
    return None


def _without(graph: OperatorGraph, name: str, steps: Sequence[Passed], layout: str) -> OperatorGraph:
    """The input and all results of `steps` in the order of the last one; transpositions and aliases go."""
    tensors = graph.tensors()
    given, last = tensors[name], steps[-1]
    kept = [step for step in steps if isinstance(step.moved, (*VALUE_BY_VALUE, Pad))]
    shape = [n if axis is None else given.shape[axis] for axis, n in zip(last.axes, last.result.shape)]
    current = replace(given, name=given.name if kept else last.result.name, shape=tuple(shape))
    port_tensor = current if layout else replace(current, shape=given.shape)
    made = []
    for step in kept:
        assert isinstance(step.moved, Operator)
        is_last = step is kept[-1]
        operator, current = _reordered(step.moved, current, last.axes, step)
        current = replace(current, name=last.result.name if is_last else current.name)
        made.append(replace(operator, outputs=(current,)))
    gone = {id(step.moved) for step in steps}
    operators = list(graph.operators)
    place = min([i for i, o in enumerate(operators) if id(o) in gone], default=0)
    operators = [o for o in operators[:place]] + made + [o for o in operators[place:] if id(o) not in gone]
    return replace(
        graph,
        operators=tuple(operators),
        aliases=tuple(a for a in graph.aliases if id(a) not in gone),
        inputs=tuple(
            replace(p, tensor=port_tensor.name, layout=layout) if p.tensor == name else p for p in graph.inputs
        ),
        parameters=tuple(port_tensor if t.name == name else t for t in graph.parameters),
    )


def _reordered(moved: Operator, x: Tensor, axes: Sequence[int | None], step: Passed) -> tuple[Operator, Tensor]:
    """The operator on `x`, whose axes are `axes` of the input, and its result."""
    result = step.result
    if not isinstance(moved, Pad):
        return replace(moved, inputs=(x,)), replace(result, shape=x.shape)
    widths = dict(zip(step.axes, moved.widths))
    sides = [Side(size, *widths.get(axis, (0, 0))) for size, axis in zip(x.shape, axes)]
    shape = tuple(side.before + side.size + side.after for side in sides)
    return replace(moved, inputs=(x,), sides=_merged(sides)), replace(result, shape=shape)


def _merged(sides: Sequence[Side]) -> tuple[Side, ...]:
    """Axes without a border joined to the one in front of them."""
    merged: list[Side] = []
    for side in sides:
        if merged and not side.before and not side.after:
            last = merged.pop()
            side = Side(*(value * side.size for value in (last.size, last.before, last.after)))
        merged.append(side)
    return tuple(merged[1:] if len(merged) > 1 and merged[0] == Side(1, 0, 0) else merged)


PASS = Pass("time_first", apply, leaves=("time_first",))
