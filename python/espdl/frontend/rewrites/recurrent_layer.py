# SPDX-License-Identifier: Apache-2.0
"""A recurrent node of a model: its parts with all defaults, and the nodes that every form of it shares."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import onnx
from onnx import helper

from espdl.frontend.rewrites.scope import Chain, Scope

# Functions of a gate, and the defaults of their parameters.
FUNCTIONS = {
    "Sigmoid": {}, "Tanh": {}, "Relu": {}, "Softsign": {}, "Softplus": {}, "HardSigmoid": {"alpha": 0.2, "beta": 0.5},
    "LeakyRelu": {"alpha": 0.01}, "Elu": {"alpha": 1.0}, "ThresholdedRelu": {"alpha": 1.0},
}  # fmt: skip
DEFAULTS = {"RNN": ["Tanh"], "GRU": ["Sigmoid", "Tanh"], "LSTM": ["Sigmoid", "Tanh", "Tanh"]}
INPUTS = ("X", "W", "R", "B", "lengths", "h", "c", "P")


def weights(name: str, scope: Scope) -> np.ndarray | None:
    """The value of a constant, or of one that a DequantizeLinear reads."""
    maker = scope.maker(name)
    if maker is None or maker.op_type != "DequantizeLinear":
        return scope.array(name)
    values, scale, zero_point = [*(scope.array(i) if i else None for i in maker.input), None][:3]
    if values is None or scale is None or (zero_point is None and len(maker.input) > 2):
        return None
    zero_point = np.zeros_like(scale) if zero_point is None else zero_point
    if scale.ndim:
        axis = next((a.i for a in maker.attribute if a.name == "axis"), 1) % values.ndim
        shape = [-1 if a == axis else 1 for a in range(values.ndim)]
        scale, zero_point = scale.reshape(shape), zero_point.reshape(shape)
    return ((values.astype(np.float32) - zero_point.astype(np.float32)) * scale).astype(np.float32)


class Layer:
    """One node with constant weights and lengths: its parts, and the chain that takes its place."""

    def __init__(self, node: onnx.NodeProto, scope: Scope):
        self.node, self.scope = node, scope
        self.inputs = {name: value for name, value in zip(INPUTS, node.input) if value}
        self.constants = {name: weights(self.inputs[name], scope) for name in "WRBP" if name in self.inputs}
        self.attributes: dict[str, Any] = {a.name: helper.get_attribute_value(a) for a in node.attribute}
        self.chain = Chain(scope, node.name or next(o for o in node.output if o))
        self.batch_first = bool(self.attributes.get("layout", 0))
        shape = scope.shape(self.inputs["X"])
        self.all_steps, self.batch = (shape[1], shape[0]) if self.batch_first else (shape[0], shape[1])
        lengths = scope.array(self.inputs["lengths"]) if "lengths" in self.inputs else None
        self.steps = self.all_steps if lengths is None else int(lengths.reshape(-1)[0])
        self.directions, self.hidden = self.constants["W"].shape[0], self.constants["R"].shape[2]
        self.activations = self._activations()
        self.outputs = [o if scope.is_used(o) else "" for o in (*node.output, "", "", "")[:3]]

    def _activations(self) -> list[tuple[str, dict[str, float]]]:
        """(function, its parameters), those of one direction behind those of the other."""
        titles = {name.lower(): name for name in FUNCTIONS}
        names = [a.decode() for a in self.attributes.get("activations", [])]
        names = [titles.get(n.lower(), n) for n in names] or DEFAULTS[self.node.op_type] * self.directions
        result = [(name, dict(FUNCTIONS.get(name, {}))) for name in names]
        for key in ("alpha", "beta"):
            wanting = [settings for _, settings in result if key in settings]
            for settings, value in zip(wanting, self.attributes.get(f"activation_{key}", [])):
                settings[key] = value
        return result

    def is_backwards(self, index: int) -> bool:
        return self.attributes.get("direction", b"forward") == b"reverse" or index == 1

    def data(self) -> str:
        """The input [steps, batch, inputs], without what lies behind the sequences' length."""
        data = self.inputs["X"]
        if self.batch_first:
            data = self.chain.add("Transpose", data, perm=[1, 0, 2])
        return data if self.steps == self.all_steps else self.slice(data, 0, 0, self.steps)

    def backwards(self, value: str) -> str:
        where = [self.chain.constant([v], np.int64) for v in (-1, -self.steps - 1, 0, -1)]
        return self.chain.add("Slice", value, *where)

    def joined(self, parts: Sequence[str], axis: int) -> str:
        return parts[0] if len(parts) == 1 else self.chain.add("Concat", *parts, axis=axis)

    def sequence(self, value: str) -> None:
        """Y from [steps, directions, batch, hidden]: with zeros behind the sequences' length, in the node's layout."""
        if self.steps < self.all_steps:
            pads = self.chain.constant([0, 0, 0, 0, self.all_steps - self.steps, 0, 0, 0], np.int64)
            value = self.chain.add("Pad", value, pads)
        if self.batch_first:
            self.chain.add("Transpose", value, perm=[2, 0, 1, 3], output=self.outputs[0])
        else:
            self.chain.add("Identity", value, output=self.outputs[0])

    def states(self, states: Sequence[str | None], output: str) -> None:
        """Last states from one of each direction [1, batch, hidden]."""
        if output:
            value = self.joined([s for s in states if s], 0)
            if self.batch_first:
                self.chain.add("Transpose", value, perm=[1, 0, 2], output=output)
            else:
                self.chain.add("Identity", value, output=output)

    def initial(self, name: str, index: int) -> str | None:
        """A given initial state of one direction [1, batch, hidden]; None for zeros."""
        given = self.inputs.get(name)
        if not given:
            return None
        values = self.scope.array(given)
        if values is not None:
            values = (values.swapaxes(0, 1) if self.batch_first else values)[index : index + 1]
            return self.chain.constant(values) if np.any(values) else None
        if self.batch_first:
            given = self.chain.add("Transpose", given, perm=[1, 0, 2])
        return given if self.directions == 1 else self.slice(given, 0, index, index + 1)

    def slice(self, value: str, axis: int, start: int, stop: int) -> str:
        where = [self.chain.constant([v], np.int64) for v in (start, stop, axis)]
        return self.chain.add("Slice", value, *where)
