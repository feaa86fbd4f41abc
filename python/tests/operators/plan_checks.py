# SPDX-License-Identifier: CC0-1.0
"""What no plan of an int8 network may hold: floats inside, conversions inside, calls that change nothing."""

from __future__ import annotations

import numpy as np

from espdl.plan.types import KernelCall, Plan, Tensor
from espdl.verify import reference

CONVERSIONS = {"quantize", "dequantize"}


def check(plan: Plan) -> None:
    ports = {port.tensor for port in (*plan.inputs, *plan.outputs)}
    floats = {t.name for t in plan.tensors if t.dtype.startswith("float")}
    assert floats <= ports, f"float tensors inside: {sorted(floats - ports)}"
    for call in plan.calls:
        where = f"{call.function} for {call.source_nodes}"
        if call.operator in CONVERSIONS:
            assert floats & {*call.inputs, *call.outputs}, f"{where} converts nothing at a border"
        assert not changes_nothing(plan, call), f"{where} gives what it gets"


def changes_nothing(plan: Plan, call: KernelCall) -> bool:
    """Whether the bytes of a call's result are those of its operand, whatever they are: there are all values in it, in
    random places, and all operands differ."""
    if call.function in plan.functions or len(call.outputs) != 1:
        return False
    operands = [_random(plan.tensor(name), number) for number, name in enumerate(call.inputs)]
    (result,) = reference.compute(plan, call, operands)
    return any(result.tobytes() == operand.tobytes() for operand in operands)


def _random(tensor: Tensor, seed: int) -> np.ndarray:
    random = np.random.default_rng(seed)
    if tensor.dtype.startswith("float"):
        return random.standard_normal(tensor.shape).astype(tensor.dtype)
    info = np.iinfo(tensor.dtype)
    if tensor.count < 256:
        return random.integers(info.min, info.max, tensor.shape, endpoint=True).astype(tensor.dtype)
    return (
        random.permutation(np.resize(np.arange(info.min, info.max + 1), tensor.count))
        .reshape(tensor.shape)
        .astype(tensor.dtype)
    )
