# SPDX-License-Identifier: CC0-1.0
"""A convolution with a border behind means that differ between channels: its border holds them, where kernels can do
that, and no layer is left in front of it but the change of sign."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from input_models import TYPES, integers
from small_models import Data, compiled, constant, conv, join, model, node, steps_off

from espdl import pipeline
from espdl.verify import compare, host, samples


def network(
    kind: str, layout: str, means: np.ndarray, image: tuple[int, int], filters: int = 16, **attributes: object
) -> tuple[onnx.ModelProto, Data]:
    """A convolution of (x - means) / 64, `means` [channels], and pictures for it."""
    channels = len(means)
    shaped = means.astype(np.float32).reshape((-1,) if layout == "NHWC" else (-1, 1, 1))
    parts = [
        node("Cast", ["x"], ["real"], "cast", to=onnx.TensorProto.FLOAT),
        node("Sub", ["real", "means"], ["centred"], "centred"),
        node("Div", ["centred", "span"], ["scaled"], "scaled"),
    ]
    last = "scaled"
    if layout == "NHWC":
        parts.append(node("Transpose", [last], ["turned"], "turn", perm=[0, 3, 1, 2]))
        last = "turned"
    nodes, more = join(*parts, conv(last, "y", channels, filters, **attributes))
    shape = [1, *image, channels] if layout == "NHWC" else [1, channels, *image]
    constants = [constant("means", shaped), constant("span", 64.0), *more]
    proto = model(nodes, [("x", shape, TYPES[kind][0])], [("y", ["a", "b", "c", "d"])], constants)
    inferred = onnx.shape_inference.infer_shapes(proto)
    del inferred.graph.output[0].type.tensor_type.shape.dim[:]
    return onnx.shape_inference.infer_shapes(inferred), {"x": integers(kind, 12, *shape[1:])}


def is_exact(made: pipeline.Compilation, data: Data, folder: Path) -> bool:
    """The generated C is its reference, and that the quantised model in ONNX Runtime to one integer."""
    program = host.build(made.plan, made.files, "net", folder)
    inputs = samples.to_tensors(made.plan, {name: values[:3] for name, values in data.items()})
    same = compare.first_difference(made.plan, inputs, program.run(inputs)) is None
    return same and steps_off(made, data) <= 1


SEEDS = [pytest.param(seed, marks=() if seed < 6 else pytest.mark.sweep) for seed in range(40)]


@pytest.mark.parametrize("seed", SEEDS)
def test_any_layer_is_exact(seed: int, tmp_path: Path) -> None:
    random = np.random.default_rng(seed)
    kind, layout = ("uint8", "int8")[seed % 2], ("NHWC", "NCHW")[seed // 2 % 2]
    channels = int(random.choice([1, 2, 3, 3, 4, 16]))
    means = random.uniform(*((20, 200) if kind == "uint8" else (-100, 100)), channels)
    if seed % 5 == 0:
        means = np.rint(means)
    proto, data = network(
        kind,
        layout,
        means,
        (int(random.integers(7, 20)), int(random.integers(7, 20))),
        int(random.choice([4, 8, 16, 20, 32])),
        kernel=tuple(random.integers(1, 5, 2).tolist()),
        pads=random.integers(0, 3, 4).tolist(),
        strides=random.integers(1, 3, 2).tolist(),
        dilations=random.integers(1, 3, 2).tolist(),
    )
    scheme = ("power_of_two", "affine")[seed // 4 % 2]
    made = compiled(proto, data, tmp_path, chip="esp32s3", scheme=scheme)
    functions = [call.function for call in made.plan.calls]
    assert not any("lookup" in function for function in functions)
    assert all(call.backend == "esp32s3" for call in made.plan.calls if call.operator.startswith("conv2d"))
    assert is_exact(made, data, tmp_path / "build")


OTHERWISE = {
    "zero is no byte": (np.array([-20.0, 30.0, 300.0]), (9, 9), {"kernel": (3, 3), "pads": [1] * 4}),
    "windows larger than the image": (np.array([40.0, 50.0, 60.0]), (3, 3), {"kernel": (4, 4), "pads": [2] * 4}),
    "groups": (np.array([40.0, 50.0]), (9, 9), {"kernel": (3, 3), "pads": [1] * 4, "group": 2}),
}


@pytest.mark.parametrize("why", OTHERWISE)
@pytest.mark.parametrize("chip", ["esp32s3", "esp32"])
def test_a_table_where_the_border_cannot_hold_it(chip: str, why: str, tmp_path: Path) -> None:
    means, image, attributes = OTHERWISE[why]
    proto, data = network("uint8", "NHWC", means, image, **attributes)
    made = compiled(proto, data, tmp_path, chip=chip)
    assert "espdl_lookup_channels_s8" in [call.function for call in made.plan.calls]
    assert not [layer for layer in made.report["layers"] if layer["fallback"]]
    assert is_exact(made, data, tmp_path / "build")
