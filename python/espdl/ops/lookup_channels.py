# SPDX-License-Identifier: Apache-2.0
"""A table per channel: what an export does to the bytes of a picture where the first layer cannot take it in."""

from __future__ import annotations

from typing import Any

import numpy as np

from espdl.ops.lookup import OfBytes, every_integer
from espdl.ops.numerics import quantize_value
from espdl.ops.operator import Arrays, Constants, Match, Mismatch, PatternBuilder, operator
from espdl.plan.params import Params


class LookupChannelsParams(Params, c_type="espdl_lookup_channels_params_t"):
    outer: int
    channels: int
    inner: int


@operator("lookup_channels")
class LookupChannels(OfBytes):
    """y = quantize(x * factor + offset), each a float32 number per index of `axis`; bytes to int8."""

    factor: np.ndarray
    offset: np.ndarray
    axis: int

    onnx = ("Mul", "Add")
    limits = "of an input of bytes"
    kind = "table"
    priority = 12

    @staticmethod
    def pattern(p: PatternBuilder) -> Any:
        product = p.call("relax.multiply", p.dequantized("x"), p.constant("factor"))
        return p.quantized(p.call("relax.add", product, p.constant("offset")))

    @classmethod
    def from_match(cls, match: Match) -> LookupChannels:
        x, (y,) = match.tensor("x"), match.outputs
        factor, offset = match.real("factor").astype(np.float32), match.real("offset").astype(np.float32)
        rank = len(x.shape)
        padded = (1,) * (rank - factor.ndim) + factor.shape
        axes = [axis for axis, size in enumerate(padded) if size > 1]
        if (x.dtype, y.dtype) != ("int8", "int8") or factor.shape != offset.shape or len(axes) != 1:
            raise Mismatch("it is no factor and offset for each channel of bytes")
        if padded[axes[0]] != x.shape[axes[0]]:
            raise Mismatch("its factors make its input larger")
        return cls(match.inputs, match.outputs, match.source_nodes, factor.reshape(-1), offset.reshape(-1), axes[0])

    def table(self) -> np.ndarray:
        """int8 [channels, 256]: the outputs for all integers of the input, from the smallest on."""
        (x,), (y,) = self.inputs, self.outputs
        # In float32, step by step, as ONNX computes them.
        real = (every_integer(x) - x.zero_point).astype(np.float32) * np.float32(x.scale)
        return quantize_value(real * self.factor[:, np.newaxis] + self.offset[:, np.newaxis], y)

    @staticmethod
    def reference(params: LookupChannelsParams, inputs: Arrays, constants: Constants) -> list[np.ndarray]:
        p, x = params, inputs[0].view(np.int8).astype(np.int64)
        index = x.reshape(p.outer, p.channels, p.inner) + 128
        channel = np.arange(p.channels)[:, np.newaxis]
        return [constants["table"][channel, index].reshape(inputs[0].shape)]
