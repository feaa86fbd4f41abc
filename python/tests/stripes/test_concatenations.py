# SPDX-License-Identifier: CC0-1.0
"""A concatenation without a copy would keep the joined tensor whole: in stripes, copied rows of it need less."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
import small_models
from small_models import constant, node

from espdl import pipeline
from espdl.verify import compare, host, samples

SHAPE = [1, 4, 32, 32]


pytestmark = pytest.mark.slow


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """Two convolutions of an image, joined at its size, and one that makes a small image of that."""
    random = np.random.default_rng(6)
    sizes = {"u": (16, 4, 3, 3), "v": (16, 4, 3, 3), "w": (4, 32, 3, 3)}
    constants = [constant(name, random.uniform(-1, 1, size).astype(np.float32)) for name, size in sizes.items()]
    nodes = [
        node("Conv", ["image", "u"], ["a"], pads=[1, 1, 1, 1]),
        node("Conv", ["image", "v"], ["b"], pads=[1, 1, 1, 1]),
        node("Concat", ["a", "b"], ["c"], axis=1),
        node("Conv", ["c", "w"], ["y"], pads=[1, 1, 1, 1], strides=[4, 4]),
    ]
    path = tmp_path / "net.onnx"
    onnx.save(small_models.model(nodes, [("image", SHAPE)], [("y", [1, 4, 8, 8])], constants), path)
    np.save(tmp_path / "calib.npy", random.uniform(-1, 1, (4, *SHAPE[1:])).astype(np.float32))
    return path


def compiled(model: Path, memory: str) -> pipeline.Compilation:
    given = {"model": str(model), "name": "net", "calibration": str(model.parent / "calib.npy"), "effort": "fast"}
    return pipeline.compile_model(pipeline.Options(**given, output=str(model.parent / memory), memory=memory))


def test_a_copy_of_rows_takes_the_place_of_a_joined_tensor(model: Path) -> None:
    plain, smallest = compiled(model, "plain").plan, compiled(model, "smallest")
    assert not any(call.concatenates for call in plain.calls)
    plan = smallest.plan
    (region,) = plan.regions
    assert any(call.concatenates for call in plan.calls[region.first : region.stop])
    image = 4 * 32 * 32
    assert plain.arena_bytes >= 8 * image and plan.arena_bytes < 3 * image
    # As many bytes as the joined tensor needs are a reason to copy nothing.
    assert not any(call.concatenates for call in compiled(model, str(plain.arena_bytes)).plan.calls)
    assert compiled(model, str(plan.arena_bytes)).plan.arena_bytes == plan.arena_bytes
    program = host.build(plan, smallest.files, "net", model.parent / "program", flags=host.SANITIZERS)
    pictures = np.random.default_rng(7).uniform(-1, 1, (2, *SHAPE[1:])).astype(np.float32)
    inputs = samples.to_tensors(plan, {"image": pictures})
    assert compare.first_difference(plan, inputs, program.run(inputs)) is None
