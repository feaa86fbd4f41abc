# SPDX-License-Identifier: Apache-2.0
"""Which techniques are used: one choice per scheme and effort, the same for every network.

The choice was made on calibration data. `fast` rounds to nearest; `default` is what helps every network measured;
`best` tries what helps some and keeps it where the outputs on calibration data come nearer to the float network.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from espdl.quantize import affine, power_of_two
from espdl.quantize.network import Network
from espdl.quantize.power_of_two import Parameters
from espdl.quantize.ranges import Progress
from espdl.quantize.refine import align, equalize, gptq, sensitivity, zero_point_fold
from espdl.quantize.refine.layer_by_layer import Refinement, Sample
from espdl.quantize.types import Scales, Settings
from espdl.targets import ALL_BITS


@dataclass(frozen=True)
class Recipe:
    """Techniques by name; each is a file in `refine`."""

    correct_bias: bool = False
    gptq: bool = False
    align: bool = False
    fold_zero_point: bool = False
    equalize: bool = False


_MOST = Recipe(correct_bias=True, gptq=True, align=True, fold_zero_point=True)
RECIPES = {
    ("affine", "fast"): Recipe(),
    ("affine", "default"): Recipe(correct_bias=True),
    ("affine", "best"): Recipe(correct_bias=True, gptq=True, equalize=True),
    ("power_of_two", "fast"): Recipe(),
    ("power_of_two", "default"): _MOST,
    ("power_of_two", "best"): replace(_MOST, equalize=True),
    ("int16x8", "fast"): Recipe(),
    ("int16x8", "default"): Recipe(correct_bias=True, gptq=True),
    ("int16x8", "best"): Recipe(correct_bias=True, gptq=True, equalize=True),
}


# How much less noise a technique that does not help every network must leave to be kept: 1 dB.
_MARGIN = 10.0**-0.1


@dataclass(frozen=True)
class Result:
    """A network with its scales, and how far its outputs are from the float network's (noise over signal, on
    samples). `warnings`: sentences on what a technique left alone.
    """

    network: Network
    scales: Scales
    noise: float
    warnings: tuple[str, ...] = ()


def run(
    network: Network, samples: Sequence[Sample], settings: Settings, progress: Progress = lambda *_: None
) -> Result:
    """Chooses and refines the scales of a network."""
    kind = "int16x8" if settings.precision == "int16x8" else settings.scheme
    recipe = RECIPES[kind, settings.effort]
    result = apply(recipe, network, samples, settings, progress)
    if recipe.equalize:
        equalized = equalize.apply(network, samples)
        if equalized is not None:
            other = apply(recipe, equalized, samples, settings, progress)
            result = other if other.noise < result.noise * _MARGIN else result
    return result


def apply(
    recipe: Recipe,
    network: Network,
    samples: Sequence[Sample],
    settings: Settings,
    progress: Progress = lambda *_: None,
) -> Result:
    if settings.scheme == "power_of_two":
        network, scales = _power_of_two(recipe, network, samples, settings)
    else:
        scales = affine.choose(network, settings)
    if not recipe.correct_bias:
        return Result(network, scales, np.inf)
    outputs = sensitivity.logits(network)
    lane_bits = settings.lane_bits if settings.scheme == "power_of_two" else ALL_BITS
    refinement = Refinement(network, samples, scales, outputs, lane_bits)
    scales = refinement.run(gptq.rounding if recipe.gptq else None, True, progress)
    noise = (
        float(np.mean([sensitivity.noise_over_signal(refinement.values(name)) for name in outputs])) if outputs else 0.0
    )
    return Result(network, scales, noise, tuple(refinement.warnings))


def _power_of_two(
    recipe: Recipe, network: Network, samples: Sequence[Sample], settings: Settings
) -> tuple[Network, Scales]:
    zero_points = zero_point_fold.choose(network, settings.zero_points_anywhere) if recipe.fold_zero_point else {}
    parameters = Parameters(zero_points=zero_points)
    scales = power_of_two.choose(network, settings, parameters)
    if recipe.align:
        gains = sensitivity.gains(network, scales, samples)
        network, parameters = align.choose(network, parameters, settings, gains)
        scales = power_of_two.choose(network, settings, parameters)
    return network, scales
