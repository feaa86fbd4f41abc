# SPDX-License-Identifier: CC0-1.0
"""Tools quantise numbers that belong to an operator, too: a Pad's fill, what everything is multiplied with."""

from __future__ import annotations

from pathlib import Path

import pytest
from onnxruntime.quantization import QuantFormat, QuantType
from small_models import compiled, constant, conv, ints, join, model, node, normal, quantized, steps_off

DATA = {"x": normal(16, 3, 7, 6)}
KINDS = {
    "uint8": {"activation_type": QuantType.QUInt8},
    "int8": {"activation_type": QuantType.QInt8},
    "int16": {"activation_type": QuantType.QInt16, "extra_options": {"ActivationSymmetric": True}},
}


@pytest.mark.parametrize("kind", KINDS)
def test_as_onnxruntime(kind: str, tmp_path: Path) -> None:
    parts = join(
        node("Mul", ["x", "number"], ["m"], "scale"),
        node("Pad", ["m", "pads", "fill"], ["p"], "pad"),
        conv("p", "c", 3, 4, (3, 3)),
        node("Add", ["c", "one"], ["y"], "add"),
    )
    constants = [constant("number", 0.4), ints("pads", 0, 0, 1, 2, 0, 0, 0, 1), constant("fill", 0.7)]
    constants = [*parts[1], *constants, constant("one", 1.0)]
    given = model(parts[0], [("x", [1, 3, 7, 6])], [("y", [1, 4, 6, 7])], constants, opset=21)
    options = {"weight_type": QuantType.QInt8, "quant_format": QuantFormat.QDQ, **KINDS[kind]}
    made = compiled(quantized(given, DATA, **options), None, tmp_path)
    assert steps_off(made, {n: a[:4] for n, a in DATA.items()}) <= 1
