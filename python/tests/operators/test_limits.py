# SPDX-License-Identifier: CC0-1.0
"""What is known of the values in tensors: no run leaves it; what moves values or looks them up passes it on."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from usual_networks import Net

from espdl import backends, pipeline
from espdl.ops.conv2d import Conv2d
from espdl.verify import reference

pytestmark = pytest.mark.slow


def network() -> tuple[onnx.ModelProto, list[str]]:
    """A model, and the names of its results of which more than the type is known."""
    net = Net("limits")
    image = net.input("image", 1, 4, 8, 8)
    ends = net.constant([0, 0, 1, 1, 0, 0, 1, 1], np.int64)
    double = net.constant([1, 1, 2, 2])
    positive = net.relu(net.conv(image, 8, 3))
    other = net.relu(net.conv(image, 8, 1))
    joined = net.node("Concat", positive, other, axis=1)
    half_known = net.node("Concat", positive, net.conv(image, 8, 1), axis=1)
    net.channels |= {joined: 16, half_known: 16}
    moved = {
        "joined": joined,
        "turned": net.node("Transpose", joined, perm=[0, 1, 3, 2]),
        "padded": net.node("Pad", positive, ends),
        "larger": net.node("Resize", positive, "", double, mode="linear", coordinate_transformation_mode="half_pixel"),
        "pooled": net.node("MaxPool", joined, kernel_shape=[2, 2], strides=[2, 2]),
        "sigmoid": net.node("Sigmoid", positive),
        "softplus": net.node("Softplus", other),
    }
    for name, value in moved.items():
        net.output(net.conv(value, 4, 1), name)
    net.output(net.conv(half_known, 4, 1), "half_known")
    return net.model(), list(moved)


@pytest.mark.parametrize(("chip", "scheme"), [("esp32s3", "power_of_two"), ("generic", "affine")])
def test_no_run_leaves_the_limits(tmp_path: Path, chip: str, scheme: str) -> None:
    proto, moved = network()
    onnx.save(proto, tmp_path / "net.onnx")
    random = np.random.default_rng(5)
    np.save(tmp_path / "calib.npy", random.normal(0, 1, (8, 4, 8, 8)).astype(np.float32))
    options = pipeline.Options(
        str(tmp_path / "net.onnx"), "net", str(tmp_path), str(tmp_path / "calib.npy"), chip=chip, scheme=scheme
    )
    made = pipeline.compile_model(options)
    operators = backends.with_limits(made.graph.operators, made.graph.aliases)
    known = {x.name: x.limits for operator in operators for x in operator.inputs if x.limits is not None}
    (port,) = made.plan.inputs
    shape = made.plan.tensor(port.tensor).shape
    for extreme in (np.full(shape, -128), np.full(shape, 127), random.choice([-128, 127], shape)):
        values = reference.run(made.plan, {port.name: extreme.astype(np.int8)})
        for name, (low, high) in known.items():
            assert low <= values[name].min() and values[name].max() <= high, name
    readers = {o.outputs[0].name.partition(":")[0]: o.inputs[0] for o in operators if isinstance(o, Conv2d)}
    narrow = {name for name in [*moved, "half_known"] if readers[name].limits not in (None, (-128, 127))}
    # With a zero point of -128, as affine gives it, a ReLU leaves all values possible; but tables leave some out.
    tables = {"sigmoid", "softplus"}
    assert tables <= narrow
    assert narrow - tables == (set() if scheme == "affine" else set(moved) - tables)
