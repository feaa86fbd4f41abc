# SPDX-License-Identifier: CC0-1.0
"""Networks with what exporters put between a sensor and the first layer, and the same ones without it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto
from small_models import Outcome, constant, conv, dense, join, model, node, normal, outcome

TYPES = {
    "uint8": (TensorProto.UINT8, 0, 256),
    "int8": (TensorProto.INT8, -128, 128),
    "int16": (TensorProto.INT16, -3000, 3000),
    "uint16": (TensorProto.UINT16, 0, 4096),
}
MEAN, DEVIATION = np.float32([0.485, 0.456, 0.406]), np.float32([0.229, 0.224, 0.225])
SIZE = 24
COUNT = 40


def integers(kind: str, *shape: int, seed: int = 1) -> np.ndarray:
    _, low, high = TYPES[kind]
    return np.random.default_rng(seed).integers(low, high, shape).astype(kind)


def steps_of(chain: str, kind: str, layout: str = "NHWC") -> list[tuple[str, np.ndarray | float]]:
    """(operator, constant) of a chain."""
    mean, deviation = (c if layout == "NHWC" else c.reshape(3, 1, 1) for c in (MEAN, DEVIATION))
    _, low, high = TYPES[kind]
    whole = float(max(-low, high - 1))
    if chain == "scale":
        return [("Div", whole)]
    if chain == "centre":
        return [("Div", whole / 2), ("Sub", 1.0)]
    return [("Div", whole), ("Sub", mean), ("Div", deviation)]


def stepped(values: np.ndarray, chain: str, kind: str, layout: str = "NHWC") -> np.ndarray:
    """What a chain makes of integers: float32."""
    result = values.astype(np.float32)
    for operator, other in steps_of(chain, kind, layout):
        result = result / np.float32(other) if operator == "Div" else result - np.float32(other)
    return result


def prepared(values: np.ndarray, chain: str, kind: str) -> np.ndarray:
    """The same of [N, H, W, 3], channels first."""
    return stepped(values, chain, kind).transpose(0, 3, 1, 2)


def _steps(chain: str, kind: str, layout: str) -> tuple[list[onnx.NodeProto], list[onnx.TensorProto], str]:
    """Nodes and constants of the chain of an input "x", and what it ends in."""
    nodes, constants, last = [node("Cast", ["x"], ["real"], "cast", to=TensorProto.FLOAT)], [], "real"
    for index, (operator, other) in enumerate(steps_of(chain, kind, layout)):
        constants.append(constant(f"other{index}", other))
        nodes.append(node(operator, [last, f"other{index}"], [f"step{index}"], f"step{index}"))
        last = f"step{index}"
    return nodes, constants, last


def flattened(chain: str | None, kind: str, layout: str, size: int = 12) -> onnx.ModelProto:
    """Three dense layers of a small picture of that type; without a chain, of floats."""
    parts, constants, last = _steps(chain, kind, layout) if chain is not None else ([], [], "x")
    nodes, more = join(
        *parts,
        node("Flatten", [last], ["flat"], "flat"),
        dense("flat", "h", size * size * 3, 32),
        node("Relu", ["h"], ["r"], "relu"),
        dense("r", "g", 32, 32, seed=9),
        node("Relu", ["g"], ["q"], "relu2"),
        dense("q", "y", 32, 6, seed=11),
    )
    shape = [1, size, size, 3] if layout == "NHWC" else [1, 3, size, size]
    given = ("x", shape) if chain is None else ("x", shape, TYPES[kind][0])
    return model(nodes, [given], [("y", [1, 6])], [*constants, *more])


def picture(chain: str | None, kind: str, pads: int, layout: str = "NHWC", size: int = SIZE) -> onnx.ModelProto:
    """Convolutions and a pool of [1, size, size, 3] (or channels first) of that type; without a chain, of float
    [1, 3, size, size]."""
    parts, constants, last = [], [], "x"
    if chain is not None:
        parts, constants, last = _steps(chain, kind, layout)
        if layout == "NHWC":
            parts.append(node("Transpose", [last], ["channels_first"], "transpose", perm=[0, 3, 1, 2]))
            last = "channels_first"
    nodes, more = join(
        *parts,
        conv(last, "c", 3, 16, (3, 3), pads=[pads] * 4),
        node("Relu", ["c"], ["r"], "relu"),
        conv("r", "d", 16, 16, (3, 3), seed=8, pads=[1] * 4),
        node("Relu", ["d"], ["s"], "relu2"),
        node("MaxPool", ["s"], ["p"], "pool", kernel_shape=[2, 2], strides=[2, 2]),
        conv("p", "y", 16, 8, (3, 3), seed=9),
    )
    side = (size - 2 + 2 * pads) // 2 - 2
    shape = [1, size, size, 3] if chain is not None and layout == "NHWC" else [1, 3, size, size]
    given = ("x", shape) if chain is None else ("x", shape, TYPES[kind][0])
    return model(nodes, [given], [("y", [1, 8, side, side])], [*constants, *more])


def both(
    kind: str, chain: str, pads: int, folder: Path, layout: str = "NHWC", **options: str
) -> tuple[Outcome, Outcome]:
    """`picture` with a chain, on integers, and without, on what the chain makes of them."""
    values = integers(kind, COUNT, SIZE, SIZE, 3)
    given = values if layout == "NHWC" else np.ascontiguousarray(values.transpose(0, 3, 1, 2))
    whole = outcome(picture(chain, kind, pads, layout), {"x": given}, folder / "with", **options)
    bare = outcome(picture(None, kind, pads), {"x": prepared(values, chain, kind)}, folder / "without", **options)
    return whole, bare


def perceptron(width: int, steps: Sequence[tuple[str, np.ndarray]] = ()) -> onnx.ModelProto:
    """Three layers behind steps that the model does itself."""
    parts, constants, last = [], [], "x"
    for index, (operator, other) in enumerate(steps):
        constants.append(constant(f"other{index}", other))
        parts.append(node(operator, [last, f"other{index}"], [f"step{index}"], f"step{index}"))
        last = f"step{index}"
    nodes, more = join(
        *parts,
        dense(last, "h", width, 48),
        node("Relu", ["h"], ["r"], "relu"),
        dense("r", "g", 48, 32, seed=9),
        node("Relu", ["g"], ["q"], "relu2"),
        dense("q", "y", 32, 6, seed=11),
    )
    return model(nodes, [("x", [1, width])], [("y", [1, 6])], [*constants, *more])


def units(width: int, seed: int = 5) -> tuple[np.ndarray, np.ndarray]:
    """(centre, deviation) of features in units that have nothing to do with each other."""
    spread = np.logspace(-3, 4, width).astype(np.float32)
    np.random.default_rng(seed).shuffle(spread)
    return (normal(width, seed=seed + 1) * spread * 20).astype(np.float32), spread


def log_mel(kind: int = TensorProto.FLOAT, length: int = 1024) -> tuple[onnx.ModelProto, dict[str, np.ndarray]]:
    """A window's spectrum by a convolution, its power, mel bands and their logarithm; then a small network. With tones
    and noise of very different loudness, as float or as int16 samples."""
    width, step, bands = 64, 32, 16
    bins, times = width // 2 + 1, np.arange(width)
    phase = 2 * np.pi * np.arange(bins)[:, np.newaxis] * times / width
    basis = np.concatenate([np.cos(phase), np.sin(phase)]) * np.hanning(width) / width
    mel = np.abs(normal(bins, bands, seed=4)) * (np.random.default_rng(0).random((bins, bands)) < 0.2) + 1e-3
    constants = [constant("basis", basis[:, np.newaxis]), constant("bands", mel), constant("epsilon", 1e-6)]
    parts, last = [], "x"
    if kind != TensorProto.FLOAT:
        parts += [
            node("Cast", ["x"], ["real"], "cast", to=TensorProto.FLOAT),
            node("Div", ["real", "full"], ["s"], "s"),
        ]
        constants.append(constant("full", 32768.0))
        last = "s"
    nodes, more = join(
        *parts,
        node("Conv", [last, "basis"], ["spectrum"], "dft", strides=[step]),
        node("Split", ["spectrum", "halves"], ["re", "im"], "split", axis=1),
        node("Mul", ["re", "re"], ["re2"], "re2"),
        node("Mul", ["im", "im"], ["im2"], "im2"),
        node("Add", ["re2", "im2"], ["power"], "power"),
        node("Transpose", ["power"], ["frames"], "frames", perm=[0, 2, 1]),
        node("MatMul", ["frames", "bands"], ["mel"], "mel"),
        node("Add", ["mel", "epsilon"], ["floored"], "floored"),
        node("Log", ["floored"], ["log"], "log"),
        node("Unsqueeze", ["log", "one"], ["image"], "image"),
        conv("image", "c", 1, 16, (3, 3), strides=[2, 2]),
        node("Relu", ["c"], ["r"], "relu"),
        conv("r", "d", 16, 16, (3, 3), seed=8),
        node("Relu", ["d"], ["q"], "relu2"),
        node("GlobalAveragePool", ["q"], ["g"], "mean"),
        node("Flatten", ["g"], ["f"], "flatten"),
        dense("f", "y", 16, 6),
    )
    constants += [constant("halves", [bins, bins], np.int64), constant("one", [1], np.int64)]
    proto = model(nodes, [("x", [1, 1, length], kind)], [("y", [1, 6])], [*constants, *more])
    random, time = np.random.default_rng(1), np.arange(length)
    sound = np.zeros((40, 1, length))
    for one in sound:
        for _ in range(3):
            tone = np.sin(2 * np.pi * random.uniform(0.01, 0.45) * time + random.uniform(0, 6))
            one[0] += 10 ** random.uniform(-3, -0.3) * tone * np.linspace(random.random(), random.random(), length)
        one += 10 ** random.uniform(-4, -2) * random.normal(size=length)
    if kind == TensorProto.FLOAT:
        return proto, {"x": sound.astype(np.float32)}
    return proto, {"x": np.clip(np.rint(sound * 32768), -32768, 32767).astype(np.int16)}
