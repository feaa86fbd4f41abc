# SPDX-License-Identifier: CC0-1.0
"""What detectors end in: every part of an output as good as the network before it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from small_models import by_onnxruntime, compiled, constant, conv, halves, join, model, node, normal

from espdl import pipeline
from espdl.verify import metrics, reference, samples

SIDE, CLASSES, BINS = 6, 3, 8
CELLS = SIDE * SIDE
PLACES = np.stack(np.meshgrid(np.arange(SIDE), np.arange(SIDE)), 0).reshape(2, CELLS) + 0.5


def body(filters: int) -> tuple[list, list]:
    return join(
        conv("x", "a", 3, 12, (3, 3), pads=[1] * 4, strides=[2, 2]),
        node("Relu", ["a"], ["r"], "relu"),
        conv("r", "head", 12, filters, (3, 3), pads=[1] * 4, seed=8),
    )


def detector(head: tuple[list, list], filters: int, outputs: list[tuple]) -> onnx.ModelProto:
    nodes, constants = body(filters)
    return model([*nodes, *head[0]], [("x", [1, 3, 2 * SIDE, 2 * SIDE])], outputs, [*constants, *head[1]], opset=18)


def numbers(name: str, *values: int) -> onnx.TensorProto:
    return constant(name, values, np.int64)


def yolo_v8() -> onnx.ModelProto:
    """Distances as means of distributions, boxes in pixels, scores, in one tensor [1, 4 + classes, cells] (v8, 11)."""
    head = join(
        node("Reshape", ["head", "flat"], ["f"], "flat"),
        node("Split", ["f", "parts"], ["bins", "logits"], "split", axis=1),
        node("Reshape", ["bins", "by_side"], ["b"], "by_side"),
        node("Transpose", ["b"], ["t"], "bins_first", perm=[0, 2, 1, 3]),
        node("Softmax", ["t"], ["p"], "softmax", axis=1),
        node("Conv", ["p", "steps"], ["m"], "expectation"),
        node("Reshape", ["m", "sides"], ["d"], "sides"),
        node("Split", ["d", "halves"], ["lt", "rb"], "corners", axis=1),
        node("Sub", ["places", "lt"], ["x1"], "first"),
        node("Add", ["places", "rb"], ["x2"], "second"),
        node("Add", ["x1", "x2"], ["sum"], "sum"),
        node("Div", ["sum", "two"], ["centre"], "centre"),
        node("Sub", ["x2", "x1"], ["size"], "size"),
        node("Concat", ["centre", "size"], ["boxes"], "boxes", axis=1),
        node("Mul", ["boxes", "stride"], ["pixels"], "pixels"),
        node("Sigmoid", ["logits"], ["scores"], "scores"),
        node("Concat", ["pixels", "scores"], ["y"], "concat", axis=1),
    )
    constants = [
        numbers("flat", 1, 4 * BINS + CLASSES, CELLS), numbers("parts", 4 * BINS, CLASSES), numbers("halves", 2, 2),
        numbers("by_side", 1, 4, BINS, CELLS), numbers("sides", 1, 4, CELLS), constant("places", PLACES[np.newaxis]),
        constant("steps", np.arange(BINS).reshape(1, BINS, 1, 1)), constant("two", 2.0), constant("stride", 16.0),
    ]  # fmt: skip
    return detector((head[0], constants), 4 * BINS + CLASSES, [("y", [1, 4 + CLASSES, CELLS])])


def yolo_v5() -> onnx.ModelProto:
    """Sigmoids of everything, centres and sizes decoded, [1, cells, 5 + classes]."""
    width = 5 + CLASSES
    head = join(
        node("Reshape", ["head", "flat"], ["f"], "flat"),
        node("Transpose", ["f"], ["t"], "cells_first", perm=[0, 2, 1]),
        node("Sigmoid", ["t"], ["s"], "sigmoid"),
        node("Split", ["s", "parts"], ["xy", "wh", "rest"], "split", axis=2),
        node("Mul", ["xy", "two"], ["xy2"], "twice"),
        node("Add", ["xy2", "grid"], ["cell"], "cell"),
        node("Mul", ["cell", "stride"], ["centre"], "centre"),
        node("Mul", ["wh", "two"], ["wh2"], "twice_size"),
        node("Pow", ["wh2", "two"], ["square"], "square"),
        node("Mul", ["square", "anchor"], ["size"], "size"),
        node("Concat", ["centre", "size", "rest"], ["y"], "concat", axis=2),
    )
    constants = [
        numbers("flat", 1, width, CELLS), numbers("parts", 2, 2, 1 + CLASSES), constant("two", 2.0),
        constant("grid", PLACES.T[np.newaxis] - 1), constant("stride", 16.0), constant("anchor", [30.0, 61.0]),
    ]  # fmt: skip
    return detector((head[0], constants), width, [("y", [1, CELLS, width])])


def ssd() -> onnx.ModelProto:
    """Boxes from anchors and softmax scores, as two outputs."""
    head = join(
        node("Reshape", ["head", "flat"], ["f"], "flat"),
        node("Transpose", ["f"], ["t"], "cells_first", perm=[0, 2, 1]),
        node("Split", ["t", "parts"], ["at", "by", "logits"], "split", axis=2),
        node("Mul", ["at", "tenth"], ["offset"], "offset"),
        node("Add", ["offset", "anchors"], ["centre"], "centre"),
        node("Mul", ["by", "fifth"], ["log_size"], "log_size"),
        node("Exp", ["log_size"], ["size"], "exp"),
        node("Concat", ["centre", "size"], ["boxes"], "boxes", axis=2),
        node("Softmax", ["logits"], ["scores"], "softmax", axis=2),
    )
    constants = [
        numbers("flat", 1, 4 + CLASSES, CELLS), numbers("parts", 2, 2, CLASSES), constant("tenth", 0.1),
        constant("fifth", 0.2), constant("anchors", PLACES.T[np.newaxis] / SIDE),
    ]  # fmt: skip
    return detector((head[0], constants), 4 + CLASSES, [("boxes", [1, CELLS, 4]), ("scores", [1, CELLS, CLASSES])])


def centres() -> onnx.ModelProto:
    """Peaks of a heat map (CenterFace, YuNet keep them as maps): those that are their neighbourhood's largest, the best
    five of them, and the sizes there."""
    head = join(
        node("Split", ["head", "parts"], ["heat", "sizes"], "split", axis=1),
        node("Sigmoid", ["heat"], ["p"], "sigmoid"),
        node("MaxPool", ["p"], ["m"], "peak", kernel_shape=[3, 3], pads=[1] * 4),
        node("Equal", ["p", "m"], ["is_peak"], "is_peak"),
        node("Cast", ["is_peak"], ["mask"], "mask", to=onnx.TensorProto.FLOAT),
        node("Mul", ["p", "mask"], ["peaks"], "peaks"),
        node("Reshape", ["peaks", "flat"], ["f"], "flat"),
        node("TopK", ["f", "k"], ["scores", "places"], "topk", axis=1),
        node("Reshape", ["sizes", "table"], ["by_channel"], "table"),
        node("Transpose", ["by_channel"], ["by_cell"], "by_cell", perm=[1, 0]),
        node("Reshape", ["places", "column"], ["index"], "column"),
        node("GatherND", ["by_cell", "index"], ["boxes"], "gather"),
    )
    constants = [
        numbers("parts", 1, 2), numbers("flat", 1, CELLS), numbers("k", 5), numbers("table", 2, CELLS),
        numbers("column", 5, 1),
    ]  # fmt: skip
    return detector((head[0], constants), 3, [("scores", [1, 5]), ("boxes", [5, 2])])


def parts_of(name: str, values: np.ndarray) -> dict[str, np.ndarray]:
    if name == "y" and values.shape[-1] == CELLS:
        return {"boxes": values[..., :4, :], "scores": values[..., 4:, :]}
    return {"boxes": values[..., :4], "scores": values[..., 4:]} if name == "y" else {name: values}


def results(made: pipeline.Compilation, data: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    tensors = samples.to_tensors(made.plan, data)
    runs = [reference.run(made.plan, {n: v[i] for n, v in tensors.items()}) for i in range(len(data["x"]))]
    return samples.to_float(made.plan, {p.name: np.stack([run[p.tensor] for run in runs]) for p in made.plan.outputs})


@pytest.mark.parametrize("options", [{}, {"chip": "esp32s3"}], ids=str)
@pytest.mark.parametrize("make", [yolo_v8, yolo_v5, ssd])
def test_heads(make, options: dict[str, str], tmp_path: Path) -> None:
    proto = make()
    calibration, evaluation = halves({"x": normal(64, 3, 2 * SIDE, 2 * SIDE, seed=6)})
    made = compiled(proto, calibration, tmp_path, **options)
    exact, got = by_onnxruntime(proto, evaluation), results(made, evaluation)
    for name, values in exact.items():
        ours = parts_of(name, got[name].reshape(values.shape))
        for part, wanted in parts_of(name, values).items():
            assert metrics.sqnr_db(wanted, ours[part]) > 20.0, part


def test_peaks(tmp_path: Path) -> None:
    """The best peaks are the float model's, where they are apart."""
    proto = centres()
    calibration, evaluation = halves({"x": normal(64, 3, 2 * SIDE, 2 * SIDE, seed=6)})
    made = compiled(proto, calibration, tmp_path)
    exact, got = by_onnxruntime(proto, evaluation), results(made, evaluation)
    first = exact["scores"][:, 0, 0] - exact["scores"][:, 0, 1] > 0.05
    assert first.sum() > 3
    assert np.abs(exact["scores"][first, 0, 0] - got["scores"].reshape(exact["scores"].shape)[first, 0, 0]).max() < 0.05
    boxes = got["boxes"].reshape(exact["boxes"].shape)
    assert metrics.sqnr_db(exact["boxes"][first, 0], boxes[first, 0]) > 20.0


def test_an_output_of_two_ranges_is_float(tmp_path: Path) -> None:
    made = compiled(yolo_v8(), {"x": normal(48, 3, 2 * SIDE, 2 * SIDE)}, tmp_path)
    assert made.plan.tensor(made.plan.outputs[0].tensor).dtype == "float32"
    assert any("output 'y' holds 'scores'" in text for text in made.quantized.warnings)
