# SPDX-License-Identifier: CC0-1.0
"""Layers over several images run on the kernels for one, image by image or with all images as rows of one."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
import small_models as small

from espdl.verify import host, reference, samples

LAYERS = {
    "rows": {"kernel": (1, 3)},
    "pixels": {"kernel": (1, 1)},
    "image": {"kernel": (3, 3), "pads": [1] * 4},
    "stride": {"kernel": (3, 3), "strides": [2, 2]},
}


def network(batch: int, size: int, pool: str, kernel: tuple[int, int], **attributes) -> onnx.ModelProto:
    nodes, constants = small.join(
        small.conv("x", "c", 3, 4, kernel, **attributes), small.node("Relu", ["c"], ["r"], "relu")
    )
    window = {} if "Global" in pool else {"kernel_shape": [2, 2], "strides": [2, 2]}
    nodes.append(small.node(pool, ["r"], ["y"], "pool", **window))
    proto = small.model(nodes, [("x", [batch, 3, size, size])], [("y", None)], constants)
    return onnx.shape_inference.infer_shapes(proto)


@pytest.mark.parametrize(
    ("layer", "batch", "size", "pool", "options"),
    [
        ("image", 2, 8, "MaxPool", {}),
        ("rows", 3, 6, "AveragePool", {"chip": "esp32s3"}),
        ("stride", 10, 5, "MaxPool", {}),
        ("pixels", 2, 4, "GlobalAveragePool", {"precision": "int16x8"}),
        pytest.param("image", 3, 7, "GlobalAveragePool", {"chip": "esp32s3"}, marks=pytest.mark.sweep),
        pytest.param("stride", 2, 8, "AveragePool", {"precision": "int16x8"}, marks=pytest.mark.sweep),
    ],
)
def test_no_layer_in_floats(layer: str, batch: int, size: int, pool: str, options: dict, tmp_path: Path) -> None:
    """As ONNX Runtime runs the quantised model, but for a step at each of the two roundings; and the C likewise."""
    proto = network(batch, size, pool, **LAYERS[layer])
    data = {"x": small.normal(16, batch, 3, size, size)}
    made = small.compiled(proto, data, tmp_path, **options)
    assert all(call.backend != "tvm" for call in made.plan.calls)
    assert small.steps_off(made, data) <= 2
    if "chip" in options:
        return
    (port,), tensors = made.plan.outputs, samples.to_tensors(made.plan, data)
    exact = np.stack([reference.run(made.plan, {"x": one})[port.tensor] for one in tensors["x"]])
    program = host.build(made.plan, made.files, "net", tmp_path / "program", flags=host.SANITIZERS)
    assert np.array_equal(program.run(tensors).outputs["y"].reshape(exact.shape), exact)


@pytest.mark.parametrize(("first", "second"), [("pixels", "pixels"), ("image", "image"), ("stride", "pixels")])
def test_layers_in_a_row_and_side_by_side(first: str, second: str, tmp_path: Path) -> None:
    """A tensor that a layer made of images, or that two layers take apart, is taken apart once."""
    nodes, constants = small.join(
        small.conv("x", "a", 3, 4, **LAYERS[first]),
        small.conv("a", "b", 4, 4, seed=1, **LAYERS[second]),
        small.conv("b", "c", 4, 3, seed=2, **LAYERS[second]),
        small.conv("b", "d", 4, 3, seed=3, **LAYERS[second]),
        small.node("Add", ["c", "d"], ["y"], "add"),
    )
    proto = onnx.shape_inference.infer_shapes(small.model(nodes, [("x", [2, 3, 7, 7])], [("y", None)], constants))
    data = {"x": small.normal(16, 2, 3, 7, 7)}
    made = small.compiled(proto, data, tmp_path)
    assert all(call.backend != "tvm" for call in made.plan.calls)
    assert sum(call.operator == "concat" for call in made.plan.calls) <= 2  # of c and d, or of a and none of b
    assert small.steps_off(made, data) <= 4  # a rounding each of a, b, c or d, and y
