# SPDX-License-Identifier: CC0-1.0
"""What a compilation loses is said: where, and what helps. And nothing is said where nothing is lost."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import numpy_helper
from small_models import compiled, constant, conv, dense, join, model, node, normal

from espdl.cli import main

WIDTH = 10


def scaled_inside(spread: np.ndarray) -> onnx.ModelProto:
    """A StandardScaler as part of the model, which cannot go into the input because that is an output, too."""
    parts = join(
        node("Abs", ["x"], ["raw"], "raw"),
        node("Div", ["x", "spread"], ["s"], "scale"),
        dense("s", "h", WIDTH, 16),
        node("Relu", ["h"], ["r"], "relu"),
        dense("r", "y", 16, 3, seed=9),
    )
    outputs = [("y", [1, 3]), ("raw", [1, WIDTH])]
    return model(parts[0], [("x", [1, WIDTH])], outputs, [*parts[1], constant("spread", spread)])


def warned(proto: onnx.ModelProto, data: np.ndarray, folder: Path, **options: str) -> str:
    made = compiled(proto, {"x": data}, folder, **options)
    assert made.report["warnings"] == list(made.quantized.warnings)
    return "\n".join(made.quantized.warnings)


@pytest.mark.parametrize("options", [{}, {"chip": "esp32s3"}, {"precision": "int16x8"}, {"effort": "fast"}])
def test_features_of_different_ranges(options: dict[str, str], tmp_path: Path) -> None:
    decades = 7 if "precision" in options else 4
    spread = np.logspace(-2, decades - 2, WIDTH).astype(np.float32)
    text = warned(scaled_inside(spread), normal(60, WIDTH) * spread, tmp_path, **options)
    assert "input 'x' has features of very different ranges" in text
    assert "--precision float32" in text


def test_features_that_hardly_matter_are_no_cause(tmp_path: Path) -> None:
    """Pixels at the border of a picture, nearly always black."""
    data = np.abs(normal(60, WIDTH))
    data[:, 3] *= 1e-4
    parts = join(dense("x", "h", WIDTH, 16), node("Relu", ["h"], ["r"], "relu"), dense("r", "y", 16, 3, seed=9))
    proto = model(parts[0], [("x", [1, WIDTH])], [("y", [1, 3])], parts[1])
    assert warned(proto, data, tmp_path) == ""


def difference(part: float) -> onnx.ModelProto:
    """Two layers whose weights differ by a small part, the one less the other."""
    parts = join(
        dense("x", "a", WIDTH, 8),
        dense("x", "b", WIDTH, 8),
        node("Sub", ["a", "b"], ["d"], "difference"),
        dense("d", "y", 8, 3, seed=9),
    )
    arrays = {tensor.name: numpy_helper.to_array(tensor) for tensor in parts[1]}
    arrays["y_bias"] = np.zeros(3)
    arrays["b_weights"] = arrays["a_weights"] * (1 + part * normal(8, WIDTH, seed=4))
    return model(
        parts[0], [("x", [1, WIDTH])], [("y", [1, 3])], [constant(name, values) for name, values in arrays.items()]
    )


@pytest.mark.parametrize(
    "options, knob",
    [
        ({}, "--int16 'difference'"),
        ({"effort": "fast"}, "--int16 'difference'"),
        ({"scheme": "power_of_two"}, "--scheme affine"),
        ({"precision": "int16x8"}, "--precision float32"),
    ],
)
def test_a_low_ratio_names_the_layer_and_the_knob(options: dict[str, str], knob: str, tmp_path: Path) -> None:
    text = warned(difference(0.0005), normal(60, WIDTH), tmp_path / "bad", **options)
    assert "from the float model on the calibration data itself" in text
    assert "lost in node 'difference' (Sub)" in text
    assert knob in text
    assert warned(difference(0.5), normal(60, WIDTH), tmp_path / "good", **options) == ""


def detector(offset: float, after: bool = False) -> onnx.ModelProto:
    parts = join(
        conv("x", "c", 1, 6, (3, 3), strides=[2, 2]),
        node("Relu", ["c"], ["r"], "relu"),
        node("GlobalAveragePool", ["r"], ["g"], "pool"),
        node("Flatten", ["g"], ["f"], "flatten"),
        dense("f", "z", 6, 1),
        node("Add", ["z", "offset"], ["l"], "offset"),
        node("Sigmoid", ["l"], ["s" if after else "y"], "sigmoid"),
        *([node("Reshape", ["s", "shape"], ["y"], "reshape")] if after else []),
    )
    constants = [*parts[1], constant("offset", [offset])]
    constants += [constant("shape", [1, 1, 1], np.int64)] if after else []
    return model(parts[0], [("x", [1, 1, 8, 8])], [("y", [1, 1, 1] if after else [1, 1])], constants)


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("offset, lacks", [(-7.0, "positive"), (7.0, "negative"), (1.2, None)])
def test_a_sigmoid_that_never_turns(offset: float, lacks: str | None, after: bool, tmp_path: Path) -> None:
    data = normal(40, 1, 8, 8) * np.linspace(0.2, 4.0, 40, dtype=np.float32).reshape(-1, 1, 1, 1)
    text = warned(detector(offset, after), data, tmp_path)
    assert (f"add {lacks} samples" in text) if lacks else text == ""


def test_the_command_line_says_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    onnx.save(detector(-7.0), tmp_path / "net.onnx")
    np.save(tmp_path / "calib.npy", normal(20, 1, 8, 8))
    given = ["compile", str(tmp_path / "net.onnx"), "--calibration", str(tmp_path / "calib.npy")]
    assert main([*given, "-o", str(tmp_path / "out")]) == 0
    assert "says no to all 20 calibration samples" in " ".join(capsys.readouterr().out.split())
    assert "says no to all 20 calibration samples" in (tmp_path / "out" / "report.html").read_text(encoding="utf-8")
