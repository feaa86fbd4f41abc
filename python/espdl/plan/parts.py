# SPDX-License-Identifier: Apache-2.0
"""A part of a call as a call of its own: which parameters, constants and addresses it has."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from espdl.errors import present
from espdl.plan.params import Params
from espdl.plan.rows import Reach, Rows
from espdl.plan.turns import CHANNELS, ROWS, Part
from espdl.plan.types import ITEM_BYTES, KernelCall, Tensor


@dataclass(frozen=True)
class PartCall:
    """`call` computes a part of another one; how many bytes behind the begin of its tensors it reads (by input) and
    writes."""

    call: KernelCall
    inputs: tuple[int, ...]
    output: int


def row_step(tensor: Tensor, planes: int = 0) -> int:
    """Bytes from one row of a tensor to the next; 0 where it has none. `planes`: of each of so many images."""
    shape = tensor.shape[1:] if planes else tensor.shape
    if len(shape) < 3 or tensor.shape[0] != 1:
        return 0
    if tensor.pitch:
        return 0 if planes else math.prod(shape[2:-1]) * tensor.pitch
    return tensor.nbytes // (shape[1] * max(1, planes))


def part_call(call: KernelCall, part: Part, tensors: Mapping[str, Tensor]) -> PartCall:
    """The part of a call, whose kernel can compute it (`rows` or `channels` of the call say how)."""
    if part.axis == ROWS:
        return _rows(call, present(call.rows), part, tensors)
    if part.axis == CHANNELS:
        return _channels(call, part, tensors)
    return PartCall(call, (0,) * len(call.inputs), 0)


def _rows(call: KernelCall, rows: Rows, part: Part, tensors: Mapping[str, Tensor]) -> PartCall:
    inputs = [tensors[name] for name in call.reads]
    first, height = next(
        (reach, (t.shape[1:] if reach.planes else t.shape)[1]) for reach, t in zip(rows.reach, inputs) if reach
    )
    begin = first.begin(part.start)
    quantities = {
        "rows": part.stop - part.start,
        "start": part.start,
        "input_rows": first.end(part.stop - 1, height) - begin,
        "input_start": begin,
        "above": first.above(part.start),
    }
    values = {c.field: c.factor * quantities[c.quantity] + c.plus for c in rows.changes}
    offsets = [_row_offset(tensor, reach, part.start) for tensor, reach in zip(inputs, rows.reach)]
    offsets += offsets[-1:] * (len(call.inputs) - len(offsets))
    output = part.start * row_step(tensors[call.outputs[0]])
    changed = replace(call, params=with_values(present(call.params), values))
    return PartCall(changed, tuple(offsets), output)


def _row_offset(tensor: Tensor, reach: Reach | None, row: int) -> int:
    return 0 if reach is None else reach.begin(row) * row_step(tensor, reach.planes)


def _channels(call: KernelCall, part: Part, tensors: Mapping[str, Tensor]) -> PartCall:
    known = present(call.channels)
    values = dict.fromkeys(known.fields, part.stop - part.start)
    constants = [
        replace(c, data=c.data[part.start : part.stop]) if c.name in known.sliced else c for c in call.constants
    ]
    changed = replace(call, params=with_values(present(call.params), values), constants=tuple(constants))
    sizes = [ITEM_BYTES[tensors[name].dtype] for name in (*call.inputs, call.outputs[0])]
    inputs = [part.start * size if known.follows and i == 0 else 0 for i, size in enumerate(sizes[:-1])]
    return PartCall(changed, tuple(inputs), part.start * sizes[-1])


def with_values(params: Params, values: Mapping[str, int]) -> Params:
    """`params` with other values of some fields, by their designators (`Params.flat`): "rows", "conv.pad_top",
    "shape[1]"."""
    fields: dict[str, Any] = {}
    for path, value in values.items():
        inner, dot, rest = path.partition(".")
        name, bracket, index = path.partition("[")
        if dot:
            fields[inner] = with_values(fields.get(inner, getattr(params, inner)), {rest: value})
        elif bracket:
            items = list(fields.get(name, getattr(params, name)))
            items[int(index.rstrip("]"))] = value
            fields[name] = tuple(items)
        else:
            fields[name] = value
    return replace(params, **fields)
