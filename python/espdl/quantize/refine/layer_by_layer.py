# SPDX-License-Identifier: Apache-2.0
"""Runs the float network and the quantised one side by side, node by node, and lets techniques improve each layer on
the way.

When a layer's turn comes, all layers before it are final: what a technique sees at its input is what the finished
network will give it. Memory does not depend on the number of calibration samples, because only as many are used as fit.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import onnx
import onnxruntime as ort

from espdl.errors import present
from espdl.quantization import Quantization
from espdl.quantize.affine import round_bias
from espdl.quantize.edit import part
from espdl.quantize.graph import Graph
from espdl.quantize.network import Layer, Network
from espdl.quantize.power_of_two import written_tensor
from espdl.quantize.ranges import Progress, session
from espdl.quantize.refine import lanes
from espdl.quantize.samples import evenly
from espdl.quantize.types import LayerIntegers, Scales
from espdl.targets import ALL_BITS, ROUND_HALF_UP
from espdl.wording import option

Sample = Mapping[str, np.ndarray]

# Bytes for the tensors that are alive at one time, in the float and in the quantised network, and the samples at most.
_MEMORY = 256 << 20
_MOST_SAMPLES = 256


@dataclass(frozen=True)
class LayerInputs:
    """A layer to be refined.

    `seen`: its input by sample in the quantised network (dequantised), `data` the quantisation of it. `limits`: those
    of the weights.
    """

    layer: Layer
    seen: Sequence[np.ndarray]
    data: Quantization
    limits: tuple[int, int]


# (integers as they are so far, what one of them is worth: one value or per channel) -> new integers for the weights.
Rounder = Callable[[np.ndarray, np.ndarray], np.ndarray]
# What finds the weights of a layer, as often as scales are tried.
Rounding = Callable[[LayerInputs], Rounder]


def choose_samples(network: Network, samples: Iterable[Sample], count: int) -> list[Sample]:
    """Samples at even distances among `count`, as many as memory allows."""
    sizes = _sizes(network)
    alive = _alive(network, sizes)
    use = max(1, min(count, _MOST_SAMPLES, _MEMORY // max(1, 8 * alive)))
    wanted = set(evenly(count, use))
    return [dict(sample) for index, sample in enumerate(samples) if index in wanted]


def _sizes(network: Network) -> dict[str, int]:
    graph = network.graph.proto.graph
    known = (*graph.value_info, *graph.input, *graph.output)
    return {v.name: math.prod(d.dim_value for d in v.type.tensor_type.shape.dim) for v in known}


def _alive(network: Network, sizes: Mapping[str, int]) -> int:
    """The most elements that are alive at one time."""
    last = {name: index for index, node in enumerate(network.graph.nodes) for name in node.input}
    current = most = sum(sizes.get(name, 0) for name in network.graph.inputs)
    for index, node in enumerate(network.graph.nodes):
        current += sum(sizes.get(name, 0) for name in node.output)
        most = max(most, current)
        current -= sum(sizes.get(name, 0) for name in {*node.input} if last[name] == index)
    return most


class Refinement:
    """One pass over the network. `run` gives the scales with the weights and biases that the techniques chose."""

    def __init__(
        self,
        network: Network,
        samples: Sequence[Sample],
        scales: Scales,
        keep: Sequence[str] = (),
        lane_bits: int = ALL_BITS,
    ):
        """`keep`: tensors whose values are asked for afterwards, besides the model's outputs. `lane_bits`: see
        Settings.
        """
        self.lane_bits = lane_bits
        self.network = network
        self.graph = network.graph
        self.scales = scales
        self.layers = {layer.node.name: layer for layer in network.layers}
        self.adders = {w.bias_node.name: w for w in network.placement.weighted if w.bias_node is not None}
        self.real = {name: [s[name] for s in samples] for name in self.graph.inputs}
        self.seen = {name: self._rounded(name, values) for name, values in self.real.items()}
        self.kept = {*keep, *self.graph.outputs}
        self.last = {name: index for index, node in enumerate(self.graph.nodes) for name in node.input}
        # Tensors that are not finite for some samples once all before them is rounded, or that are made of such ones.
        self.undefined: dict[str, _Undefined] = {}
        self.warnings: list[str] = []

    def run(self, rounding: Rounding | None, correct_bias: bool, progress: Progress = lambda *_: None) -> Scales:
        """Visits every layer: `rounding` may choose its weights anew, then its bias takes up the mean error."""
        done, together = 0, []
        for index, node in enumerate(self.graph.nodes):
            if node.name in self.layers:
                self._refine(self.layers[node.name], rounding, correct_bias)
                done += 1
                progress("refine", done, len(self.layers))
            elif node.name in self.adders:
                self._add_bias(node)
            else:
                together.append(node)
                if self._is_passed_on(node, index):
                    continue
                self._compute(together)
            for name in {name for read in (*together, node) for name in read.input}:
                if self.last[name] <= index and name not in self.kept:
                    self.real.pop(name, None)
                    self.seen.pop(name, None)
            together = []
        return self.scales

    def _is_passed_on(self, node: onnx.NodeProto, index: int) -> bool:
        """Whether nothing but the next node sees the node's results, and they are not rounded: both are computed at
        once."""
        following = self.graph.nodes[index + 1] if index + 1 < len(self.graph.nodes) else None
        if following is None or following.name in self.layers or following.name in self.adders:
            return False
        names = [name for name in node.output if name]
        return not any(name in self.scales.activations or name in self.kept for name in names) and all(
            all(consumer is following for consumer in self.graph.consumers.get(name, ())) for name in names
        )

    def values(self, name: str) -> list[tuple[np.ndarray, np.ndarray]]:
        """(float, quantised) by sample of a kept tensor, after `run`."""
        return list(zip(self.real[name], self.seen[name]))

    def _refine(self, layer: Layer, rounding: Rounding | None, correct_bias: bool) -> None:
        key, weighted = layer.key, layer.weighted
        undefined = self.undefined.get(weighted.data)
        if undefined is not None and correct_bias:
            self.warnings.append(f"node '{layer.node.name}' ({layer.node.op_type}) keeps its bias: {undefined}")
            correct_bias = False
        refined = _LayerRefinement(self, layer, rounding, correct_bias)
        chosen = refined.integers(self.scales.weights[key][1])
        if self.lane_bits < ALL_BITS and correct_bias:
            chosen = lanes.coarser(chosen, refined.integers, refined.held_out_noise, layer.rows, self._lanes(layer))
        self.scales = replace(
            self.scales,
            weights={**self.scales.weights, key: (chosen.weights, chosen.quantization)},
            biases={**self.scales.biases, key: chosen.bias},
        )
        exact, rough = refined.exact, refined.rough(chosen)
        if weighted.bias_node is None:
            exact = [_plus(y, layer.bias, refined.product.axis) for y in exact]
            rough = [_plus(y, chosen.bias_values, refined.product.axis) for y in rough]
        self._store(key, exact, rough)

    def _lanes(self, layer: Layer) -> lanes.Lanes:
        name = layer.weighted.data
        data, result = (self.scales.activations[n] for n in (name, written_tensor(self.network, layer)))
        positive = not np.any(data.zero_point) and self.network.statistics[name].distribution.low >= 0.0
        return lanes.Lanes(self.lane_bits, data, result, 0 if positive else -128)

    def _add_bias(self, node: onnx.NodeProto) -> None:
        """The Add after a MatMul, whose constant `_refine` has chosen."""
        weighted = self.adders[node.name]
        key = weighted.node.output[0]
        values, quantization = self.scales.biases[key]
        exact = [y + self.graph.array(present(weighted.bias)) for y in self.real[key]]
        rough = [(y + values * quantization.scale).astype(np.float32) for y in self.seen[key]]
        self._store(node.output[0], exact, [r.reshape(e.shape) for r, e in zip(rough, exact)])

    def _compute(self, nodes: Sequence[onnx.NodeProto]) -> None:
        """What these nodes, one after the other, make of what is there."""
        made = {name for node in nodes for name in node.output}
        read = dict.fromkeys(name for node in nodes for name in node.input if name and name not in made)
        feeds = [name for name in read if name not in self.graph.constants]
        names = [name for name in nodes[-1].output if name]
        runner = _runner(self.graph, nodes, feeds)
        for values in (self.real, self.seen):
            count = len(next(iter(self.real.values())))
            results = [runner.run(names, {n: values[n][i] for n in feeds}) for i in range(count)]
            for position, name in enumerate(names):
                values[name] = [r[position] for r in results]
        if len(nodes) > 1 and not all(np.isfinite(v).all() for n in names for v in self.seen[n] if v.dtype.kind == "f"):
            for node in nodes:  # one by one, to tell which makes what is no number
                self._compute([node])
            return
        for name in names:
            self._note_undefined(nodes[-1], name)
            self.seen[name] = self._rounded(name, self.seen[name])

    def _note_undefined(self, node: onnx.NodeProto, name: str) -> None:
        values = self.seen[name]
        bad = sum(not np.isfinite(v).all() for v in values if v.dtype.kind == "f")
        known = next((self.undefined[i] for i in node.input if i in self.undefined), None)
        if bad:
            self.undefined[name] = _Undefined(node, bad, len(values))
        elif known is not None:
            self.undefined[name] = known

    def _store(self, name: str, real: list[np.ndarray], seen: list[np.ndarray]) -> None:
        self.real[name] = real
        self.seen[name] = self._rounded(name, seen)

    def _rounded(self, name: str, values: Sequence[np.ndarray]) -> Sequence[np.ndarray]:
        q = self.scales.activations.get(name)
        half_up = self.scales.rounding == ROUND_HALF_UP and name not in self.graph.inputs
        return values if q is None else [q.fake_quantize(v, half_up) for v in values]


@dataclass(frozen=True)
class _Undefined:
    """`node` gives NaN or infinity for `bad` of `count` samples."""

    node: onnx.NodeProto
    bad: int
    count: int

    def __str__(self) -> str:
        return (
            f"what it reads comes from '{self.node.name}' ({self.node.op_type}), which gives NaN or infinity in the"
            f" quantised network for {self.bad} of {self.count} calibration samples, because a number before it rounds"
            f" to 0; {option('int16')} with the node that makes that number gives it finer steps"
        )


class _LayerRefinement:
    """The integers of one layer; `exact`: its products in the float network, by sample."""

    def __init__(self, refinement: Refinement, layer: Layer, rounding: Rounding | None, correct_bias: bool):
        name = layer.weighted.data
        self.layer, self.rounding, self.correct_bias = layer, rounding, correct_bias
        self.scales = refinement.scales
        self.data = refinement.scales.activations[name]
        self.real, self.seen = refinement.real[name], refinement.seen[name]
        self.product = _Product(refinement.graph, layer)
        self.exact = [self.product(x, layer.weights.astype(np.float32)) for x in self.real]
        self.rounders: dict[tuple[int, int, int], Rounder] = {}

    def integers(self, quantization: Quantization, samples: slice = slice(None)) -> LayerIntegers:
        """Weights of this scale and their bias, as these samples suggest."""
        layer, limits = self.layer, self.scales.weight_limits
        weights, own = self.scales.weights[layer.key]
        bias = self.scales.biases[layer.key]
        if quantization is not own:
            weights = quantization.quantize(layer.weights, limits)
        if self.rounding is not None:
            key = samples.indices(len(self.seen))
            if key not in self.rounders:
                self.rounders[key] = self.rounding(LayerInputs(layer, self.seen[samples], self.data, limits))
            weights = self.rounders[key](weights, quantization.scales.astype(np.float64))
        result = LayerIntegers(weights, quantization, bias)
        if self.correct_bias:
            exact, rough = self.exact[samples], self.rough(result, samples)
            error = _mean_by_channel(exact, self.product.axis) - _mean_by_channel(rough, self.product.axis)
            error = np.where(np.isfinite(error), error, 0.0)
            result = replace(result, bias=round_bias(layer.bias + error, self.data, quantization))
        return result

    def rough(self, integers: LayerIntegers, samples: slice = slice(None)) -> list[np.ndarray]:
        """The products in the quantised network, without the bias."""
        dequantized = integers.quantization.dequantize(integers.weights, np.float64).astype(np.float32)
        return [self.product(x, dequantized) for x in self.seen[samples]]

    def held_out_noise(self, quantization: Quantization) -> float:
        """Mean square error of the products, bias included, on every second sample, with integers that the others
        suggest.
        """
        first, second = (slice(None), slice(None)) if len(self.real) < 2 else (slice(0, None, 2), slice(1, None, 2))
        found = self.integers(quantization, first)
        shift = found.bias_values - self.layer.bias
        pairs = zip(self.exact[second], self.rough(found, second))
        errors = (_plus(rough - exact, shift, self.product.axis) for exact, rough in pairs)
        return float(np.mean([np.mean(np.square(e, dtype=np.float64)) for e in errors]))


class _Product:
    """A layer's node without its bias, as a function of data and weights. `axis` is that of the output channels."""

    def __init__(self, graph: Graph, layer: Layer):
        node = onnx.NodeProto()
        node.CopyFrom(layer.node)
        del node.input[2:]
        self.names = list(node.input)
        self.output = node.output[0]
        self.axis = 1 if "Conv" in node.op_type else -1
        self.runner = _runner(graph, [node], self.names)

    def __call__(self, data: np.ndarray, weights: np.ndarray) -> np.ndarray:
        return self.runner.run([self.output], dict(zip(self.names, (data, weights))))[0]


def _runner(graph: Graph, nodes: Sequence[onnx.NodeProto], feeds: Sequence[str]) -> ort.InferenceSession:
    """A session of nodes that are fed with `feeds` and return what the last one makes; what else they read are the
    graph's constants."""
    read = dict.fromkeys(name for node in nodes for name in node.input)
    constants = [graph.constants[name] for name in read if name in graph.constants and name not in feeds]
    inputs = [onnx.ValueInfoProto(name=name, type=graph.type(name)) for name in feeds]
    return session(part(graph.proto, nodes, inputs, nodes[-1].output, constants))


def _mean_by_channel(samples: Sequence[np.ndarray], axis: int) -> np.ndarray:
    others = tuple(a for a in range(samples[0].ndim) if a != axis % samples[0].ndim)
    return np.mean([s.mean(axis=others, dtype=np.float64) for s in samples], axis=0)


def _plus(values: np.ndarray, bias: np.ndarray, axis: int) -> np.ndarray:
    shape = [1] * values.ndim
    shape[axis] = -1
    return values + bias.reshape(shape).astype(np.float32)
