# SPDX-License-Identifier: Apache-2.0
"""Models that carry Q/DQ already, brought to the one form that the rest of the compiler knows.

ONNX Runtime, PyTorch and ESP-PPQ write different kinds of the same thing: uint8 or int8 activations, weights as
integers or as floats with a QuantizeLinear of their own, biases with or without one, pairs on both sides of a ReLU.

- Constants are computed, so that only DequantizeLinear of integers is left of weights.
- uint8 becomes int8 (128 less, zero point too).
- A float bias becomes int32 at input scale * weights scale, rounded: the only step that is not exact.
- A pair before a ReLU goes where the pair after it has the same scale; after an operator that only selects values a
  missing pair is added.
What cannot be taken is refused with the reason.
"""

from __future__ import annotations

import numpy as np
import onnx

from espdl.frontend import shapes
from espdl.quantize import folding
from espdl.quantize.edit import copied, inferred
from espdl.quantize.graph import Graph
from espdl.quantize.prequantized import biases, checks, constants, floats, pairs, rescaled, signed
from espdl.quantize.prequantized.biases import accumulator_scale
from espdl.quantize.prequantized.checks import has_fixed_scales

__all__ = ["has_fixed_scales", "is_power_of_two", "normalise", "with_constants"]


def with_constants(proto: onnx.ModelProto) -> onnx.ModelProto:
    """The model, preprocessed, without nodes that compute shapes or constants or that change no type."""
    result = copied(proto)
    before = 0
    while before != len(result.graph.node):
        before = len(result.graph.node)
        folding.fold(result, {"QuantizeLinear"}, largest=None)
        constants.remove_copies(result)
        constants.move_dimensions(result)
        result = inferred(result)
    return result


def normalise(proto: onnx.ModelProto, label: str) -> tuple[onnx.ModelProto, tuple[str, ...]]:
    """What `with_constants` gave in our form, and sentences about what is suspicious or will not be fast.

    Raises EspdlError for what cannot be taken.
    """
    result = copied(proto)
    constants.complete_zero_points(result)
    checks.check(result, label)
    signed.convert(result)
    rescaled.reconcile(result)
    floats.use_float_numbers(result)
    told = [*biases.shared(result), *floats.use_float_constants(result)]
    result = biases.quantize(result, label)
    pairs.merge(result)
    pairs.complete(result)
    return shapes.inferred(result), tuple(told)


def is_power_of_two(proto: onnx.ModelProto) -> bool:
    """Whether all layers can requantise with a shift: input scale * weights scale / output scale is 2**-n, 0 <= n <=
    31.
    """
    graph = Graph(proto)
    for node in graph.nodes:
        scale = accumulator_scale(graph, node)
        if scale is None:
            continue
        name = node.output[0]
        while (consumer := graph.only_consumer(name)) is not None and consumer.op_type != "QuantizeLinear":
            name = consumer.output[0]
        if consumer is None:
            continue
        mantissas, exponents = np.frexp(scale / graph.array(consumer.input[1]).astype(np.float64))
        if (mantissas != 0.5).any() or (exponents > 1).any() or (exponents < -30).any():
            return False
    return True
