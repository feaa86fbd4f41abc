# SPDX-License-Identifier: CC0-1.0
"""Products in forms that exporters write: one output, one input, rows. None in floats, none with a table behind it."""

from __future__ import annotations

from pathlib import Path

import pytest
import small_models as small


def inside(*shape: int) -> dict[str, small.Data]:
    """Evaluation data inside of what calibration saw: one output has one range, and no other hides that it is left."""
    return {"data": {"x": 1.5 * small.normal(96, *shape)}, "evaluation": {"x": small.normal(32, *shape, seed=6)}}


SCHEMES = [{}, {"chip": "esp32s3"}, {"precision": "int16x8"}]
NAMES = ["affine", "esp32s3", "int16"]


@pytest.mark.parametrize("options", SCHEMES, ids=NAMES)
@pytest.mark.parametrize(("inputs", "outputs"), [(16, 1), (1, 16)])
def test_gemm_with_transposed_weights(inputs: int, outputs: int, options: dict, tmp_path: Path) -> None:
    nodes, constants = small.dense("x", "y", inputs, outputs)
    proto = small.model(nodes, [("x", [1, inputs])], [("y", [1, outputs])], constants)
    result = small.outcome(proto, folder=tmp_path, **inside(inputs), **options)
    assert not result.in_float
    assert result.sqnr > 33


@pytest.mark.parametrize("options", SCHEMES, ids=NAMES)
def test_head_of_one_output(options: dict, tmp_path: Path) -> None:
    nodes, constants = small.join(
        small.dense("x", "h", 10, 12),
        small.node("Relu", ["h"], ["r"], "relu"),
        small.dense("r", "z", 12, 1),
        small.node("Sigmoid", ["z"], ["y"], "sigmoid"),
    )
    proto = small.model(nodes, [("x", [1, 10])], [("y", [1, 1])], constants)
    result = small.outcome(proto, folder=tmp_path, **inside(10), **options)
    assert not result.in_float
    assert result.sqnr > 40


@pytest.mark.parametrize("options", SCHEMES, ids=NAMES)
def test_activation_of_rows(options: dict, tmp_path: Path) -> None:
    """ONNX Runtime's optimiser puts a reshape between the sum and its activation."""
    nodes, constants, last = [], [], "x"
    for index, (taken, made) in enumerate([(12, 20), (20, 6)]):
        names = [f"{n}{index}" for n in ("weights", "product", "bias", "sum", "y")]
        nodes += [
            small.node("MatMul", [last, names[0]], [names[1]], names[1]),
            small.node("Add", [names[1], names[2]], [names[3]], names[3]),
            small.node("Relu", [names[3]], [names[4]], f"relu{index}"),
        ]
        constants.append(small.constant(names[0], small.normal(taken, made, seed=60 + index, scale=taken**-0.5)))
        constants.append(small.constant(names[2], small.normal(made, seed=80 + index, scale=0.1)))
        last = names[4]
    proto = small.model(nodes, [("x", [1, 5, 12])], [("y1", [1, 5, 6])], constants)
    result = small.outcome(proto, folder=tmp_path, **inside(5, 12), **options)
    assert len(result.layers) == 2 and not result.in_float
    assert result.sqnr > 32
