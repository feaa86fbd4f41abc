# SPDX-License-Identifier: Apache-2.0
"""What the integers of a tensor stand for, and the way between them and real numbers: one value from Q/DQ to Plan."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from espdl.errors import present

# Python's, or numpy's.
Number = float | np.floating
# Of what is always zero: any scale holds it.
_OF_NOTHING = np.float32(1 / 128)
_TINY = np.finfo(np.float32).tiny


@dataclass(frozen=True, eq=False)
class Quantization:
    """real = scale * (q - zero_point), with q of type `dtype`.

    `scale` (float32 where it is of a model) and `zero_point` are numbers, or arrays [channels] along `axis`.
    """

    scale: Number | np.ndarray
    zero_point: int | np.ndarray = 0
    dtype: str = "int8"
    axis: int | None = None

    @staticmethod
    def of_range(low: float, high: float, dtype: str = "int8", headroom: float = 1.0) -> Quantization:
        """Covers [low, high] and holds zero exactly. int16: with zero point 0 and `headroom` times that range, because
        what an asymmetric one would gain is half a bit of sixteen.

        With headroom the end of the range is a whole number of steps as in 8 bits: what a mask of 1 leaves of 1 - mask
        is nothing, whatever it is multiplied with.
        """
        low, high = min(low, 0.0), max(high, 0.0)
        if dtype == "int16":
            scale = np.float32(max(-low, high) / (32767 // headroom))
            return Quantization(scale if scale > _TINY else _OF_NOTHING, 0, dtype)
        scale = np.float32((high - low) / 255)
        return Quantization(scale, zero_point(low, scale)) if scale > _TINY else Quantization(_OF_NOTHING)

    @staticmethod
    def of_known_range(low: float, high: float, dtype: str = "int8") -> Quantization:
        """A range that is known without data: a power of two, from which the largest integer falls short."""
        if dtype == "int16":
            return Quantization(np.float32(max(-low, high) / 32768), 0, dtype)
        return Quantization(np.float32((high - low) / 256), -128 if low == 0.0 else 0)

    @staticmethod
    def of_peak(peak: float | np.ndarray, dtype: str = "int8", axis: int | None = None) -> Quantization:
        """Symmetric: covers [-peak, peak] with zero point 0; what is always zero has scale 1."""
        scale = np.where(peak > _TINY, peak / np.iinfo(dtype).max, 1.0)
        return Quantization(scale.astype(np.float32), 0, dtype, axis)

    @property
    def is_per_tensor(self) -> bool:
        return np.size(self.scale) == np.size(self.zero_point) == 1

    @property
    def scales(self) -> np.ndarray:
        """The scale as an array: of rank 0 for a number."""
        return np.asarray(self.scale)

    @property
    def zero(self) -> int:
        """The zero point of a quantisation per tensor."""
        return int(self.zero_point)

    @property
    def limits(self) -> tuple[int, int]:
        """The least and the largest integer."""
        info = np.iinfo(self.dtype)
        return int(info.min), int(info.max)

    @property
    def range(self) -> tuple[float, float]:
        """The real values of the least and of the largest integer; of a quantisation per tensor."""
        scale, zero = (float(np.ravel(number)[0]) for number in (self.scale, self.zero_point))
        low, high = self.limits
        return scale * (low - zero), scale * (high - zero)

    def same_as(self, other: Quantization) -> bool:
        """Whether the same integers stand for the same numbers."""
        return (
            self.dtype == other.dtype
            and np.array_equal(np.ravel(self.scale), np.ravel(other.scale))
            and np.array_equal(np.ravel(self.zero_point), np.ravel(other.zero_point))
            and (self.is_per_tensor or self.axis == other.axis)
        )

    @np.errstate(over="ignore")
    def quantize(self, values: np.ndarray | float, limits: tuple[int, int] | None = None) -> np.ndarray:
        """Integers of the same shape: nearest, ties to even, saturating at `limits` (those of the type if None).

        float32 is divided as ONNX's QuantizeLinear divides, float64 in float64. NaN becomes zero, as in the generated
        C.
        """
        values = np.asarray(values)
        steps = np.rint(values / self._along(self.scale, values.ndim)).astype(np.float64)
        steps = np.nan_to_num(steps, nan=0.0, posinf=np.inf, neginf=-np.inf)
        return np.clip(steps + self._along(self.zero_point, values.ndim), *(limits or self.limits)).astype(self.dtype)

    def dequantize(self, integers: np.ndarray, dtype: type = np.float32) -> np.ndarray:
        """Real numbers of the same shape; float32 is what ONNX's DequantizeLinear gives."""
        integers = np.asarray(integers).astype(np.int64)
        steps = (integers - self._along(self.zero_point, integers.ndim)).astype(dtype)
        return np.asarray(steps * self._along(self.scale, integers.ndim).astype(dtype))

    @np.errstate(over="ignore")
    def fake_quantize(self, values: np.ndarray, half_up: bool = False) -> np.ndarray:
        """What a QuantizeLinear, DequantizeLinear pair makes of `values`: float32. `half_up`: ties go up, not to even.

        Ties are rare behind a convolution, but every second sum of two integers halved is one. NaN becomes zero.
        """
        zero, scale = (self._along(n, np.ndim(values)).astype(np.float32) for n in (self.zero_point, self.scale))
        steps = np.nan_to_num(values / scale, nan=0.0, posinf=np.inf, neginf=-np.inf)
        steps = np.floor(steps + np.float32(0.5)) if half_up else np.rint(steps)
        low, high = (np.float32(limit) - zero for limit in self.limits)
        return np.asarray(np.clip(steps, low, high) * scale, np.float32)  # of rank 0 too, which is a number so far

    def _along(self, numbers: Number | np.ndarray, rank: int) -> np.ndarray:
        """A scale or zero point, shaped to broadcast over values of that rank."""
        numbers = np.asarray(numbers)
        if numbers.size == 1:
            return numbers.reshape(())
        along = present(self.axis) % rank
        return numbers.reshape([-1 if axis == along else 1 for axis in range(rank)])


def zero_point(low: float, scale: Number) -> int:
    """The int8 zero point with which the least integer stands for `low`."""
    return int(np.clip(np.rint(-128 - low / np.float64(scale)), -128, 127))
