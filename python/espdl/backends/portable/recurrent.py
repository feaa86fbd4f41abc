# SPDX-License-Identifier: Apache-2.0
"""Recurrent layers in portable C: what LSTM and GRU share."""

from __future__ import annotations

import numpy as np

from espdl.ops.numerics import quantize_multiplier, requantization
from espdl.ops.recurrent import LARGEST_PART, STATE_BITS, SUM_BITS, Recurrent, tables
from espdl.plan.types import Constant, KernelCall
from espdl.targets import ROUND_TFLITE

# int32 for the cell state, two states of 16 bits.
SCRATCH_BYTES = {"lstm": 8, "gru": 4}


def decline_recurrent(node: Recurrent) -> str | None:
    """Why the layer cannot be computed exactly, None where it can."""
    inputs = node.inputs[0].shape[-1]
    if inputs * 255 * 128 >= 2**31 or node.hidden * 2**15 * 128 >= 2**31:
        return f"a sum over {inputs} inputs or {node.hidden} hidden values does not fit 32 bits"
    try:
        _records(node)
        _output(node)
    except ValueError as error:
        return str(error)
    return None


def recurrent_call(node: Recurrent) -> KernelCall:
    (x,), (y,) = node.inputs, node.outputs
    multiplier, shift = _output(node)
    return KernelCall(
        operator=node.name,
        function=f"espdl_{node.name}_s8",
        params_type="espdl_recurrent_params_t",
        header="espdl/kernels/recurrent.h",
        params={
            "steps": x.shape[0],
            "inputs": x.shape[-1],
            "hidden": node.hidden,
            "input_zero_point": x.zero_point,
            "output_zero_point": y.zero_point,
            "output_multiplier": multiplier,
            "output_shift": shift,
        },
        inputs=(x.name,),
        outputs=(y.name,),
        constants=(
            Constant("weights", node.weights),
            Constant("records", _records(node)),
            Constant("table", tables()),
        ),
        scratch_bytes=SCRATCH_BYTES[node.name] * node.hidden,
        macs=node.macs,
        source_nodes=node.source_nodes,
    )


def _records(node: Recurrent) -> np.ndarray:
    """int32 [rows, 6], the memory of `espdl_gate_t`: two biases, then multiplier and shift of input and state."""
    unit = 2.0**SUM_BITS
    of_input = np.float64(np.float32(node.inputs[0].scale)) * node.weights_scale.astype(np.float64) * unit
    of_state = node.recurrence_scale.astype(np.float64) * unit / 2.0**STATE_BITS
    columns = [*np.clip(np.rint(node.bias * unit), -LARGEST_PART, LARGEST_PART)]
    for ratios in (of_input, of_state):
        columns += requantization(ratios, ROUND_TFLITE)
    return np.ascontiguousarray(np.stack(columns, axis=1).astype(np.int32))


def _output(node: Recurrent) -> tuple[int, int]:
    return quantize_multiplier(float(2.0**-STATE_BITS / np.float64(np.float32(node.outputs[0].scale))))
