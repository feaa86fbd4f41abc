# SPDX-License-Identifier: Apache-2.0
"""How low a tensor need reach: masks in front of a softmax, and what fills the border of a maximum.

A mask of -1e9 or minus infinity says "none of this", and any score far enough below the largest of its row says the
same. So every tensor of which only softmaxes make use has a floor: raising smaller values to it changes no
probability. A scale that begins at the floor makes masks saturate there, instead of taking all steps for themselves.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping

import numpy as np
import onnx

from espdl import traits
from espdl.quantize import masked_rows
from espdl.quantize.graph import Graph, attribute
from espdl.quantize.ranges import session, values_of
from espdl.quantize.types import Floors

# Scores that lie this far below the largest of their row are part of no probability, whatever the precision.
_FURTHEST = 20.0
# More than the distance that the number of steps asks for: other data may have rows with smaller maxima.
_MARGIN = 2.0
# A row whose largest score lies this far below that of other rows, or of zero, is masked as a whole.
_MASKED_ROW = 99.0
# A row that always gives one key so much sees no other.
_CERTAIN = 0.99
# How many integers a probability has.
SOFTMAX_STEPS = {"int8": 256, "int16": 32768}


IsSink = Callable[[onnx.NodeProto], bool]


def measure(proto: onnx.ModelProto, samples: Iterable[Mapping[str, np.ndarray]], steps: int) -> Floors:
    """The floors that all samples need, where masks or fills go below them; `steps`: integers of a probability."""
    search = _Search(Graph(proto), steps)
    result = Floors(mixes={product: (operand, False) for product, operand in search.mixes.values()})
    if not search.wanted:
        return result
    runner = session(proto, search.wanted)
    largest: dict[str, np.ndarray] = {}
    for index, sample in enumerate(samples):
        values = values_of(runner, search.wanted, sample, index)
        for node in search.sinks:
            masked_rows.check(search.graph, node, values[node.input[0]], index)
        result.extend(search.floors(values))
        for name in search.mixes.keys() & values.keys():
            rows = values[name].max(axis=-1)
            largest[name] = np.minimum(largest.get(name, rows), rows)
    for name, rows in largest.items():
        product, operand = search.mixes[name]
        result.mixes[product] = operand, bool((rows >= _CERTAIN).any())
    return result


class _Search:
    """`below`: activations that only softmaxes make use of; `padded`: outputs of Pad of which only maxima do.

    `sinks`: the softmaxes; `mixes`: probabilities -> (product, values). `wanted`: tensors whose values a sample's
    floors depend on; none where the model has no masks.
    """

    def __init__(self, graph: Graph, steps: int):
        self.graph, self.steps = graph, steps
        self.below = _reading_only(graph, lambda node: node.op_type == "Softmax")
        self.padded = _padded(graph)
        touched = [n for n in graph.nodes if self._floored(n) and traits.of(n.op_type).combines]
        self.sinks = [n for n in graph.nodes if n.op_type == "Softmax" and n.input[0] in self.below] if touched else []
        read = {i for n in graph.nodes if self._floored(n) for i in n.input} if self.sinks else set()
        read |= {n.input[0] for n in (*self.sinks, *self.padded.values())} | {
            o for name, n in self.padded.items() for r in graph.consumers[name] for o in r.output if o
        }
        mixes = (_mix(graph, node) for node in graph.nodes if node.op_type == "Softmax")
        self.mixes = dict(mix for mix in mixes if mix is not None)
        read |= self.mixes.keys() & {node.output[0] for node in self.sinks}
        self.wanted = [name for name in graph.activations if name in read]

    def _floored(self, node: onnx.NodeProto) -> bool:
        return any(output in self.below for output in node.output)

    def floors(self, values: Mapping[str, np.ndarray]) -> Floors:
        """Those of one sample."""
        graph, masked = self.graph, self._masked(values)
        found, concerned = Floors(), set()

        def propose(name: str, floor: float, is_masked: bool) -> None:
            found.tensors[name] = min(floor, found.tensors.get(name, floor))
            if is_masked:
                concerned.add(name)

        for node in reversed(graph.nodes):
            if node.op_type == "Softmax" and node.input[0] in self.below and node.input[0] in values:
                source = node.input[0]
                floor = self._row_floor(values[source], int(attribute(node, "axis", -1)), source in masked)
                if floor is not None:
                    propose(source, floor, source in masked)
                continue
            after = [name for name in node.output if name in found.tensors]
            if not after or not self._floored(node):
                continue
            floor = min(found.tensors[name] for name in after)
            is_masked = any(name in concerned for name in after)
            for index, name in enumerate(node.input):
                if not _passes(graph, node, index):
                    continue
                own = _through(graph, node, index, floor, values)
                if name in self.below:
                    propose(name, own, is_masked)
                elif graph.is_constant(name) and is_masked:
                    found.constants[node.name, index] = own
        found.tensors = {name: floor for name, floor in found.tensors.items() if name in concerned}
        found.required = masked & concerned
        found.sources = {name for name in concerned if self._is_source(name, found.tensors[name], values)}
        self._fills(values, found)
        return found

    def _is_source(self, name: str, floor: float, values: Mapping[str, np.ndarray]) -> bool:
        if name not in values or not _least(values[name]) < floor - _MASKED_ROW:
            return False
        producer = self.graph.producer.get(name)
        return producer is None or not any(_passes(self.graph, producer, index) for index in range(len(producer.input)))

    def _masked(self, values: Mapping[str, np.ndarray]) -> set[str]:
        """Tensors that hold a mask's values, or sums with them."""
        graph, masked = self.graph, set()
        for node in graph.nodes:
            if not self._floored(node):
                continue
            operands = [i for index, i in enumerate(node.input) if i and _passes(graph, node, index)]
            deep = {i for i in operands if traits.of(node.op_type).combines and self._is_mask(node, i, values)}
            masked |= deep & self.below
            if deep or any(i in masked for i in operands):
                masked |= {o for o in node.output if o in self.below}
        return masked

    def _is_mask(self, node: onnx.NodeProto, name: str, values: Mapping[str, np.ndarray]) -> bool:
        """Whether an operand masks something, or is computed, added, and nothing but zeros: a mask not seen at work."""
        array = _value(self.graph, name, values)
        idle = node.op_type == "Add" and not self.graph.is_constant(name) and not np.any(array)
        return _least(array) <= -_FURTHEST or idle

    def _row_floor(self, scores: np.ndarray, axis: int, is_masked: bool) -> float | None:
        """What the row with the smallest maximum needs; rows that are masked as a whole need nothing."""
        best = np.moveaxis(scores, axis, -1).max(axis=-1, initial=-np.inf)
        top = float(best.max(initial=-np.inf))
        if not np.isfinite(top) or (is_masked and top < -_MASKED_ROW):
            return None
        lowest = float(best[best >= max(top - _MASKED_ROW, min(top, -_MASKED_ROW))].min())
        # All scores that saturate together stay below half a step of a probability.
        reach = math.log(2.0 * self.steps * scores.shape[axis]) + _MARGIN
        return lowest - (min(reach, _FURTHEST) if is_masked else _FURTHEST)

    def _fills(self, values: Mapping[str, np.ndarray], found: Floors) -> None:
        """A Pad's fill that no maximum after it picks is as good at the least value of the data."""
        for name, pad in self.padded.items():
            results = [values[o] for r in self.graph.consumers[name] for o in r.output if o in values]
            least = float(values[pad.input[0]].min())
            if all(np.isfinite(r).all() for r in results) and np.isfinite(least):
                found.tensors[name] = least
                found.constants[pad.name, 2] = least


def _reading_only(graph: Graph, is_sink: IsSink) -> set[str]:
    """Activations that reach nothing but first inputs of sinks, by operators that keep the order of values."""
    result: set[str] = set()
    for name in reversed(graph.activations):
        if name in graph.outputs:
            continue
        consumers = graph.consumers.get(name, [])
        if consumers and all(_leads_there(graph, consumer, name, result, is_sink) for consumer in consumers):
            result.add(name)
    return result


def _leads_there(graph: Graph, consumer: onnx.NodeProto, name: str, found: set[str], is_sink: IsSink) -> bool:
    places = [index for index, i in enumerate(consumer.input) if i == name]
    if is_sink(consumer):
        return places == [0]
    used = [o for o in consumer.output if o in graph.consumers or o in graph.outputs]
    return all(_passes(graph, consumer, index) for index in places) and all(o in found for o in used)


def _mix(graph: Graph, softmax: onnx.NodeProto) -> tuple[str, tuple[str, str]] | None:
    """The product of a softmax over the last axis with values: (probabilities, (product, values))."""
    name = softmax.output[0]
    while (consumer := graph.only_consumer(name)) is not None and consumer.op_type in ("Reshape", "Where", "Identity"):
        name = consumer.output[0]
    if consumer is None or consumer.op_type != "MatMul" or consumer.input[0] != name:
        return None
    is_last = attribute(softmax, "axis", -1) in (-1, len(graph.shape(softmax.input[0])) - 1)
    return (softmax.output[0], (consumer.output[0], consumer.input[1])) if is_last else None


def _padded(graph: Graph) -> dict[str, onnx.NodeProto]:
    """Outputs of Pad with a constant fill far below zero of which maxima alone make use."""
    result = {}
    for node in graph.nodes:
        fill = node.input[2] if node.op_type == "Pad" and len(node.input) > 2 else ""
        if not fill or not graph.is_constant(fill) or not _least(graph.array(fill)) <= -_FURTHEST:
            continue
        consumers = graph.consumers.get(node.output[0], [])
        if consumers and node.output[0] not in graph.outputs and all(traits.of(r.op_type).largest for r in consumers):
            result[node.output[0]] = node
    return result


def _passes(graph: Graph, node: onnx.NodeProto, index: int) -> bool:
    """Whether larger values at this input never make a smaller value of the output."""
    if index >= len(node.input) or not graph.is_float(node.input[index]):
        return False
    kind, others = node.op_type, [i for i in node.input if i != node.input[index]]
    if kind in ("Mul", "Div"):
        return index == 0 and _is_positive(graph, others) or kind == "Mul" and _is_positive(graph, others)
    known = traits.of(kind)
    return index in known.increases or (known.keeps_values and index in known.moves)


def _is_positive(graph: Graph, names: list[str]) -> bool:
    return len(names) == 1 and graph.is_constant(names[0]) and bool(np.all(graph.array(names[0]) > 0))


def _through(graph: Graph, node: onnx.NodeProto, index: int, floor: float, values: Mapping[str, np.ndarray]) -> float:
    """The floor of an operand where the result has `floor`."""
    other = node.input[1 - index] if node.op_type in ("Add", "Sub", "Mul", "Div") else ""
    if not other:
        return floor
    array = _value(graph, other, values)
    if node.op_type in ("Mul", "Div"):
        ends = np.array([array.min(), array.max()], np.float64)
        return float(np.min(floor / ends if node.op_type == "Mul" else floor * ends))
    finite = array[np.isfinite(array)]
    if node.op_type == "Sub":
        return floor + float(finite.min(initial=0.0))
    return floor - float(finite.max()) if finite.size else floor


def _value(graph: Graph, name: str, values: Mapping[str, np.ndarray]) -> np.ndarray:
    return graph.array(name) if graph.is_constant(name) else values[name]


def _least(values: np.ndarray) -> float:
    return float(values.min(initial=np.inf)) if values.dtype.kind == "f" else np.inf
