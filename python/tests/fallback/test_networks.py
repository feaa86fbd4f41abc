# SPDX-License-Identifier: CC0-1.0
"""A whole float network through the fallback: what is fused, what it needs beside its tensors, what it is called."""

from __future__ import annotations

import numpy as np
import onnx
import onnxruntime
import pytest
from fallback_harness import Program
from onnx import TensorProto, helper, numpy_helper

from espdl.partition import tvm_compat
from espdl.partition.fallback import lower


def network() -> onnx.ModelProto:
    """Convolution, batch normalisation, depthwise block with a skip, pooling, dense layer, softmax; 16 x 16 x 3."""
    random = np.random.default_rng(2)
    constants = {
        "w1": random.standard_normal((8, 3, 3, 3)) * 0.3,
        "w2": random.standard_normal((8, 1, 3, 3)) * 0.3,
        "w3": random.standard_normal((10, 8)),
        "b1": random.standard_normal(8),
        "b3": random.standard_normal(10),
        "mean": random.standard_normal(8),
        "variance": np.abs(random.standard_normal(8)) + 0.5,
    }
    nodes = [
        helper.make_node("Conv", ["x", "w1", "b1"], ["conv"], strides=[2, 2], pads=[0, 0, 1, 1]),
        helper.make_node("BatchNormalization", ["conv", "b1", "b1", "mean", "variance"], ["norm"]),
        helper.make_node("Relu", ["norm"], ["relu"]),
        helper.make_node("Conv", ["relu", "w2"], ["depthwise"], group=8, pads=[1, 1, 1, 1]),
        helper.make_node("Add", ["depthwise", "relu"], ["sum"]),
        helper.make_node("HardSwish", ["sum"], ["swish"]),
        helper.make_node("MaxPool", ["swish"], ["pool"], kernel_shape=[2, 2], strides=[2, 2]),
        helper.make_node("GlobalAveragePool", ["pool"], ["mean_"]),
        helper.make_node("Flatten", ["mean_"], ["flat"]),
        helper.make_node("Gemm", ["flat", "w3", "b3"], ["dense"], transB=1),
        helper.make_node("Softmax", ["dense"], ["y"]),
    ]
    for node in nodes:
        node.name = node.output[0]
    graph = helper.make_graph(
        nodes,
        "graph",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, (1, 3, 16, 16))],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, (1, 10))],
        [numpy_helper.from_array(value.astype(np.float32), name) for name, value in constants.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    onnx.checker.check_model(model)
    return onnx.shape_inference.infer_shapes(model)


@pytest.fixture(scope="module")
def lowered():
    return lower(tvm_compat.import_onnx(network(), lambda name, operator, error: error), "net_")


def test_it_computes_what_onnx_runtime_computes(lowered, tmp_path):
    x = np.random.default_rng(3).standard_normal((1, 3, 16, 16)).astype(np.float32)
    (result,) = Program(tmp_path, {"network": lowered}).run("network", [x])
    session = onnxruntime.InferenceSession(network().SerializeToString(), providers=["CPUExecutionProvider"])
    np.testing.assert_allclose(result, session.run(None, {"x": x})[0], atol=1e-6)


def test_kernels_keep_nothing_but_numbers_between_their_steps(lowered):
    """Padding, sums and activations live inside of the loops; no layer needs a workspace."""
    assert [kernel.scratch_bytes for kernel in lowered.kernels.values()] == [0] * len(lowered.kernels)


def test_every_kernel_tells_which_nodes_it_computes(lowered):
    groups = [[name for name in group if name in ALL_NODES] for group in lowered.members.values()]
    named = [name for group in groups for name in group]
    # A reshape is no kernel; the normalisation is taken apart into operators that have no name.
    assert sorted(named) == sorted(set(ALL_NODES) - {"flat", "norm"})
    assert ["depthwise", "sum"] in [group[:2] for group in groups]


ALL_NODES = [node.name for node in network().graph.node]
