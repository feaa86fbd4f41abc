# SPDX-License-Identifier: Apache-2.0
"""Where a quantised network loses accuracy: every layer against the float model, and what to try next."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import onnx

from espdl.frontend import shapes
from espdl.quantize import QuantizedModel, cutoffs
from espdl.quantize.edit import Edit, copied
from espdl.quantize.graph import Graph
from espdl.quantize.ranges import session
from espdl.quantize.steps import Step, Steps, find
from espdl.verify import metrics
from espdl.verify.evaluation import Evaluation

# The largest values of a tensor per sample that are kept, to count those that saturate.
_EXTREMES = 4096
# What stands for the operator where no node of the model makes a tensor: the application, or a change of scale.
INPUT, RESCALE = "input", "rescale"


@dataclass(frozen=True)
class LayerError:
    """One quantised tensor against the float model.

    `sqnr_db`, `cosine`: with all errors up to here. `own_db`: SQNR with float inputs, so that only this layer's
    rounding counts. `low`, `high`: the float values; `covered`: the range that the integers reach. `saturated`: share
    of float values outside of it. `accumulator_bits`: of the largest sum the layer can reach, sign included; None where
    it sums no products.
    """

    tensor: str
    node: str
    operator: str
    sqnr_db: float
    own_db: float
    cosine: float
    low: float
    high: float
    covered: tuple[float, float]
    saturated: float
    accumulator_bits: int | None


def layers(model: QuantizedModel, data: Evaluation) -> list[LayerError]:
    """One entry per quantised tensor, in the order of the network."""
    steps = find(model.proto)
    pairs = _tensors(model, steps)
    exact_proto = model.reference_proto or without_activation_rounding(model.proto)
    ends = cutoffs.bounds(Graph(exact_proto)) if model.reference_proto is not None else {}
    alone, feeds = _each_layer_alone(model.proto, pairs)
    runners = (
        session(exact_proto, [p.exact for p in pairs]),
        session(model.proto, [p.dequantized for p in pairs]),
        session(alone),
    )
    sums = [_Sums() for _ in pairs]
    for index in range(len(data)):
        feed = {i.name: np.ascontiguousarray(data.inputs[i.name][index]).reshape(i.shape) for i in model.inputs}
        exact = _fetch(runners[0], [p.exact for p in pairs], feed)
        exact = [np.maximum(values, model.floors.get(pair.name, -np.inf)) for values, pair in zip(exact, pairs)]
        exact = [cutoffs.cut(values, ends.get(pair.exact)) for values, pair in zip(exact, pairs)]
        exact = [_kept(values, model.removed.get(pair.name)) for values, pair in zip(exact, pairs)]
        rough = _fetch(runners[1], [p.dequantized for p in pairs], feed)
        given = {feeds[p.dequantized]: v for p, v in zip(pairs, exact) if p.dequantized in feeds}
        own = runners[2].run([p.dequantized for p in pairs], {**_used(alone, feed), **given})
        for total, *values in zip(sums, exact, rough, own):
            total.add(*values)
    return [_layer_error(steps, pair, total) for pair, total in zip(pairs, sums)]


@dataclass(frozen=True)
class _Pair:
    """A quantised tensor: `name` in the float model, `exact` where its value is there, and its two forms in the QDQ
    model.
    """

    name: str
    exact: str
    quantized: str
    dequantized: str


def _tensors(model: QuantizedModel, steps: Steps) -> list[_Pair]:
    graph = steps.graph
    dequantized = {n.input[0]: n.output[0] for n in graph.nodes if n.op_type == "DequantizeLinear"}
    exact_proto = model.reference_proto
    known = set(graph.inputs) | (
        {o for n in exact_proto.graph.node for o in n.output}
        if exact_proto is not None
        else {o for n in graph.nodes for o in n.output}
    )
    pairs = []
    for node in graph.nodes:
        if node.op_type == "QuantizeLinear" and node.output[0] in dequantized:
            result = dequantized[node.output[0]]
            exact = node.input[0] if node.input[0] in known else result
            if exact in known:
                pairs.append(_Pair(node.input[0], exact, node.output[0], result))
    return pairs


def without_activation_rounding(proto: onnx.ModelProto) -> onnx.ModelProto:
    """The float model that a QDQ model stands for: quantised weights, activations as they are."""
    edit = Edit(proto)
    source = {n.output[0]: n.input[0] for n in proto.graph.node if n.op_type == "QuantizeLinear"}
    for node in proto.graph.node:
        if node.op_type == "DequantizeLinear" and node.input[0] in source:
            edit.node("Identity", [source[node.input[0]]], node.output[0], name=node.name)
        elif node.op_type != "QuantizeLinear":
            edit.nodes.append(node)
    return shapes.inferred(edit.finish())


def _each_layer_alone(proto: onnx.ModelProto, pairs: Sequence[_Pair]) -> tuple[onnx.ModelProto, dict[str, str]]:
    """The model with every dequantised tensor that a node reads given as an input, and the names of those inputs."""
    result = copied(proto)
    graph = result.graph
    shapes = {v.name: v.type for v in (*graph.value_info, *graph.output)}
    wanted = {p.dequantized for p in pairs}
    names = {n: f"{n}/exact" for n in wanted if n in shapes and any(n in node.input for node in graph.node)}
    for node in graph.node:
        node.input[:] = [names.get(i, i) for i in node.input]
    graph.input.extend(onnx.ValueInfoProto(name=new, type=shapes[old]) for old, new in names.items())
    del graph.output[:]
    graph.output.extend(onnx.ValueInfoProto(name=p.dequantized) for p in pairs)
    return result, names


def _used(proto: onnx.ModelProto, feed: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    names = {i.name for i in proto.graph.input}
    return {name: value for name, value in feed.items() if name in names}


def _fetch(runner: Any, names: Sequence[str], feed: Mapping[str, np.ndarray]) -> list[np.ndarray]:
    """Values of tensors; an input is its own value."""
    computed = [n for n in names if n not in feed]
    values = dict(zip(computed, runner.run(computed, dict(feed)))) if computed else {}
    return [feed[n] if n in feed else values[n] for n in names]


def _kept(values: np.ndarray, removed: Sequence[int] | None) -> np.ndarray:
    if not removed:
        return values
    return np.delete(values, list(removed), axis=1 if values.ndim > 2 else values.ndim - 1)


class _Sums:
    """What is needed of all samples of one tensor."""

    def __init__(self) -> None:
        self.signal = self.noise = self.own = self.product = self.other = 0.0
        self.low, self.high = np.inf, -np.inf
        self.values = 0
        self.outside: list[np.ndarray] = []

    def add(self, exact: np.ndarray, rough: np.ndarray, own: np.ndarray) -> None:
        exact, rough, own = (a.astype(np.float64) for a in (exact, rough, own))
        self.signal += float((exact**2).sum())
        self.noise += float(((exact - rough) ** 2).sum())
        self.own += float(((exact - own) ** 2).sum())
        self.product += float((exact * rough).sum())
        self.other += float((rough**2).sum())
        self.low, self.high = min(self.low, float(exact.min())), max(self.high, float(exact.max()))
        self.values += exact.size
        self.outside.append(exact.reshape(-1)[np.argsort(-np.abs(exact), axis=None)[:_EXTREMES]])


def _layer_error(steps: Steps, pair: _Pair, total: _Sums) -> LayerError:
    quantization = steps.quantization[pair.quantized]
    covered = quantization.range
    step = next((s for s in steps.steps if s.output == pair.quantized), None)
    extreme = np.concatenate(total.outside)
    margin = 0.5 * float(quantization.scale)
    saturated = int(((extreme < covered[0] - margin) | (extreme > covered[1] + margin)).sum())
    length = np.sqrt(total.signal * total.other)
    return LayerError(
        tensor=pair.exact,
        node=step.node.name if step is not None else pair.name,
        operator=step.node.op_type if step is not None else _without_node(steps, pair),
        sqnr_db=metrics.ratio_db(total.signal, total.noise),
        own_db=metrics.ratio_db(total.signal, total.own),
        cosine=total.product / length if length > 0.0 else 1.0,
        low=total.low,
        high=total.high,
        covered=covered,
        saturated=saturated / total.values,
        accumulator_bits=_accumulator_bits(steps, step),
    )


def _without_node(steps: Steps, pair: _Pair) -> str:
    maker = steps.graph.producer[pair.quantized]
    return INPUT if maker.input[0] in steps.graph.inputs else RESCALE


def _accumulator_bits(steps: Steps, step: Step | None) -> int | None:
    """Bits of the largest sum of products and bias that any input can give."""
    if step is None or step.weights is None or not step.inputs:
        return None
    data, own = steps.quantization[step.inputs[0]], step.weights.quantization
    largest = max(abs(limit - int(data.zero_point)) for limit in data.limits)
    weights = np.abs(step.weights.values.astype(np.int64))
    axis = own.axis if own.axis is not None else 0 if step.node.op_type == "Conv" else weights.ndim - 1
    taps = np.moveaxis(weights, axis, 0).reshape(weights.shape[axis], -1).sum(axis=1)
    bias = np.abs(step.bias.values.astype(np.int64)).max(initial=0) if step.bias is not None else 0
    return int(taps.max(initial=0) * largest + bias).bit_length() + 1
