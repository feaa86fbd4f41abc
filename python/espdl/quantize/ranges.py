# SPDX-License-Identifier: Apache-2.0
"""Runs the float model over the calibration data and observes every tensor that will be quantised."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Callable, Iterable, Mapping

import numpy as np
import onnx
import onnxruntime as ort

from espdl.quantize.histogram import Distribution, Histogram

Progress = Callable[[str, int, int], None]


@dataclass(frozen=True)
class Statistics:
    """What was seen of one tensor.

    `channel_power`, `channel_peak` float64 [channels]: mean square and largest magnitude by channel (axis 1 of tensors with
    more than two axes, else the last axis).
    """

    distribution: Distribution
    channel_power: np.ndarray
    channel_peak: np.ndarray

    @property
    def range(self) -> tuple[float, float]:
        return self.distribution.low, self.distribution.high

    def scaled(self, factor: float) -> Statistics:
        return Statistics(self.distribution.scaled(factor), self.channel_power * factor**2, self.channel_peak * factor)


class Observer:
    """Sees all values of one tensor, one sample after the other, and keeps a summary of bounded size."""

    def __init__(self) -> None:
        self._histogram = Histogram()
        self._squares: np.ndarray | float = 0.0
        self._peaks: np.ndarray | float = 0.0
        self._count = 0

    def observe(self, values: np.ndarray) -> None:
        self._histogram.observe(values)
        axis = 1 if values.ndim > 2 else values.ndim - 1
        rows = np.moveaxis(values, axis, 0).reshape(values.shape[axis] if values.ndim else 1, -1)
        self._squares = self._squares + np.einsum("ij,ij->i", rows, rows, dtype=np.float64)
        self._peaks = np.maximum(self._peaks, np.abs(rows).max(axis=1, initial=0.0))
        self._count += rows.shape[1]

    @property
    def statistics(self) -> Statistics:
        squares, peaks = np.atleast_1d(self._squares), np.atleast_1d(self._peaks).astype(np.float64)
        return Statistics(self._histogram.distribution, squares / max(self._count, 1), peaks)


def session(proto: onnx.ModelProto, extra_outputs: Iterable[str] = ()) -> ort.InferenceSession:
    """A deterministic session (one thread, no optimisation) that also returns `extra_outputs`."""
    copy = onnx.ModelProto()
    copy.CopyFrom(proto)
    known = {o.name for o in copy.graph.output}
    copy.graph.output.extend(onnx.ValueInfoProto(name=name) for name in dict.fromkeys(extra_outputs) if name not in known)
    options = ort.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.log_severity_level = 4
    return ort.InferenceSession(copy.SerializeToString(), options, providers=["CPUExecutionProvider"])


def observe(
    proto: onnx.ModelProto,
    tensors: Iterable[str],
    samples: Iterable[Mapping[str, np.ndarray]],
    progress: Progress = lambda phase, done, total: None,
    total: int = 0,
) -> dict[str, Statistics]:
    """The statistics of every tensor over all samples."""
    tensors = list(tensors)
    observers = {name: Observer() for name in tensors}
    inputs = {i.name for i in proto.graph.input}
    computed = [name for name in tensors if name not in inputs]
    runner = session(proto, computed)
    for index, sample in enumerate(samples):
        values = dict(zip(computed, runner.run(computed, dict(sample)))) if computed else {}
        for name in tensors:
            observers[name].observe(sample[name] if name in inputs else values[name])
        progress("calibrate", index + 1, total)
    return {name: observer.statistics for name, observer in observers.items()}
