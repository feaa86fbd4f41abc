# SPDX-License-Identifier: Apache-2.0
"""LSTM and GRU in portable C, of integers and of floats; `states_call` is for all recurrent layers."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from espdl.backends.accumulators import reach
from espdl.backends.layers import KERNEL_SUFFIX, exact_scale, require_no_zero_points
from espdl.backends.lowering import Declined, call_of, lowering
from espdl.errors import present
from espdl.ops.numerics import Inexact, quantize_multiplier, requantization
from espdl.ops.recurrent import (
    CONSTANT,
    TENSOR,
    ZERO,
    First,
    Recurrent,
    RecurrentF32Params,
    RecurrentParams,
    RecurrentStatesParams,
)
from espdl.ops.recurrent_integers import LARGEST_PART, STATE_BITS, SUM_BITS, tables
from espdl.plan.types import Constant, KernelCall, Tensor
from espdl.targets import ROUND_TFLITE, Target

# A cell grows by at most 1 in a step.
_MOST_STEPS = 2**15
_MOST_EXTRA_BITS = 8
# States that are larger than 1 by less than this are rounding errors of a state, which never is.
_TOLERANCE = 2.0**-6


@dataclass(frozen=True)
class Units:
    """Of a call's integers, n for 2^-n: sums of gates, what a step gives, and a state as it is kept."""

    sums: int
    states: int
    kept: int

    @staticmethod
    def of(node: Recurrent) -> Units:
        """Of a layer whose steps give values from -1 to 1."""
        return Units(SUM_BITS, STATE_BITS, STATE_BITS - _extra_bits(node.h))


@lowering("gru", "portable", "int8", "int16")
@lowering("lstm", "portable", "int8", "int16")
def lower_recurrent(node: Recurrent, target: Target) -> KernelCall | Declined:
    """The whole sequence in one call; the same arithmetic in both schemes."""
    return refusal(node) or (_plain_call(node) if is_plain(node) else states_call(node, Units.of(node)))


def refusal(node: Recurrent) -> Declined | None:
    """Why integers cannot compute a layer whose steps give values from -1 to 1."""
    require_no_zero_points(node)
    inputs = node.inner_inputs
    of_input = reach(node.weights[:, :inputs], 2**15 if node.dtype == "int16" else 255)
    if max(of_input.max(), reach(node.weights[:, inputs:], 2**15).max()) >= 2**31:
        return Declined(f"a sum over {inputs} inputs or {node.hidden} hidden values does not fit 32 bits")
    if node.inputs[0].shape[0] > _MOST_STEPS:
        return Declined(f"the sequence has more than {_MOST_STEPS} steps")
    if _extra_bits(node.h) > _MOST_EXTRA_BITS:
        return Declined(f"its initial state reaches {node.h.peak:.4g}, more than {2**_MOST_EXTRA_BITS}")
    return None


@lowering("gru", "portable", "float32")
@lowering("lstm", "portable", "float32")
def lower_recurrent_floats(node: Recurrent, target: Target) -> KernelCall:
    """Likewise."""
    steps, batch, inputs = node.inputs[0].shape
    initial, peepholes = _constant_states(node), node.peepholes
    constants = [("weights", node.weights), ("bias", node.bias), ("initial", () if initial is None else initial)]
    constants += [("peepholes", () if peepholes is None else peepholes)] if node.has_cells else []
    return call_of(
        node,
        f"espdl_{node.name}_f32",
        "espdl/kernels/recurrent_f32.h",
        RecurrentF32Params(
            steps=steps,
            batch=batch,
            inputs=inputs,
            hidden=node.hidden,
            reset_first=int(node.reset_first),
            has_peepholes=int(peepholes is not None),
            h_source=node.h.source,
            c_source=node.c.source,
        ),
        inputs=_given_inputs(node),
        constants=tuple(Constant(name, np.asarray(values, np.float32)) for name, values in constants),
        scratch_bytes=12 * node.hidden,
        macs=node.macs,
        notes=node.reasons,
    )


def is_plain(node: Recurrent) -> bool:
    """Whether the smaller kernel without states runs it."""
    zeros = node.h.source == node.c.source == ZERO and node.peepholes is None
    one = node.inputs[0].shape[1] == 1 and node.dtype == "int8"
    late = node.has_cells or not node.reset_first
    return one and zeros and late and "cells" not in node.read


def _plain_call(node: Recurrent) -> KernelCall:
    return call_of(
        node,
        f"espdl_{node.name}_s8",
        "espdl/kernels/recurrent.h",
        _layer(node, Units.of(node)),
        outputs=(node.outputs[0].name,),
        constants=_weights(node, Units.of(node)),
        scratch_bytes=(8 if node.has_cells else 4) * node.hidden,
        macs=node.macs,
    )


def states_call(node: Recurrent, units: Units) -> KernelCall:
    """The call of the kernel for everything that a layer can be."""
    peepholes, shift = _peepholes(node)
    own = (Constant("initial", _initial(node, units)), *((Constant("peepholes", peepholes),) if node.has_cells else ()))
    return call_of(
        node,
        f"espdl_{node.name}_states_{KERNEL_SUFFIX[node.dtype]}",
        "espdl/kernels/recurrent_states.h",
        RecurrentStatesParams(
            layer=_layer(node, units),
            batch=node.inputs[0].shape[1],
            reset_first=int(node.reset_first),
            peephole_shift=shift,
            h_extra_bits=units.states - units.kept,
            **_first("h", node.h, units.kept),
            **_first("c", node.c, STATE_BITS),
            **_cells(node),
        ),
        inputs=_given_inputs(node),
        constants=(*_weights(node, units), *own),
        scratch_bytes=(8 if node.has_cells else 6) * node.hidden,
        macs=node.macs,
    )


def _given_inputs(node: Recurrent) -> tuple[str, ...]:
    """The kernel's tensors: the input in place of states that are not given by one."""
    x = node.inputs[0].name
    states = (node.h, node.c) if node.has_cells else (node.h,)
    return (x, *(x if s.tensor is None else s.tensor.name for s in states))


def _constant_states(node: Recurrent) -> np.ndarray | None:
    """[states, batch, hidden]; None where none is a constant."""
    states = (node.h, node.c) if node.has_cells else (node.h,)
    if all(s.source != CONSTANT for s in states):
        return None
    shape = (node.inputs[0].shape[1], node.hidden)
    return np.stack([np.zeros(shape) if s.values is None else np.broadcast_to(s.values, shape) for s in states])


def _layer(node: Recurrent, units: Units) -> RecurrentParams:
    x, y = node.inputs[0], node.outputs[0]
    multiplier, shift = quantize_multiplier(float(2.0**-units.states / exact_scale(y)))
    return RecurrentParams(
        steps=x.shape[0],
        inputs=x.shape[-1],
        hidden=node.hidden,
        input_zero_point=x.zero_point,
        output_zero_point=y.zero_point,
        output_multiplier=multiplier,
        output_shift=shift,
    )


def _weights(node: Recurrent, units: Units) -> tuple[Constant, ...]:
    return Constant("weights", node.weights), Constant("records", _records(node, units)), Constant("table", tables())


def _records(node: Recurrent, units: Units) -> np.ndarray:
    """int32 [rows, 6], the memory of `espdl_gate_t`: two biases, then multiplier and shift of input and state."""
    unit = 2.0**units.sums
    of_input = exact_scale(node.inputs[0]) * node.weights_scale.astype(np.float64) * unit
    of_state = node.recurrence_scale.astype(np.float64) * unit / 2.0**units.kept
    columns = [*np.clip(np.rint(node.bias * unit), -LARGEST_PART, LARGEST_PART)]
    for ratios in (of_input, of_state):
        columns += requantization(ratios, ROUND_TFLITE)
    return np.ascontiguousarray(np.stack(columns, axis=1).astype(np.int32))


def _extra_bits(h: First) -> int:
    return 0 if h.peak <= 1.0 + _TOLERANCE else math.ceil(math.log2(h.peak))


def _first(name: str, state: First, bits: int) -> dict[str, int]:
    """How a state becomes integers in 2^-bits."""
    tensor, multiplier, shift = state.tensor, 0, 0
    if state.source == TENSOR:
        multiplier, shift = quantize_multiplier(float(exact_scale(present(tensor)) * 2.0**bits))
    values = (state.source, 0 if tensor is None else tensor.zero_point, multiplier, shift)
    return dict(zip((f"{name}_source", f"{name}_zero_point", f"{name}_multiplier", f"{name}_shift"), values))


def _cells(node: Recurrent) -> dict[str, int]:
    cells: Tensor | None = node.outputs[1] if node.has_cells else None
    multiplier, shift = (0, 0) if cells is None else quantize_multiplier(2.0**-STATE_BITS / float(exact_scale(cells)))
    zero_point = 0 if cells is None else cells.zero_point
    return {"cells_zero_point": zero_point, "cells_multiplier": multiplier, "cells_shift": shift}


def _initial(node: Recurrent, units: Units) -> np.ndarray:
    """int32, as the kernel keeps the states; empty where none is a constant."""
    values = _constant_states(node)
    if values is None:
        return np.zeros(0, np.int32)
    h = np.clip(np.rint(values[0] * 2.0**units.kept), -(2**15), 2**15 - 1)
    rest = np.clip(np.rint(values[1:] * 2.0**STATE_BITS), -LARGEST_PART, LARGEST_PART)
    return np.concatenate([h[np.newaxis], rest]).astype(np.int32)


def _peepholes(node: Recurrent) -> tuple[np.ndarray, int]:
    """int16 [3, hidden], and the shift that brings their products with cells in 1/32768 to 1/4096."""
    if node.peepholes is None:
        return np.zeros(0, np.int16), 0
    exponent = min(15 - math.frexp(float(np.abs(node.peepholes).max()))[1], 28)
    shift = exponent + STATE_BITS - SUM_BITS
    if shift < 1:
        raise Inexact("its peepholes reach more than 65536")
    values = np.clip(np.rint(node.peepholes * 2.0**exponent), -(2**15), 2**15 - 1)
    return values.astype(np.int16), shift
