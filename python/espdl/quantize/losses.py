# SPDX-License-Identifier: Apache-2.0
"""What the quantised model loses on calibration samples, where, and what helps: sentences for the user.

The scales were chosen on these samples, so that a loss that shows here is no matter of data that calibration lacks.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import onnx

from espdl.quantize import cutoffs
from espdl.quantize.graph import Graph
from espdl.quantize.network import Network
from espdl.quantize.ranges import session
from espdl.quantize.refine import sensitivity
from espdl.quantize.refine.layer_by_layer import Sample
from espdl.quantize.samples import evenly
from espdl.quantize.types import Scales, Settings
from espdl.wording import option

# An output nearer than this to the float model's is worth no sentence.
LOW_DB = 10.0
# The float model with its inputs rounded: where that is far from the model itself, the inputs are what is lost.
_INPUTS_DB = 20.0
# How much more one feature must vary than another for their units to be the cause.
_UNLIKE = 50.0
# An output that stays below so many of its steps is nothing that a ratio could be of.
_TINY_STEPS = 2.0
# A tensor that is better than this is not where anything is lost.
_GOOD_DB = 40.0
# Multiply-accumulates that may be spent, and the most samples.
_WORK, _MOST = 1e9, 16


def warnings(
    network: Network, scales: Scales, proto: onnx.ModelProto, samples: Sequence[Sample], settings: Settings
) -> tuple[str, ...]:
    """`proto` is the quantised form of `network`."""
    count = int(np.clip(_WORK / max(1.0, sensitivity.macs(network)), 2, _MOST))
    few = [samples[i] for i in evenly(len(samples), count)]
    found = [*_features(network, scales, samples, few)]
    if not found:
        found += _outputs(network, scales, proto, few, settings)
    return tuple(found)


def _outputs(
    network: Network, scales: Scales, proto: onnx.ModelProto, samples: Sequence[Sample], settings: Settings
) -> Iterator[str]:
    graph = network.graph
    names = [name for name in graph.outputs if graph.is_float(name)]
    exact, rough = _run(graph.proto, names, samples), _run(proto, names, samples)
    lost = {name: db for name in names if (db := _decibels(exact[name], rough[name])) < LOW_DB}
    lost = {name: db for name, db in lost.items() if not _is_tiny(name, exact[name], scales)}
    if not lost:
        return
    name = min(lost, key=lambda n: lost[n])
    others = f", and {len(lost) - 1} more outputs are below {LOW_DB:g} dB" if len(lost) > 1 else ""
    where, node = _where(network, proto, samples)
    yield (
        f"output '{name}' is {lost[name]:.1f} dB from the float model on the calibration data itself{others}."
        f" {where}; {_knob(settings, node)}"
    )


def _is_tiny(name: str, values: Sequence[np.ndarray], scales: Scales) -> bool:
    scale = scales.activations[name].scale if name in scales.activations else 0.0
    return max(float(np.abs(v).max(initial=0.0)) for v in values) < _TINY_STEPS * float(scale)


def _where(network: Network, proto: onnx.ModelProto, samples: Sequence[Sample]) -> tuple[str, str]:
    """The node after which the most decibels are missing, in words and by name."""
    graph = network.graph
    dequantized = _dequantized(proto)
    names = [name for name in network.placement.quantized if name in dequantized]
    exact = _run(graph.proto, names, samples)
    rough = _run(proto, [dequantized[name] for name in names], samples)
    ends = cutoffs.bounds(graph)
    exact = {n: [cutoffs.cut(v, ends.get(n)) for v in values] for n, values in exact.items()}
    decibels = {n: min(_GOOD_DB, _decibels(exact[n], rough[dequantized[n]])) for n in names}
    before = {name: min((decibels[s] for s in _sources(graph, name, decibels)), default=_GOOD_DB) for name in names}
    worst = max(names, key=lambda name: before[name] - decibels[name])
    producer = graph.producer.get(worst)
    if producer is None:
        return f"Most is lost in rounding input '{worst}' to {decibels[worst]:.0f} dB", ""
    text = f"Most is lost in node '{producer.name}' ({producer.op_type}): {before[worst]:.0f} dB before it, "
    return text + f"{decibels[worst]:.0f} dB after it", producer.name


def _sources(graph: Graph, name: str, known: Mapping[str, float]) -> set[str]:
    """The quantised tensors that a tensor is made of, through those that are not."""
    found, waiting, seen = set(), [name], {name}
    while waiting:
        producer = graph.producer.get(waiting.pop())
        for source in producer.input if producer is not None else ():
            if source in known:
                found.add(source)
            elif graph.is_activation(source) and source not in seen:
                seen.add(source)
                waiting.append(source)
    return found


def _knob(settings: Settings, node: str) -> str:
    if settings.precision == "int16x8":
        return f"{option('precision', 'float32')} computes without this loss"
    wider = option("precision", "int16x8")
    wider = f"{option('int16', repr(node))} or {wider}" if node else wider
    if settings.scheme == "power_of_two":
        return f"{option('scheme', 'affine')} has finer scales, and with it {wider} finer steps"
    return f"{wider} has finer steps, and more typical calibration data may narrow the ranges"


def _features(network: Network, scales: Scales, samples: Sequence[Sample], few: Sequence[Sample]) -> Iterator[str]:
    """Inputs of which some features vary by less than a step, because others vary by hundreds."""
    suspects = {}
    for name in network.graph.inputs:
        if name in scales.activations:
            step = float(scales.activations[name].scale)
            found = _lost_features(np.concatenate([np.atleast_1d(s[name]) for s in samples]), step)
            suspects.update({name: (found, step)} if found is not None else {})
    if not suspects:
        return
    rounded = [
        {n: scales.activations[n].fake_quantize(v) if n in suspects else v for n, v in sample.items()} for sample in few
    ]
    graph = network.graph
    names = [name for name in graph.outputs if graph.is_float(name)]
    exact, rough = _run(graph.proto, names, few), _run(graph.proto, names, rounded)
    db = min((_decibels(exact[n], rough[n]) for n in names), default=_GOOD_DB)
    if db >= _INPUTS_DB:
        return
    for name, ((lost, spread), step) in suspects.items():
        yield (
            f"input '{name}' has features of very different ranges: {len(lost)} of {len(spread)} (first number"
            f" {lost[0]}) vary by less than one step of its integers, {step:.3g}, because others vary by"
            f" {spread.max():.3g}; with its inputs rounded the float model is {db:.1f} dB from itself. Bring all"
            f" features to one range before the model (take the scaling of the training out of the model, into the"
            f" application), or use {option('precision', 'float32')}"
        )


def _lost_features(values: np.ndarray, step: float) -> tuple[np.ndarray, np.ndarray] | None:
    """(numbers of the features that vary by less than a step, standard deviation of each), along the axis of features:
    the channels, or the last one."""
    for axis in dict.fromkeys((1, values.ndim - 1)):
        if values.ndim < 2 or values.shape[axis] < 2:
            continue
        spread = values.std(axis=tuple(a for a in range(values.ndim) if a != axis), dtype=np.float64)
        lost = np.flatnonzero((spread > 0.0) & (spread < step))
        if lost.size and spread.max() > _UNLIKE * spread[lost].min():
            return lost, spread
    return None


def _dequantized(proto: onnx.ModelProto) -> dict[str, str]:
    """By tensor of the float model: what a Q/DQ pair makes of it."""
    read = {n.input[0]: n.output[0] for n in proto.graph.node if n.op_type == "DequantizeLinear"}
    found = {}
    for node in proto.graph.node:
        if node.op_type == "QuantizeLinear" and node.output[0] in read:
            result = read[node.output[0]]
            # An output of the model keeps its name after the pair.
            found[result if node.input[0] == f"{result}_float" else node.input[0]] = result
    return found


def _run(proto: onnx.ModelProto, names: Sequence[str], samples: Sequence[Sample]) -> dict[str, list[np.ndarray]]:
    inputs = {i.name for i in proto.graph.input}
    computed = [name for name in names if name not in inputs]
    runner = session(proto, computed)
    rows = [dict(zip(computed, runner.run(computed, dict(sample)))) if computed else {} for sample in samples]
    return {n: [row[n] if n in row else sample[n] for row, sample in zip(rows, samples)] for n in names}


def _decibels(exact: Sequence[np.ndarray], rough: Sequence[np.ndarray]) -> float:
    noise = sensitivity.noise_over_signal(list(zip(exact, rough)))
    return -10.0 * float(np.log10(noise)) if noise > 0.0 else np.inf
