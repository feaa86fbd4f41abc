# SPDX-License-Identifier: Apache-2.0
"""What an ONNX operator is, said once: a row per operator, and the questions that the stages ask about it.

An operator without a row is one of which nothing is known: its inputs and its output have scales of their own, and its
tensors keep the model's own values.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

# The positions of all inputs, however many there are.
_ALL = range(1 << 30)


@dataclass(frozen=True)
class Traits:
    """`moves`: output and inputs hold the same values in another place, so that they can share one scale.

    `rearranges`: of them those that copy one tensor, or parts of it, and add nothing.
    `elementwise`: every element of the output is computed from one element of each input, which makes it a table where
    only one of the inputs varies.
    `unary`: elementwise, of one tensor. `table`: what is computed without a relation between the scales of input and
    output, by a table or from differences.
    `known_range`: of its output, without data. `scaled`: the inputs that, all of them times a positive factor, give the
    output times that factor.
    `averages`: means of the input's values. `takes_activation`: integer kernels clamp their result anyway, so that the
    activation behind costs nothing and needs no scale between.
    """

    moves: bool = False
    rearranges: bool = False
    elementwise: bool = False
    unary: bool = False
    table: bool = False
    known_range: tuple[float, float] | None = None
    scaled: Sequence[int] = ()
    averages: bool = False
    takes_activation: bool = False

    @property
    def ends_factors(self) -> bool:
        """Whether it is a table or made from differences, and wants the model's own values: sigmoid, softmax."""
        return self.table and not self.scaled


_NOTHING = Traits()
_REARRANGES = Traits(moves=True, rearranges=True, scaled=(0,))
_LARGEST = Traits(moves=True, scaled=(0,))
_TABLE = Traits(elementwise=True, unary=True, table=True)
_LAYER = Traits(takes_activation=True)
_SUM = Traits(elementwise=True, scaled=_ALL, takes_activation=True)
_COMPARISON = Traits(moves=True, elementwise=True, scaled=_ALL)
_MEAN = Traits(scaled=(0,), averages=True)

_ROWS: Mapping[str, Traits] = {
    **dict.fromkeys(
        ("Reshape", "Flatten", "Squeeze", "Unsqueeze", "Transpose", "Identity", "Slice", "Split", "Gather",
         "DepthToSpace", "SpaceToDepth", "Expand", "Tile", "Dropout"),
        _REARRANGES,
    ),
    **dict.fromkeys(
        ("MaxPool", "GlobalMaxPool", "ReduceMax", "ReduceMin", "Resize", "TopK", "GatherElements", "GatherND"),
        _LARGEST,
    ),
    **dict.fromkeys(("AveragePool", "GlobalAveragePool", "ReduceMean"), _MEAN),
    "ReduceSum": Traits(scaled=(0,)),
    "Cast": Traits(scaled=(0,)),
    "Concat": Traits(moves=True, scaled=_ALL),
    "Pad": Traits(moves=True, scaled=(0, 2)),
    "Where": Traits(moves=True, scaled=(1, 2)),
    **dict.fromkeys(("Max", "Min"), _COMPARISON),
    **dict.fromkeys(("Add", "Sub"), _SUM),
    "Mul": Traits(elementwise=True, takes_activation=True),
    **dict.fromkeys(("Div", "Pow"), Traits(elementwise=True)),
    **dict.fromkeys(("Conv", "ConvTranspose", "Gemm", "MatMul", "BatchNormalization"), _LAYER),
    "Clip": replace(_TABLE, scaled=(0, 1, 2)),
    **dict.fromkeys(("Relu", "LeakyRelu"), replace(_TABLE, scaled=(0,))),
    "Softmax": Traits(table=True, known_range=(0.0, 1.0)),
    **dict.fromkeys(("Sigmoid", "HardSigmoid"), replace(_TABLE, known_range=(0.0, 1.0))),
    "Tanh": replace(_TABLE, known_range=(-1.0, 1.0)),
    **dict.fromkeys(
        ("Abs", "Acos", "Acosh", "Asin", "Asinh", "Atan", "Atanh", "Ceil", "Celu", "Cos", "Cosh", "Elu", "Erf", "Exp",
         "Floor", "Gelu", "HardSwish", "Log", "Mish", "Neg", "Reciprocal", "Round", "Selu", "Shrink", "Sign", "Sin",
         "Sinh", "Softplus", "Softsign", "Sqrt", "Swish", "Tan", "ThresholdedRelu"),
        _TABLE,
    ),
}  # fmt: skip


def of(operator: str) -> Traits:
    """The row of an ONNX operator; `operator` is its name, as a node's op_type."""
    return _ROWS.get(operator, _NOTHING)
