# SPDX-License-Identifier: Apache-2.0
"""Calibration of models with states: samples are steps, one after the other, and states what the float model makes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import cycle, islice

import numpy as np
import onnx

from espdl.frontend import Model
from espdl.quantize.calibration import Calibration
from espdl.quantize.ranges import session
from espdl.quantize.types import QuantizedModel

Ties = tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Sequence(Calibration):
    """Like `Calibration`: samples of all inputs, states included, which are those of the steps before.

    `steps` are the inputs of the application; `states` float32 [N, shape] by input.
    """

    steps: Calibration | None = None
    states: Mapping[str, np.ndarray] | None = None

    def __iter__(self) -> Iterator[dict[str, np.ndarray]]:
        assert self.steps is not None and self.states is not None
        for index, sample in enumerate(self.steps):
            yield {**sample, **{name: values[index] for name, values in self.states.items()}}


def of(model: Model, given: Calibration, ties: Ties) -> Sequence:
    """The samples that were given for the other inputs, as one sequence from zero states on."""
    shapes = {value.name: value.shape for value in model.inputs}
    states = {source: np.zeros((len(given), *shapes[source]), np.float32) for source, _ in ties}
    runner = session(model.proto)
    names = [output.name for output in model.proto.graph.output]
    current = {source: np.zeros(shapes[source], np.float32) for source, _ in ties}
    for index, sample in enumerate(given):
        for name, value in current.items():
            states[name][index] = value
        values = dict(zip(names, runner.run(names, {**sample, **current})))
        current = {source: values[result] for source, result in ties}
    return Sequence(given.label, given.files, given.arrays, model.inputs, given.limit, given, states)


def roll(proto: onnx.ModelProto, ties: Ties, steps: Iterable[Mapping[str, np.ndarray]]) -> list[dict[str, np.ndarray]]:
    """All outputs of a model, step by step, from zero states on."""
    runner = session(proto)
    names = [output.name for output in proto.graph.output]
    shapes = {i.name: [d.dim_value for d in i.type.tensor_type.shape.dim] for i in proto.graph.input}
    current = {source: np.zeros(shapes[source], np.float32) for source, _ in ties}
    results = []
    for step in steps:
        values = dict(zip(names, runner.run(names, {**step, **current})))
        current = {source: values[result] for source, result in ties}
        results.append(values)
    return results


def error_db(exact: list[dict[str, np.ndarray]], other: list[dict[str, np.ndarray]]) -> float:
    """Signal to noise of the worst output over all steps, in dB."""
    worst = np.inf
    for name in exact[0]:
        a, b = (np.stack([step[name] for step in steps]).astype(np.float64) for steps in (exact, other))
        noise = float(np.square(a - b).sum())
        worst = min(worst, 10 * np.log10(max(float(np.square(a).sum()), 1e-30) / noise) if noise else np.inf)
    return worst


# Steps over which 16 bits must be better than 8, and by how many dB.
STEPS, WORTH = 100, 1.0


def better(
    model: Model, narrow: QuantizedModel, wide: QuantizedModel, ties: Ties, steps: Calibration
) -> QuantizedModel:
    """Of a model with states of 8 bits and one with 16, the wide one where the other loses more than WORTH dB."""
    samples = list(islice(cycle(steps), STEPS))
    exact = roll(model.proto, ties, samples)
    losses = [error_db(exact, roll(quantized.proto, ties, samples)) for quantized in (narrow, wide)]
    if losses[1] < losses[0] + WORTH:
        return narrow
    note = f"states have 16 bits: over {STEPS} steps {losses[1]:.1f} dB of the outputs are left, {losses[0]:.1f} with 8"
    return replace(wide, warnings=(*wide.warnings, note))
