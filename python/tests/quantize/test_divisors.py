# SPDX-License-Identifier: CC0-1.0
"""Divisions by what is computed: deviations, norms and sums of which the largest is many times the smallest."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import onnx
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from small_models import constant, dense, ints, join, model, node, normal, outcome, peer

EXAMPLES = int(os.environ.get("ESPDL_TEST_EXAMPLES", "80"))
WIDTH = 16
_CENTRED = [node("ReduceMean", ["x"], ["m"], "mean", axes=[-1]), node("Sub", ["x", "m"], ["d"], "centre")]
_DEVIATION = [
    node("ReduceMean", ["q"], ["v"], "variance", axes=[-1]),
    node("Add", ["v", "epsilon"], ["ve"], "add"),
]
# Ways to normalise the last axis, as exporters write them.
FORMS = {
    "deviation": [
        *_CENTRED,
        node("Mul", ["d", "d"], ["q"], "square"),
        *_DEVIATION,
        node("Sqrt", ["ve"], ["s"], "root"),
        node("Div", ["d", "s"], ["n"], "divide"),
    ],
    "powers": [
        *_CENTRED,
        node("Pow", ["d", "two"], ["q"], "square"),
        *_DEVIATION,
        node("Pow", ["ve", "half"], ["s"], "root"),
        node("Div", ["d", "s"], ["n"], "divide"),
    ],
    "negative power": [
        *_CENTRED,
        node("Mul", ["d", "d"], ["q"], "square"),
        *_DEVIATION,
        node("Pow", ["ve", "minus_half"], ["s"], "root"),
        node("Mul", ["s", "d"], ["n"], "scale"),
    ],
    "reciprocal norm": [
        node("ReduceSumSquare", ["x"], ["v"], "squares", axes=[-1]),
        node("Max", ["v", "epsilon"], ["ve"], "limit"),
        node("Sqrt", ["ve"], ["s"], "root"),
        node("Reciprocal", ["s"], ["r"], "reciprocal"),
        node("Mul", ["x", "r"], ["n"], "scale"),
    ],
    "sum": [
        node("Abs", ["x"], ["a"], "magnitudes"),
        node("ReduceSum", ["a", "last"], ["v"], "sum"),
        node("Div", ["x", "v"], ["n"], "divide"),
    ],
}


def normalised(form: str, rows: tuple[int, ...] = ()) -> onnx.ModelProto:
    count = WIDTH * int(np.prod(rows))
    parts = join(*FORMS[form], node("Reshape", ["n", "flat"], ["f"], "flatten"), dense("f", "y", count, 4))
    numbers = {"epsilon": 1e-7, "two": 2.0, "half": 0.5, "minus_half": -0.5}
    constants = [constant(name, value) for name, value in numbers.items()]
    constants += [ints("flat", 1, count), ints("last", -1), *parts[1]]
    used = {name for part in parts[0] for name in part.input}
    return model(
        parts[0], [("x", [1, *rows, WIDTH])], [("y", [1, 4])], [tensor for tensor in constants if tensor.name in used]
    )


def spread(decades: float, rows: tuple[int, ...] = (), count: int = 64) -> dict[str, np.ndarray]:
    """Samples whose magnitudes differ by so many powers of ten."""
    scales = np.random.default_rng(3).permutation(np.logspace(-decades, 0, count))
    return {"x": normal(count, *rows, WIDTH, seed=5) * scales.reshape(-1, *[1] * (len(rows) + 1)).astype(np.float32)}


@pytest.mark.parametrize("form", FORMS)
def test_a_normalisation_by_hand(form: str, tmp_path: Path) -> None:
    proto, data = normalised(form), spread(1.0)
    result = outcome(proto, data, tmp_path)
    assert result.sqnr >= min(24.0, peer(proto, data)) - 1.0
    # Up to the tensors before it, a divisor has no scale; and what has none takes no memory.
    assert len(result.in_float) == 1
    assert result.in_float[0]["dtype"] == "int8"


@pytest.mark.parametrize("options, least", [({"chip": "esp32s3"}, 18.0), ({"precision": "int16x8"}, 43.0)])
def test_in_other_schemes(options: dict[str, str], least: float, tmp_path: Path) -> None:
    assert outcome(normalised("negative power"), spread(1.0), tmp_path, **options).sqnr >= least


@settings(max_examples=max(2, EXAMPLES // 30), phases=[Phase.generate], deadline=None)
@given(st.sampled_from(sorted(FORMS)), st.floats(0.0, 1.2), st.sampled_from([(), (3,), (2, 3)]))
def test_any_spread_of_magnitudes(tmp_path_factory: pytest.TempPathFactory, form: str, decades: float, rows) -> None:
    proto, data = normalised(form, rows), spread(decades, rows, 32)
    result = outcome(proto, data, tmp_path_factory.mktemp("spread"), evaluation=data)
    # The rounding of x itself: its steps against the smallest magnitudes.
    assert result.sqnr >= 30.0 - 20.0 * decades


def test_steps_of_a_divisor_may_be_vectors(tmp_path: Path) -> None:
    """Constants with one value per channel on the way to a divisor stay floats too."""
    nodes, constants = join(
        node("Mul", ["x", "x"], ["q"], "square"),
        node("ReduceMean", ["q"], ["v"], "mean", axes=[2]),
        node("Mul", ["v", "factors"], ["w"], "weigh"),
        node("Add", ["w", "offsets"], ["o"], "add"),
        node("Sqrt", ["o"], ["s"], "root"),
        node("Div", ["x", "s"], ["y"], "divide"),
    )
    constants += [constant("factors", np.full((1, 3, 1), 2.0)), constant("offsets", np.full((1, 3, 1), 1e-4))]
    proto = model(nodes, [("x", [1, 3, 8])], [("y", [1, 3, 8])], constants)
    data = {"x": normal(64, 3, 8) * np.logspace(-1, 0, 64).reshape(-1, 1, 1).astype(np.float32)}
    assert outcome(proto, data, tmp_path, evaluation=data).sqnr >= 22.0
