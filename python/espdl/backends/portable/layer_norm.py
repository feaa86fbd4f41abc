# SPDX-License-Identifier: Apache-2.0
"""Layer normalisation in portable C."""

from __future__ import annotations

import math

import numpy as np

from espdl.backends.layers import exact_scale
from espdl.backends.lowering import Declined, call_of, lowering
from espdl.ops.layer_norm import BETA_FRACTION, LayerNorm, LayerNormParams
from espdl.plan.types import Constant, KernelCall
from espdl.targets import Target

MAX_LENGTH = 32768
# Bits of the integers for gamma and beta; with 24 bits of a normalised value a product stays below 2**54.
BITS = 30


@lowering("layer_norm", "portable", "int8")
def lower_layer_norm(node: LayerNorm, target: Target) -> KernelCall | Declined:
    """Integers only: one square root and one division per row."""
    (x,), (y,) = node.inputs, node.outputs
    if len(node.gamma) > MAX_LENGTH:
        return Declined(f"its rows have {len(node.gamma)} elements; the kernel takes {MAX_LENGTH}")
    if _epsilon(node) >= 2**31:
        return Declined("its epsilon is too large beside the scale of its input")
    if np.abs(node.beta).max(initial=0.0) / y.scale >= 2 ** (BITS - BETA_FRACTION):
        return Declined("its bias is too large beside the scale of its output")
    if np.abs(node.gamma).max(initial=0.0) / y.scale >= 2**BITS:
        return Declined("its scale is too large beside the scale of its output")
    gamma, beta = (values / exact_scale(y) for values in (node.gamma, node.beta))
    largest = max(float(np.abs(gamma).max(initial=0.0)), 2.0**-16)
    bits = min(max(BITS - math.frexp(largest)[1], 0), 30)
    return call_of(
        node,
        "espdl_layer_norm_s8",
        "espdl/kernels/layer_norm.h",
        LayerNormParams(
            rows=x.count // len(gamma),
            length=len(gamma),
            epsilon=_epsilon(node),
            gamma_bits=bits,
            output_zero_point=y.zero_point,
        ),
        constants=(
            Constant("gamma", np.rint(gamma * 2.0**bits).astype(np.int32)),
            Constant("beta", np.rint(beta * 2.0**BETA_FRACTION).astype(np.int32)),
        ),
        in_place=((0, 0),),
    )


def _epsilon(node: LayerNorm) -> int:
    """In the units of the kernel's variance."""
    return round(node.epsilon * (len(node.gamma) / float(exact_scale(node.inputs[0]))) ** 2)
