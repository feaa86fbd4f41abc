# SPDX-License-Identifier: Apache-2.0
"""Runs the float model over the calibration data and observes every tensor that will be quantised."""

from __future__ import annotations

from typing import Callable, Iterable, Mapping, Protocol

import numpy as np
import onnx
import onnxruntime as ort

Progress = Callable[[str, int, int], None]


class Observer(Protocol):
    """Sees all values of one tensor, one sample after the other, and keeps a summary of bounded size."""

    def observe(self, values: np.ndarray) -> None: ...


class MinMax:
    """The smallest and the largest value seen; zero is always part of the range."""

    def __init__(self) -> None:
        self.low = 0.0
        self.high = 0.0

    def observe(self, values: np.ndarray) -> None:
        if values.size:
            self.low = min(self.low, float(values.min()))
            self.high = max(self.high, float(values.max()))

    @property
    def range(self) -> tuple[float, float]:
        return self.low, self.high


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
    make: Callable[[str], Observer],
    progress: Progress = lambda phase, done, total: None,
    total: int = 0,
) -> dict[str, Observer]:
    """An observer per tensor, after it has seen the tensor's values for all samples."""
    tensors = list(tensors)
    observers = {name: make(name) for name in tensors}
    inputs = {i.name for i in proto.graph.input}
    computed = [name for name in tensors if name not in inputs]
    runner = session(proto, computed)
    for index, sample in enumerate(samples):
        values = dict(zip(computed, runner.run(computed, dict(sample)))) if computed else {}
        for name in tensors:
            observers[name].observe(sample[name] if name in inputs else values[name])
        progress("calibrate", index + 1, total)
    return observers
