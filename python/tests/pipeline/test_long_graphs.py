# SPDX-License-Identifier: CC0-1.0
"""Graphs as deep as they like: nothing recurses over them, and time grows with their length."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import onnx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from small_models import constant, ints, model, node, normal, outcome

EXAMPLES = int(os.environ.get("ESPDL_TEST_EXAMPLES", "3"))
# What a step does to [1, 16]; values stay between -4 and 4. Ties go up where scales are powers of two: a sum that meets
# one and its difference add a step each time round, and a change of sign takes it back.
STEPS = {
    "relu": [("Relu",)],
    "signs": [("Neg",), ("Abs",), ("Neg",)],
    "numbers": [("Add", "number"), ("Sub", "number")],
    "curves": [("Sigmoid",), ("Neg",)],
    "shapes": [("Reshape", "square"), ("Reshape", "row")],
    "vectors": [("Add", "vector"), ("Sub", "vector"), ("Neg",)],
}
CONSTANTS = [
    constant("number", 0.25),
    ints("square", 4, 4),
    ints("row", 1, 16),
    constant("vector", np.linspace(-0.5, 0.5, 16)),
]
DATA = {"x": normal(24, 16, seed=5)}
FORMS = [{}, {"chip": "esp32s3"}, {"precision": "int16x8"}, {"precision": "float32"}]


def chain(steps: list[tuple]) -> onnx.ModelProto:
    names = ["x", *[f"t{i}" for i in range(len(steps) - 1)], "y"]
    nodes = [node(op, [s, *more], [t], f"n{i}") for i, ((op, *more), s, t) in enumerate(zip(steps, names, names[1:]))]
    return model(nodes, [("x", [1, 16])], [("y", [1, 16])], CONSTANTS)


@pytest.fixture(autouse=True, scope="module")
def little_stack() -> Iterator[None]:
    """What recurses over 150 nodes needs more than this; TVM and onnx themselves need about half of it."""
    before = sys.getrecursionlimit()
    sys.setrecursionlimit(450)
    yield
    sys.setrecursionlimit(before)


@settings(max_examples=EXAMPLES, deadline=None)
@given(st.lists(st.sampled_from(sorted(STEPS)), min_size=1, max_size=3), st.integers(100, 150), st.sampled_from(FORMS))
def test_any_chain(kinds: list[str], count: int, options: dict) -> None:
    repeated = [step for kind in kinds for step in STEPS[kind]]
    if "vectors" in kinds:  # layers of their own
        count = 25
    steps = [repeated[i % len(repeated)] for i in range(count)]
    if "shapes" in kinds:
        steps += [("Reshape", "row")]
    with tempfile.TemporaryDirectory() as folder:
        assert outcome(chain(steps), DATA, Path(folder), effort="fast", **options).sqnr > 15


@pytest.mark.parametrize("options", FORMS[2:], ids=lambda o: "-".join(o.values()))
def test_residual_steps(options: dict, tmp_path: Path) -> None:
    """Every result is read twice: an expression that repeats it would double with every step."""
    nodes, last = [], "x"
    for i in range(60):
        result = "y" if i == 59 else f"s{i}"
        nodes += [node("Tanh", [last], [f"h{i}"], f"tanh{i}"), node("Add", [last, f"h{i}"], [result], f"add{i}")]
        last = result
    proto = model(nodes, [("x", [1, 16])], [("y", [1, 16])])
    assert outcome(proto, DATA, tmp_path, effort="fast", **options).sqnr > 30


@pytest.mark.parametrize("operator", ["HardSwish", pytest.param("Elu", marks=pytest.mark.sweep)])
def test_operators_that_read_their_operand_twice(operator: str, tmp_path: Path) -> None:
    proto = chain([(operator,)] * 100)
    assert outcome(proto, DATA, tmp_path, precision="float32").sqnr > 100


@pytest.mark.sweep
@pytest.mark.parametrize("options", FORMS, ids=lambda o: "-".join(o.values()) or "affine")
@pytest.mark.parametrize("kind", ["relu", "signs", "numbers", "curves"])
def test_5000_nodes(kind: str, options: dict, tmp_path: Path) -> None:
    steps = [STEPS[kind][i % len(STEPS[kind])] for i in range(5000)]
    assert outcome(chain(steps), DATA, tmp_path, **options).sqnr > 20
