# SPDX-License-Identifier: Apache-2.0
"""Which setting is worth trying next, from what an analysis found. Sentences, the most promising first."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import median

import numpy as np

from espdl import traits
from espdl.pipeline import Options
from espdl.verify.analyze import INPUT, RESCALE, LayerError

# Output SQNR from which on int8 rarely changes a decision.
_GOOD_DB = 30.0
# A layer is bad if it is this much worse than the median of all.
_OUTLIER_DB = 8.0
# Share of values outside the quantised range that costs accuracy.
_SATURATED = 1e-3
# By how much of its range a tensor must leave it to count as unlike the calibration data.
_BEYOND = 0.05


Ranges = Mapping[str, tuple[float, float]]


def advice(layers: Sequence[LayerError], sqnr_db: float, options: Options, seen: Ranges | None) -> list[str]:
    """`sqnr_db` of the outputs; `seen`: range of each tensor in calibration, None where the scales are the model's."""
    if seen is None:
        return ["the model came quantised: its scales are its own; export the float model to let espdl choose them"]
    if sqnr_db >= _GOOD_DB:
        return [f"nothing: {sqnr_db:.1f} dB at the outputs is as good as int8 gets for most uses"]
    found = []
    saturated = [e for e in layers if e.saturated > _SATURATED and _is_beyond(e, seen)]
    if saturated:
        worst = max(saturated, key=lambda e: e.saturated)
        found.append(
            f"calibration: {worst.saturated:.1%} of the values of '{worst.tensor}' lie outside the range seen in"
            f" calibration ({len(saturated)} such tensors); add samples like these to the calibration data"
        )
    if options.calibration_method not in ("default", "minmax") and options.target.scheme == "affine":
        found.append("--calibration-method default: minmax is the best start in scheme affine")
    if options.effort != "best":
        found.append(
            f"--effort best (now {options.effort}): GPTQ and equalised channels where they help, in seconds to minutes"
        )
    if options.target.scheme == "power_of_two":
        found.append(
            "--scheme affine: a multiplier instead of a shift per channel, 4 to 6 dB better, slower on the ESP32-S3"
        )
    if options.precision == "int8":
        found += _wider(layers)
    return found


def _is_beyond(e: LayerError, seen: Ranges) -> bool:
    """Whether values go beyond what calibration has seen. Methods other than minmax cut seen values too, on purpose."""
    low, high = seen.get(e.tensor, (-np.inf, np.inf))
    margin = _BEYOND * (high - low)
    return traits.of(e.operator).known_range is None and (e.low < low - margin or e.high > high + margin)


def _wider(layers: Sequence[LayerError]) -> list[str]:
    """Layers to run with 16-bit activations: single ones where they stand out, all of them otherwise."""
    inner = [e for e in layers if e.operator not in (INPUT, RESCALE)]
    if not inner:
        return []
    limit = median(e.own_db for e in inner) - _OUTLIER_DB
    bad = sorted((e for e in inner if e.own_db < limit), key=lambda e: e.own_db)[:3]
    everything = "--precision int16x8: 16-bit activations, about 10 dB better, twice the RAM, about half the speed"
    if not bad:
        return [everything]
    names = " ".join(f"'{e.node}'" for e in bad)
    return [
        f"--int16 {names}: 16-bit activations (scheme affine) for the layers with the largest error of their own",
        everything,
    ]
