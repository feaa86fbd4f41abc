# SPDX-License-Identifier: Apache-2.0
"""RNN, GRU and LSTM of a static sequence length, step by step, as products, sums and elementwise functions.

All that depends on the input alone is one product for the whole sequence.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx_ir as ir

from espdl.errors import present
from espdl.frontend.graph import Results
from espdl.frontend.rewrites.recurrent_layer import DEFAULTS, RecurrentLayer


def build(layer: RecurrentLayer) -> Results:
    """What takes the place of its results."""
    data = layer.data()
    sequences, cells = [], []
    for index in range(layer.directions):
        order = -1 if layer.is_backwards(index) else 1
        cell = _CELLS[layer.node.op_type](layer, index, data)
        for step in range(layer.steps)[::order]:
            cell.step(step)
        sequences.append(cell.results[::order])
        cells.append(cell)
    joined = [layer.chain.add("Unsqueeze", layer.joined(parts), [1]) for parts in sequences if layer.wanted[0]]
    return (
        layer.sequence(joined) if layer.wanted[0] else None,
        layer.joined([present(cell.h) for cell in cells]) if layer.wanted[1] else None,
        layer.joined([present(cell.c) for cell in cells]) if layer.wanted[2] else None,
    )


class _Cell:
    """One direction. `gates`: how many blocks of `hidden` rows the weights have."""

    gates = 1

    def __init__(self, layer: RecurrentLayer, index: int, data: ir.Value):
        self.layer, self.chain, self.hidden = layer, layer.chain, layer.hidden
        self.functions = layer.activations[index * len(DEFAULTS[layer.node.op_type]) :]
        bias = layer.constants.get("B")
        both = np.zeros(2 * self.gates * self.hidden) if bias is None else bias[index].astype(np.float64)
        self.input_bias, self.state_bias = np.split(both, 2)
        self.recurrence = layer.constants["R"][index]
        self.peepholes = layer.constants["P"][index].reshape(3, -1) if "P" in layer.constants else None
        self.h, self.c = layer.initial("h", index), layer.initial("c", index)
        weights = layer.constants["W"][index].T
        self.projected = self.add(self.chain.add("MatMul", data, weights), self.folded_bias())
        self.results: list[ir.Value] = []

    def step(self, step: int) -> None:
        """Adds what a step computes."""
        raise NotImplementedError

    def folded_bias(self) -> np.ndarray:
        return self.input_bias + self.state_bias

    def add(self, value: ir.Value, bias: np.ndarray) -> ir.Value:
        return self.chain.add("Add", value, bias) if np.any(bias) else value

    def sum(self, *parts: ir.Value | None) -> ir.Value:
        given = [p for p in parts if p]
        total = given[0]
        for part in given[1:]:
            total = self.chain.add("Add", total, part)
        return total

    def product(self, state: ir.Value | None, rows: slice) -> ir.Value | None:
        """The state times those rows of the recurrence weights; None for a state of zeros."""
        return None if state is None else self.chain.add("MatMul", state, self.recurrence[rows].T)

    def times(self, a: ir.Value | None, b: ir.Value | None) -> ir.Value | None:
        return self.chain.add("Mul", a, b) if a and b else None

    def gate(self, value: ir.Value, index: int) -> ir.Value:
        """Block `index` of a tensor with several blocks of hidden values."""
        return self.layer.slice(value, 2, index * self.hidden, (index + 1) * self.hidden)

    def activate(self, index: int, value: ir.Value) -> ir.Value:
        # ONNX Runtime clips what goes into gates, not the cells after them.
        limit = self.layer.attributes.get("clip") if index < 2 else None
        if limit:
            value = self.chain.add("Clip", value, -limit, limit)
        name, settings = self.functions[index]
        attributes: dict[str, Any] = dict(settings)
        return self.chain.add(name, value, **attributes)

    def at(self, step: int) -> ir.Value:
        return self.projected if self.layer.steps == 1 else self.layer.slice(self.projected, 0, step, step + 1)


class _Simple(_Cell):
    def step(self, step: int) -> None:
        self.h = self.activate(0, self.sum(self.at(step), self.product(self.h, slice(None))))
        self.results.append(self.h)


class _Lstm(_Cell):
    """Gates in ONNX's order: input, output, forget, cell."""

    gates = 4

    def peep(self, index: int, value: ir.Value, state: ir.Value | None) -> ir.Value:
        if self.peepholes is None or state is None:
            return value
        return self.sum(value, self.chain.add("Mul", state, self.peepholes[index]))

    def step(self, step: int) -> None:
        total = self.sum(self.at(step), self.product(self.h, slice(None)))
        enter, leave, forget, update = (self.gate(total, i) for i in range(4))
        enter = self.activate(0, self.peep(0, enter, self.c))
        kept = self.times(self.activate(0, self.peep(2, forget, self.c)), self.c) if self.c else None
        self.c = self.sum(kept, self.times(enter, self.activate(1, update)))
        leave = self.activate(0, self.peep(1, leave, self.c))
        self.h = self.chain.add("Mul", leave, self.activate(2, self.c))
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
        fresh = self.chain.add("Mul", self.chain.add("Sub", 1.0, update), candidate)
        self.h = self.sum(fresh, self.times(update, self.h))
        self.results.append(self.h)


_CELLS = {"RNN": _Simple, "GRU": _Gru, "LSTM": _Lstm}
