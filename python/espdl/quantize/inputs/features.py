# SPDX-License-Identifier: Apache-2.0
"""Whether the features of an input get a scale each, and which."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from espdl.errors import present
from espdl.quantize.graph import Graph
from espdl.quantize.inputs.layers import FirstLayer, importance
from espdl.quantize.types import Settings

# How much more noise one scale for all must leave: 6 dB.
_GAIN = 4.0
# Above this share of signal to noise behind the first layers, 30 dB, one scale is no loss.
_ENOUGH = 1000.0
# Integers on either side of a feature's middle; with 16 bits there is room for four times what calibration saw.
_STEPS = {"int8": 127.0, "int16": 32767.0 / 4.0}
# How much farther than the middle one of the features all may reach.
_MOST_ROOM = 2.0
_TINY = float(np.finfo(np.float32).tiny) * 2.0**24


@dataclass(frozen=True)
class Seen:
    """Of each element of an input over the samples, float64 of its shape: least and largest value, sum, and sum of
    squares."""

    low: np.ndarray
    high: np.ndarray
    total: np.ndarray
    squares: np.ndarray
    count: int = 1

    def with_sample(self, values: np.ndarray) -> Seen:
        low, high = np.minimum(self.low, values), np.maximum(self.high, values)
        return Seen(low, high, self.total + values, self.squares + values**2, self.count + 1)


@dataclass(frozen=True)
class _Spread:
    """Per feature: least and largest value, mean and standard deviation."""

    low: np.ndarray
    high: np.ndarray
    mean: np.ndarray
    deviation: np.ndarray

    @staticmethod
    def of(seen: Seen, numbers: np.ndarray) -> _Spread:
        index, count = numbers.reshape(-1), int(numbers.max()) + 1
        low, high = np.full(count, np.inf), np.full(count, -np.inf)
        np.minimum.at(low, index, seen.low.reshape(-1))
        np.maximum.at(high, index, seen.high.reshape(-1))
        each = np.bincount(index) * seen.count
        mean = np.bincount(index, seen.total.reshape(-1)) / each
        power = np.bincount(index, seen.squares.reshape(-1)) / each
        return _Spread(low, high, mean, np.sqrt(np.maximum(power - mean**2, 0.0)))

    def with_room(self, power_of_two: bool) -> tuple[np.ndarray, np.ndarray]:
        """Per feature from where to where it may reach: as far as others have, in deviations from their means. What few
        samples of one feature say of its ends is less than what those of all do. `power_of_two`: as far on either side
        as the scale of that scheme would, had every feature a deviation of 1."""
        varies = self.deviation > _TINY
        if not varies.any():
            return self.low, self.high
        below, above = (
            _most(r[varies] / self.deviation[varies]) for r in (self.mean - self.low, self.high - self.mean)
        )
        if power_of_two:
            steps = max(below, above) / _STEPS["int8"]
            below = above = _STEPS["int8"] * 2.0 ** np.ceil(np.log2(steps))
        low, high = self.mean - below * self.deviation, self.mean + above * self.deviation
        return np.minimum(self.low, low), np.maximum(self.high, high)


def _most(deviations: np.ndarray) -> float:
    return float(min(deviations.max(), _MOST_ROOM * np.median(deviations)))


@dataclass(frozen=True)
class FeatureScales:
    """`scale` and `offset` (float32, broadcast over the input): an element is scale * integer + offset. `numbers`
    (shape of the input): which feature each of its elements is."""

    scale: np.ndarray
    offset: np.ndarray
    numbers: np.ndarray

    def shaped(self, shape: Sequence[int]) -> FeatureScales:
        """With constants that broadcast over the input."""
        shape = shape if self.scale.size > 1 else [1] * len(shape)
        return replace(self, scale=self.scale.reshape(shape), offset=self.offset.reshape(shape))

    def of(self, layer: FirstLayer) -> tuple[np.ndarray, np.ndarray]:
        """Scale and offset (float64) per index of the layer's axis."""
        index = present(layer.numbers(self.numbers))
        return self.scale.reshape(-1)[index].astype(np.float64), self.offset.reshape(-1)[index].astype(np.float64)


def observe(graph: Graph, samples: Iterable[Mapping[str, np.ndarray]]) -> dict[str, Seen]:
    """By float input."""
    names = [name for name in graph.inputs if graph.is_float(name)]
    found: dict[str, Seen] = {}
    for sample in samples if names else ():
        for name in names:
            values = np.asarray(sample[name], np.float64)
            found[name] = found[name].with_sample(values) if name in found else Seen(values, values, values, values**2)
    return {name: seen for name, seen in found.items() if np.isfinite(seen.squares).all()}


def along_one_axis(*arrays: np.ndarray) -> tuple[np.ndarray, ...] | None:
    """Arrays of one shape as they broadcast along one axis, or as numbers; None where they vary along several."""
    for axis in (None, *reversed(range(arrays[0].ndim))):
        kept = [slice(None) if a == axis else slice(0, 1) for a in range(arrays[0].ndim)]
        parts = tuple(array[tuple(kept)] for array in arrays)
        if all(np.array_equal(np.broadcast_to(part, a.shape), a) for part, a in zip(parts, arrays)):
            return parts if axis is not None else tuple(part.reshape(()) for part in parts)
    return None


def choose(
    graph: Graph, name: str, layers: Sequence[FirstLayer], seen: Seen, settings: Settings
) -> FeatureScales | None:
    """Scales for the features of an input that only `layers` read; None where one scale for all, without an offset,
    does as well."""
    shape = graph.shape(name)
    for axis in _axes(shape):
        numbers = np.broadcast_to(_on_axis(np.arange(shape[axis]), axis, len(shape)), shape)
        if all(layer.numbers(numbers) is not None for layer in layers):
            found = _choose(graph, layers, seen, settings, numbers)
            return found and found.shaped([shape[axis] if a == axis else 1 for a in range(len(shape))])
    found = _choose(graph, layers, seen, settings, np.zeros(shape, np.int64))
    return found and found.shaped([1] * len(shape))


def _axes(shape: Sequence[int]) -> list[int]:
    """Where features may lie: along the last axis, along the channels; of pictures only there."""
    rank = len(shape)
    candidates = (1,) if rank > 3 else (rank - 1, 1)
    return [axis for axis in dict.fromkeys(candidates) if 0 < axis < rank and shape[axis] > 1]


def _on_axis(values: np.ndarray, axis: int, rank: int) -> np.ndarray:
    return values.reshape([-1 if a == axis else 1 for a in range(rank)])


def _choose(
    graph: Graph, layers: Sequence[FirstLayer], seen: Seen, settings: Settings, numbers: np.ndarray
) -> FeatureScales | None:
    spread = _Spread.of(seen, numbers)
    low, high = spread.with_room(settings.scheme == "power_of_two")
    count = len(low)
    zeros = _zeros(layers, numbers, count)
    if zeros is None:
        return None
    centre = np.where(np.isnan(zeros), (low + high) / 2, zeros)
    reach = np.maximum(high - centre, centre - low)
    common = (max(spread.high.max(), 0.0) - min(spread.low.min(), 0.0)) / 2
    # What never changes is as exact as its own size asks for.
    reach = np.where(reach > _TINY, reach, np.maximum(np.abs(centre), common if common > _TINY else 1.0))
    weight = np.sum([np.bincount(present(f.numbers(numbers)), importance(graph, f), count) for f in layers], axis=0)
    half = _STEPS["int16" if settings.precision == "int16x8" else "int8"]
    noise = float(weight.sum()) * (common / half) ** 2 / 12
    gains = float((weight * common**2).sum()) > _GAIN * float((weight * reach**2).sum())
    pays = gains and float((weight * spread.deviation**2).sum()) < _ENOUGH * noise
    if not pays and not any(layer.pads and layer.offset.any() for layer in layers):
        return None
    if not pays and np.ptp(centre) == 0.0:
        centre, reach, numbers = centre[:1], reach.max(keepdims=True), np.zeros_like(numbers)
    scale = reach / half
    return FeatureScales(scale.astype(np.float32), centre.astype(np.float32), numbers)


def _zeros(layers: Sequence[FirstLayer], numbers: np.ndarray, count: int) -> np.ndarray | None:
    """Per feature the value for which a layer with a border reads zero, NaN where no such layer reads it; None where
    one feature would need several."""
    zeros = np.full(count, np.nan)
    for layer in layers:
        if not layer.pads:
            continue
        if not layer.factor.all():
            return None
        index, wanted = present(layer.numbers(numbers)), -layer.offset / layer.factor
        for feature, value in zip(index, wanted):
            if not np.isnan(zeros[feature]) and not np.isclose(zeros[feature], value):
                return None
            zeros[feature] = value
    return zeros
