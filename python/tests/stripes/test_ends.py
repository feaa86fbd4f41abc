# SPDX-License-Identifier: CC0-1.0
"""The report says in words why a region ends: what is behind it computes all rows at once, or needs them all."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import pytest
import small_models
from small_models import constant, node

from espdl import backends, pipeline
from espdl.plan import graph as graphs
from espdl.plan.stripes import NEEDS_ALL, Striped
from espdl.plan.types import KernelCall, Plan
from espdl.report.html import html
from espdl.report.text import text

SHAPE = [1, 8, 12, 12]
GATE = [
    node("GlobalAveragePool", ["c"], ["mean"]),
    node("Sigmoid", ["mean"], ["gate"]),
    node("Mul", ["c", "gate"], ["y"]),
]


def compiled(folder: Path, nodes: Sequence[onnx.NodeProto]) -> pipeline.Compilation:
    """Two convolutions, the result of the first one large, and `nodes` behind."""
    random = np.random.default_rng(2)
    weights = {"u": (32, 8, 3, 3), "v": (8, 32, 3, 3)}
    constants = [constant(name, random.uniform(-1, 1, size).astype(np.float32)) for name, size in weights.items()]
    convolutions = [
        node("Conv", ["image", "u"], ["b"], pads=[1, 1, 1, 1]),
        node("Conv", ["b", "v"], ["c"], pads=[1, 1, 1, 1]),
    ]
    model = small_models.model([*convolutions, *nodes], [("image", SHAPE)], [("y", SHAPE)], constants)
    onnx.save(model, folder / "net.onnx")
    np.save(folder / "calib.npy", random.uniform(-1, 1, (4, *SHAPE[1:])).astype(np.float32))
    options = pipeline.Options(
        model=str(folder / "net.onnx"),
        calibration=str(folder / "calib.npy"),
        name="net",
        output=str(folder / "out"),
        effort="fast",
        memory="smallest",
        input_layout="nhwc",
    )
    return pipeline.compile_model(options)


def striped(plan: Plan, calls: Sequence[KernelCall]) -> Striped:
    calls = [backends.with_rows(call, plan.tensor) for call in calls]
    return Striped(graphs.build(calls, plan.tensors, plan.inputs, plan.outputs))


def test_a_kernel_of_all_rows(tmp_path: Path) -> None:
    compilation = compiled(tmp_path, [node("Transpose", ["c"], ["y"], perm=[0, 3, 1, 2])])
    (region,) = compilation.plan.regions
    assert region.ends == "espdl_transpose computes all rows at once"
    stop = region.stop
    why = f"layers 0 to {stop - 1} run in stripes of 1 to 1 rows; layer {stop} is none of them: {region.ends}"
    assert why in " ".join(text(compilation.report).split())
    assert html(compilation.report).decode().count(why) == 2, "in the picture, and below it"


def test_what_could_be_part_is_told_from_what_cannot(tmp_path: Path) -> None:
    """The mean could be computed row by row; the product with it needs all of it."""
    compilation = compiled(tmp_path, GATE)
    plan = compilation.plan
    (region,) = plan.regions
    assert region.stop == 2 and not region.ends
    assert "layer 2 could be one of them: the arena would be no smaller" in " ".join(text(compilation.report).split())
    found = striped(plan, plan.calls)
    product = next(i for i, call in enumerate(plan.calls) if call.operator == "mul")
    assert found.stop_of(0) == product and found.reason_behind(0, product) == NEEDS_ALL


@pytest.mark.parametrize(("backend", "who"), [("tvm", "a loop of TVM"), ("esp_dl", "ESP-DL")])
def test_backends_without_rows(tmp_path: Path, backend: str, who: str) -> None:
    plan = compiled(tmp_path, GATE).plan
    mean = replace(plan.calls[2], backend=backend, function="unknown_to_the_tables", rows=None)
    found = striped(plan, [*plan.calls[:2], mean, *plan.calls[3:]])
    assert found.stop_of(0) == 2 and found.reason_behind(0, 2) == f"{who} computes all rows at once"
