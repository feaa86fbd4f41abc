# SPDX-License-Identifier: Apache-2.0
"""What an ONNX operator is, said once: a row per operator that we take, and the questions that the stages ask about it.

The registries of operators, rewrites, forms and converters call `check` with what they take, so that none is forgotten.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

# The positions of all inputs, however many there are.
_ALL = range(1 << 30)


@dataclass(frozen=True)
class Operands:
    """How float constants at the inputs `at`, which are no weights of a layer, become integers beside activations.

    `shared`: with the scale of the result. `symmetric`: with zero point 0. `weights`: int8 in any case. `axis`: with a
    scale per index of that axis, and no zero point. `numbers`: single numbers too; elsewhere they are part of a table.
    """

    at: Sequence[int] = _ALL
    shared: bool = False
    symmetric: bool = False
    weights: bool = False
    axis: int | None = None
    numbers: bool = False


@dataclass(frozen=True)
class Traits:
    """`moves`: the inputs whose values the output holds in another place, so that all can share one scale.

    `rearranges`: of these operators those that copy one tensor, or parts of it, and add nothing; `reshapes`: in the
    same order, as other dimensions; `copies`: as it is.
    `keeps_values`: every value of the output is one of the inputs', or zero. `combines`: it brings the values of
    several tensors into one. `largest`: every value is the largest of some.
    `increases`: further inputs of which larger values never make a smaller output, other than by a sum.
    `compares`: inputs that it compares with each other and tells no values of. `shifted`: further inputs that, all of
    them plus a number, give the output plus that number.
    `scaled`: the inputs that, all of them times a positive factor, give the output times that factor.
    `numbers`: inputs that are numbers of the operator, not data.
    `pools`: every channel of the output is made of windows of the same channel. `averages`: means of the input.
    `layer`: sums products of data and weights. `takes_activation`: integer kernels clamp their result anyway, so that
    the activation after it costs nothing and needs no scale between. `activation`: it is one that they clamp to.
    `elementwise`: every element of the output is computed from one element of each input, which makes it a table where
    only one of the inputs varies. `unary`: elementwise, of one tensor. `table`: what is computed without a relation
    between the scales of input and output, by a table or from differences.
    `activations`: of a recurrent layer, the functions of one direction's gates that kernels have, as ONNX lists them;
    the first are the default. A layer with others is taken apart.
    `known_range`: of its output, without data. `arithmetic`: exact in any C library, and cheap beside a division.
    `constants`: how its constant operands become integers.
    `rows`: what a row of an image that it writes depends on: "each" (the same row of its inputs), "axis" (the same,
    unless the axis that it works along is that of the rows), "window" (rows at a bounded distance from one place, which
    may go on by strides), "all", or "" where none of these is known.
    """

    moves: Sequence[int] = ()
    rearranges: bool = False
    reshapes: bool = False
    copies: bool = False
    keeps_values: bool = False
    combines: bool = False
    largest: bool = False
    increases: Sequence[int] = ()
    compares: Sequence[int] = ()
    shifted: Sequence[int] = ()
    scaled: Sequence[int] = ()
    numbers: Sequence[int] = ()
    pools: bool = False
    averages: bool = False
    layer: bool = False
    takes_activation: bool = False
    activation: bool = False
    elementwise: bool = False
    unary: bool = False
    table: bool = False
    activations: Sequence[tuple[str, ...]] = ()
    known_range: tuple[float, float] | None = None
    arithmetic: bool = False
    constants: Operands | None = None
    rows: str = ""

    @property
    def is_alias(self) -> bool:
        """Whether it costs nothing, because its output is its input's memory."""
        return self.reshapes or self.copies

    @property
    def picks(self) -> bool:
        """Whether its values are some of one tensor's, or zero, but not that tensor rearranged."""
        return self.keeps_values and not self.rearranges and self.moves in ((), (0,))

    @property
    def ends_factors(self) -> bool:
        """Whether it is a table or made from differences, and wants the model's own values: sigmoid, softmax."""
        return self.table and not self.scaled


def _moving(inputs: Sequence[int], **more: Any) -> Traits:
    return Traits(moves=inputs, scaled=inputs, keeps_values=True, **more)


_NOTHING = Traits()
_EACH, _WINDOW, _AXIS, _WHOLE = (Traits(rows=rows) for rows in ("each", "window", "axis", "all"))
_COPY = _moving((0,), rearranges=True, copies=True, rows="each")
_RESHAPE = _moving((0,), rearranges=True, reshapes=True, arithmetic=True)
_PARTS = _moving((0,), rearranges=True, rows="axis")
_BLOCKS = _moving((0,), rearranges=True, rows="window")
_PICKED = _moving((0,), rows="axis")
_LARGEST = _moving((0,), largest=True, rows="window", pools=True)
_MEAN = Traits(scaled=(0,), averages=True, pools=True, arithmetic=True, rows="window")
_CHOICE = _moving(_ALL, elementwise=True, arithmetic=True, rows="each",
                  constants=Operands(shared=True))  # fmt: skip
_SUM = Traits(combines=True, elementwise=True, scaled=_ALL, takes_activation=True, arithmetic=True, rows="each",
              constants=Operands())  # fmt: skip
_LAYER = Traits(layer=True, takes_activation=True)
_TABLE = Traits(elementwise=True, unary=True, table=True, rows="each")
_PLAIN_TABLE = replace(_TABLE, arithmetic=True)
_QUESTION = Traits(compares=(0, 1), rows="each")
_ALONG = Traits(arithmetic=True, rows="axis")
_SCATTER = Traits(shifted=(0, 2))
_RECURRENT = replace(_WHOLE, constants=Operands(at=(1, 2), axis=1, numbers=True))

_ROWS: Mapping[str, Traits] = {
    **dict.fromkeys(("Identity",), replace(_COPY, arithmetic=True)),
    **dict.fromkeys(("Dropout",), _COPY),
    **dict.fromkeys(("Reshape", "Flatten", "Squeeze", "Unsqueeze"), _RESHAPE),
    "Transpose": _moving((0,), rearranges=True, arithmetic=True),
    **dict.fromkeys(("Expand", "Tile"), replace(_PARTS, arithmetic=True)),
    "Split": _PARTS,
    "Slice": _BLOCKS,
    "Gather": replace(_PARTS, constants=Operands(at=(0,), shared=True, numbers=True)),
    **dict.fromkeys(("DepthToSpace", "SpaceToDepth"), _BLOCKS),
    **dict.fromkeys(("GatherElements", "GatherND", "TopK"), _PICKED),
    "MaxPool": _LARGEST,
    "GlobalMaxPool": replace(_LARGEST, rows="all"),
    "ReduceMax": _moving((0,), largest=True, arithmetic=True, rows="axis"),
    "ReduceMin": _moving((0,), arithmetic=True, rows="axis"),
    **dict.fromkeys(("Resize", "Upsample"), Traits(moves=(0,), scaled=(0,), rows="window")),
    "Concat": _moving(_ALL, combines=True, rows="axis",
                      constants=Operands(shared=True, numbers=True)),
    "Pad": _moving((0, 2), combines=True, numbers=(2,), rows="window"),
    "Where": _moving((1, 2), combines=True, rows="each"),
    "Max": replace(_CHOICE, largest=True),
    "Min": _CHOICE,
    "AveragePool": _MEAN,
    "GlobalAveragePool": replace(_MEAN, rows="all"),
    "ReduceMean": replace(_MEAN, pools=False, rows="axis"),
    "ReduceSum": replace(_ALONG, scaled=(0,)),
    **dict.fromkeys(("ReduceL1", "ReduceL2", "ReduceSumSquare"), _ALONG),
    "Add": replace(_SUM, increases=_ALL),
    "Sub": replace(_SUM, increases=(0,)),
    "Sum": replace(_EACH, arithmetic=True),
    "Mul": Traits(elementwise=True, takes_activation=True, arithmetic=True, rows="each",
                  constants=Operands(symmetric=True)),
    "Div": Traits(elementwise=True, arithmetic=True, rows="each"),
    "Pow": Traits(elementwise=True, rows="each"),
    "PRelu": replace(_EACH, constants=Operands(at=(1,), symmetric=True, numbers=True)),
    **dict.fromkeys(("Conv", "ConvTranspose"), replace(_LAYER, rows="window")),
    "Gemm": replace(_LAYER, rows="all"),
    "MatMul": replace(_LAYER, rows="all", constants=Operands(symmetric=True, weights=True)),
    "BatchNormalization": Traits(takes_activation=True, rows="each"),
    "GRU": replace(_RECURRENT, activations=(("Sigmoid", "Tanh"),)),
    "LSTM": replace(_RECURRENT, activations=(("Sigmoid", "Tanh", "Tanh"),)),
    "RNN": replace(_RECURRENT, activations=(("Tanh",), ("Relu",))),
    "Clip": replace(_PLAIN_TABLE, activation=True, scaled=(0, 1, 2), increases=(0,), shifted=(0, 1, 2), numbers=(1, 2)),
    "Relu": replace(_PLAIN_TABLE, activation=True, scaled=(0,), keeps_values=True),
    "LeakyRelu": replace(_TABLE, scaled=(0,)),
    "Cast": replace(_EACH, scaled=(0,), increases=(0,)),
    "Softmax": Traits(table=True, known_range=(0.0, 1.0), rows="axis"),
    **dict.fromkeys(("Sigmoid", "HardSigmoid"), replace(_TABLE, known_range=(0.0, 1.0))),
    "Tanh": replace(_TABLE, known_range=(-1.0, 1.0)),
    **dict.fromkeys(("Abs", "Neg", "Reciprocal", "Sqrt"), _PLAIN_TABLE),
    **dict.fromkeys(
        ("Acos", "Acosh", "Asin", "Asinh", "Atan", "Atanh", "Ceil", "Celu", "Cos", "Cosh", "Elu", "Erf", "Exp", "Floor",
         "Gelu", "HardSwish", "Log", "Mish", "Round", "Selu", "Shrink", "Sign", "Sin", "Sinh", "Softplus", "Softsign",
         "Swish", "Tan", "ThresholdedRelu"),
        _TABLE,
    ),
    **dict.fromkeys(("Equal", "Greater", "GreaterOrEqual", "Less", "LessOrEqual"), _QUESTION),
    **dict.fromkeys(("ArgMax", "ArgMin"), replace(_AXIS, compares=(0,))),
    **dict.fromkeys(("ScatterElements", "ScatterND"), _SCATTER),
    "ReverseSequence": replace(_AXIS, shifted=(0,)),
    **dict.fromkeys(
        ("And", "BiasGelu", "BitShift", "BitwiseAnd", "BitwiseNot", "BitwiseOr", "BitwiseXor", "CastLike",
         "DequantizeLinear", "FastGelu", "IsInf", "IsNaN", "LRN", "Mean", "Mod", "Not", "Or", "QLinearAdd",
         "QLinearLeakyRelu", "QLinearMul", "QLinearSigmoid", "QLinearWhere", "QuantizeLinear", "Xor"),
        _EACH,
    ),
    **dict.fromkeys(
        ("CausalConvWithState", "CenterCropPad", "ConvInteger", "LpPool", "MaxUnpool", "QLinearAveragePool",
         "QLinearConv", "STFT"),
        _WINDOW,
    ),
    **dict.fromkeys(
        ("CumSum", "DFT", "Hardmax", "LogSoftmax", "LpNormalization", "OneHot", "QLinearConcat", "QLinearSoftmax",
         "ReduceLogSum", "ReduceLogSumExp", "ReduceProd", "SwiGLU"),
        _AXIS,
    ),
    **dict.fromkeys(
        ("AffineGrid", "Attention", "DynamicQuantizeLSTM", "DynamicQuantizeLinear", "DynamicQuantizeMatMul",
         "EmbedLayerNormalization", "GlobalLpPool", "GridSample", "GroupNormalization", "InstanceNormalization",
         "LayerNormalization", "LinearAttention", "MatMulInteger", "MatMulInteger16", "MatMulIntegerToFloat",
         "MaxRoiPool", "MeanVarianceNormalization", "NegativeLogLikelihoodLoss", "QGemm", "QLinearGlobalAveragePool",
         "QLinearMatMul", "RMSNormalization", "RoiAlign", "RotaryEmbedding", "SkipLayerNormalization",
         "SoftmaxCrossEntropyLoss"),
        _WHOLE,
    ),
    **dict.fromkeys(
        ("AllClassNMS", "BlackmanWindow", "Compress", "ConcatFromSequence", "Constant", "ConstantOfShape", "Einsum",
         "EyeLike", "HammingWindow", "HannWindow", "Loop", "NonMaxSuppression", "NonZero", "Optional",
         "OptionalGetElement", "OptionalHasElement", "Range", "Scatter", "SequenceAt", "SequenceConstruct",
         "SequenceEmpty", "SequenceErase", "SequenceInsert", "SequenceLength", "Shape", "Size", "SplitToSequence",
         "Trilu", "Unique"),
        _NOTHING,
    ),
}  # fmt: skip


def of(operator: str) -> Traits:
    """The row of an ONNX operator; `operator` is its name, as a node's op_type. Of one that we do not take, nothing is
    known: its inputs and its output have scales of their own, and its tensors keep the model's own values.
    """
    return _ROWS.get(operator, _NOTHING)


def having(field: str) -> tuple[str, ...]:
    """The ONNX operators whose rows say something in this field."""
    return tuple(name for name, row in _ROWS.items() if getattr(row, field))


def check(operators: Iterable[str], who: str) -> None:
    """Raises RuntimeError for an operator that `who` takes and that has no row."""
    missing = sorted({*operators} - _ROWS.keys())
    if missing:
        raise RuntimeError(f"{who} takes ONNX operators without a row in espdl/traits.py: {', '.join(missing)}")
