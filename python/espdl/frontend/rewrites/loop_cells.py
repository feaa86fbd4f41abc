# SPDX-License-Identifier: Apache-2.0
"""Which recurrent layer computes what a Loop's body was seen to compute, from the body's constants."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from espdl.frontend.rewrites.loop_body import Body, LoopTrace

Function = Callable[[np.ndarray], np.ndarray]


def _sigmoid(x: np.ndarray) -> np.ndarray:
    return 0.5 + 0.5 * np.tanh(0.5 * x)


def _hard(alpha: float) -> Function:
    return lambda x: np.clip(alpha * x + 0.5, 0.0, 1.0)


# (ONNX's name, alpha, beta where it has them) -> the function. Keras' hard sigmoid was x / 5 + 0.5 once.
_GATES: dict[tuple, Function] = {
    ("Sigmoid",): _sigmoid,
    ("HardSigmoid", 1 / 6, 0.5): _hard(1 / 6),
    ("HardSigmoid", 0.2, 0.5): _hard(0.2),
}
_VALUES: dict[tuple, Function] = {("Tanh",): np.tanh, ("Relu",): lambda x: np.maximum(x, 0.0), **_GATES}
_TOLERANCE = 1e-4
_MOST_BIASES = 4


@dataclass(frozen=True)
class Cell:
    """A layer with its parts in ONNX's order; `states`: which of the body's states is h, and c."""

    operator: str
    weights: np.ndarray
    recurrence: np.ndarray
    bias: np.ndarray
    functions: tuple[tuple, ...]
    states: tuple[int, ...]
    reset_first: bool = False
    backwards: bool = False

    @property
    def activations(self) -> list[str]:
        return [name for name, *_ in self.functions]

    @property
    def alphas(self) -> list[float]:
        return [f[1] for f in self.functions if len(f) > 1]

    @property
    def betas(self) -> list[float]:
        return [f[2] for f in self.functions if len(f) > 1]

    def step(self, x: np.ndarray, h: np.ndarray, c: np.ndarray | None) -> tuple[np.ndarray, ...]:
        """The states after a step."""
        known = {**_VALUES, **_GATES}
        functions = [known[f] for f in self.functions]
        of_input, of_state = np.split(self.bias, 2)
        a, b = x @ self.weights.T + of_input, h @ self.recurrence.T + of_state
        if self.operator == "RNN":
            return (functions[0](a + b),)
        if self.operator == "GRU":
            gate, value = functions
            (za, ra, na), (zb, rb, nb) = np.split(a, 3, axis=-1), np.split(b, 3, axis=-1)
            update, reset, size = gate(za + zb), gate(ra + rb), h.shape[-1]
            inner = (
                (reset * h) @ self.recurrence[2 * size :].T + of_state[2 * size :] if self.reset_first else reset * nb
            )
            return ((1 - update) * value(na + inner) + update * h,)
        gate, value, out = functions
        i, o, f, g = np.split(a + b, 4, axis=-1)
        cell = gate(f) * c + gate(i) * value(g)
        return gate(o) * out(cell), cell


def find(body: Body, trace: LoopTrace) -> Cell | None:
    """None where no layer computes the same."""
    for cell in _candidates(body, len(trace.given)):
        for backwards in (False, True):
            rows = trace.sequence[::-1] if backwards else trace.sequence
            if _agrees(cell, body, trace, rows, slice(0, 1)) and _agrees(cell, body, trace, rows, slice(None)):
                return replace(cell, backwards=backwards)
    return None


def _agrees(cell: Cell, body: Body, trace: LoopTrace, rows: np.ndarray, part: slice) -> bool:
    """Whether the layer computes what was seen, on these steps."""
    names = [body.reals[i] for i in cell.states]
    given = [trace.given[name][part].astype(np.float64) for name in names]
    steps = rows[: len(trace.counts)][part].astype(np.float64)
    results = cell.step(steps, given[0], given[1] if len(given) > 1 else None)
    pairs = [(result, trace.results[name][part]) for result, name in zip(results, names)]
    pairs += [(results[0], scan[part]) for scan in trace.scans]
    return all(r.shape == seen.shape and np.allclose(r, seen, rtol=_TOLERANCE, atol=_TOLERANCE) for r, seen in pairs)


def _candidates(body: Body, states: int) -> Iterator[Cell]:
    hidden, inputs = body.hidden, body.sequence_shape[2]
    constants = body.weights()
    for operator, gates in (("LSTM", 4),) if states == 2 else (("GRU", 3), ("RNN", 1)):
        rows = gates * hidden
        of_data, of_state = _matrices(constants, rows, inputs), _matrices(constants, rows, hidden)
        for w, r in itertools.product(of_data, of_state):
            rest = [v for i, v in enumerate(constants) if i not in (w, r) and v.size in (rows, 2 * rows)]
            vectors = [row for v in rest for row in v.reshape(-1, rows).astype(np.float64)]
            if w == r or len(vectors) > _MOST_BIASES:
                continue
            for bias in _biases(vectors, operator == "GRU"):
                yield from _forms(operator, gates, of_data[w], of_state[r], bias, states)


def _matrices(constants: Sequence[np.ndarray], rows: int, columns: int) -> dict[int, np.ndarray]:
    """Those of them that are [rows, columns], or its transpose, by their place."""
    turned = {i: v.T if v.shape == (columns, rows) else v for i, v in enumerate(constants)}
    return {i: v.astype(np.float64) for i, v in turned.items() if v.shape == (rows, columns)}


def _biases(vectors: Sequence[np.ndarray], apart: bool) -> Iterator[tuple]:
    """(of the input, of the state): every vector is part of one of them; `apart`: it matters of which."""
    for sides in itertools.product((0, 1), repeat=len(vectors)) if apart else [(0,) * len(vectors)]:
        yield tuple(sum((v for v, side in zip(vectors, sides) if side == wanted), 0.0) for wanted in (0, 1))


def _forms(operator: str, gates: int, w: np.ndarray, r: np.ndarray, bias: tuple, states: int) -> Iterator[Cell]:
    """All orders of the gates, functions and states."""
    zeros = np.zeros(len(w))
    functions = {"RNN": [_VALUES], "GRU": [_GATES, _VALUES], "LSTM": [_GATES, _VALUES, _VALUES]}[operator]
    for order in itertools.permutations(range(gates)):
        place = np.concatenate([np.arange(len(w)).reshape(gates, -1)[i] for i in order])
        parts = (w[place], r[place], np.concatenate([(zeros + b)[place] for b in bias]))
        for chosen in itertools.product(*functions):
            for which in itertools.permutations(range(states)):
                for reset_first in (False, True) if operator == "GRU" else (False,):
                    yield Cell(operator, *parts, chosen, which, reset_first)
