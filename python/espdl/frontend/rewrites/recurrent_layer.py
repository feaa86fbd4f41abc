# SPDX-License-Identifier: Apache-2.0
"""A recurrent node of a model: its parts with all defaults, and the nodes that every form of it shares."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import onnx_ir as ir

from espdl.errors import present
from espdl.frontend.graph import Chain, array, is_used, operands, producer, static_shape, values

# Functions of a gate, and the defaults of their parameters.
FUNCTIONS: dict[str, dict[str, float]] = {
    "Sigmoid": {}, "Tanh": {}, "Relu": {}, "Softsign": {}, "Softplus": {}, "HardSigmoid": {"alpha": 0.2, "beta": 0.5},
    "LeakyRelu": {"alpha": 0.01}, "Elu": {"alpha": 1.0}, "ThresholdedRelu": {"alpha": 1.0},
}  # fmt: skip
DEFAULTS = {"RNN": ["Tanh"], "GRU": ["Sigmoid", "Tanh"], "LSTM": ["Sigmoid", "Tanh", "Tanh"]}
INPUTS = ("X", "W", "R", "B", "lengths", "h", "c", "P")


def weights(value: ir.Value | None) -> np.ndarray | None:
    """The value of a constant, or of one that a DequantizeLinear reads."""
    made = producer(value, "DequantizeLinear")
    if made is None:
        return array(value)
    integers, scale, zero_point = (array(i) for i in operands(made, 3))
    if integers is None or scale is None or (zero_point is None and len(made.inputs) > 2):
        return None
    zero_point = np.zeros_like(scale) if zero_point is None else zero_point
    if scale.ndim:
        axis = made.attributes.get_int("axis", 1) % integers.ndim
        sizes = [-1 if a == axis else 1 for a in range(integers.ndim)]
        scale, zero_point = scale.reshape(sizes), zero_point.reshape(sizes)
    return ((integers.astype(np.float32) - zero_point.astype(np.float32)) * scale).astype(np.float32)


class RecurrentLayer:
    """One node with constant weights and lengths, sequence first (see frontend/recurrent.py): its parts.

    Its methods add to `chain`, the nodes in its place.
    """

    def __init__(self, node: ir.Node, chain: Chain | None = None):
        self.node, self._chain = node, chain
        self.inputs = {name: value for name, value in zip(INPUTS, node.inputs) if value is not None}
        self.constants = {name: present(weights(self.inputs[name])) for name in "WRBP" if name in self.inputs}
        self.attributes = values(node)
        self.all_steps: int = static_shape(self.inputs["X"])[0]
        lengths = array(self.inputs.get("lengths"))
        self.steps = self.all_steps if lengths is None else int(lengths.reshape(-1)[0])
        self.directions, self.hidden = self.constants["W"].shape[0], self.constants["R"].shape[2]
        self.activations = self._activations()
        self.wanted = [is_used(o) for o in node.outputs] + [False] * (3 - len(node.outputs))

    @property
    def chain(self) -> Chain:
        return present(self._chain)

    def _activations(self) -> list[tuple[str, dict[str, float]]]:
        """(function, its parameters), those of one direction after those of the other."""
        titles = {name.lower(): name for name in FUNCTIONS}
        names = [titles.get(n.lower(), n) for n in self.attributes.get("activations", [])]
        default = DEFAULTS[self.node.op_type]
        # ONNX's default for an RNN has the functions of two directions, also where there is one.
        names = default * self.directions if names in ([], default * 2) else names
        result = [(name, dict(FUNCTIONS.get(name, {}))) for name in names]
        for key in ("alpha", "beta"):
            wanting = [settings for _, settings in result if key in settings]
            for settings, value in zip(wanting, self.attributes.get(f"activation_{key}", [])):
                settings[key] = value
        return result

    def functions(self, index: int) -> tuple[str, ...]:
        """The names of one direction's activations."""
        count = len(self.activations) // self.directions
        return tuple(name for name, _ in self.activations[index * count : (index + 1) * count])

    def is_backwards(self, index: int) -> bool:
        return self.attributes.get("direction") == "reverse" or index == 1

    def data(self) -> ir.Value:
        """The input [steps, batch, inputs], without what lies after the sequences' length."""
        data = self.inputs["X"]
        return data if self.steps == self.all_steps else self.slice(data, 0, 0, self.steps)

    def backwards(self, value: ir.Value) -> ir.Value:
        return self.chain.add("Slice", value, [-1], [-self.steps - 1], [0], [-1])

    def joined(self, parts: Sequence[ir.Value], axis: int = 0) -> ir.Value:
        """Those of all directions: sequences along axis 1, last states along axis 0."""
        return parts[0] if len(parts) == 1 else self.chain.add("Concat", *parts, axis=axis)

    def sequence(self, parts: Sequence[ir.Value]) -> ir.Value:
        """Y from those of each direction [steps, 1, batch, hidden]: with zeros after the sequences' length."""
        value = self.joined(parts, 1)
        rest = self.all_steps - self.steps
        return self.chain.add("Pad", value, [0, 0, 0, 0, rest, 0, 0, 0]) if rest else value

    def initial(self, name: str, index: int) -> ir.Value | None:
        """A given initial state of one direction [1, batch, hidden]; None for zeros."""
        given = self.inputs.get(name)
        if given is None:
            return None
        known = array(given)
        if known is not None:
            return self.chain.constant(known[index : index + 1]) if np.any(known[index : index + 1]) else None
        return given if self.directions == 1 else self.slice(given, 0, index, index + 1)

    def slice(self, value: ir.Value, axis: int, start: int, stop: int) -> ir.Value:
        return self.chain.add("Slice", value, [start], [stop], [axis])
