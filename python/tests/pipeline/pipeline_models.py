# SPDX-License-Identifier: Apache-2.0
"""Small models for the tests of the whole chain."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

REPOSITORY = Path(__file__).resolve().parents[3]
DIGITS = REPOSITORY / "examples" / "digits" / "model"


def conv_model(opset: int = 17, height: object = 8, extra: list | None = None) -> onnx.ModelProto:
    """image [1, 2, height, 8] -> Conv 3x3 -> Relu -> scores; `extra` nodes come behind."""
    weights = np.linspace(-1, 1, 4 * 2 * 3 * 3, dtype=np.float32).reshape(4, 2, 3, 3)
    nodes = [
        helper.make_node("Conv", ["image", "w"], ["features"], name="stem", pads=[1, 1, 1, 1]),
        helper.make_node("Relu", ["features"], ["scores" if not extra else "active"], name="relu"),
        *(extra or []),
    ]
    graph = helper.make_graph(
        nodes,
        "net",
        [helper.make_tensor_value_info("image", TensorProto.FLOAT, [1, 2, height, 8])],
        [helper.make_tensor_value_info("scores", TensorProto.FLOAT, ["a", "b"] if extra else ["a", "b", "c", "d"])],
        [numpy_helper.from_array(weights, "w")],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=8)
