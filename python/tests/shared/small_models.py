# SPDX-License-Identifier: CC0-1.0
"""Small ONNX models for tests: short forms of onnx.helper, and what the compiler makes of a model in decibels.

`outcome` compiles in this process and holds the exact reference against ONNX Runtime's float model (other tests hold
the C against the reference); `peer` is what ONNX Runtime's quantize_static reaches on the same data.
"""

from __future__ import annotations

import logging
import math
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime as ort
from onnx import TensorProto, helper, numpy_helper

from espdl import pipeline
from espdl.ops.numerics import quantize_value
from espdl.verify import metrics, reference, samples

node = helper.make_node
Data = Mapping[str, np.ndarray]


@dataclass(frozen=True)
class Outcome:
    """`sqnr`: the least over the outputs, in dB against the float model on the evaluation data."""

    sqnr: float
    compilation: pipeline.Compilation

    @property
    def layers(self) -> list[dict[str, Any]]:
        return self.compilation.report["layers"]

    @property
    def in_float(self) -> list[dict[str, Any]]:
        """The layers of the fallback, and those whose result is float."""
        return [layer for layer in self.layers if layer["fallback"] or layer["dtype"] == "float32"]


def normal(*shape: int, seed: int = 1, scale: float = 1.0) -> np.ndarray:
    return (np.random.default_rng(seed).normal(size=shape) * scale).astype(np.float32)


def constant(name: str, values: Any, dtype: Any = np.float32) -> onnx.TensorProto:
    return numpy_helper.from_array(np.asarray(values, dtype, order="C"), name)


def ints(name: str, *values: int) -> onnx.TensorProto:
    return constant(name, values, np.int64)


def model(
    nodes: Sequence[onnx.NodeProto],
    inputs: Sequence[tuple],
    outputs: Sequence[tuple],
    constants: Sequence[onnx.TensorProto] = (),
    opset: int = 17,
    ir: int = 10,
) -> onnx.ModelProto:
    """`inputs`, `outputs`: (name, shape) or (name, shape, ONNX element type); float where none is named."""
    ports = [
        [helper.make_tensor_value_info(name, kind[0] if kind else TensorProto.FLOAT, shape) for name, shape, *kind in p]
        for p in (inputs, outputs)
    ]
    graph = helper.make_graph(list(nodes), "small", *ports, list(constants))
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=ir)


def dense(
    source: str, target: str, width: int, outputs: int, seed: int = 7
) -> tuple[list[onnx.NodeProto], list[onnx.TensorProto]]:
    """A Gemm as PyTorch exports it, transB=1."""
    names = f"{target}_weights", f"{target}_bias"
    weights = normal(outputs, width, seed=seed, scale=width**-0.5)
    made = node("Gemm", [source, *names], [target], f"{target}_gemm", transB=1)
    return [made], [constant(names[0], weights), constant(names[1], normal(outputs, seed=seed + 1, scale=0.1))]


def conv(
    source: str, target: str, channels: int, filters: int, kernel: Sequence[int], seed: int = 3, **attributes: Any
) -> tuple[list[onnx.NodeProto], list[onnx.TensorProto]]:
    """A convolution whose output has about its input's variance."""
    taken = channels // attributes.get("group", 1)
    weights = normal(filters, taken, *kernel, seed=seed, scale=float(taken * np.prod(kernel)) ** -0.5)
    names = f"{target}_weights", f"{target}_bias"
    made = node("Conv", [source, *names], [target], f"{target}_conv", kernel_shape=list(kernel), **attributes)
    return [made], [constant(names[0], weights), constant(names[1], normal(filters, seed=seed + 1, scale=0.1))]


def join(*parts: Any) -> tuple[list[onnx.NodeProto], list[onnx.TensorProto]]:
    """Nodes and constants of parts, each a pair of both or a single node."""
    pairs = [part if isinstance(part, tuple) else ([part], []) for part in parts]
    return [n for nodes, _ in pairs for n in nodes], [c for _, constants in pairs for c in constants]


def compiled(proto: onnx.ModelProto, data: Data | None, folder: Path, **options: Any) -> pipeline.Compilation:
    """`data`: [N, input shape] by input, None for a model that is quantised already."""
    folder.mkdir(parents=True, exist_ok=True)
    onnx.save(proto, folder / "net.onnx")
    calibration = None
    if data is not None:
        calibration = str(folder / "calib.npz")
        np.savez(calibration, **data)
    given = {"model": str(folder / "net.onnx"), "name": "net", "output": str(folder / "out"), **options}
    return pipeline.compile_model(pipeline.Options(calibration=calibration, **given))


def outcome(
    proto: onnx.ModelProto,
    data: Data,
    folder: Path,
    *,
    evaluation: Data | None = None,
    carried: bool = False,
    **options: Any,
) -> Outcome:
    """Three quarters of `data` calibrate and the rest evaluates, unless `evaluation` is given."""
    calibration, evaluation = halves(data) if evaluation is None else (data, evaluation)
    made = compiled(proto, None if carried else calibration, folder, **options)
    exact = by_onnxruntime(proto, evaluation)
    tensors = samples.to_tensors(made.plan, evaluation)
    count = len(next(iter(evaluation.values())))
    runs = [reference.run(made.plan, {name: values[i] for name, values in tensors.items()}) for i in range(count)]
    got = samples.to_float(made.plan, {p.name: np.stack([run[p.tensor] for run in runs]) for p in made.plan.outputs})
    return Outcome(min(metrics.sqnr_db(e, got[n].reshape(e.shape)) for n, e in exact.items()), made)


def steps_off(made: pipeline.Compilation, data: Data) -> int:
    """The largest distance, in integers of the outputs, from the quantised model as it is in ONNX Runtime."""
    exact = by_onnxruntime(made.quantized.proto, data, ort.GraphOptimizationLevel.ORT_DISABLE_ALL)
    tensors = samples.to_tensors(made.plan, data)
    worst = 0
    for index in range(len(next(iter(data.values())))):
        run = reference.run(made.plan, {name: values[index] for name, values in tensors.items()})
        for port in made.plan.outputs:
            tensor, real = made.plan.tensor(port.tensor), exact[port.name][index]
            expected = real if tensor.scale is None else quantize_value(real, tensor)
            difference = expected.reshape(tensor.shape).astype(np.float64) - run[port.tensor]
            worst = max(worst, math.ceil(np.abs(difference).max()))
    return worst


def peer(proto: onnx.ModelProto, data: Data, *, evaluation: Data | None = None, wide: bool = False) -> float:
    """dB that quantize_static reaches: int8 weights per channel, activations int8 or (`wide`) int16, minmax."""
    from onnxruntime.quantization import QuantFormat, QuantType

    calibration, evaluation = halves(data) if evaluation is None else (data, evaluation)
    activations = QuantType.QInt16 if wide else QuantType.QInt8
    types = {"activation_type": activations, "weight_type": QuantType.QInt8, "quant_format": QuantFormat.QDQ}
    rough = by_onnxruntime(quantized(proto, calibration, per_channel=True, **types), evaluation)
    exact = by_onnxruntime(proto, evaluation)
    return min(metrics.sqnr_db(exact[n], rough[n]) for n in exact)


def quantized(proto: onnx.ModelProto, data: Data, **options: Any) -> onnx.ModelProto:
    """What ONNX Runtime's quantize_static makes of a float model."""
    from onnxruntime.quantization import quantize_static

    with tempfile.TemporaryDirectory() as folder:
        source, target = Path(folder) / "float.onnx", Path(folder) / "quantised.onnx"
        onnx.save(proto, source)
        logging.disable(logging.WARNING)
        try:
            quantize_static(source, target, _Reader(proto, data), **options)
        finally:
            logging.disable(logging.NOTSET)
        return onnx.load(target)


def halves(data: Data) -> tuple[Data, Data]:
    count = len(next(iter(data.values())))
    cut = count - count // 4
    return {n: a[:cut] for n, a in data.items()}, {n: a[cut:] for n, a in data.items()}


def by_onnxruntime(
    proto: onnx.ModelProto,
    data: Data,
    optimizations: ort.GraphOptimizationLevel = ort.GraphOptimizationLevel.ORT_ENABLE_ALL,
) -> dict[str, np.ndarray]:
    options = ort.SessionOptions()
    options.graph_optimization_level = optimizations
    options.log_severity_level = 3
    session = ort.InferenceSession(proto.SerializeToString(), options, providers=["CPUExecutionProvider"])
    names = [output.name for output in session.get_outputs()]
    rows = [session.run(names, row) for row in iter(_Reader(proto, data).get_next, None)]
    return {name: np.stack(values) for name, values in zip(names, zip(*rows))}


class _Reader:
    """Samples one by one in the model's shape, as onnxruntime.quantization wants them."""

    def __init__(self, proto: onnx.ModelProto, data: Data):
        held = {t.name for t in proto.graph.initializer}
        shapes = {
            i.name: [d.dim_value for d in i.type.tensor_type.shape.dim] for i in proto.graph.input if i.name not in held
        }
        count = len(next(iter(data.values())))
        self.rows = iter([{n: np.asarray(a[i]).reshape(shapes[n]) for n, a in data.items()} for i in range(count)])

    def get_next(self) -> dict[str, np.ndarray] | None:
        return next(self.rows, None)
