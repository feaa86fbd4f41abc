# SPDX-License-Identifier: Apache-2.0
"""How calls compute some moments of a stream: rows are along the first axis that is larger than 1.

A signal is an image [1, 1, time, channels]. In memory it is an image of that height and of width 1; so what kernels say
of rows holds, for the other axis.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import as_strided

from espdl.backends.esp32.recurrent import without_states
from espdl.backends.rows import with_rows
from espdl.ops.average_pool2d import AveragePool2dParams, RunningAverageParams
from espdl.ops.copy import CopyParams
from espdl.ops.transpose import TransposeParams
from espdl.plan.params import Params
from espdl.plan.rows import POINTWISE, Change, Rows, as_signal
from espdl.plan.types import KernelCall, Tensor

_TURNED = {"height": "width", "width": "height", "top": "left", "left": "top", "bottom": "right", "right": "bottom"}
# Recurrent kernels, and those that take up where they stopped; what these keep besides what those need while they run.
_STEPS = {"espdl_lstm_s8": "espdl_lstm_steps_s8", "espdl_gru_s8": "espdl_gru_steps_s8"}
_STATE = 16
# A sum is kept where it saves so much of the reading of a window.
_WORTH = 3


def for_stream(
    calls: Sequence[KernelCall], tensors: Sequence[Tensor], read: Collection[str], keeps_states: bool
) -> tuple[list[KernelCall], list[Tensor]]:
    """The network with what its kernels say of rows; `read`: tensors that the application reads.

    Parts of a tensor that lie in one piece are no copies. `keeps_states`: recurrent layers go on from push to push.
    """
    known = {t.name: t for t in tensors}
    makers = {name: call for call in calls for name in call.outputs}
    result = []
    for call in calls:
        part = _part(call, known, makers)
        if part is not None:
            known[part.name] = part
            continue
        if keeps_states and not _is_read(call.outputs[1:], calls, read):
            call = without_states(call) or call
        if keeps_states and call.function in _STEPS:
            call = _steps(call)
        else:
            call = with_signal_rows(call, known.__getitem__)
        result.append(call)
    return _without_unread(result, known, read)


def _is_read(names: Sequence[str], calls: Sequence[KernelCall], read: Collection[str]) -> bool:
    return not {*names}.isdisjoint({*read}.union(*(call.inputs for call in calls)))


def _without_unread(
    calls: Sequence[KernelCall], known: dict[str, Tensor], read: Collection[str]
) -> tuple[list[KernelCall], list[Tensor]]:
    """Without moves that nobody reads any more, and without the aliases of their results."""
    wanted, kept = set(read), []
    for call in reversed(calls):
        names = set(call.outputs)
        names |= {t.name for t in known.values() if _root(known, t.name) in call.outputs}
        if call.operator == "transpose" and not names & wanted:
            known = {name: t for name, t in known.items() if name not in names}
        else:
            kept.append(call)
            wanted |= set(call.inputs)
    return kept[::-1], list(known.values())


def _root(known: Mapping[str, Tensor], name: str) -> str:
    while (alias_of := known[name].alias_of) is not None:
        name = alias_of
    return name


def _part(call: KernelCall, known: Mapping[str, Tensor], makers: Mapping[str, KernelCall]) -> Tensor | None:
    """The result of a copy as a view of what is copied, or of what that was reordered from; None where it is none."""
    if not isinstance(call.params, CopyParams):
        return None
    p, (x, y) = call.params, (known[call.inputs[0]], known[call.outputs[0]])
    items = _items(p, np.arange(x.count), p.first)
    root = _root(known, x.name)
    mover = makers.get(root)
    if mover is not None and isinstance(mover.params, TransposeParams) and known[root].count == x.count:
        source = known[mover.inputs[0]]
        items = _items(mover.params, np.arange(source.count))[items]
        x = source
    if x.pitch or not np.array_equal(items, items[0] + np.arange(len(items))):
        return None
    return replace(y, alias_of=x.name, alias_offset=int(items[0]) * p.item_bytes)


def _items(p: CopyParams | TransposeParams, x: np.ndarray, first: int = 0) -> np.ndarray:
    """Which of the items `x` a move takes, in its order; [n]."""
    return as_strided(x[first:], p.shape, [stride * x.itemsize for stride in p.strides]).reshape(-1)


def _steps(call: KernelCall) -> KernelCall:
    """A recurrent call that computes some steps, from its last state on."""
    rows = Rows((POINTWISE,), (Change("steps", "rows"),))
    kept = _STATE + call.scratch_bytes
    return replace(call, function=_STEPS[call.function], scratch_bytes=0, state_bytes=kept, rows=rows)


def running(call: KernelCall, step: int) -> KernelCall | None:
    """The mean of all rows of a window by its sum, which `step` new rows change; None where it is another call."""
    p = call.params
    if not isinstance(p, AveragePool2dParams) or (p.kernel_height, p.kernel_width) != (p.input_height, p.input_width):
        return None
    rows = p.input_height if p.input_height > 1 else p.input_width
    border = (p.pad_top, p.pad_left, p.pad_bottom, p.pad_right)
    if any(border) or (p.dilation_height, p.dilation_width) != (1, 1) or rows < _WORTH * step or p.input_height == 0:
        return None
    if p.input_height == 1:  # a signal: its pixels are rows
        p = replace(p, input_height=p.input_width, kernel_height=p.kernel_width, input_width=1, kernel_width=1)
    return replace(
        call,
        function="espdl_running_average_s8",
        header="espdl/kernels/running_average.h",
        backend="portable",
        params=RunningAverageParams(p, step),
        alignment=1,
        overlaps=(),
        pitched=(),
        state_bytes=_STATE + 4 * p.channels,
    )


def with_signal_rows(call: KernelCall, tensors: Callable[[str], Tensor]) -> KernelCall:
    """`call` with what its kernel says of rows, which are pixels where its output is an image of height 1."""

    def timed(name: str) -> Tensor:
        return replace(tensors(name), shape=as_signal(tensors(name).shape))

    (name, *_) = call.outputs
    if tensors(name).shape == timed(name).shape or tensors(name).shape[:2] != (1, 1):
        return with_rows(call, timed)
    rows = with_rows(replace(call, params=call.params and _turned(call.params)), timed).rows
    return replace(call, rows=rows and _turned_rows(rows))


def _turned(params: Params) -> Params:
    """With heights and widths exchanged, and the sides of the border with them."""
    values: dict[str, Any] = {field.name: getattr(params, field.name) for field in dataclasses.fields(params)}
    turned = {
        name: _turned(value) if isinstance(value, Params) else values.get(_other(name), value)
        for name, value in values.items()
    }
    return replace(params, **turned)


def _turned_rows(rows: Rows) -> Rows:
    return replace(rows, changes=tuple(replace(change, field=_other(change.field)) for change in rows.changes))


def _other(field: str) -> str:
    head, _, last = field.rpartition("_")
    return f"{head}_{_TURNED[last]}" if head and last in _TURNED else field
