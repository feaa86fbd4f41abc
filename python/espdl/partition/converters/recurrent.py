# SPDX-License-Identifier: Apache-2.0
"""Recurrent layers as the calls that kernels take; all that no kernel takes was taken apart before."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from tvm import relax

from espdl.partition.tvm_compat import converter, shape_of


def _zeros(*shape: int) -> relax.Expr:
    return relax.const(np.zeros(shape, np.float32))


def _layer(
    name: str, bb: relax.BlockBuilder, inputs: Sequence, attributes: Mapping, shape: Sequence[int]
) -> relax.Expr:
    """`inputs`: as ONNX has them; states and peepholes that are left out are zeros."""
    data, weights, recurrence, bias, _, h, c, peepholes = [*inputs, *[None] * 8][:8]
    (_, batch, _), (_, rows, hidden) = shape_of(data), shape_of(recurrence)
    states = [_zeros(1, batch, hidden) if state is None else state for state in (h, c)]
    settings = [not attributes.get("linear_before_reset", 0), attributes.get("only_cells", 0)]
    arguments = relax.Tuple(
        [
            data,
            weights,
            recurrence,
            _zeros(1, 2 * rows) if bias is None else bias,
            *states,
            _zeros(1, 3 * hidden) if peepholes is None else peepholes,
            relax.const(np.array(settings, np.int32)),
        ]
    )
    result = relax.TensorType([*shape, batch, hidden], "float32")
    return bb.normalize(relax.op.call_dps_packed(name, arguments, out_ty=result))


@converter("LSTM")
def lstm(bb: relax.BlockBuilder, inputs: Sequence, attributes: Mapping) -> relax.Expr:
    """With the attribute `only_cells`, which ONNX does not have, its result is the last cells."""
    return _layer(
        "espdl_lstm", bb, inputs, attributes, [1] if attributes.get("only_cells", 0) else [shape_of(inputs[0])[0], 1]
    )


@converter("GRU")
def gru(bb: relax.BlockBuilder, inputs: Sequence, attributes: Mapping) -> relax.Expr:
    return _layer("espdl_gru", bb, inputs, attributes, [shape_of(inputs[0])[0], 1])
