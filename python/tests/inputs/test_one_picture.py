# SPDX-License-Identifier: CC0-1.0
"""A picture of bytes that the application has is the only one: what makes the first layer's input of it does so a few
rows at a time."""

from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np
import onnx
import pytest
from input_models import TYPES, integers
from small_models import compiled, constant, conv, join, model, node

from espdl import pipeline
from espdl.verify import compare, host, rv32, samples

SIZE = 64
PICTURE = SIZE * SIZE * 3
# So many that the stripes of the first layer are a small part of the work of each chip.
LAYERS = 14


def network(kind: str, layout: str) -> onnx.ModelProto:
    """Convolutions of a picture that is the largest tensor; bytes are centred at 0 first."""
    parts = [node("Cast", ["x"], ["real"], "cast", to=onnx.TensorProto.FLOAT)]
    constants = [constant("centre", 128.0), constant("span", 64.0)]
    last = "real"
    if kind == "uint8":
        parts.append(node("Sub", ["real", "centre"], ["centred"], "centred"))
        last = "centred"
    parts.append(node("Div", [last, "span"], ["scaled"], "scaled"))
    last = "scaled"
    if layout == "NHWC":
        parts.append(node("Transpose", [last], ["turned"], "turn", perm=[0, 3, 1, 2]))
        last = "turned"
    channels = (3, 4, *[16] * LAYERS)
    for i, (inputs, outputs) in enumerate(itertools.pairwise(channels)):
        strides = [2, 2] if i < 2 else [1, 1]
        parts.append(conv(last, f"a{i}", inputs, outputs, (3, 3), pads=[1] * 4, strides=strides, seed=i))
        parts.append(node("Relu", [f"a{i}"], [f"b{i}"], f"relu{i}"))
        last = f"b{i}"
    nodes, more = join(*parts, conv(last, "y", 16, 4, (3, 3), strides=[2, 2], seed=9))
    shape = [1, SIZE, SIZE, 3] if layout == "NHWC" else [1, 3, SIZE, SIZE]
    return model(nodes, [("x", shape, TYPES[kind][0])], [("y", [1, 4, 7, 7])], [*constants, *more])


def at_caller(kind: str, layout: str, folder: Path, **options: str) -> pipeline.Compilation:
    pictures = integers("uint8", 3, SIZE, SIZE, 3)
    values = pictures if kind == "uint8" else (pictures.astype(np.int16) - 128).astype(np.int8)
    values = values if layout == "NHWC" else np.ascontiguousarray(values.transpose(0, 3, 1, 2))
    return compiled(network(kind, layout), {"x": values}, folder / kind, input_memory="caller", **options)


@pytest.mark.parametrize("chip, layout", [("esp32", "NHWC"), ("esp32s3", "NHWC"), ("esp32s3", "NCHW")])
@pytest.mark.slow
def test_the_arena_holds_some_rows(chip: str, layout: str, tmp_path: Path) -> None:
    plan = at_caller("uint8", layout, tmp_path, chip=chip).plan
    assert plan.tensor(plan.inputs[0].tensor).dtype == "uint8"
    assert plan.regions and plan.arena_bytes < PICTURE


def test_what_the_program_computes(tmp_path: Path) -> None:
    """Planes that are turned, change their sign and are summed in stripes: what the reference computes as a whole."""
    made = at_caller("uint8", "NCHW", tmp_path)
    assert made.plan.regions and made.plan.arena_bytes < PICTURE
    inputs = samples.to_tensors(made.plan, {"x": integers("uint8", 2, 3, SIZE, SIZE, seed=5)})
    program = host.build(made.plan, made.files, "net", tmp_path / "build")
    assert compare.first_difference(made.plan, inputs, program.run(inputs)) is None


@pytest.mark.slow
def test_rows_cost_next_to_nothing(tmp_path: Path) -> None:
    """Counted on rv32: at most 2 % more than the same bytes with a sign, which nothing is done to."""
    if (reason := rv32.available()) is not None:
        pytest.skip(reason)
    counts = []
    for kind in ("uint8", "int8"):
        made = at_caller(kind, "NHWC", tmp_path)
        program = rv32.build(made.plan, made.files, "net", tmp_path / f"{kind}_rv32")
        frame = samples.to_tensors(made.plan, {"x": integers(kind, 1, SIZE, SIZE, 3)})
        counts.append(program.run(frame)[1][0].instructions)
    assert counts[0] <= 1.02 * counts[1]
