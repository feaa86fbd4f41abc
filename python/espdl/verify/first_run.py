# SPDX-License-Identifier: Apache-2.0
"""What the firmware of a new project runs first, and what it must print then: a sample, and the answers to it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from espdl.emit import c_text
from espdl.errors import EspdlError
from espdl.pipeline import Compilation
from espdl.plan.types import QUANTIZED, Plan, Port
from espdl.quantize import calibration
from espdl.quantize.ranges import session
from espdl.verify import reference, samples, vectors

# As the firmware prints them, `main.c` of the template.
SHOWN_VALUES = 10
SHOWN_SAMPLES = 3


@dataclass(frozen=True)
class InputValues:
    """An input: its identifier in C, the type of an array of its values, which are real ones where that is float, and
    the lines between the braces. `by_index`: its quantize function wants to know which value it gets."""

    identifier: str
    c_type: str
    lines: str
    by_index: bool = False


@dataclass(frozen=True)
class SampleRun:
    """`sample` is the file of inputs to check against; None where only the C code tells what they give. Then `why_none`
    says it, and `values` are the inputs of one sample.

    `printed`: a line for each output of the first samples, as the firmware prints it; `in_floats`: what the model
    answers before it is quantised.
    """

    sample: Path | None
    origin: str
    printed: tuple[str, ...] = ()
    in_floats: tuple[str, ...] = ()
    why_none: str = ""
    values: tuple[InputValues, ...] = ()


def prepare(compilation: Compilation, given: Path | None, data: Path | None, folder: Path) -> SampleRun:
    """The samples that the user gave, else the first one of the calibration `data`, else one of random numbers.

    What is not the user's own file is written into `folder`. Raises EspdlError where the user's does not fit the model.
    """
    sample, origin = given, "the samples given"
    if sample is None:
        if data is not None:
            values = next(iter(calibration.open(data, compilation.model)))
            origin = "the first sample of the calibration data"
        else:
            values, origin = _random(compilation), "random numbers; put a real sample in their place"
        sample = _write(values, folder)
    try:
        vectors.files_for(compilation, sample)  # raises where the build would
    except EspdlError as error:
        if given is not None:
            raise
        one = next(iter(calibration.open(sample, compilation.model)))
        in_c, answers = _in_c(compilation.plan, one), tuple(_of_model(compilation, [one]))
        return SampleRun(None, origin, in_floats=answers, why_none=error.why, values=in_c)
    shown = [values for _, values in zip(range(SHOWN_SAMPLES), calibration.open(sample, compilation.model))]
    return SampleRun(sample, origin, tuple(_of_plan(compilation, shown)), tuple(_of_model(compilation, shown)))


def _write(values: dict[str, np.ndarray], folder: Path) -> Path:
    if len(values) == 1:
        path = folder / "sample.npy"
        np.save(path, next(iter(values.values()))[np.newaxis])
    else:
        path = folder / "sample.npz"
        batches: dict[str, Any] = {name: array[np.newaxis] for name, array in values.items()}
        np.savez(path, **batches)
    return path


def _random(compilation: Compilation) -> dict[str, np.ndarray]:
    """Values of the range that each input holds; zeros for large integers, of which nobody knows what they count."""
    rng, plan = np.random.default_rng(0), compilation.plan
    dtypes = {value.name: value.dtype for value in compilation.model.inputs}

    def draw(port: Port) -> np.ndarray:
        tensor, dtype = plan.tensor(port.tensor), dtypes[port.name]
        if tensor.dtype in QUANTIZED:
            bounds = np.iinfo(tensor.dtype)
            integers = rng.integers(bounds.min, bounds.max, tensor.shape, endpoint=True)
            if port.integers:
                return integers.astype(dtype)
            if port.features is not None:
                return samples.from_steps(integers - tensor.zero_point, port, tensor)
            return ((integers - tensor.zero_point) * np.float32(tensor.scale)).astype(dtype)
        if tensor.dtype == "float32":
            return rng.normal(size=tensor.shape).astype(np.float32)
        return np.zeros(tensor.shape, dtype)

    return {port.name: draw(port) for port in plan.inputs}


def _in_c(plan: Plan, sample: dict[str, np.ndarray]) -> tuple[InputValues, ...]:
    identifiers = c_text.identifiers(port.name for port in plan.inputs)

    def values(port: Port, identifier: str) -> InputValues:
        tensor, array = plan.tensor(port.tensor), sample[port.name].reshape(-1)
        real = tensor.dtype in QUANTIZED or tensor.dtype == "float32"
        literals = [c_text.literal(value) for value in (array.astype(np.float32) if real else array).tolist()]
        c_type = "float" if real else c_text.C_TYPES[tensor.dtype]
        by_index = port.features is not None and len(port.features.scales) > 1
        return InputValues(identifier, c_type, c_text.fill(literals, "    "), by_index)

    return tuple(map(values, plan.inputs, identifiers))


def _of_plan(compilation: Compilation, shown: list[dict[str, np.ndarray]]) -> Iterator[str]:
    plan = compilation.plan
    for sample in shown:
        inputs = samples.to_tensors(plan, {name: array[np.newaxis] for name, array in sample.items()})
        values = reference.run(plan, {name: array[0] for name, array in inputs.items()})
        outputs = samples.to_float(plan, {port.name: values[port.tensor] for port in plan.outputs})
        for port in plan.outputs:
            yield line(port.name, outputs[port.name])


def _of_model(compilation: Compilation, shown: list[dict[str, np.ndarray]]) -> Iterator[str]:
    runner = session(compilation.quantized.float_proto)
    names = {value.name for value in runner.get_inputs()}
    for sample in shown:
        outputs = runner.run(None, {name: array for name, array in sample.items() if name in names})
        for value, output in zip(runner.get_outputs(), outputs):
            yield line(value.name, output)


def line(name: str, values: np.ndarray) -> str:
    """The first values of an output and which of all is the largest, as print_outputs() of the firmware."""
    flat = np.asarray(values).reshape(-1).astype(np.float64)
    first = "".join(f" {value:.4f}" for value in flat[:SHOWN_VALUES])
    largest = int(np.argmax(flat)) if len(flat) else 0
    return (
        f"  {c_text.printable(name)}:{first}{' ...,' if len(flat) > SHOWN_VALUES else ','} largest is value {largest}"
    )
