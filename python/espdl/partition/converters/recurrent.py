# SPDX-License-Identifier: Apache-2.0
"""Recurrent layers as the calls that kernels take; all that no kernel takes was taken apart before."""

import numpy as np
from tvm import relax

from espdl.partition.tvm_compat import Unsupported, converter, shape_of

_REFUSED = (
    "it has weights or sequence lengths that are not constant, activations that the compiler does not know, or coupled "
    "gates (input_forget), and is neither run by a kernel nor taken apart"
)


def _layer(name: str, bb, inputs, attributes):
    data, weights, recurrence, bias = (*inputs, None)[:4]
    plain = set(attributes) <= {"hidden_size", "linear_before_reset", "tvm_custom"}
    if not plain or any(i is not None for i in inputs[4:]) or shape_of(weights)[0] != 1 or shape_of(data)[1] != 1:
        raise Unsupported(_REFUSED)
    rows, hidden = shape_of(recurrence)[1:]
    bias = relax.const(np.zeros((1, 2 * rows), np.float32)) if bias is None else bias
    result = relax.TensorType([shape_of(data)[0], 1, 1, hidden], "float32")
    arguments = relax.Tuple([data, weights, recurrence, bias])
    return bb.normalize(relax.op.call_dps_packed(name, arguments, out_ty=result))


@converter("LSTM")
def lstm(bb, inputs, attributes):
    return _layer("espdl_lstm", bb, inputs, attributes)


@converter("GRU")
def gru(bb, inputs, attributes):
    return _layer("espdl_gru", bb, inputs, attributes)
