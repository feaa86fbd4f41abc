# SPDX-License-Identifier: CC0-1.0
"""Single-operator models for the sweep through the fallback: what each one is, and how its ONNX model is built."""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

F32, I64 = np.float32, np.int64


@dataclass(frozen=True)
class Feed:
    """A run-time input with given values (plain tuples become normally distributed float inputs of that shape)."""

    value: np.ndarray


@dataclass(frozen=True)
class Case:
    """One operator. `inputs`: a shape, a `Feed`, an array (an initializer), or None for an absent optional input."""

    name: str
    op: str
    inputs: tuple[Any, ...]
    attributes: dict[str, Any]
    outputs: int
    opset: int

    def random(self) -> np.random.Generator:
        return np.random.default_rng(zlib.crc32(self.name.encode()))

    def feeds(self) -> dict[str, np.ndarray]:
        random = self.random()
        feeds = {}
        for position, value in enumerate(self.inputs):
            if isinstance(value, tuple):
                feeds[f"x{position}"] = random.standard_normal(value).astype(F32)
            elif isinstance(value, Feed):
                feeds[f"x{position}"] = value.value
        return feeds

    def model(self) -> onnx.ModelProto:
        feeds = self.feeds()
        names = ["" if value is None else f"x{i}" for i, value in enumerate(self.inputs)]
        graph = helper.make_graph(
            [helper.make_node(self.op, names, [f"y{i}" for i in range(self.outputs)], name="node", **self.attributes)],
            "graph",
            [
                helper.make_tensor_value_info(name, helper.np_dtype_to_tensor_dtype(value.dtype), value.shape)
                for name, value in feeds.items()
            ],
            [helper.make_tensor_value_info(f"y{i}", TensorProto.UNDEFINED, None) for i in range(self.outputs)],
            [numpy_helper.from_array(v, n) for n, v in zip(names, self.inputs) if isinstance(v, np.ndarray)],
        )
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", self.opset)], ir_version=9)
        model = onnx.shape_inference.infer_shapes(model)
        for output in model.graph.output:  # operators defined as functions are not inferred
            output.type.tensor_type.elem_type = output.type.tensor_type.elem_type or TensorProto.FLOAT
        return model


CASES: list[Case] = []


def case(op: str, *inputs: Any, name: str = "", outputs: int = 1, opset: int = 17, **attributes: Any) -> None:
    CASES.append(Case(name or op, op, inputs, attributes, outputs, opset))


def weights(*shape: int) -> np.ndarray:
    return np.random.default_rng(len(CASES)).standard_normal(shape).astype(F32)


def ints(*values: int) -> np.ndarray:
    return np.array(values, I64)


def positive(*shape: int) -> Feed:
    return Feed(np.abs(weights(*shape)) + F32(0.5))


def unit(*shape: int) -> Feed:
    return Feed(np.random.default_rng(7).uniform(-0.95, 0.95, shape).astype(F32))


def integers(*shape: int, dtype: Any = np.int32) -> Feed:
    return Feed(np.random.default_rng(5).integers(0, 50, shape).astype(dtype))


def scalar(value: float, dtype: Any = F32) -> np.ndarray:
    return np.array(value, dtype)


X = (1, 4, 8, 8)
BOOLS = Feed(np.arange(24).reshape(2, 3, 4) % 3 == 0)
OTHERS = Feed(np.arange(24).reshape(2, 3, 4) % 4 == 1)
SPECIAL = Feed(np.array([[1.0, np.nan, -2.0], [np.inf, -np.inf, 0.0]], F32))

# Elementwise, one input
for _op in (
    "Relu Sigmoid Tanh HardSwish HardSigmoid Elu Exp Softplus Erf Abs Neg Floor Ceil Round Sign Identity Sin Cos Tan "
    "Atan Sinh Cosh Asinh Selu Softsign"
).split():
    case(_op, X)
for _op in "Asin Acos Atanh".split():
    case(_op, unit(*X))
for _op in "Log Sqrt Reciprocal".split():
    case(_op, positive(*X))
case("Acosh", Feed(positive(*X).value + 1))
case("Round", Feed(np.array([-2.5, -1.5, -0.5, 0.5, 1.5, 2.5, 3.5, 1e9], F32)), name="Round_ties")
case("Mish", X, opset=18)
case("Gelu", X, opset=20)
case("Gelu", X, name="Gelu_tanh", opset=20, approximate="tanh")
case("LeakyRelu", X, alpha=0.1)
case("ThresholdedRelu", X, alpha=0.3)
case("Shrink", X, lambd=0.3, bias=0.1)
case("Clip", X, scalar(-0.5), scalar(0.5))
case("Clip", X, None, scalar(0.25), name="Clip_above")
case("PRelu", X, weights(4, 1, 1))
case("IsNaN", SPECIAL)
case("IsInf", SPECIAL)
case("Not", BOOLS)
case("Dropout", X)
case("Cast", X, name="Cast_int32", to=TensorProto.INT32)
case("Cast", X, name="Cast_int8", to=TensorProto.INT8)
case("Cast", X, name="Cast_bool", to=TensorProto.BOOL)
case("Cast", integers(3, 5), name="Cast_from_int32", to=TensorProto.FLOAT)

# Elementwise, several inputs
for _op in "Add Sub Mul Div".split():
    case(_op, X, X)
for _op in "Max Min Mean Sum".split():
    case(_op, X, X, X)
case("Add", X, weights(4, 1, 1), name="Add_broadcast")
case("Mul", (1, 4, 1, 1), X, name="Mul_broadcast")
case("Add", integers(4, 5), integers(4, 5), name="Add_int32")
case("Mul", integers(4, 5, dtype=I64), integers(4, 5, dtype=I64), name="Mul_int64")
case("Div", Feed(np.array([7, 9, 20], np.int32)), Feed(np.array([2, 3, 7], np.int32)), name="Div_int32")
case("Pow", positive(*X), scalar(2.5))
case("Pow", X, scalar(2.0), name="Pow_square")
case("Mod", X, scalar(2.0), fmod=1)
case("Mod", Feed(np.array([-7, 7, -8, 8], np.int32)), np.array([3, -3, 3, 3], np.int32), name="Mod_int32")
for _op in "Equal Greater Less GreaterOrEqual LessOrEqual".split():
    case(_op, Feed(np.round(weights(3, 4, 5))), Feed(np.round(weights(4, 5))))
for _op in "And Or Xor".split():
    case(_op, BOOLS, OTHERS)
for _op in "BitwiseAnd BitwiseOr BitwiseXor".split():
    case(_op, integers(4, 5), Feed(np.arange(20, dtype=np.int32).reshape(4, 5)), opset=18)
case("BitwiseNot", integers(4, 5), opset=18)
case("BitShift", integers(4, 5, dtype=np.uint8), np.array(1, np.uint8), direction="RIGHT")
case("Where", BOOLS, (2, 3, 4), (2, 3, 4))

# Convolutions and products
case("Conv", X, weights(8, 4, 3, 3), weights(8), pads=[1, 1, 1, 1])
case("Conv", (1, 4, 16), weights(8, 4, 3), weights(8), name="Conv_1d", strides=[2])
case("Conv", (1, 2, 5, 6, 7), weights(3, 2, 2, 3, 3), name="Conv_3d", pads=[0, 1, 1, 0, 1, 1])
case("Conv", X, weights(8, 4, 3, 3), name="Conv_dilated", dilations=[2, 2], pads=[2, 2, 2, 2], strides=[2, 2])
case("Conv", X, weights(8, 2, 3, 3), name="Conv_grouped", group=2)
case("Conv", X, weights(4, 1, 3, 3), weights(4), name="Conv_depthwise", group=4, pads=[1, 1, 1, 1])
case("ConvTranspose", X, weights(4, 6, 3, 3), strides=[2, 2], pads=[1, 1, 1, 1], output_padding=[1, 1])
case("ConvTranspose", (1, 4, 9), weights(4, 3, 4), weights(3), name="ConvTranspose_1d", strides=[2], pads=[1, 1])
case("Gemm", (2, 8), weights(5, 8), weights(5), transB=1)
case("Gemm", (8, 2), weights(8, 5), weights(2, 5), name="Gemm_scaled", transA=1, alpha=0.5, beta=2.0)
case("MatMul", (2, 3, 8), weights(8, 5))
case("MatMul", (2, 3, 8), (2, 8, 5), name="MatMul_batched")
case("Einsum", (2, 3), (3, 4), equation="ij,jk->ik")
case("Einsum", (2, 3, 4), (2, 5, 4), name="Einsum_batched", equation="bij,bkj->bik")

# Pooling
case("MaxPool", X, kernel_shape=[3, 3], strides=[2, 2], pads=[1, 1, 1, 1])
case("MaxPool", X, name="MaxPool_ceil", kernel_shape=[3, 3], strides=[2, 2], ceil_mode=1)
case("MaxPool", (1, 4, 16), name="MaxPool_1d", kernel_shape=[2], strides=[2])
case("AveragePool", X, kernel_shape=[3, 3], strides=[2, 2], pads=[1, 1, 1, 1])
case(
    "AveragePool", X, name="AveragePool_padded", kernel_shape=[3, 3], strides=[2, 2], pads=[1] * 4, count_include_pad=1
)
case("AveragePool", (1, 4, 16), name="AveragePool_1d", kernel_shape=[3], strides=[2])
case("LpPool", X, kernel_shape=[2, 2], strides=[2, 2], p=2)
case("GlobalAveragePool", X)
case("GlobalMaxPool", X)

# Normalisation and softmax
case("Softmax", (2, 20), axis=-1)
case("Softmax", X, name="Softmax_channels", axis=1)
case("LogSoftmax", (2, 20), axis=-1)
case("Hardmax", (2, 10), axis=-1)
case("LayerNormalization", (2, 6, 16), weights(16), weights(16))
case("BatchNormalization", X, weights(4), weights(4), weights(4), np.abs(weights(4)))
case("InstanceNormalization", X, weights(4), weights(4))
case("GroupNormalization", X, weights(4), weights(4), num_groups=2, opset=21)
case("MeanVarianceNormalization", X)
case("LRN", X, size=3)

# Reductions
for _op in "ReduceMean ReduceMax ReduceMin ReduceProd".split():
    case(_op, X, axes=[2, 3], keepdims=0)
case("ReduceSum", X, ints(1), keepdims=1)
case("ReduceL1", X, axes=[1])
case("ReduceL2", X, axes=[1, 3])
case("ReduceLogSum", positive(*X), axes=[1])
case("ReduceLogSumExp", X, axes=[2])
case("ReduceSumSquare", X, axes=[3])
case("ArgMax", X, axis=1)
case("ArgMin", X, axis=2, keepdims=0)
case("CumSum", (2, 10), scalar(1, I64))
case("CumSum", (2, 10, 3), scalar(1, I64), name="CumSum_reverse", exclusive=1, reverse=1)
case("TopK", (2, 10), ints(3), outputs=2)
case("TopK", Feed(np.round(weights(3, 10, 2))), ints(4), name="TopK_smallest", outputs=2, axis=1, largest=0)

# Shapes, moves
case("Concat", X, (1, 2, 8, 8), axis=1)
case("Slice", X, ints(1, 2), ints(3, 7), ints(1, 2), ints(1, 2))
case("Slice", X, ints(7), ints(-9), ints(3), ints(-2), name="Slice_backwards")
case("Split", X, ints(1, 3), outputs=2, axis=1)
case("Pad", X, ints(0, 0, 1, 1, 0, 0, 2, 2), scalar(0.5))
case("Pad", X, ints(0, 0, 1, 1, 0, 0, 2, 2), name="Pad_reflect", mode="reflect")
case("Pad", X, ints(0, 0, 1, 1, 0, 0, 2, 2), name="Pad_edge", mode="edge")
case("Reshape", X, ints(1, -1))
case("Transpose", X, perm=[0, 2, 3, 1])
case("Squeeze", (1, 4, 1, 8), ints(0, 2))
case("Unsqueeze", X, ints(0))
case("Flatten", X)
case("Expand", (1, 4, 1), ints(2, 4, 3))
case("Tile", (2, 3), ints(2, 2))
case("DepthToSpace", X, blocksize=2)
case("DepthToSpace", X, name="DepthToSpace_crd", blocksize=2, mode="CRD")
case("SpaceToDepth", X, blocksize=2)
case("Trilu", (4, 4))
case("Gather", X, ints(2, -4), axis=1)
case("Gather", X, Feed(ints(2, -4)), name="Gather_dynamic", axis=1)
case("GatherND", (4, 4), np.array([[0, 1], [2, 3]]))
case("GatherElements", (3, 3), np.array([[1, 2, 0], [2, 0, 0]]), axis=1)
case("ScatterND", (6, 3), np.array([[1], [4]]), (2, 3))
case("ScatterElements", (3, 3), np.array([[1, 0, 2], [0, 2, 1]]), (2, 3), axis=0)
case("OneHot", Feed(ints(1, 2, 0, -1)), scalar(4, I64), np.array([0, 1], F32))
for _name, _attributes in {
    "nearest": dict(mode="nearest", coordinate_transformation_mode="asymmetric", nearest_mode="floor"),
    "linear": dict(mode="linear", coordinate_transformation_mode="half_pixel"),
    "cubic": dict(mode="cubic", coordinate_transformation_mode="half_pixel", cubic_coeff_a=-0.75),
}.items():
    case("Resize", X, None, np.array([1, 1, 2, 2], F32), name=f"Resize_{_name}", **_attributes)
case(
    "Resize",
    X,
    None,
    None,
    ints(1, 4, 12, 12),
    name="Resize_aligned",
    mode="linear",
    coordinate_transformation_mode="align_corners",
)
case("GridSample", X, unit(1, 5, 5, 2))
