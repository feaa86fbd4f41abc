# SPDX-License-Identifier: CC0-1.0
"""Every layer against ONNX Runtime, as `validate` does it: right for right networks, and wrong ones fail."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import pytest
from small_models import compiled, conv, dense, ints, join, model, node, normal

from espdl.cli import main
from espdl.frontend.loader import ValueInfo
from espdl.ops.operator import operators
from espdl.plan.types import Constant
from espdl.verify import layerwise, metrics, validate


def cube() -> onnx.ModelProto:
    """As many channels as rows and columns: nothing but the values says how a tensor lies in memory."""
    parts = join(
        conv("x", "a", 8, 8, (3, 3), pads=[1] * 4),
        node("Relu", ["a"], ["r"], "relu"),
        node("Transpose", ["r"], ["t"], "turn", perm=[0, 2, 3, 1]),
        node("Sigmoid", ["t"], ["s"], "squash"),
        node("ReduceMean", ["s"], ["m"], "mean", axes=[1, 2], keepdims=0),
        dense("m", "y", 8, 4),
    )
    return model(parts[0], [("x", [1, 8, 8, 8])], [("y", [1, 4])], parts[1])


def mixture() -> onnx.ModelProto:
    """A layer with the C library's functions between exact ones; the softmax of a Tanh over an axis of its own."""
    parts = join(
        conv("x", "a", 2, 6, (3,), pads=[1, 1]),
        node("CumSum", ["a", "axis"], ["c"], "scan"),
        node("Softmax", ["c"], ["p"], "softmax", axis=1),
        node("Reshape", ["p", "flat"], ["f"], "flatten"),
        dense("f", "y", 72, 3),
    )
    constants = [*parts[1], ints("flat", 1, 72), ints("axis", 2)]
    return model(parts[0], [("x", [1, 2, 12])], [("y", [1, 3])], constants)


def residual() -> onnx.ModelProto:
    """Two roundings in one kernel: a convolution's, and that of its sum with what it read."""
    parts = join(
        conv("x", "a", 8, 8, (3, 3), pads=[1] * 4),
        node("Relu", ["a"], ["r"], "relu"),
        conv("r", "b", 8, 8, (3, 3), pads=[1] * 4, seed=11),
        node("Add", ["r", "b"], ["y"], "add"),
    )
    return model(parts[0], [("x", [1, 8, 6, 6])], [("y", [1, 8, 6, 6])], parts[1])


@pytest.mark.parametrize("options", [{}, {"chip": "esp32s3"}, {"precision": "int16x8"}])
@pytest.mark.parametrize("network, shape", [(cube, (8, 8, 8)), (mixture, (2, 12)), (residual, (8, 6, 6))])
def test_right_networks_pass(network, shape: tuple[int, ...], options: dict[str, str], tmp_path: Path) -> None:
    made = compiled(network(), {"x": normal(30, *shape)}, tmp_path, **options)
    layers = layerwise.compare(made.quantized, made.plan, {"x": normal(2, *shape, seed=9)})
    assert all(layer.is_right for layer in layers), [str(layer) for layer in layers]
    assert len(layers) >= 2
    assert sum(layer.spread > 3 for layer in layers) >= 2


def test_a_wrong_layer_is_found_and_named(tmp_path: Path) -> None:
    made = compiled(cube(), {"x": normal(30, 8, 8, 8)}, tmp_path)
    index, call = next((i, c) for i, c in enumerate(made.plan.calls) if c.operator == "gemm")
    constants = tuple(Constant("bias", c.data + 4000) if c.name == "bias" else c for c in call.constants)
    calls = [*made.plan.calls]
    calls[index] = replace(call, constants=constants)
    layers = layerwise.compare(made.quantized, replace(made.plan, calls=tuple(calls)), {"x": normal(2, 8, 8, 8)})
    (wrong,) = (layer for layer in layers if not layer.is_right)
    assert "y_gemm" in str(wrong)
    assert "may by 1" in str(wrong)


def test_validate_fails_for_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys) -> None:
    onnx.save(mixture(), tmp_path / "net.onnx")
    np.save(tmp_path / "calib.npy", normal(20, 2, 12))
    given = ["validate", str(tmp_path / "net.onnx"), "--calibration", str(tmp_path / "calib.npy")]
    given += ["--eval", str(tmp_path / "calib.npy")]
    assert main(given) == 0
    assert "layers compared with ONNX Runtime" in capsys.readouterr().out
    for kind in operators().values():
        monkeypatch.setattr(kind, "steps", staticmethod(lambda params: -1))
    assert main(given) == 1
    assert "FAILED: layer 'a_conv" in capsys.readouterr().out


def outputs(*shape: int) -> np.ndarray:
    return normal(5, *shape)


@pytest.mark.parametrize(
    "shape, is_printed",
    [
        ((1, 10), True),
        ((1, 10, 1, 1), True),
        ((1, 1), False),
        ((1, 5, 12, 12), False),  # classes per pixel
        ((1, 100, 4), False),  # boxes
        ((1, 48), False),  # what an autoencoder makes of its input of 48 values
    ],
)
def test_agreement_is_for_vectors_of_classes(shape: tuple[int, ...], is_printed: bool) -> None:
    exact = outputs(*shape)
    row = validate.row("form", {"y": exact}, {"y": exact * 1.1}, None, [ValueInfo("x", (1, 48), "float32")])
    assert (row.agreement is not None) == is_printed
    assert np.isclose(row.rmse, metrics.rmse(exact, exact * 1.1))
    assert np.isclose(row.cosine, 1.0)


def test_an_output_that_is_almost_zero_is_explained(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    nodes, constants = join(dense("x", "z", 8, 1), node("Sub", ["z", "c"], ["d"], "sub"), node("Sigmoid", ["d"], ["y"]))
    constants.append(onnx.numpy_helper.from_array(np.float32([9.0]), "c"))
    onnx.save(model(nodes, [("x", [1, 8])], [("y", [1, 1])], constants), tmp_path / "net.onnx")
    np.save(tmp_path / "calib.npy", normal(20, 8))
    given = ["validate", str(tmp_path / "net.onnx"), "--calibration", str(tmp_path / "calib.npy")]
    assert main([*given, "--eval", str(tmp_path / "calib.npy")]) == 0
    assert "note: output 'y' is almost zero in the float model" in capsys.readouterr().out


def test_steps_on_the_way_to_a_tensor_are_not_it(tmp_path: Path) -> None:
    """A Pad that continues its input goes axis by axis."""
    constants = [ints("pads", 1, 0, 2, 0, 1, 0)]
    pad = node("Pad", ["x", "pads"], ["p"], "pad", mode="edge")
    proto = model([pad, node("Sigmoid", ["p"], ["y"], "sigmoid")], [("x", [2, 3, 5])], [("y", [3, 4, 7])], constants)
    made = compiled(proto, {"x": normal(12, 2, 3, 5)}, tmp_path)
    layers = layerwise.compare(made.quantized, made.plan, {"x": normal(2, 2, 3, 5, seed=9)})
    assert layers
    assert all(layer.is_right for layer in layers), [str(layer) for layer in layers]
