# SPDX-License-Identifier: Apache-2.0
"""Test vectors for a firmware: samples of the user, and what the compiled model must answer."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from espdl import states
from espdl.emit import Files, test_vectors
from espdl.emit.test_vectors import Runs, Vector
from espdl.errors import EspdlError, UsageError, present
from espdl.pipeline import Compilation
from espdl.plan.types import Plan
from espdl.quantize import calibration
from espdl.verify import long_input, recordings, reference, samples, steps
from espdl.wording import option


def files_for(compilation: Compilation, path: str | Path) -> Files:
    """`<name>_test.h` and `<name>_test.c` with all samples of a .npy or .npz file, in the form of calibration data.

    Of a stream the samples are recordings, with a longer axis of time; with states they are the steps of one sequence.

    Raises EspdlError where the file cannot be read or does not fit the model, and for a model with a layer whose exact
    result only a run of the C code tells.
    """
    plan, name = compilation.plan, compilation.options.name
    inexact = next((call for call in plan.calls if not call.exact), None)
    if inexact is not None:
        raise EspdlError(
            f"test vectors {Path(path).name}",
            f"the layer {', '.join(inexact.source_nodes) or inexact.operator} uses the C library's floating-point"
            " functions, whose last bit may differ from one to another",
            f"leave {option('test_vectors')} out and compare the outputs with a tolerance of your own",
        )
    if plan.stream is not None:
        return _of_stream(compilation, path)
    if plan.states:
        return test_vectors.render(name, [_of_states(compilation, path)], Runs())
    vectors = []
    for inputs in _samples(compilation, path):
        values = reference.run(plan, inputs)
        vectors.append(
            Vector(
                tuple(np.asarray(inputs[port.name]) for port in plan.inputs),
                tuple(np.asarray(values[port.tensor]) for port in plan.outputs),
            )
        )
    return test_vectors.render(name, vectors)


def _samples(compilation: Compilation, path: str | Path) -> Iterator[dict[str, np.ndarray]]:
    """By port, what the inputs hold that are no states."""
    ties = states.ties(compilation.options, compilation.model)
    for sample in calibration.open(path, states.without(compilation.model, ties)):
        one = {name: array[np.newaxis] for name, array in sample.items()}
        yield {port: array[0] for port, array in samples.to_tensors(compilation.plan, one).items()}


def _of_states(compilation: Compilation, path: str | Path) -> Vector:
    """All samples, as steps from the reset on."""
    plan = compilation.plan
    made = list(steps.run(plan, _samples(compilation, path)))
    held = {state.input for state in plan.states}
    return Vector(
        tuple(None if p.tensor in held else np.stack([inputs[p.name] for inputs, _ in made]) for p in plan.inputs),
        tuple(np.stack([np.asarray(values[p.tensor]) for _, values in made]) for p in plan.outputs),
    )


def _of_stream(compilation: Compilation, path: str | Path) -> Files:
    """A vector for each recording in the file."""
    plan, stream = compilation.plan, present(compilation.plan.stream)
    if len(plan.inputs) > 1:
        raise UsageError(
            option("test_vectors"),
            "the model has more inputs than the stream",
            f"leave {option('test_vectors')} out, and compare it in your own program",
        )
    (value,) = compilation.model.inputs
    axis = long_input.axis_of_time(plan, value.shape)
    vectors = []
    for x in recordings.read(path, "test vectors").of_shape(value, axis, most=None):
        pushes = x.shape[axis] // stream.hop
        if pushes < stream.fills:
            raise UsageError(
                f"test vectors {Path(path).name}",
                f"a recording has {x.shape[axis]} rows of time, and no window is full",
                f"record at least {stream.fills * stream.hop}",
            )
        rows = long_input.rows(plan, x.take(np.arange(pushes * stream.hop), axis), axis)
        vectors.append(_of_recording(plan, rows, pushes))
    return test_vectors.render(compilation.options.name, vectors, Runs(stream.fills, 0, stream.hop))


def _of_recording(plan: Plan, rows: np.ndarray, pushes: int) -> Vector:
    """`rows` [time, values of a row]."""
    wanted = long_input.expected(plan, rows, range(present(plan.stream).fills, pushes + 1))
    outputs = tuple(np.stack([np.asarray(step[port.name]) for step in wanted.values()]) for port in plan.outputs)
    return Vector((rows.reshape(pushes, -1),), outputs)
