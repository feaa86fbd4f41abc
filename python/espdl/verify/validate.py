# SPDX-License-Identifier: Apache-2.0
"""The float model, the quantised model in ONNX Runtime and the generated C on this computer, on the same samples."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import onnx

from espdl import pipeline
from espdl.frontend.loader import ValueInfo
from espdl.quantize.ranges import session
from espdl.quantize.verdict import blame
from espdl.verify import host, metrics, reference, samples
from espdl.verify.evaluation import Evaluation

# Samples on which the generated C is compared with the exact reference, layer by layer arithmetic on numpy being slow.
_REFERENCE_SAMPLES = 2


@dataclass(frozen=True)
class Row:
    """One form of the network against the float model: `what` it is, and how near it is over all outputs."""

    what: str
    sqnr_db: float
    agreement: float | None
    accuracy: float | None


@dataclass(frozen=True)
class Validation:
    """`rows`: float, QDQ, generated C. `outputs` of the float model and of the C, by name. `exact`: C equals its
    reference.
    """

    rows: tuple[Row, ...]
    labels: np.ndarray | None
    outputs: Mapping[str, tuple[np.ndarray, np.ndarray]]
    exact: bool
    compilation: pipeline.Compilation

    @property
    def generated(self) -> Row:
        return self.rows[-1]

    def failures(self, min_sqnr: float | None, min_agreement: float | None) -> list[str]:
        """What is below the thresholds (dB; a share), as sentences."""
        found = []
        row = self.generated
        if not self.exact:
            found.append("the generated C does not give what the reference computes; please report this")
        if min_sqnr is not None and row.sqnr_db < min_sqnr:
            found.append(f"SQNR is {row.sqnr_db:.2f} dB, below {min_sqnr:g} dB")
        if min_agreement is not None and row.agreement is None:
            found.append("there is no agreement to compare: the outputs have one value; use --min-sqnr")
        elif min_agreement is not None and row.agreement < min_agreement:
            found.append(f"agreement with the float model is {row.agreement:.2%}, below {min_agreement:.2%}")
        return found


def run(options: pipeline.Options, data: Evaluation, progress: pipeline.Progress = lambda *_: None) -> Validation:
    """Compiles with `options`, builds a program for this computer, and runs all forms. Raises EspdlError."""
    with tempfile.TemporaryDirectory(prefix="espdl-") as folder:
        options = replace(options, output=str(Path(folder) / "generated"), depfile=None)
        compilation = pipeline.compile_model(options, progress)
        model, quantized = compilation.model, compilation.quantized
        progress("float model", 0, 0)
        with blame(model):
            exact = run_onnx(model.given or model.proto, data, model.inputs)
            progress("quantised model", 0, 0)
            rough = run_onnx(quantized.proto, data, model.inputs)
        progress("generated C", 0, 0)
        made, equal = _run_generated(compilation, data, Path(folder))
    names = list(exact)
    forms = (("float (ONNX Runtime)", exact), ("QDQ (ONNX Runtime)", rough), ("generated C", made))
    rows = tuple(_row(what, [exact[n] for n in names], [form[n] for n in names], data.labels) for what, form in forms)
    pairs = {name: (exact[name], made[name]) for name in names}
    return Validation(rows, data.labels, pairs, equal, compilation)


def run_onnx(
    proto: onnx.ModelProto, data: Evaluation, inputs: Sequence[ValueInfo], names: Sequence[str] = ()
) -> dict[str, np.ndarray]:
    """Outputs (or the tensors `names`) of a model for all samples: [N, ...] by name."""
    wanted = list(names) or [o.name for o in proto.graph.output]
    runner = session(proto, names)
    collected: list[list[np.ndarray]] = [[] for _ in wanted]
    for index in range(len(data)):
        feed = {i.name: np.ascontiguousarray(np.broadcast_to(data.inputs[i.name][index], i.shape)) for i in inputs}
        for rows, value in zip(collected, runner.run(wanted, feed)):
            rows.append(value)
    return {name: np.stack(rows) for name, rows in zip(wanted, collected)}


def _run_generated(
    compilation: pipeline.Compilation, data: Evaluation, folder: Path
) -> tuple[dict[str, np.ndarray], bool]:
    plan = compilation.plan
    program = host.build(plan, compilation.files, compilation.options.name, folder / "program")
    tensors = samples.to_tensors(plan, data.inputs)
    results = program.run(tensors)
    equal = True
    for index in range(min(_REFERENCE_SAMPLES, len(data))):
        expected = reference.run(plan, {name: values[index] for name, values in tensors.items()})
        for port in plan.outputs:
            equal &= np.array_equal(expected[port.tensor].reshape(-1), results.outputs[port.name][index].reshape(-1))
    return samples.to_float(plan, results.outputs), equal or not all(call.exact for call in plan.calls)


def _row(what: str, exact: list[np.ndarray], other: list[np.ndarray], labels: np.ndarray | None) -> Row:
    """Over all outputs: the lowest SQNR and agreement, and the accuracy of the first."""
    other = [o.reshape(e.shape) for o, e in zip(other, exact)]
    agreements = [a for e, o in zip(exact, other) if (a := metrics.agreement(e, o)) is not None]
    return Row(
        what,
        min(metrics.sqnr_db(e, o) for e, o in zip(exact, other)),
        min(agreements) if agreements else None,
        metrics.accuracy(other[0], labels) if labels is not None else None,
    )
