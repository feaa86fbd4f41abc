# SPDX-License-Identifier: Apache-2.0
"""What the recurrent layers are: their weights, their first states, and how a match gives them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np

from espdl import traits
from espdl.ops.operator import Match, Mismatch, Operator, PatternBuilder
from espdl.plan.params import Params
from espdl.plan.types import Tensor

# What `first` sources are called in the kernels' parameters.
ZERO, CONSTANT, TENSOR = 0, 1, 2


class RecurrentParams(Params, c_type="espdl_recurrent_params_t"):
    steps: int
    inputs: int
    hidden: int
    input_zero_point: int
    output_zero_point: int
    output_multiplier: int
    output_shift: int


class RecurrentStatesParams(Params, c_type="espdl_recurrent_states_params_t"):
    """The defaults say that there are no states."""

    layer: RecurrentParams
    batch: int = 1
    reset_first: int = 0
    peephole_shift: int = 0
    h_extra_bits: int = 0
    h_source: int = 0
    h_zero_point: int = 0
    h_multiplier: int = 0
    h_shift: int = 0
    c_source: int = 0
    c_zero_point: int = 0
    c_multiplier: int = 0
    c_shift: int = 0
    cells_zero_point: int = 0
    cells_multiplier: int = 0
    cells_shift: int = 0


class RecurrentF32Params(Params, c_type="espdl_recurrent_f32_params_t"):
    steps: int
    batch: int
    inputs: int
    hidden: int
    reset_first: int
    has_peepholes: int
    h_source: int
    c_source: int


AnyRecurrentParams = RecurrentParams | RecurrentStatesParams | RecurrentF32Params


@dataclass(frozen=True, eq=False)
class First:
    """A state before the first step: a tensor, or constants [batch, hidden], or neither: zeros."""

    tensor: Tensor | None = None
    values: np.ndarray | None = None

    @property
    def source(self) -> int:
        return TENSOR if self.tensor is not None else ZERO if self.values is None else CONSTANT

    @property
    def peak(self) -> float:
        """The largest magnitude that it can have."""
        if self.tensor is not None and self.tensor.scale is not None:
            info, zero_point = np.iinfo(self.tensor.dtype), self.tensor.zero_point
            return float(self.tensor.scale) * max(int(info.max) - zero_point, zero_point - int(info.min))
        return float(np.abs(self.values).max(initial=0.0)) if self.values is not None else 0.0

    @staticmethod
    def of(match: Match, label: str) -> First:
        if match.has(label):
            return First(match.tensor(label))
        values = match.real(f"{label}_values")
        return First(values=values.reshape(values.shape[-2:])) if np.any(values) else First()


class Recurrent(Operator):
    """Input [steps, batch, inputs], output [steps, 1, batch, hidden], for LSTM also the last cells [1, batch, hidden].

    `weights` [rows, inputs + hidden]: those of the input, then those of the state; int8, each row with `weights_scale`
    and `recurrence_scale` [rows], or float32. `bias` float64 [2, rows]: of the input's part and of the state's part.
    `peepholes` float64 [3, hidden]. `reset_first`: a GRU's reset gate scales the state, not the product. `read`: which
    of its outputs ("sequence", "cells") anybody reads. `reasons`: why it computes in floats between integers.
    `activations`: the functions of the gates, as ONNX lists them.
    """

    weights: np.ndarray
    weights_scale: np.ndarray
    recurrence_scale: np.ndarray
    bias: np.ndarray
    h: First = First()
    c: First = First()
    peepholes: np.ndarray | None = None
    reset_first: bool = False
    read: tuple[str, ...] = ("sequence",)
    reasons: tuple[str, ...] = ()
    activations: tuple[str, ...] = ()

    priority = 10
    layer: ClassVar[str] = ""  # what the converter calls it
    has_cells: ClassVar[bool] = False

    @classmethod
    def pattern(cls, p: PatternBuilder) -> Any:
        return p.quantized(cls._packed(p, p.dequantized))

    @classmethod
    def patterns(cls) -> Sequence[tuple[int, Callable[[PatternBuilder], Any]]]:
        """Between integers, and in floats: what stands between integers is an integer layer."""
        return [(cls.priority, cls.pattern), (5, lambda p: cls._packed(p, p.wildcard))]

    @classmethod
    def _packed(cls, p: PatternBuilder, tensor: Callable[[str], Any]) -> Any:
        constants = (p.constant(name) for name in ("weights", "recurrence", "bias"))
        states = (p.any_of(p.constant(f"{name}_values"), tensor(name)) for name in ("h", "c"))
        return p.packed(cls.layer, tensor("x"), *constants, *states, p.constant("peepholes"), p.constant("settings"))

    @classmethod
    def from_match(cls, match: Match) -> Recurrent:
        peepholes = match.real("peepholes").reshape(3, -1)
        reset_first, only_cells, functions = match.array("settings").tolist()
        (y,) = match.outputs
        weights, scales, bias = _floats(match) if y.dtype == "float32" else _integers(match)
        layer = cls(
            match.inputs, (y,), match.source_nodes, weights, scales[0], scales[1], bias,
            First.of(match, "h"), First.of(match, "c"),
            peepholes if np.any(peepholes) else None, bool(reset_first), ("cells",) if only_cells else ("sequence",),
            activations=traits.of(cls.onnx[0]).activations[functions],
        )  # fmt: skip
        return layer.with_both_outputs() if cls.has_cells else layer

    def with_both_outputs(self) -> Recurrent:
        """With a tensor that nobody reads in place of the output that did not match: a match has one result."""
        (found,) = self.outputs
        steps, batch, _ = self.inputs[0].shape
        if self.read == ("cells",):
            shape = (steps, 1, batch, found.shape[-1])
            return replace(self, outputs=(_unread(found, "sequence", shape), found))
        return replace(self, outputs=(found, _unread(found, "cells", found.shape[1:])))

    def joined(self, other: Recurrent) -> Recurrent | None:
        """This match and a later one of the other output as one, which reads what this one reads; None where `other` is
        of another layer."""
        is_same = (type(other), other.dtype, other.source_nodes) == (type(self), self.dtype, self.source_nodes)
        if not is_same or self.read == other.read:
            return None
        sequence, cells = (other, self) if self.read == ("cells",) else (self, other)
        return replace(self, outputs=(sequence.outputs[0], cells.outputs[1]), read=("sequence", "cells"))

    @classmethod
    def steps(cls, params: Any) -> int:
        """Sums in 1/4096 leave a state, over all steps, within 64/32768 of its exact value (test_recurrent_states)."""
        if isinstance(params, RecurrentF32Params):
            return 1
        layer = params.layer if isinstance(params, RecurrentStatesParams) else params
        return 1 + int(64 * layer.output_multiplier * 2.0 ** -(31 + layer.output_shift))

    @property
    def inner_inputs(self) -> int:
        return self.inputs[0].shape[-1]

    @property
    def hidden(self) -> int:
        return self.outputs[0].shape[-1]

    @property
    def macs(self) -> int:
        steps, batch, _ = self.inputs[0].shape
        return steps * batch * self.weights.size


def _integers(match: Match) -> tuple[np.ndarray, list[np.ndarray], np.ndarray]:
    """Weights, their scales, biases."""
    weights, recurrence = (match.array(name) for name in ("weights", "recurrence"))
    if weights.dtype != np.int8 or recurrence.dtype != np.int8:
        raise Mismatch("its weights are not int8")
    rows = weights.shape[1]
    scales = [np.broadcast_to(match.scale(name).reshape(-1), (rows,)) for name in ("weights", "recurrence")]
    return np.concatenate([weights[0], recurrence[0]], axis=1), scales, match.real("bias").reshape(2, rows)


def _floats(match: Match) -> tuple[np.ndarray, list[np.ndarray], np.ndarray]:
    weights, recurrence, bias = (match.real(name) for name in ("weights", "recurrence", "bias"))
    joined = np.concatenate([weights[0], recurrence[0]], axis=1).astype(np.float32)
    return joined, [np.ones(len(joined), np.float32)] * 2, bias.reshape(2, -1)


def _unread(found: Tensor, what: str, shape: tuple[int, ...]) -> Tensor:
    scales = {"int8": 2.0**-7, "int16": 2.0**-15}
    return Tensor(f"{found.name}:{what}", shape, found.dtype, scales.get(found.dtype))
