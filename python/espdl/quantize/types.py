# SPDX-License-Identifier: Apache-2.0
"""What the quantiser decides and what it hands on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypeVar

import numpy as np
import onnx

from espdl.frontend.loader import ValueInfo
from espdl.quantization import Quantization
from espdl.targets import ALL_BITS, ROUND_TFLITE

K = TypeVar("K")


@dataclass(frozen=True)
class Settings:
    """`scheme`, weights per output channel or per tensor, calibration `method` and how much `effort` to spend.

    `rounding`: what the target's kernels do with a value half way between two integers (targets.ROUND_...).
    `int16_nodes`: nodes whose activations have 16 bits though the precision is int8. `float_nodes`: those that stay in
    floats. `has_fpu`: the chip computes with floats itself.
    `ties`: states, as pairs (input, output) that have one scale.
    `zero_points_anywhere`: all its kernels take zero points, at borders and in sums of tensors too.
    `any_borders`: convolutions of one group take a border of any integers, one for each input channel.
    `lane_bits`: of the sums in the target's fastest kernels; layers that need more run slower.
    `channel_multiple`: dead channels stay where without them the channels would be no multiple of it any more.
    """

    scheme: str = "affine"
    per_channel: bool = True
    precision: str = "int8"
    method: str = "default"
    effort: str = "default"
    rounding: str = ROUND_TFLITE
    zero_points_anywhere: bool = False
    any_borders: bool = False
    lane_bits: int = ALL_BITS
    remove_dead_channels: bool = True
    channel_multiple: int = 1
    int16_nodes: tuple[str, ...] = ()
    float_nodes: tuple[str, ...] = ()
    has_fpu: bool = False
    ties: tuple[tuple[str, str], ...] = ()

    @property
    def uses_int16(self) -> bool:
        """Whether some activations have 16 bits."""
        return self.precision == "int16x8" or bool(self.int16_nodes)

    @property
    def range_method(self) -> str:
        """The calibration method; where none is named, that of the scheme."""
        default = "mse" if self.scheme == "power_of_two" else "minmax"
        return default if self.method == "default" else self.method


@dataclass(frozen=True)
class LayerIntegers:
    """A layer's weights and bias, each with what an integer is worth."""

    weights: np.ndarray
    quantization: Quantization
    bias: tuple[np.ndarray, Quantization]

    @property
    def bias_values(self) -> np.ndarray:
        """float64 [output channels]."""
        integers, quantization = self.bias
        return quantization.dequantize(integers, np.float64)


@dataclass(frozen=True)
class Scales:
    """Everything that turns a float graph into a quantised one: per tensor, per weights and per bias (by node output).

    `weights` and `biases` hold integers; their Quantization says what they are worth. `weight_limits` are the smallest
    and the largest integer that weights may use. `rounding`: that of the kernels, for those who simulate them.
    """

    activations: Mapping[str, Quantization]
    weights: Mapping[str, tuple[np.ndarray, Quantization]]
    biases: Mapping[str, tuple[np.ndarray, Quantization]]
    weight_limits: tuple[int, int] = (-127, 127)
    rounding: str = ROUND_TFLITE


@dataclass
class Floors:
    """Real values by activation, and by constant operand: (node name, index of the input).

    `required`: activations whose scale must reach down to the floor, whether the data do or not: a mask may come with
    other data. `sources`: activations whose values lie far below their floor and come from no operand that has one.
    `mixes`: product of probabilities and values -> those values, and whether some rows are always one of them: it may
    be any.
    """

    tensors: dict[str, float] = field(default_factory=dict)
    constants: dict[tuple[str, int], float] = field(default_factory=dict)
    required: set[str] = field(default_factory=set)
    sources: set[str] = field(default_factory=set)
    mixes: dict[str, tuple[str, bool]] = field(default_factory=dict)

    def extend(self, other: Floors) -> None:
        """Takes the lower floor of each; one that only `other` has, too."""
        _take_lower(self.tensors, other.tensors)
        _take_lower(self.constants, other.constants)
        self.required |= other.required
        self.sources |= other.sources

    def inherit(self, proto: onnx.ModelProto) -> None:
        """What was put after a tensor since, to raise or to widen it, has its floor."""
        for node in proto.graph.node:
            if node.op_type in ("Clip", "Cast") and node.input[0] in self.tensors:
                self.tensors.setdefault(node.output[0], self.tensors[node.input[0]])
                if node.input[0] in self.required:
                    self.required.add(node.output[0])

    def raised(self, sample: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """`sample` with what lies below a floor raised to it."""
        return {n: np.maximum(v, np.float32(self.tensors[n])) if n in self.tensors else v for n, v in sample.items()}


def _take_lower(own: dict[K, float], other: Mapping[K, float]) -> None:
    for key, value in other.items():
        own[key] = min(value, own.get(key, value))


@dataclass(frozen=True)
class QuantizedModel:
    """`proto` in QDQ form (opens in Netron), `float_proto` the preprocessed float model it stands for.

    `reference_proto`: the float model whose tensors are those of `proto` one by one; it computes what `float_proto`
    does, but some of its inner tensors carry factors. None where the model came quantised. `statistics`: observed
    (low, high) of its quantised tensors. `warnings`: sentences for the user. `removed`: channels of `proto` that went
    because they could not change its outputs: tensor of the float model -> indices (axis 1, or the last of two);
    `removed_text` says so by layer. `floors`: values of these tensors below that count as it (masks).
    """

    proto: onnx.ModelProto
    float_proto: onnx.ModelProto
    label: str
    inputs: tuple[ValueInfo, ...]
    scheme: str
    statistics: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()
    reference_proto: onnx.ModelProto | None = None
    removed: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    removed_text: tuple[str, ...] = ()
    floors: Mapping[str, float] = field(default_factory=dict)
