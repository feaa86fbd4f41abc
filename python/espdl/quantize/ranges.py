# SPDX-License-Identifier: Apache-2.0
"""Runs the float model over the calibration data and observes every tensor that will be quantised."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace

import numpy as np
import onnx
import onnxruntime as ort

from espdl.errors import EspdlError, Node
from espdl.foreign import said
from espdl.quantize import cutoffs
from espdl.quantize.graph import Graph
from espdl.quantize.histogram import Distribution, Histogram
from espdl.quantize.types import Floors

# Room for mixes of values that are further from the mean than those seen.
_MIXED = 1.25

Progress = Callable[[str, int, int], None]


@dataclass(frozen=True)
class Statistics:
    """What was seen of one tensor.

    `alike`: it was the same for all samples. `winner`: the index of its largest value where that was the same for all
    samples. `channel_power`, `channel_peak` float64 [channels]: mean square and
    largest magnitude by channel (axis 1 of tensors with more than two axes, else the last axis).
    """

    distribution: Distribution
    channel_power: np.ndarray
    channel_peak: np.ndarray
    alike: bool = False
    winner: int | None = None

    @property
    def range(self) -> tuple[float, float]:
        return self.distribution.low, self.distribution.high

    def scaled(self, factor: float) -> Statistics:
        return replace(
            self,
            distribution=self.distribution.scaled(factor),
            channel_power=self.channel_power * factor**2,
            channel_peak=self.channel_peak * factor,
        )


class Observer:
    """Sees all values of one tensor, one sample after the other, and keeps a summary of bounded size."""

    def __init__(self, floor: float | None = None) -> None:
        """`floor`: nothing lies below it, and what lies at it need only stay there (masks)."""
        self._floor = floor
        self._histogram = Histogram()
        self._squares: np.ndarray | float = 0.0
        self._peaks: np.ndarray | float = 0.0
        self._count = 0
        self._first: np.ndarray | None = None
        self._alike = True
        self._winners: set[int] = set()

    def observe(self, values: np.ndarray) -> None:
        if self._alike:
            self._first = values if self._first is None else self._first
            self._alike = np.array_equal(self._first, values)
        if len(self._winners) < 2:
            self._winners.add(int(values.argmax()) if values.size else 0)
        self._histogram.observe(values if self._floor is None else values[values > np.float32(self._floor)])
        values = np.atleast_1d(values)
        axis = 1 if values.ndim > 2 else values.ndim - 1
        rows = np.moveaxis(values, axis, 0).reshape(values.shape[axis], -1)
        self._squares = self._squares + np.einsum("ij,ij->i", rows, rows, dtype=np.float64)
        self._peaks = np.maximum(self._peaks, np.abs(rows).max(axis=1, initial=0.0))
        self._count += rows.shape[1]

    @property
    def statistics(self) -> Statistics:
        squares, peaks = np.atleast_1d(self._squares), np.atleast_1d(self._peaks).astype(np.float64)
        winner = next(iter(self._winners)) if len(self._winners) == 1 else None
        distribution = self._histogram.distribution
        if self._floor is not None:
            distribution = distribution.reaching(self._floor)
        return Statistics(distribution, squares / max(self._count, 1), peaks, self._alike, winner)


def session(proto: onnx.ModelProto, extra_outputs: Iterable[str] = ()) -> ort.InferenceSession:
    """A deterministic session (one thread, no optimisation) that also returns `extra_outputs`."""
    copy = onnx.ModelProto()
    copy.CopyFrom(proto)
    known = {o.name for o in copy.graph.output}
    copy.graph.output.extend(
        onnx.ValueInfoProto(name=name) for name in dict.fromkeys(extra_outputs) if name not in known
    )
    options = ort.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.log_severity_level = 4
    return ort.InferenceSession(copy.SerializeToString(), options, providers=["CPUExecutionProvider"])


def _run(runner: ort.InferenceSession, names: list[str], sample: Mapping[str, np.ndarray], index: int) -> list:
    try:
        return runner.run(names, dict(sample))
    except Exception as error:  # onnxruntime raises its own types, all derived from Exception only
        told = said(error)
        why = f"ONNX Runtime cannot run the model on sample {index} of the calibration data: {told.reason}"
        remedy = "run the model in ONNX Runtime on the PC first; what does not run there cannot be compiled"
        if index:
            remedy = "look at that sample: ONNX Runtime could run the model on those before it"
        if not told.node:
            raise EspdlError("the model", why, remedy) from error
        raise EspdlError.at("", Node(told.node), why, remedy) from error


def _not_finite(proto: onnx.ModelProto, name: str, sample: Mapping[str, np.ndarray], index: int) -> EspdlError:
    """About the first node that makes such a value of finite ones; `name` is a tensor that has one."""
    producers = {output: node for node in proto.graph.node for output in node.output if output}
    if name not in producers:
        why = f"it is NaN or infinite in sample {index} of the calibration data, and it is no mask before a softmax"
        return EspdlError(f"input '{name}'", why, "remove that sample, or fix the preprocessing that made it")
    values = dict(zip(producers, session(proto, producers).run(list(producers), dict(sample))))
    floats = (n for n, value in values.items() if np.asarray(value).dtype.kind == "f")
    first = next((n for n in floats if not np.isfinite(values[n]).all()), name)
    producer, kind = producers[first], "NaN" if np.isnan(values[first]).any() else "infinite"
    return EspdlError.at(
        "",
        producer,
        f"its output is {kind} in the float model, for finite inputs (sample {index} of the calibration data)",
        "look there for a division by zero, a root or logarithm of a negative number, an overflow or an infinite"
        " constant, and guard against it in the model; integers have no NaN and no infinity",
    )


def values_of(
    runner: ort.InferenceSession, names: Iterable[str], sample: Mapping[str, np.ndarray], index: int
) -> dict[str, np.ndarray]:
    """The values of tensors for a sample, the `index`-th; the inputs' are its own."""
    names = list(names)
    computed = [name for name in names if name not in sample]
    values = dict(zip(computed, _run(runner, computed, sample, index))) if computed else {}
    return {name: sample[name] if name in sample else values[name] for name in names}


def observe(
    proto: onnx.ModelProto,
    tensors: Iterable[str],
    samples: Iterable[Mapping[str, np.ndarray]],
    progress: Progress = lambda phase, done, total: None,
    total: int = 0,
    floors: Floors | None = None,
) -> dict[str, Statistics]:
    """The statistics of every tensor over all samples; values below a floor, or beyond what its consumers tell apart,
    count as the nearest of those.
    """
    floors, ends = floors or Floors(), cutoffs.bounds(Graph(proto))
    tensors = list(tensors)
    observers = {name: Observer(floors.tensors[name] if name in floors.required else None) for name in tensors}
    inputs = {i.name for i in proto.graph.input}
    runner = session(proto, [name for name in tensors if name not in inputs])
    for index, sample in enumerate(samples):
        for name, value in floors.raised(values_of(runner, tensors, sample, index)).items():
            if not np.isfinite(value).all():
                raise _not_finite(proto, name, sample, index)
            observers[name].observe(cutoffs.cut(value, ends.get(name)))
        progress("calibrate", index + 1, total)
    result = {name: observer.statistics for name, observer in observers.items()}
    for product, (values, is_one) in floors.mixes.items():
        if product in result and values in result:
            result[product] = _mixed(result[product], result[values], is_one)
    return result


def _mixed(product: Statistics, values: Statistics, is_one: bool) -> Statistics:
    """What a product of probabilities may come to: any of its values, and seldom all that calibration has seen."""
    (low, high), (least, most) = product.range, values.range
    if not is_one:
        least, most = max(least, low * _MIXED), min(most, high * _MIXED)
    return replace(product, distribution=product.distribution.covering(least, most))
