# SPDX-License-Identifier: Apache-2.0
"""Recurrent layers as the calls that kernels take; all that no kernel takes was taken apart before."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from tvm import relax

from espdl import traits
from espdl.partition.tvm_compat import converter, shape_of


def _zeros(*shape: int) -> relax.Expr:
    return relax.const(np.zeros(shape, np.float32))


def _layer(kind: str, bb: relax.BlockBuilder, inputs: Sequence, attributes: Mapping) -> relax.Expr:
    """The sequence of a layer; with the attribute `only_cells`, which ONNX does not have, its last cells.

    `inputs`: as ONNX has them; states and peepholes that are left out are zeros.
    """
    data, weights, recurrence, bias, _, h, c, peepholes = [*inputs, *[None] * 8][:8]
    (steps, batch, _), (_, rows, hidden) = shape_of(data), shape_of(recurrence)
    states = [_zeros(1, batch, hidden) if state is None else state for state in (h, c)]
    only_cells = attributes.get("only_cells", 0)
    known = traits.of(kind).activations
    # ONNX's default for an RNN names the functions of two directions.
    named = tuple(name.decode() for name in attributes.get("activations", ()))[: len(known[0])]
    functions = known.index(named) if named else 0
    settings = [not attributes.get("linear_before_reset", 0), only_cells, functions]
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
    result = relax.TensorType([*([1] if only_cells else [steps, 1]), batch, hidden], "float32")
    return bb.normalize(relax.op.call_dps_packed(f"espdl_{kind.lower()}", arguments, out_ty=result))


def _register(kind: str) -> None:
    @converter(kind)
    def layer(bb: relax.BlockBuilder, inputs: Sequence, attributes: Mapping) -> relax.Expr:
        return _layer(kind, bb, inputs, attributes)


for _kind in traits.having("activations"):
    _register(_kind)
