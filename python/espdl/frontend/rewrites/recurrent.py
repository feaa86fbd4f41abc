# SPDX-License-Identifier: Apache-2.0
"""RNN, GRU and LSTM of a static sequence length, step by step, as products, sums and elementwise functions.

All that depends on the input alone is one product for the whole sequence.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import onnx
from onnx import helper

from espdl.frontend.rewrites import Scope, rewrite
from espdl.frontend.rewrites.scope import Chain

_PLAIN = {
    "Sigmoid": {}, "Tanh": {}, "Relu": {}, "Softsign": {}, "Softplus": {}, "HardSigmoid": {"alpha": 0.2, "beta": 0.5},
    "LeakyRelu": {"alpha": 0.01}, "Elu": {"alpha": 1.0}, "ThresholdedRelu": {"alpha": 1.0},
}  # fmt: skip
# What the kernels take: sums of 16-bit states, or 8-bit inputs, times 8-bit weights stay in 32 bits.
MAX_HIDDEN, MAX_INPUTS = 511, 65793
_DEFAULTS = {"RNN": ["Tanh"], "GRU": ["Sigmoid", "Tanh"], "LSTM": ["Sigmoid", "Tanh", "Tanh"]}


@rewrite("RNN", "GRU", "LSTM")
def recurrent(node: onnx.NodeProto, scope: Scope) -> list[onnx.NodeProto] | None:
    layer = _Layer.of(node, scope)
    if layer is None or (node.op_type in scope.kept and layer.is_plain):
        return None
    if node.op_type in scope.kept and layer.has_kernel:
        layer.normalize()
    else:
        layer.build()
    return layer.chain.nodes


def _are_shapes_right(node: onnx.NodeProto, shape: Sequence[int], constants: Mapping[str, np.ndarray]) -> bool:
    """Whether the constants have the shapes that ONNX defines; ONNX Runtime says what is wrong with others."""
    if len(shape) != 3 or not {"W", "R"} <= constants.keys() or constants["R"].ndim != 3:
        return False
    directions = 2 if any(a.name == "direction" and a.s == b"bidirectional" for a in node.attribute) else 1
    hidden = constants["R"].shape[2]
    rows = _CELLS[node.op_type].gates * hidden
    wanted = {"W": (directions, rows, shape[2]), "R": (directions, rows, hidden)}
    wanted |= {"B": (directions, 2 * rows), "P": (directions, 3 * hidden)}
    return all(values.shape == wanted[name] for name, values in constants.items())


class _Layer:
    """One node: its attributes, and the chain that takes its place. States are [1, batch, hidden]."""

    @staticmethod
    def of(node: onnx.NodeProto, scope: Scope) -> _Layer | None:
        """None where the sequence length is not known, or something is used that has no form here."""
        inputs = dict(zip(("X", "W", "R", "B", "lengths", "h", "c", "P"), node.input))
        shape = scope.shape(inputs["X"])
        constants = {name: scope.array(inputs[name]) for name in "WRBP" if inputs.get(name)}
        if shape is None or any(value is None for value in constants.values()):
            return None
        if not _are_shapes_right(node, shape, constants):
            return None
        layer = _Layer(node, scope, inputs, shape, constants)
        if inputs.get("lengths"):
            lengths = scope.array(inputs["lengths"])
            if lengths is None or np.any(lengths != layer.steps):
                return None
        known = all(name in _PLAIN for name, _ in layer.activations)
        known = known and len(layer.activations) == len(_DEFAULTS[node.op_type]) * layer.directions
        return layer if known and not layer.attributes.get("input_forget", 0) else None

    def __init__(self, node, scope: Scope, inputs: dict[str, str], shape, constants: dict[str, np.ndarray]):
        self.node, self.inputs, self.constants = node, inputs, constants
        self.attributes: dict[str, Any] = {a.name: helper.get_attribute_value(a) for a in node.attribute}
        self.chain = Chain(scope, node.name or next(o for o in node.output if o))
        self.batch_first = bool(self.attributes.get("layout", 0))
        self.steps, self.batch = (shape[1], shape[0]) if self.batch_first else (shape[0], shape[1])
        self.directions = constants["W"].shape[0]
        self.hidden = constants["R"].shape[2]
        names = [a.decode() for a in self.attributes.get("activations", [])]
        names = names or [n.title() for n in _DEFAULTS[node.op_type]] * self.directions
        self.activations = [(name, dict(_PLAIN.get(name, {}))) for name in names]
        for key in ("alpha", "beta"):
            wanting = [settings for _, settings in self.activations if key in settings]
            for settings, value in zip(wanting, self.attributes.get(f"activation_{key}", [])):
                settings[key] = value

    @property
    def has_kernel(self) -> bool:
        """Whether a kernel can run its directions, one after the other, each from its first step to its last."""
        given = any(self.inputs.get(name) and self.initial_values(name) for name in "hc")
        used = [name for name in self.node.output if self.chain.scope.is_used(name)]
        wants_cells = len(self.node.output) > 2 and self.node.output[2] in used
        defaults = _DEFAULTS[self.node.op_type] * self.directions
        plain = [name for name, _ in self.activations] == defaults and not self.attributes.get("clip")
        late = self.node.op_type != "GRU" or bool(self.attributes.get("linear_before_reset", 0))
        small = self.hidden <= MAX_HIDDEN and self.constants["W"].shape[2] <= MAX_INPUTS
        return plain and late and small and self.batch == 1 and not (given or wants_cells or "P" in self.constants)

    def initial_values(self, name: str) -> bool:
        """Whether an initial state is anything but zeros."""
        values = self.chain.scope.array(self.inputs[name])
        return values is None or bool(np.any(values))

    @property
    def is_plain(self) -> bool:
        """Whether it is what `normalize` makes."""
        outputs = [name for name in self.node.output if self.chain.scope.is_used(name)]
        bare = set(self.attributes) <= {"hidden_size", "linear_before_reset"} and not any(self.node.input[4:])
        return self.has_kernel and bare and outputs == list(self.node.output[:1])

    def normalize(self) -> None:
        """One node per direction, all of which go forward and give Y alone."""
        chain, data = self.chain, self.inputs["X"]
        if self.batch_first:
            data = chain.add("Transpose", data, perm=[1, 0, 2])
        direction = self.attributes.get("direction", b"forward").decode()
        sequences, last = [], []
        for index in range(self.directions):
            backwards = direction == "reverse" or index == 1
            weights = [
                chain.constant(self.constants[name][index : index + 1]) for name in "WRB" if name in self.constants
            ]
            attributes = {"linear_before_reset": 1} if self.node.op_type == "GRU" else {}
            source = self._backwards(data) if backwards else data
            y = chain.add(self.node.op_type, source, *weights, hidden_size=self.hidden, **attributes)
            last.append(self.slice(y, 0, self.steps - 1, self.steps))
            sequences.append(self._backwards(y) if backwards else y)
        outputs = [*self.node.output, "", ""][:2]
        if self.chain.scope.is_used(outputs[0]):
            value = self._joined(sequences, 1)
            if self.batch_first:
                chain.add("Transpose", value, perm=[2, 0, 1, 3], output=outputs[0])
            else:
                chain.add("Identity", value, output=outputs[0])
        if self.chain.scope.is_used(outputs[1]):
            axis = chain.constant([0], np.int64)
            states = [chain.add("Squeeze", value, axis) for value in last]
            self._states(states, outputs[1])

    def _backwards(self, value: str) -> str:
        where = [self.chain.constant([v], np.int64) for v in (-1, -self.steps - 1, 0, -1)]
        return self.chain.add("Slice", value, *where)

    def build(self) -> None:
        chain, data = self.chain, self.inputs["X"]
        if self.batch_first:
            data = chain.add("Transpose", data, perm=[1, 0, 2])
        direction = self.attributes.get("direction", b"forward").decode()
        sequences, hidden, cells = [], [], []
        for index in range(self.directions):
            backwards = direction == "reverse" or index == 1
            cell = _CELLS[self.node.op_type](self, index, data)
            for step in range(self.steps)[:: -1 if backwards else 1]:
                cell.step(step)
            sequences.append(cell.results if not backwards else cell.results[::-1])
            hidden.append(cell.h)
            cells.append(cell.c)
        outputs = [*self.node.output, "", "", ""][:3]
        if outputs[0]:
            self._sequence(sequences, outputs[0])
        self._states(hidden, outputs[1])
        self._states(cells, outputs[2])

    def _joined(self, parts: list[str], axis: int) -> str:
        return parts[0] if len(parts) == 1 else self.chain.add("Concat", *parts, axis=axis)

    def _sequence(self, sequences: list[list[str]], output: str) -> None:
        """Y [steps, directions, batch, hidden], or [batch, steps, directions, hidden]."""
        axis = self.chain.constant([1], np.int64)
        joined = [self.chain.add("Unsqueeze", self._joined(parts, 0), axis) for parts in sequences]
        value = self._joined(joined, 1)
        if self.batch_first:
            self.chain.add("Transpose", value, perm=[2, 0, 1, 3], output=output)
        else:
            self.chain.add("Identity", value, output=output)

    def _states(self, states: list[str | None], output: str) -> None:
        if output:
            value = self._joined([s for s in states if s], 0)
            if self.batch_first:
                self.chain.add("Transpose", value, perm=[1, 0, 2], output=output)
            else:
                self.chain.add("Identity", value, output=output)

    def initial(self, name: str, index: int) -> str | None:
        """A given initial state of one direction; None for zeros."""
        given = self.inputs.get(name)
        values = self.chain.scope.array(given) if given else None
        if not given or (values is not None and not np.any(values)):
            return None
        if self.batch_first:
            given = self.chain.add("Transpose", given, perm=[1, 0, 2])
        return given if self.directions == 1 else self.slice(given, 0, index, index + 1)

    def slice(self, value: str, axis: int, start: int, stop: int) -> str:
        where = [self.chain.constant([v], np.int64) for v in (start, stop, axis)]
        return self.chain.add("Slice", value, *where)


class _Cell:
    """One direction. `gates`: how many blocks of `hidden` rows the weights have."""

    gates = 1

    def __init__(self, layer: _Layer, index: int, data: str):
        self.layer, self.chain, self.hidden = layer, layer.chain, layer.hidden
        self.functions = layer.activations[index * len(_DEFAULTS[layer.node.op_type]) :]
        bias = layer.constants.get("B")
        both = np.zeros(2 * self.gates * self.hidden) if bias is None else bias[index].astype(np.float64)
        self.input_bias, self.state_bias = both.reshape(2, -1)
        self.recurrence = layer.constants["R"][index]
        self.peepholes = layer.constants["P"][index].reshape(3, -1) if "P" in layer.constants else None
        self.h, self.c = layer.initial("h", index), layer.initial("c", index)
        weights = self.chain.constant(layer.constants["W"][index].T)
        self.projected = self.add(self.chain.add("MatMul", data, weights), self.folded_bias())
        self.results: list[str] = []

    def folded_bias(self) -> np.ndarray:
        return self.input_bias + self.state_bias

    def add(self, value: str, bias: np.ndarray) -> str:
        return self.chain.add("Add", value, self.chain.constant(bias)) if np.any(bias) else value

    def sum(self, *parts: str | None) -> str:
        given = [p for p in parts if p]
        total = given[0]
        for part in given[1:]:
            total = self.chain.add("Add", total, part)
        return total

    def product(self, state: str | None, rows: slice) -> str | None:
        """The state times those rows of the recurrence weights; None for a state of zeros."""
        weights = self.recurrence[rows]
        return None if state is None else self.chain.add("MatMul", state, self.chain.constant(weights.T))

    def times(self, a: str | None, b: str | None) -> str | None:
        return self.chain.add("Mul", a, b) if a and b else None

    def gate(self, value: str, index: int) -> str:
        """Block `index` of a tensor with several blocks of hidden values."""
        return self.layer.slice(value, 2, index * self.hidden, (index + 1) * self.hidden)

    def activate(self, index: int, value: str) -> str:
        limit = self.layer.attributes.get("clip")
        if limit:
            value = self.chain.add("Clip", value, self.chain.constant(-limit), self.chain.constant(limit))
        name, settings = self.functions[index]
        return self.chain.add(name, value, **settings)

    def at(self, step: int) -> str:
        return self.projected if self.layer.steps == 1 else self.layer.slice(self.projected, 0, step, step + 1)


class _Simple(_Cell):
    def step(self, step: int) -> None:
        self.h = self.activate(0, self.sum(self.at(step), self.product(self.h, slice(None))))
        self.results.append(self.h)


class _Lstm(_Cell):
    """Gates in ONNX's order: input, output, forget, cell."""

    gates = 4

    def peep(self, index: int, value: str, state: str | None) -> str:
        if self.peepholes is None or state is None:
            return value
        return self.sum(value, self.chain.add("Mul", state, self.chain.constant(self.peepholes[index])))

    def step(self, step: int) -> None:
        total = self.sum(self.at(step), self.product(self.h, slice(None)))
        enter, leave, forget, update = (self.gate(total, i) for i in range(4))
        enter = self.activate(0, self.peep(0, enter, self.c))
        kept = self.times(self.activate(0, self.peep(2, forget, self.c)), self.c) if self.c else None
        self.c = self.sum(kept, self.times(enter, self.activate(1, update)))
        leave = self.activate(0, self.peep(1, leave, self.c))
        self.h = self.times(leave, self.activate(2, self.c))
        self.results.append(self.h)


class _Gru(_Cell):
    """Gates in ONNX's order: update, reset, hidden."""

    gates = 3

    @property
    def late(self) -> bool:
        return bool(self.layer.attributes.get("linear_before_reset", 0))

    def folded_bias(self) -> np.ndarray:
        bias = self.input_bias + self.state_bias
        if self.late:
            bias[2 * self.hidden :] = self.input_bias[2 * self.hidden :]
        return bias

    def step(self, step: int) -> None:
        size, ahead = self.hidden, self.at(step)
        state = self.product(self.h, slice(0, 2 * size))
        both = self.sum(self.layer.slice(ahead, 2, 0, 2 * size), state)
        update, reset = (self.activate(0, self.gate(both, i)) for i in range(2))
        if self.late:
            bias = self.state_bias[2 * size :]
            inner = self.product(self.h, slice(2 * size, None))
            inner = self.add(inner, bias) if inner else (self.chain.constant(bias) if np.any(bias) else None)
            inner = self.times(reset, inner)
        else:
            inner = self.product(self.times(reset, self.h), slice(2 * size, None))
        candidate = self.activate(1, self.sum(self.gate(ahead, 2), inner))
        # (1 - z) * candidate + z * h
        fresh = self.chain.add("Mul", self.chain.add("Sub", self.chain.constant(1.0), update), candidate)
        self.h = self.sum(fresh, self.times(update, self.h))
        self.results.append(self.h)


_CELLS = {"RNN": _Simple, "GRU": _Gru, "LSTM": _Lstm}
