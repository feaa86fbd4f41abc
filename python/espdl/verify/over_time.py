# SPDX-License-Identifier: Apache-2.0
"""Streams and states over a long recording: the float model, the quantised one in ONNX Runtime, and the generated C.

A stream with edges of the window is compared with its network on every window. With edges of the stream, layers that
compute new rows are compared on the long input, and those behind them on the windows of what comes out. States are
those of the step before, in each form its own.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from espdl import pipeline, states
from espdl.errors import UsageError, present
from espdl.options import Options
from espdl.plan.types import Plan
from espdl.quantize import sequences
from espdl.verify import host, long_input, metrics, recordings, reference, samples
from espdl.wording import option

# Steps on which the C is compared with its reference: arithmetic on numpy is slow.
_COMPARED = 6
_DRAWN = 10
_WIDTH = 40
_WHAT = "evaluation data"


@dataclass(frozen=True)
class OverTime:
    """The C against the float model: `errors` in dB by step, of the worst output, and `sqnr_db` over all steps.

    `quantised_db`: of the quantised model in ONNX Runtime. `difference`: where the C is not its reference, "" where it
    is. `skipped`: the first steps, which have no outputs.
    """

    name: str
    errors: np.ndarray
    sqnr_db: float
    quantised_db: float
    difference: str = ""
    skipped: int = 0
    notes: tuple[str, ...] = ()

    def failures(self, min_sqnr: float | None) -> list[str]:
        """What is wrong, as sentences."""
        found = [self.difference] if self.difference else []
        if min_sqnr is not None and self.sqnr_db < min_sqnr:
            found.append(f"SQNR is {self.sqnr_db:.2f} dB, below {min_sqnr:g} dB")
        return found

    def text(self) -> Iterator[str]:
        """Lines for people: figures, and the error over time."""
        what = "is" if not self.difference else "is not"
        yield f"{self.name}: {len(self.errors)} steps, {self.skipped} before them without outputs"
        yield f"the generated C {what} its reference, bit for bit, on {min(_COMPARED, len(self.errors))} of them"
        yield f"QDQ (ONNX Runtime) {self.quantised_db:6.2f} dB, generated C {self.sqnr_db:6.2f} dB against float"
        for part in np.array_split(np.arange(len(self.errors)), min(_DRAWN, len(self.errors))):
            level = float(np.mean(np.minimum(self.errors[part], 99.0)))
            bar = "#" * max(1, round(_WIDTH * level / 60))
            yield f"steps {part[0] + self.skipped + 1:5} to {part[-1] + self.skipped + 1:5}  {level:6.2f} dB {bar}"
        yield from self.notes


def run(options: Options, path: str, progress: pipeline.Progress = lambda *_: None) -> OverTime:
    """Compiles with `options` and runs all forms on the recording in `path`. Raises EspdlError."""
    with tempfile.TemporaryDirectory(prefix="espdl-") as folder:
        options = replace(options, output=str(Path(folder) / "generated"), depfile=None)
        made = pipeline.compile_model(options, progress)
        progress("generated C", 0, 0)
        program = host.build(made.plan, made.files, options.name, Path(folder) / "program")
        found = _stream(made, program, path) if options.stream else _states(made, program, path)
    return replace(found, name=f"{options.name}, {Path(path).name}")


def _stream(made: pipeline.Compilation, program: host.Program, path: str) -> OverTime:
    plan, stream = made.plan, present(made.plan.stream)
    if len(plan.inputs) > 1:
        raise UsageError(
            option("stream"), "the model has more inputs than the stream", "compare it in your own program"
        )
    (value,) = made.model.inputs
    axis = long_input.axis_of_time(plan, value.shape)
    x = recordings.read(path, _WHAT).of_shape(value, axis)[0]
    pushes = x.shape[axis] // stream.hop
    if pushes < stream.fills:
        least = stream.fills * stream.hop
        raise UsageError(
            "--eval", f"it has {x.shape[axis]} rows of time", f"record at least {least}, or better ten times"
        )
    x = x.take(np.arange(pushes * stream.hop), axis)
    rows = long_input.rows(plan, x, axis)
    program_rows = rows.reshape(pushes, -1)
    results = program.run({plan.inputs[0].name: program_rows}).outputs
    real = samples.to_float(plan, results)
    wanted = range(stream.fills, pushes + 1)
    forms = long_input.forms(made, x, axis, wanted)
    ours = {name: values[stream.fills - 1 :].reshape(forms[0][name].shape) for name, values in real.items()}
    difference = _first(plan, results, long_input.expected(plan, rows, _some(wanted)))
    return _compared(forms[0], forms[1], ours, difference, stream.fills - 1)


def _some(steps: Sequence[int]) -> list[int]:
    """A few of them, the first and the last among them."""
    return sorted({steps[i] for i in np.linspace(0, len(steps) - 1, _COMPARED).astype(int)})


def _first(plan: Plan, results: dict[str, np.ndarray], wanted: dict[int, dict[str, np.ndarray]]) -> str:
    for step, outputs in wanted.items():
        for port in plan.outputs:
            if results[port.name][step - 1].tobytes() != outputs[port.name].tobytes():
                return f"output '{port.name}' of step {step} is not what its reference computes; please report this"
    return ""


def _states(made: pipeline.Compilation, program: host.Program, path: str) -> OverTime:
    plan, ties = made.plan, states.ties(made.options, made.model)
    inputs = states.without(made.model, ties).inputs
    given = recordings.read(path, _WHAT)
    arrays = {v.name: given.array(v).reshape(-1, *v.shape) for v in inputs}
    if len({len(array) for array in arrays.values()}) != 1:
        raise UsageError("--eval", "its arrays hold different numbers of steps", "give every input the same number")
    count = len(next(iter(arrays.values())))
    steps = [{name: array[i] for name, array in arrays.items()} for i in range(count)]
    exact, quantised = (_stacked(sequences.roll(p, ties, steps)) for p in (made.model.proto, made.quantized.proto))
    tensors = samples.to_tensors(plan, arrays)
    results = program.run(tensors).outputs
    ours = {name: v.reshape(exact[name].shape) for name, v in samples.to_float(plan, results).items()}
    held = {source: result for source, result in ties}
    ports = {port.name: plan.tensor(port.tensor) for port in plan.inputs}
    wanted = {}
    for step in _some(range(1, count + 1)):
        before = {
            name: results[result][step - 2] if step > 1 else np.full(ports[name].shape, ports[name].zero_point)
            for name, result in held.items()
        }
        state = {name: values.astype(ports[name].dtype) for name, values in before.items()}
        values = reference.run(plan, {**{name: array[step - 1] for name, array in tensors.items()}, **state})
        wanted[step] = {port.name: values[port.tensor] for port in plan.outputs}
    return _compared(exact, quantised, ours, _first(plan, results, wanted), 0)


def _stacked(steps: Sequence[dict[str, np.ndarray]]) -> dict[str, np.ndarray]:
    return {name: np.stack([step[name] for step in steps]) for name in steps[0]}


def _compared(
    exact: dict[str, np.ndarray],
    quantised: dict[str, np.ndarray],
    ours: dict[str, np.ndarray],
    difference: str,
    skipped: int,
) -> OverTime:
    worst = min(exact, key=lambda name: metrics.sqnr_db(exact[name], ours[name]))
    errors = [metrics.sqnr_db(a, b) for a, b in zip(exact[worst], ours[worst])]
    quantised_db = min(metrics.sqnr_db(exact[name], quantised[name]) for name in exact)
    return OverTime("", np.array(errors), metrics.sqnr_db(exact[worst], ours[worst]), quantised_db, difference, skipped)
