# SPDX-License-Identifier: Apache-2.0
"""How much an error in one tensor disturbs the network's outputs, measured on a few calibration samples.

Outputs are taken before a final softmax or other elementwise function: probabilities near 0 and 1 hide what was lost.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import onnx
import onnxruntime as ort
from onnx import TensorProto, helper

from espdl import traits
from espdl.quantization import Quantization
from espdl.quantize.edit import Edit, part
from espdl.quantize.network import Network
from espdl.quantize.ranges import session
from espdl.quantize.refine.layer_by_layer import Sample
from espdl.quantize.samples import evenly
from espdl.quantize.types import Scales

# Multiply-accumulates that a measurement of all tensors may cost, and the samples it uses within that.
_WORK = 2e9
_SAMPLES = (2, 16)
# Places in the network behind which it can be run alone: an error changes nothing before its tensor.
_PARTS = 4

# A tensor's values -> the error to be added to them.
Error = Callable[[np.ndarray], np.ndarray]


def logits(network: Network) -> list[str]:
    """The model's float outputs, each before the elementwise functions and the softmax at its end."""
    graph = network.graph
    found = []
    for name in graph.outputs:
        while name in graph.producer and _hides_errors(node := graph.producer[name]):
            name = node.input[0]
        if graph.is_activation(name):
            found.append(name)
    return list(dict.fromkeys(found))


def _hides_errors(node: onnx.NodeProto) -> bool:
    return traits.of(node.op_type).ends_factors or node.op_type == "Identity"


def noise_over_signal(pairs: Sequence[tuple[np.ndarray, np.ndarray]]) -> float:
    """Mean square of (float, other) over the mean square of float."""
    signal = sum(float((a.astype(np.float64) ** 2).sum()) for a, _ in pairs)
    noise = sum(float(((a.astype(np.float64) - b) ** 2).sum()) for a, b in pairs)
    return noise / signal if signal > 0.0 else 0.0


@dataclass(frozen=True)
class _Rest:
    """The network's nodes from `start` on. `session` reads `feeds` and, where they are added there, `errors`."""

    start: int
    session: ort.InferenceSession
    feeds: tuple[str, ...]
    errors: tuple[str, ...]


class Probe:
    """The float network with an error input beside each of `tensors`; it remembers the outputs without errors."""

    def __init__(self, network: Network, tensors: Sequence[str], samples: Sequence[Sample]):
        self.tensors = list(tensors)
        self.network = network
        low, high = _SAMPLES
        count = int(np.clip(_WORK / max(1.0, macs(network) * max(1, len(self.tensors))), low, high))
        chosen = [samples[i] for i in evenly(len(samples), count)]
        proto, shapes = _with_error_inputs(network, self.tensors)
        outputs = logits(network)
        self.outputs = [_disturbed(name) if name in self.tensors else name for name in outputs]
        self._zeros = {_error(name): np.zeros(shapes[name], np.float32) for name in self.tensors}
        self._made_at = {name: index for index, node in enumerate(proto.graph.node) for name in node.output}
        self._rests = self._parts(proto)
        kept = dict.fromkeys([*self.tensors, *(name for rest in self._rests for name in rest.feeds)])
        whole = session(proto, [*self.outputs, *kept])
        self._reference: list[list[np.ndarray]] = []
        self._values: list[dict[str, np.ndarray]] = []
        computed = [name for name in kept if name not in network.graph.inputs]
        for sample in chosen:
            results = whole.run([*self.outputs, *computed], {**sample, **self._zeros})
            self._reference.append(results[: len(self.outputs)])
            self._values.append({**sample, **dict(zip(computed, results[len(self.outputs) :]))})

    def _parts(self, proto: onnx.ModelProto) -> list[_Rest]:
        """The network, and what is left of it from some places on, all of which make all outputs."""
        nodes = proto.graph.node
        last = min((self._made_at.get(name, 0) for name in self.outputs), default=0)
        graph, result = self.network.graph, []
        plain = {_disturbed(name): name for name in self.tensors}
        for start in sorted({min(last, len(nodes) * k // _PARTS) for k in range(_PARTS)}):
            made = {name for node in nodes[start:] for name in node.output}
            read = dict.fromkeys(name for node in nodes[start:] for name in node.input if name and name not in made)
            errors = tuple(name for name in read if name in self._zeros)
            feeds = tuple(name for name in read if name not in self._zeros and name not in graph.constants)
            inputs = [i for i in proto.graph.input if i.name in errors]
            inputs += [onnx.ValueInfoProto(name=n, type=graph.type(plain.get(n, n))) for n in feeds]
            constants = [graph.constants[name] for name in read if name in graph.constants]
            rest = part(proto, nodes[start:], inputs, self.outputs, constants)
            result.append(_Rest(start, session(rest), feeds, errors))
        return result

    def __call__(self, tensor: str, error: Error) -> tuple[float, float]:
        """(noise over signal at the outputs, averaged over them; mean square of the error)."""
        rest = [r for r in self._rests if r.start <= self._made_at[_disturbed(tensor)]][-1]
        pairs: list[list[tuple[np.ndarray, np.ndarray]]] = [[] for _ in self.outputs]
        square = 0.0
        for values, reference in zip(self._values, self._reference):
            added = np.asarray(error(values[tensor]), np.float32)  # arithmetic makes a number of rank 0
            square += float(np.mean(added.astype(np.float64) ** 2)) / len(self._values)
            errors = {name: self._zeros[name] for name in rest.errors} | {_error(tensor): added}
            results = rest.session.run(self.outputs, {name: values[name] for name in rest.feeds} | errors)
            for pair, before, after in zip(pairs, reference, results):
                pair.append((before, after))
        return float(np.mean([noise_over_signal(pair) for pair in pairs])), square


def gains(network: Network, scales: Scales, samples: Sequence[Sample]) -> dict[str, float]:
    """Per quantised tensor: noise over signal at the outputs for an error of mean square 1 in all sources of its group.

    Linear for small errors; measured with the rounding errors that `scales` make. 0 where no output is a float.
    """
    if not logits(network):
        return {name: 0.0 for group in network.placement.groups for name in group}
    sources = {group: _sources(network, group) for group in network.placement.groups}
    probe = Probe(network, [name for names in sources.values() for name in names], samples)
    result = {}
    for group, names in sources.items():
        total = 0.0
        for name in names:
            noise, square = probe(name, _rounding_error(scales.activations[name]))
            total += noise / square if square > 0.0 else 0.0
        result.update(dict.fromkeys(group, total))
    return result


def _rounding_error(q: Quantization) -> Error:
    return lambda values: q.fake_quantize(values) - values


def _sources(network: Network, group: Sequence[str]) -> list[str]:
    """The members that are rounded first: others only repeat values that lie on the group's grid already."""
    producers = network.graph.producer
    first = [name for name in group if name not in producers or not traits.of(producers[name].op_type).moves]
    return first or [group[0]]


def macs(network: Network) -> float:
    return sum(network.graph.count(layer.key) * layer.rows(layer.weights).shape[1] for layer in network.layers)


def _error(name: str) -> str:
    return f"{name}/error"


def _disturbed(name: str) -> str:
    return f"{name}/disturbed"


def _with_error_inputs(network: Network, tensors: Sequence[str]) -> tuple[onnx.ModelProto, Mapping[str, list[int]]]:
    edit = Edit(network.graph.proto)
    graph = edit.proto.graph
    shapes = {name: list(network.graph.shape(name)) for name in tensors}

    def disturb(names: Iterable[str]) -> None:
        for name in names:
            if name in shapes:
                edit.node("Add", [name, _error(name)], _disturbed(name))

    disturb(v.name for v in graph.input)
    for node in graph.node:
        node.input[:] = [_disturbed(name) if name in shapes else name for name in node.input]
        edit.nodes.append(node)
        disturb(node.output)
    graph.input.extend(helper.make_tensor_value_info(_error(n), TensorProto.FLOAT, shapes[n]) for n in tensors)
    return edit.finish(), shapes
