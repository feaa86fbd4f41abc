# SPDX-License-Identifier: Apache-2.0
"""How calls compute some moments of a signal: an image [1, 1, time, channels] whose pixels are rows.

In memory it is an image of that height and of width 1; so what kernels say of rows holds, for the other axis.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import replace

from espdl.backends.rows import with_rows
from espdl.plan.params import Params
from espdl.plan.rows import Rows, as_signal
from espdl.plan.types import KernelCall, Tensor

_TURNED = {"height": "width", "width": "height", "top": "left", "left": "top", "bottom": "right", "right": "bottom"}


def with_signal_rows(call: KernelCall, tensors: Callable[[str], Tensor]) -> KernelCall:
    """`call` with what its kernel says of rows, which are pixels where its output is an image of height 1."""

    def upright(name: str) -> Tensor:
        tensor = tensors(name)
        shape = as_signal(tensor.shape)
        return tensor if shape == tensor.shape else replace(tensor, shape=(1, shape[1], 1, *shape[2:]))

    if all(upright(name) is tensors(name) for name in call.outputs):
        return with_rows(call, tensors)
    rows = with_rows(replace(call, params=call.params and _turned(call.params)), upright).rows
    return replace(call, rows=rows and _turned_rows(rows))


def _turned(params: Params) -> Params:
    """With heights and widths exchanged, and the sides of the border with them."""
    values = {field.name: getattr(params, field.name) for field in dataclasses.fields(params)}
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
