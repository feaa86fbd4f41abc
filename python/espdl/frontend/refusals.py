# SPDX-License-Identifier: Apache-2.0
"""ONNX operators that static C without an operating system cannot run, and why."""

from __future__ import annotations

from collections.abc import Mapping

import onnx
import onnx_ir as ir

from espdl.errors import EspdlError
from espdl.frontend import windows
from espdl.frontend.graph import about, array, opened, operands
from espdl.frontend.recurrent import GATES
from espdl.frontend.rewrites.recurrent import refusal
from espdl.wording import option

_DYNAMIC = "the shape of its output depends on the values of its input, and the generated C has only static shapes"
_LOOP = (
    "how often its body runs is not known before it runs, or its body is no step of a GRU, an LSTM or an RNN, and the "
    "generated C has no loops over a graph"
)
_SEQUENCE = "it works on sequences of tensors, and the generated C has only tensors of one static shape"
_STRINGS = "it works on text"
RUNNING_SCALE = "it finds a new scale for every input while the model runs, and the generated C has fixed scales"
_RANDOM = "it draws random numbers, and a compiled model must give the same answer every time"

# Operator -> why not. Those that a constant input makes static are gone before anybody looks here: they are folded.
REASONS: Mapping[str, str] = {
    **dict.fromkeys(("Compress", "NonZero", "Unique"), _DYNAMIC),
    "DynamicQuantizeLinear": RUNNING_SCALE,
    "If": "which of its branches runs is not known before it runs",
    "Loop": _LOOP,
    "Scan": "the generated C has no loops over a graph",
    **dict.fromkeys(
        ("ConcatFromSequence", "Optional", "OptionalGetElement", "OptionalHasElement", "SequenceAt",
         "SequenceConstruct", "SequenceEmpty", "SequenceErase", "SequenceInsert", "SequenceLength", "SequenceMap",
         "SplitToSequence"),
        _SEQUENCE,
    ),
    **dict.fromkeys(
        ("RegexFullMatch", "StringConcat", "StringNormalizer", "StringSplit", "TfIdfVectorizer"),
        _STRINGS,
    ),
    **dict.fromkeys(
        ("Bernoulli", "Multinomial", "RandomNormal", "RandomNormalLike", "RandomUniform", "RandomUniformLike"),
        _RANDOM,
    ),
    "ImageDecoder": "it decodes image files; give the model the decoded pixels",
}  # fmt: skip

_UNROLL = (
    "in Keras, give the layer unroll=True before the export (a GRU or LSTM whose loop is recognised needs none); in "
    "PyTorch, export the layer itself (nn.LSTM, nn.GRU) instead of a scripted loop; or cut the graph before it"
)
# Operator -> what to do, where there is something better than REMEDY.
REMEDIES: Mapping[str, str] = {"Loop": _UNROLL, "Scan": _UNROLL}
REMEDY = "export the model without it, or cut the graph before it and compute the rest in the application"


def _remedy(operator: str) -> str:
    if operator == "If":
        return (
            "where an input decides it, such as a sample rate, make a constant of that input"
            f" ({option('input', 'NAME=16000')}), and only one branch is left; else export the model without it"
        )
    return REMEDIES.get(operator, REMEDY)


def check(proto: onnx.ModelProto, label: str) -> None:
    """Raises EspdlError for the first node that nothing can run. Shapes must be inferred."""
    for node in opened(proto).graph:
        reason = REASONS.get(node.op_type)
        if node.op_type == "Dropout" and not _is_idle(node):
            reason = "in training mode " + _RANDOM
        if windows.is_open(node):
            reason = windows.REASON
        if node.op_type in GATES:
            reason = refusal(node)
        if reason is not None:
            raise EspdlError.at(label, about(node), reason, _remedy(node.op_type))


def _is_idle(dropout: ir.Node) -> bool:
    """Whether a Dropout is none: not in training mode, or with ratio 0."""
    _, ratio, mode = operands(dropout, 3)
    return mode is None or any(known is not None and not known for known in (array(ratio), array(mode)))
