# SPDX-License-Identifier: Apache-2.0
"""About how many instructions an operator takes on the ESP32-S3: to choose between shapes of tensors."""

from __future__ import annotations

import math
from collections.abc import Callable

from espdl.backends.esp32s3 import affine, work
from espdl.backends.esp32s3.conv2d import choose
from espdl.backends.esp32s3.lanes import common_shift
from espdl.backends.esp32s3.transposed import as_convolutions, kernel_of
from espdl.ops.add import Add
from espdl.ops.average_pool2d import AveragePool2d
from espdl.ops.conv2d import Conv2d
from espdl.ops.conv2d_planar import Conv2dPlanar
from espdl.ops.conv_transpose2d import ConvTranspose2d
from espdl.ops.gemm import Gemm
from espdl.ops.lookup import Lookup, Table
from espdl.ops.max_pool2d import MaxPool2d
from espdl.ops.mul import Mul
from espdl.ops.numerics import Inexact
from espdl.ops.operator import Operator
from espdl.targets import ROUND_TFLITE, Target

# A byte that is put behind those of other channels.
COPIED = 3.0
# Of portable kernels: a product, a value that is pooled, a mean.
PRODUCT, POOLED, MEAN = 3.0, 4.0, 80.0
# Of any kernel: a look-up; a value that is added or multiplied in vectors.
LOOKED_UP, ELEMENTWISE = 4.8, 0.8


_EACH: tuple[tuple[tuple[type, ...], float], ...] = (((Add, Mul), ELEMENTWISE), ((Lookup, Table), LOOKED_UP))


def estimate_for(target: Target) -> Callable[[Operator], float]:
    """The estimate of operators whose tensors' channels may change; 0 for all others."""

    def estimate(node: Operator) -> float:
        if isinstance(node, Conv2d):
            return _convolution(node, target)
        if isinstance(node, Conv2dPlanar):
            return _convolution(node.conv, target) + COPIED * node.inputs[0].count
        if isinstance(node, Gemm):
            if target.rounding == ROUND_TFLITE:
                return _convolution(affine.as_convolution(node), target)
            return node.weights.shape[1] * math.ceil(len(node.weights) / 16) + 3.0 * node.weights.shape[1]
        if isinstance(node, AveragePool2d | MaxPool2d):
            return _pool(node)
        if isinstance(node, ConvTranspose2d):
            return _transposed(node, target)
        each = next((cost for kinds, cost in _EACH if isinstance(node, kinds)), 0.0)
        return each * node.outputs[0].count

    return estimate


def _convolution(node: Conv2d, target: Target) -> float:
    (x,), (y,) = node.inputs, node.outputs
    if node.groups not in (1, len(node.weights)):
        return PRODUCT * node.macs
    if target.rounding == ROUND_TFLITE:
        return work.of_convolution(node, *affine.choose(node), affine=True)
    try:
        kernel, _ = choose(node, common_shift(x, node.weights_scale, y, target), target)
    except Inexact:
        return PRODUCT * node.macs
    return work.of_convolution(node, kernel)


def _transposed(node: ConvTranspose2d, target: Target) -> float:
    parts, is_affine = list(as_convolutions(node)), target.rounding == ROUND_TFLITE
    return sum(work.of_convolution(part, kernel_of(node), affine=is_affine) for part in parts) / len(parts)


def _pool(node: AveragePool2d | MaxPool2d) -> float:
    (y,) = node.outputs
    if isinstance(node, MaxPool2d) or y.shape[-1] % 16 == 0:
        return work.of_pool(node)
    return (POOLED * math.prod(node.kernel) + MEAN) * y.count
