# SPDX-License-Identifier: CC0-1.0
"""Features of very different units in one input: scales of their own, found by calibration."""

from __future__ import annotations

import subprocess
from pathlib import Path

import numpy as np
import onnx
import pytest
from input_models import perceptron, units
from small_models import compiled, constant, conv, dense, join, model, node, normal, outcome

from espdl.plan.types import Plan
from espdl.verify import samples

ROOT = Path(__file__).resolve().parents[3]
WIDTH = 30
CENTRE, SPREAD = units(WIDTH)
STEPS = [("Sub", CENTRE), ("Div", SPREAD)]
OPTIONS = [{}, {"scheme": "power_of_two"}, {"chip": "esp32s3"}, {"precision": "int16x8"}]


@pytest.mark.parametrize("options", OPTIONS, ids=str)
def test_as_good_as_scaled_outside(options: dict[str, str], tmp_path: Path) -> None:
    data = normal(300, WIDTH, seed=4)
    inside = outcome(perceptron(WIDTH, STEPS), {"x": data * SPREAD + CENTRE}, tmp_path / "inside", **options)
    outside = outcome(perceptron(WIDTH), {"x": data}, tmp_path / "outside", **options)
    assert inside.sqnr >= outside.sqnr - 1.0
    assert not inside.in_float
    assert len(inside.layers) == len(outside.layers)
    features = inside.compilation.plan.inputs[0].features
    assert features is not None and len(features.scales) == WIDTH


def test_scaler_of_the_training_left_out(tmp_path: Path) -> None:
    """Unscaled features straight into the first layer, whose weights are as different as they are."""
    data = normal(300, WIDTH, seed=4)
    proto = perceptron(WIDTH)
    for tensor in proto.graph.initializer:
        if tensor.name == "h_weights":
            weights = onnx.numpy_helper.to_array(tensor) / SPREAD
            tensor.CopyFrom(constant(tensor.name, weights))
    outside = outcome(perceptron(WIDTH), {"x": data}, tmp_path / "outside")
    assert outcome(proto, {"x": data * SPREAD}, tmp_path / "inside").sqnr >= outside.sqnr - 1.0


def test_one_scale_where_it_does_as_well(tmp_path: Path) -> None:
    """Also where each feature would have twice the integers by itself, but has enough (spectra in decibels)."""
    for name, data in (
        ("plain", normal(200, WIDTH)),
        ("decibels", 8 * normal(200, WIDTH) - np.linspace(20, 40, WIDTH)),
    ):
        plan = compiled(perceptron(WIDTH), {"x": data.astype(np.float32)}, tmp_path / name).plan
        assert plan.inputs[0].features is None


def windows(recurrent: bool) -> onnx.ModelProto:
    """Of [1, 40, 6]: a convolution with a border along time, or an LSTM."""
    scaled = [node("Mul", ["x", "by"], ["s"], "scale")]
    if recurrent:
        weights = [constant("w", normal(1, 32, 6, scale=0.4)), constant("r", normal(1, 32, 8, scale=0.3, seed=2))]
        body = join(
            node("Transpose", ["s"], ["t"], "time_first", perm=[1, 0, 2]),
            node("LSTM", ["t", "w", "r"], ["", "h"], "lstm", hidden_size=8),
            node("Reshape", ["h", "flat"], ["f"], "flat"),
            dense("f", "y", 8, 4),
        )
        more = [*weights, constant("flat", [1, 8], np.int64)]
    else:
        body = join(
            node("Transpose", ["s"], ["t"], "channels_first", perm=[0, 2, 1]),
            conv("t", "c", 6, 12, (5,), pads=[2, 2]),
            node("Relu", ["c"], ["a"], "relu"),
            node("GlobalAveragePool", ["a"], ["g"], "mean"),
            node("Flatten", ["g"], ["f"], "flatten"),
            dense("f", "y", 12, 4),
        )
        more = []
    constants = [*body[1], *more, constant("by", 1 / IMU)]
    return model([*scaled, *body[0]], [("x", [1, 40, 6])], [("y", [1, 4])], constants)


IMU = np.float32([9.81, 9.81, 9.81, 0.02, 0.02, 0.02])


@pytest.mark.parametrize("recurrent", [False, True])
def test_windows_of_an_imu(recurrent: bool, tmp_path: Path) -> None:
    """Accelerations beside rates of turn; zero stays zero, because there may be a border."""
    made = outcome(windows(recurrent), {"x": normal(60, 40, 6) * IMU}, tmp_path)
    features = made.compilation.plan.inputs[0].features
    assert features is not None and len(features.scales) == 6 and (recurrent or not any(features.offsets))
    assert made.sqnr > 25.0


def test_an_offset_alone(tmp_path: Path) -> None:
    """Pressure in hectopascals: all that varies is 2 % of what is there."""
    parts = join(
        node("Sub", ["x", "mean"], ["s"], "centre"),
        node("Div", ["s", "by"], ["t"], "scale"),
        conv("t", "c", 1, 8, (5,), pads=[2, 2]),
        node("Relu", ["c"], ["a"], "relu"),
        conv("a", "y", 8, 2, (3,), seed=8),
    )
    constants = [*parts[1], constant("mean", 1013.0), constant("by", 8.0)]
    proto = model(parts[0], [("x", [1, 1, 50])], [("y", [1, 2, 48])], constants)
    made = outcome(proto, {"x": 1013 + 8 * normal(60, 1, 50)}, tmp_path)
    assert made.sqnr > 28.0
    header = (tmp_path / "out" / "net.h").read_text()
    assert "net_quantize_x(float real)" in header


@pytest.mark.slow
@pytest.mark.parametrize("layout", ["model", "nhwc"])
def test_application_quantises_as_we_do(layout: str, tmp_path: Path) -> None:
    """net_quantize_x(value, index), compiled, against the tensors that everything else is tested with."""
    body = join(
        node("Sub", ["x", "mean"], ["s"], "centre"),
        node("Div", ["s", "by"], ["t"], "scale"),
        conv("t", "y", 3, 4, (3, 3), pads=[1] * 4),
    )
    constants = [*body[1], constant("mean", [[[110.0]], [[90]], [[7]]]), constant("by", [[[60.0]], [[0.5]], [[3]]])]
    proto = model(body[0], [("x", [1, 3, 5, 4])], [("y", [1, 4, 5, 4])], constants)
    scale, centre = np.float32([60, 0.5, 3]), np.float32([110, 90, 7])
    data = (normal(20, 5, 4, 3) * scale + centre).transpose(0, 3, 1, 2)
    made = compiled(proto, {"x": data}, tmp_path, input_layout=layout)
    expected = samples.to_tensors(made.plan, {"x": data[:1]})["x"].reshape(-1)
    values = data[0] if layout == "model" else data[0].transpose(1, 2, 0)
    assert np.array_equal(_quantised_in_c(made.plan, values.reshape(-1), tmp_path), expected)


def _quantised_in_c(plan: Plan, values: np.ndarray, folder: Path) -> np.ndarray:
    numbers = ", ".join(f"{value!r}f" for value in values.tolist())
    (folder / "main.c").write_text(
        '#include <stdio.h>\n#include "net.h"\nint main(void)\n{\n'
        f"    static const float values[] = {{{numbers}}};\n"
        "    for (int32_t i = 0; i < NET_INPUT_X_COUNT; i++) {\n"
        '        printf("%d\\n", net_quantize_x(values[i], i));\n    }\n    return 0;\n}\n'
    )
    generated = (folder / "out" / "net.c").read_text()
    tables = generated[generated.index("const float net_scales_x") :]
    tables = tables[: tables.index("};", tables.index("net_offsets_x")) + 2]
    (folder / "tables.c").write_text(f'#include "net.h"\n{tables}\n')
    program = folder / "program"
    include = [f"-I{ROOT / 'include'}", f"-I{folder / 'out'}"]
    flags = ["-Wall", "-Wextra", "-Werror", "-Wno-unused-function"]
    subprocess.run(["gcc", *flags, *include, "main.c", "tables.c", "-o", program], cwd=folder, check=True)
    printed = subprocess.run([program], capture_output=True, text=True, check=True).stdout
    return np.array(printed.split(), np.int8)
