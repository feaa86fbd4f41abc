# SPDX-License-Identifier: Apache-2.0
"""The body of a Loop as a function: counters, states and one row of a sequence in, states out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import onnx
import onnx_ir as ir
from onnx.reference import ReferenceEvaluator

from espdl.errors import present
from espdl.frontend.graph import array, operands, producer, shape, static_shape

_MOST_STEPS = 10000


@dataclass(frozen=True)
class LoopTrace:
    """What the body makes of random states, step by step: `counts` of the steps, `given` and `results` [steps, batch,
    hidden] by state, `scans` of each scanned output, from the rows of `sequence`."""

    counts: range
    sequence: np.ndarray
    given: Mapping[str, np.ndarray]
    results: Mapping[str, np.ndarray]
    scans: tuple[np.ndarray, ...]


class Body:
    """`states`: the body's names for what goes round; of those `reals` are [batch, hidden], `counters` integers with
    their first values. `outer`: what each is before the first step. `sequence` is the one tensor that is no constant.
    """

    @staticmethod
    def of(node: ir.Node) -> Body | None:
        """None for a loop whose length is not known, or that is no recurrence over one sequence."""
        count, condition = operands(node, 2)
        limit, start = array(count), np.array(True) if condition is None else array(condition)
        if limit is None or start is None or not start.all() or not 0 < limit.reshape(-1)[0] <= _MOST_STEPS:
            return None
        body = Body(node, int(limit.reshape(-1)[0]))
        return body if body.is_recurrence else None

    def __init__(self, node: ir.Node, limit: int):
        self.graph, self.limit = node.attributes["body"].as_graph(), limit
        self.opsets = present(node.graph).opset_imports
        inputs = self.graph.inputs[2:]
        self.outer = {present(i.name): value for i, value in zip(inputs, node.inputs[2:])}
        self.states = list(self.outer)
        same = [(made.inputs[0] if (made := producer(o, "Identity")) else o) for o in self.graph.outputs[1:]]
        changed = [present(i.name) for i, result in zip(inputs, same) if result is not i]
        known = {name: array(value) for name, value in self.outer.items()}
        self.counters = {n: v for n in changed if (v := known[n]) is not None and v.dtype.kind in "iu" and v.size == 1}
        self.reals = [name for name in changed if name not in self.counters]
        self.strides: dict[str, Any] = {}
        all_read = (v for n in self.graph.all_nodes() for v in n.inputs if v is not None)
        read = {present(v.name): v for v in all_read if v.graph is node.graph}
        given = {name: read[name] for name in sorted(read)}
        given |= {name: present(value) for name, value in self.outer.items() if name not in changed}
        self.constants = {name: v for name, value in given.items() if (v := array(value)) is not None}
        self.sequences = [(name, value) for name, value in given.items() if name not in self.constants]

    @property
    def is_recurrence(self) -> bool:
        shapes = {shape(self.outer[name]) for name in self.reals}
        rows = [shape(value) for _, value in self.sequences]
        if len(self.reals) not in (1, 2) or len(shapes) != 1 or len(rows) != 1:
            return False
        (state,), (row,) = shapes, rows
        return state is not None and len(state) == 2 and row is not None and len(row) == 3 and row[1] == state[0]

    @property
    def sequence(self) -> ir.Value:
        """The tensor [steps, batch, inputs] that the steps read."""
        return self.sequences[0][1]

    @property
    def sequence_shape(self) -> tuple[int, ...]:
        return static_shape(self.sequence)

    @property
    def hidden(self) -> int:
        return static_shape(self.outer[self.reals[0]])[1]

    def weights(self) -> list[np.ndarray]:
        """All float constants of the body."""
        inner = [*self.graph.initializers.values(), *(o for n in self.graph for o in n.outputs)]
        known = [*self.constants.values(), *(array(value) for value in inner)]
        return [v for v in known if v is not None and v.dtype == np.float32]

    def trace(self) -> LoopTrace | None:
        """None where the body cannot be run, or does not end within the sequence."""
        try:
            return self._trace(ReferenceEvaluator(self._model()))
        except Exception:  # an operator that the evaluator lacks, or shapes that do not fit: no layer either
            return None

    def _model(self) -> onnx.ModelProto:
        graph = ir.to_proto(self.graph)
        kept = {i.name: i for i in graph.input if i.name not in self.constants}
        name, value = self.sequences[0]
        kind = present(value.dtype).value
        kept.setdefault(name, onnx.helper.make_tensor_value_info(name, kind, self.sequence_shape))
        copies = [onnx.ValueInfoProto.FromString(i.SerializeToString()) for i in kept.values()]
        del graph.input[:]
        graph.input.extend(copies)
        graph.initializer.extend(onnx.numpy_helper.from_array(value, n) for n, value in self.constants.items())
        opsets = [onnx.helper.make_opsetid(domain, version) for domain, version in self.opsets.items()]
        return onnx.helper.make_model(graph, opset_imports=opsets)

    def _trace(self, runner: ReferenceEvaluator) -> LoopTrace | None:
        random = np.random.default_rng(0)
        state = shape(self.outer[self.reals[0]])
        sequence = (random.normal(size=self.sequence_shape) * 2).astype(np.float32)
        counters, goes_on = dict(self.counters), True
        given: dict[str, list] = {name: [] for name in self.reals}
        results: dict[str, list] = {name: [] for name in self.reals}
        scans: list[tuple] = []
        names = [present(i.name) for i in self.graph.inputs[:2]]
        while goes_on and len(scans) < self.limit:
            states = {name: random.normal(size=state).astype(np.float32) for name in self.reals}
            if len(scans) >= self.sequence_shape[0]:
                return None
            feeds = {names[0]: np.array(len(scans), np.int64), names[1]: np.array(True), self.sequences[0][0]: sequence}
            out: Any = runner.run(None, {**feeds, **counters, **states})
            after = dict(zip(self.states, out[1:]))
            for name in self.reals:
                given[name].append(states[name])
                results[name].append(after[name])
            steps = {name: after[name] - value for name, value in counters.items()}
            if scans and any(np.any(steps[name] != self.strides[name]) for name in counters):
                return None
            self.strides = steps
            counters = {name: after[name] for name in counters}
            scans.append(tuple(out[1 + len(self.states) :]))
            goes_on = bool(np.all(out[0]))
        stacked = tuple(np.stack(column) for column in zip(*scans))
        before, behind = ({name: np.stack(values) for name, values in by.items()} for by in (given, results))
        return LoopTrace(range(len(scans)), sequence, before, behind, stacked)
