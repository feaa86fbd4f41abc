# SPDX-License-Identifier: Apache-2.0
"""A factor and an offset per channel: what an export does to integers of an input where the first layer cannot take it
in, and a table would be too large."""

from __future__ import annotations

from typing import Any

import numpy as np

from espdl.ops.operator import Arrays, Constants, Match, Mismatch, Operator, PatternBuilder, operator
from espdl.plan.params import Params

# By which power of two an input is multiplied first, by its bytes: to 31 bits.
LEAD = {1: 22, 2: 14}
_PAIRS = {
    *((x, "int16") for x in ("int8", "uint8", "int16", "uint16")),
    *((x, "int8") for x in ("int16", "uint16")),
}


class RescaleChannelsParams(Params, c_type="espdl_rescale_channels_params_t"):
    outer: int
    channels: int
    inner: int
    shift: int
    activation_min: int
    activation_max: int


@operator("rescale_channels")
class RescaleChannels(Operator):
    """y = quantize(x * factor - offset), each a float32 number per index of `axis`; `x` are an input's integers."""

    factor: np.ndarray
    offset: np.ndarray
    axis: int

    onnx = ("Mul", "Sub")
    limits = "of an input of integers"
    priority = 12

    @property
    def dtype(self) -> str:
        return "int16"

    @staticmethod
    def pattern(p: PatternBuilder) -> Any:
        real = p.call("relax.astype", p.wildcard("x"))
        product = p.call("relax.multiply", real, p.constant("factor"))
        return p.quantized(p.call("relax.subtract", product, p.constant("offset")))

    @classmethod
    def from_match(cls, match: Match) -> RescaleChannels:
        x, (y,) = match.tensor("x"), match.outputs
        factor, offset = match.real("factor").astype(np.float32), match.real("offset").astype(np.float32)
        padded = (1,) * (len(x.shape) - factor.ndim) + factor.shape
        axes = [axis for axis, size in enumerate(padded) if size > 1]
        if (x.dtype, y.dtype) not in _PAIRS or factor.shape != offset.shape or len(axes) != 1:
            raise Mismatch("it is no factor and offset for each channel of an input's integers")
        if padded[axes[0]] != x.shape[axes[0]]:
            raise Mismatch("its factors make its input larger")
        return cls(*match.ports, factor.reshape(-1), offset.reshape(-1), axes[0])

    @staticmethod
    def reference(params: RescaleChannelsParams, inputs: Arrays, constants: Constants) -> list[np.ndarray]:
        p, x = params, inputs[0].astype(np.int64)
        steps = x.reshape(p.outer, p.channels, p.inner) << LEAD[inputs[0].itemsize]
        multipliers, addends = (constants[name].astype(np.int64)[:, np.newaxis] for name in ("multipliers", "addends"))
        y = (((steps * multipliers) >> 32) + addends) >> p.shift
        dtype = np.int16 if p.activation_max > 127 else np.int8
        return [np.clip(y, p.activation_min, p.activation_max).astype(dtype).reshape(inputs[0].shape)]
