# SPDX-License-Identifier: Apache-2.0
"""The body of a Loop as a function: counters, states and one row of a sequence in, states out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import onnx
from onnx import helper, numpy_helper
from onnx.reference import ReferenceEvaluator

from espdl.frontend.forms import captured
from espdl.frontend.rewrites.scope import Scope

_MOST_STEPS = 10000


@dataclass(frozen=True)
class Trace:
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
    def of(node: onnx.NodeProto, scope: Scope) -> Body | None:
        """None for a loop whose length is not known, or that is no recurrence over one sequence."""
        graph = next(a.g for a in node.attribute if a.name == "body")
        count, condition = (*node.input, "", "")[:2]
        limit = scope.array(count) if count else None
        start = scope.array(condition) if condition else np.array(True)
        if limit is None or start is None or not start.all() or not 0 < limit.reshape(-1)[0] <= _MOST_STEPS:
            return None
        body = Body(
            graph, int(limit.reshape(-1)[0]), dict(zip((i.name for i in graph.input[2:]), node.input[2:])), scope
        )
        return body if body.is_recurrence else None

    def __init__(self, graph: onnx.GraphProto, limit: int, outer: Mapping[str, str], scope: Scope):
        self.graph, self.limit, self.outer, self.scope = graph, limit, outer, scope
        self.states = list(outer)
        same = {n.output[0]: n.input[0] for n in graph.node if n.op_type == "Identity"}
        carried = [o.name for o in graph.output[1 : 1 + len(outer)]]
        changed = [name for name, result in zip(outer, carried) if name not in (result, same.get(result))]
        values = {name: scope.array(outer[name]) for name in outer}
        self.counters = {n: v for n in changed if (v := values[n]) is not None and v.dtype.kind in "iu" and v.size == 1}
        self.reals = [name for name in changed if name not in self.counters]
        self.strides: dict[str, Any] = {}
        inside = {n for node in graph.node for n in node.output} | {t.name for t in graph.initializer}
        read = {n for node in graph.node for n in (*node.input, *captured(node)) if n} - inside
        given = {name: name for name in sorted(read - {i.name for i in graph.input})}
        given |= {name: outer[name] for name in outer if name not in changed}
        self.constants = {n: value for n, source in given.items() if (value := scope.array(source)) is not None}
        self.sequences = [(name, source) for name, source in given.items() if name not in self.constants]

    @property
    def is_recurrence(self) -> bool:
        shapes = {self.scope.shape(self.outer[name]) for name in self.reals}
        rows = [self.scope.shape(source) for _, source in self.sequences]
        if len(self.reals) not in (1, 2) or len(shapes) != 1 or len(rows) != 1:
            return False
        (shape,), (row,) = shapes, rows
        return shape is not None and len(shape) == 2 and row is not None and len(row) == 3 and row[1] == shape[0]

    @property
    def sequence(self) -> str:
        """The tensor [steps, batch, inputs] that the steps read."""
        return self.sequences[0][1]

    @property
    def sequence_shape(self) -> tuple[int, ...]:
        return self.scope.shape(self.sequence)

    @property
    def hidden(self) -> int:
        return self.scope.shape(self.outer[self.reals[0]])[1]

    def weights(self) -> list[np.ndarray]:
        """All float constants of the body."""
        inner = [numpy_helper.to_array(t) for t in self.graph.initializer]
        inner += [
            numpy_helper.to_array(a.t)
            for n in self.graph.node
            if n.op_type == "Constant"
            for a in n.attribute
            if a.name == "value"
        ]
        return [v for v in (*self.constants.values(), *inner) if v.dtype == np.float32]

    def trace(self) -> Trace | None:
        """None where the body cannot be run, or does not end within the sequence."""
        try:
            return self._trace(ReferenceEvaluator(self._model()))
        except Exception:  # an operator that the evaluator lacks, or shapes that do not fit: no layer either
            return None

    def _model(self) -> onnx.ModelProto:
        graph = onnx.GraphProto()
        graph.CopyFrom(self.graph)
        kept = [i for i in graph.input if i.name not in self.constants]
        name, source = self.sequences[0]
        if all(i.name != name for i in kept):
            kept.append(helper.make_tensor_value_info(name, self.scope.dtype(source), self.sequence_shape))
        copies = [onnx.ValueInfoProto.FromString(i.SerializeToString()) for i in kept]
        del graph.input[:]
        graph.input.extend(copies)
        graph.initializer.extend(numpy_helper.from_array(value, n) for n, value in self.constants.items())
        return helper.make_model(
            graph, opset_imports=self.scope.proto.opset_import, ir_version=self.scope.proto.ir_version
        )

    def _trace(self, runner: ReferenceEvaluator) -> Trace | None:
        random = np.random.default_rng(0)
        shape = self.scope.shape(self.outer[self.reals[0]])
        sequence = (random.normal(size=self.sequence_shape) * 2).astype(np.float32)
        counters, goes_on = dict(self.counters), True
        given: dict[str, list] = {name: [] for name in self.reals}
        results: dict[str, list] = {name: [] for name in self.reals}
        scans: list[tuple] = []
        names = [i.name for i in self.graph.input[:2]]
        while goes_on and len(scans) < self.limit:
            states = {name: random.normal(size=shape).astype(np.float32) for name in self.reals}
            if len(scans) >= self.sequence_shape[0]:
                return None
            feeds = {names[0]: np.array(len(scans), np.int64), names[1]: np.array(True), self.sequences[0][0]: sequence}
            out = runner.run(None, {**feeds, **counters, **states})
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
        as_arrays = [{name: np.stack(values) for name, values in by.items()} for by in (given, results)]
        return Trace(range(len(scans)), sequence, *as_arrays, stacked)
