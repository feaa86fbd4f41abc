# SPDX-License-Identifier: Apache-2.0
"""What a tensor would gain from a scale of its own, where it shares one with tensors that reach farther."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from espdl.quantization import Quantization
from espdl.quantize import affine, power_of_two
from espdl.quantize.methods import methods
from espdl.quantize.network import Network
from espdl.quantize.refine.sensitivity import macs
from espdl.quantize.types import Settings

# Per cost: a scale of its own must leave this part of the rounding noise at most (one and a half bits less, half a bit
# less), and a tensor whose noise is so far below its values has enough bits as it is. An int8 tensor that is used in
# full has 35 to 45 dB, and weights of 8 bits leave what is after them with less than 50 dB.
_LEAST = {"dear": 1 / 8, "cheap": 1 / 2}
_ENOUGH_DB = {"dear": {"int8": 33.0, "int16": 55.0}, "cheap": {"int8": 40.0, "int16": 55.0}}
# Changes of scale are cheap where the layers of the network have so many products for each element that is changed.
_CHEAP = 25


@dataclass(frozen=True)
class Worth:
    """`shared`: what every quantised tensor of `network` has, one for all of its group."""

    network: Network
    settings: Settings
    shared: dict[str, Quantization]

    @staticmethod
    def of(network: Network, settings: Settings) -> Worth:
        if settings.scheme == "power_of_two":
            shared = power_of_two.activation_scales(network, settings.range_method)
        else:
            wide = affine.wide_tensors(network, settings)
            is_wide = settings.precision == "int16x8"
            shared = affine.activation_scales(network, settings.range_method, wide, is_wide)
        return Worth(network, settings, shared)

    def own(self, tensor: str) -> Quantization:
        """The scale that the tensor would have by itself."""
        seen, method = self.network.statistics[tensor].distribution, self.settings.range_method
        if self.settings.scheme == "power_of_two":
            return Quantization(np.float32(2.0 ** power_of_two.best_exponent(seen, 1.0, 0, method)))
        return Quantization.of_range(*methods()[method](seen), self.shared[tensor].dtype, affine.HEADROOM)

    def cost(self, changed: Iterable[str]) -> str:
        """Of bringing these tensors to another scale: a key of the limits above."""
        elements = sum(math.prod(self.network.graph.shape(name)) for name in changed)
        return "cheap" if elements * _CHEAP <= macs(self.network) else "dear"

    def gains(self, tensor: str, cost: str = "dear") -> bool:
        """Whether the tensor has few integers where it is, and would have more by itself, so that it pays."""
        seen, shared = self.network.statistics[tensor].distribution, self.shared[tensor]
        now, then = (self._noise(tensor, q) for q in (shared, self.own(tensor)))
        enough = seen.power * 10.0 ** (-_ENOUGH_DB[cost][shared.dtype] / 10)
        return now > enough and then <= now * _LEAST[cost]

    def _noise(self, tensor: str, q: Quantization) -> float:
        return self.network.statistics[tensor].distribution.error(float(q.scale), q.zero, *q.limits)
