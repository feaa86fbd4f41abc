# SPDX-License-Identifier: Apache-2.0
"""Layer normalisation in portable C."""

from __future__ import annotations

import math

import numpy as np

from espdl.backends.layers import exact_scale
from espdl.backends.lowering import Declined, call_of, lowering
from espdl.ops.layer_norm import LayerNorm, LayerNormParams
from espdl.plan.types import Constant, KernelCall
from espdl.targets import Target

MAX_LENGTH = 32768
LARGEST = 2**15 - 1
# Of the factor of 15 bits that an element is multiplied with: more, and what is added to that product, half a unit
# included, would not be 2^15 times an int16 and 15 bits (which the ESP32-S3's vector unit adds).
MAX_FACTOR = 2**15 - 2**8
# Units of a deviation, at most; by how much the inverse root and its rounding may be too large, and roundings of units.
MAX_UNITS, TOO_LARGE, ROUNDED = 2**14, 1 + 2.0**-13, 1
# A bias is 2^15 times an int16 at most, and has so many bits of fraction.
MAX_BETA_SHIFT, MIN_BETA_BITS, MAX_BETA_BITS = 14, 4, 15
# Steps of the output, at most, by which it is wrong for what is left out of a unit; for what is left out of the integer
# for gamma, of an element so many deviations from the mean.
UNIT_ERROR, GAMMA_ERROR, DEVIATIONS = 1 / 4, 1 / 16, 4


@lowering("layer_norm", "portable", "int8")
def lower_layer_norm(node: LayerNorm, target: Target) -> KernelCall | Declined:
    """Integers of 16 bits in sums of 32; once for each row the inverse of a square root."""
    (x,), (y,) = node.inputs, node.outputs
    length, scale = len(node.gamma), float(exact_scale(y))
    if length > MAX_LENGTH:
        return Declined(f"its rows have {length} elements; the kernel takes {MAX_LENGTH}")
    epsilon = node.epsilon * (length / float(exact_scale(x))) ** 2
    if round(epsilon) >= 2**31:
        return Declined("its epsilon is too large beside the scale of its input")
    factor, exponent = factor_of(length)
    # As many bits of its fraction as keep the shift of a row without deviation from being negative.
    spread_shift = max(bits for bits in range(9 - exponent) if round(epsilon * 4**bits) < 2**31)
    units = math.ldexp(factor, exponent) / length
    gamma = np.asarray(node.gamma, np.float64) / scale / units
    beta = np.asarray(node.beta, np.float64) / scale + y.zero_point + 0.5
    beta_bits = min(MAX_BETA_BITS, _fraction(beta))
    if beta_bits < MIN_BETA_BITS:
        return Declined("its bias is too large beside the scale of its output")
    shift = min(_fraction(gamma), beta_bits + MAX_BETA_SHIFT)
    gamma_error = min(DEVIATIONS, math.sqrt(length - 1)) * units * 2.0**-shift / 2
    if np.abs(gamma).max() / 2 > UNIT_ERROR or gamma_error > GAMMA_ERROR:
        return Declined("its scale is too large beside the scale of its output")
    beta_shift = max(0, shift - beta_bits)
    bits = (length - 1).bit_length()
    return call_of(
        node,
        "espdl_layer_norm_s8",
        "espdl/kernels/layer_norm.h",
        LayerNormParams(
            rows=x.count // length,
            length=length,
            epsilon=round(epsilon * 4**spread_shift),
            spread_shift=spread_shift,
            inverse=round(2 ** (30 + bits) / length),
            sum_shift=24 - bits,
            factor=factor,
            unit_shift=23 - exponent,
            beta_shift=beta_shift,
            output_shift=shift,
        ),
        constants=(
            Constant("gamma", np.rint(gamma * 2.0**shift).astype(np.int16)),
            Constant("beta", np.rint(beta * 2.0 ** (shift - beta_shift)).astype(np.int16)),
        ),
        in_place=((0, 0),),
    )


def factor_of(length: int) -> tuple[int, int]:
    """(factor of 15 bits, exponent): `length` times the units of a deviation, as many as int16 holds of any element:
    none of `length` is more than sqrt(length - 1) deviations from their mean."""
    most = (LARGEST - ROUNDED) / (math.sqrt(length - 1) * TOO_LARGE) if length > 1 else MAX_UNITS
    fraction, bits = math.frexp(length * min(MAX_UNITS, most))
    return min(int(math.ldexp(fraction, 15)), MAX_FACTOR), bits - 15


def _fraction(values: np.ndarray) -> int:
    """The most bits of a fraction with which all values are int16, and their negatives."""
    largest = float(np.abs(values).max(initial=2.0**-16))
    bits = 15 - math.frexp(largest)[1]
    return bits if round(math.ldexp(largest, bits)) <= LARGEST else bits - 1
