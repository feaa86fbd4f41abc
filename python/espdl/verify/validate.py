# SPDX-License-Identifier: Apache-2.0
"""The float model, the quantised model in ONNX Runtime and the generated C on this computer, on the same samples."""

from __future__ import annotations

import tempfile
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import onnx

from espdl import pipeline
from espdl.frontend.loader import ValueInfo
from espdl.plan.types import Plan
from espdl.quantize.onnxruntime_errors import located_errors
from espdl.quantize.ranges import session
from espdl.verify import compare, host, layerwise, metrics, samples
from espdl.verify.compare import Difference
from espdl.verify.evaluation import Evaluation
from espdl.verify.layerwise import LayerDifference

# Samples on which every layer is compared with its reference and with ONNX Runtime: arithmetic on numpy is slow.
_LAYERWISE_SAMPLES = 2
# An output whose float values stay below so many of its steps has no signal-to-noise ratio worth the name.
_TINY_STEPS = 2.0
_LOW_DB = 10.0
# So many layers that differ are named.
_SHOWN = 3
_REPORT = "please report this, with the model if you can"


@dataclass(frozen=True)
class Row:
    """One form of the network against the float model: `what` it is, and how near it is over all outputs.

    `agreement`: the share of equal decisions; None where no output is a vector of classes. `rmse`, `cosine`: of the
    output with the lowest SQNR.
    """

    what: str
    sqnr_db: float
    agreement: float | None
    accuracy: float | None
    rmse: float
    cosine: float


@dataclass(frozen=True)
class Validation:
    """`rows`: float, QDQ, generated C. `outputs` of the float model and of the C, by name. `difference`: the first of
    the C from its reference. `layers` against ONNX Runtime. `notes`: sentences on figures that mislead.
    """

    rows: tuple[Row, ...]
    labels: np.ndarray | None
    outputs: Mapping[str, tuple[np.ndarray, np.ndarray]]
    difference: Difference | None
    layers: tuple[LayerDifference, ...]
    notes: tuple[str, ...]
    compilation: pipeline.Compilation

    @property
    def generated(self) -> Row:
        return self.rows[-1]

    @property
    def exact(self) -> bool:
        """Whether the C is its reference, bit for bit."""
        return self.difference is None

    def failures(self, min_sqnr: float | None, min_agreement: float | None) -> list[str]:
        """What is below the thresholds (dB; a share), as sentences."""
        found = []
        row = self.generated
        if self.difference is not None:
            found.append(f"the generated C does not give what its reference computes, {self.difference}; {_REPORT}")
        wrong = [layer for layer in self.layers if not layer.is_right]
        found += [f"{layer}; {_REPORT}" for layer in wrong[:_SHOWN]]
        if len(wrong) > _SHOWN:
            found.append(f"{len(wrong) - _SHOWN} more layers differ from ONNX Runtime")
        if min_sqnr is not None and row.sqnr_db < min_sqnr:
            found.append(f"SQNR is {row.sqnr_db:.2f} dB, below {min_sqnr:g} dB")
        if min_agreement is None:
            return found
        if row.agreement is None:
            found.append("there is no agreement to compare: no output is a vector of classes; use --min-sqnr")
        elif row.agreement < min_agreement:
            found.append(f"agreement with the float model is {row.agreement:.2%}, below {min_agreement:.2%}")
        return found


def run(options: pipeline.Options, data: Evaluation, progress: pipeline.Progress = lambda *_: None) -> Validation:
    """Compiles with `options`, builds a program for this computer, and runs all forms. Raises EspdlError."""
    with tempfile.TemporaryDirectory(prefix="espdl-") as folder:
        # With taps, so that the program can show its layers; one after the other, as the harness prints them.
        memory = options.memory
        options = replace(options, output=str(Path(folder) / "generated"), depfile=None, taps=True, memory="plain")
        compilation = pipeline.compile_model(options, progress)
        model, quantized, plan = compilation.model, compilation.quantized, compilation.plan
        progress("float model", 0, 0)
        with located_errors(model):
            exact = run_onnx(model.given or model.proto, data, model.inputs)
            progress("quantised model", 0, 0)
            rough = run_onnx(quantized.proto, data, model.inputs)
        progress("layers", 0, 0)
        few = data.first(_LAYERWISE_SAMPLES)
        layers = tuple(layerwise.compare(quantized, plan, few.inputs))
        progress("generated C", 0, 0)
        program = host.build(plan, compilation.files, options.name, Path(folder) / "program")
        made = outputs_of(program, data)
        tensors = samples.to_tensors(plan, few.inputs)
        difference = compare.first_difference(plan, tensors, program.run(tensors, layers=True))
        if difference is None and memory != "plain":
            progress("generated C in stripes", 0, 0)
            difference = _difference_of_stripes(compilation, memory, Path(folder) / "stripes", tensors)
    forms = (("float (ONNX Runtime)", exact), ("QDQ (ONNX Runtime)", rough), ("generated C", made))
    rows = tuple(row(what, exact, form, data.labels, model.inputs) for what, form in forms)
    pairs = {name: (exact[name], made[name]) for name in exact}
    return Validation(rows, data.labels, pairs, difference, layers, tuple(_notes(plan, pairs)), compilation)


def _difference_of_stripes(
    compilation: pipeline.Compilation, memory: str, folder: Path, tensors: Mapping[str, np.ndarray]
) -> Difference | None:
    """Between the reference and the program that the setting `memory` makes."""
    options = replace(compilation.options, taps=False, memory=memory)
    target = pipeline.target_of(compilation.quantized, options)
    plan = pipeline.plan_of_calls(compilation.graph, target, options)
    program = host.build(plan, pipeline.generate(plan, options), options.name, folder)
    return compare.first_difference(plan, tensors, program.run(tensors))


def run_onnx(
    proto: onnx.ModelProto, data: Evaluation, inputs: Sequence[ValueInfo], names: Sequence[str] = ()
) -> dict[str, np.ndarray]:
    """Outputs (or the tensors `names`) of a model for all samples: [N, ...] by name."""
    wanted = list(names) or [o.name for o in proto.graph.output]
    runner = session(proto, names)
    collected: list[list[np.ndarray]] = [[] for _ in wanted]
    for index in range(len(data)):
        feed = {i.name: np.ascontiguousarray(data.inputs[i.name][index]).reshape(i.shape) for i in inputs}
        for rows, value in zip(collected, runner.run(wanted, feed)):
            rows.append(value)
    return {name: np.stack(rows) for name, rows in zip(wanted, collected)}


def outputs_of(program: host.Program, data: Evaluation) -> dict[str, np.ndarray]:
    """What the generated C answers for all samples, as real numbers: [N, ...] by name."""
    plan = program.plan
    return samples.to_float(plan, program.run(samples.to_tensors(plan, data.inputs)).outputs)


def row(
    what: str,
    exact_outputs: Mapping[str, np.ndarray],
    outputs: Mapping[str, np.ndarray],
    labels: np.ndarray | None,
    inputs: Sequence[ValueInfo],
) -> Row:
    """Over all outputs ([N, ...] by name): the lowest SQNR and agreement, and the accuracy of the first."""
    input_sizes = {int(np.prod(value.shape)) for value in inputs}
    exact = list(exact_outputs.values())
    other = [outputs[name].reshape(e.shape) for name, e in exact_outputs.items()]
    decisions = [(e, o) for e, o in zip(exact, other) if _are_classes(e, labels, input_sizes)]
    agreements = [a for e, o in decisions if (a := metrics.agreement(e, o)) is not None]
    worst = min(range(len(exact)), key=lambda i: metrics.sqnr_db(exact[i], other[i]))
    return Row(
        what,
        metrics.sqnr_db(exact[worst], other[worst]),
        min(agreements) if agreements else None,
        metrics.accuracy(other[0], labels) if labels is not None else None,
        metrics.rmse(exact[worst], other[worst]),
        metrics.cosine(exact[worst], other[worst]),
    )


def _are_classes(values: np.ndarray, labels: np.ndarray | None, input_sizes: Collection[int]) -> bool:
    """Whether the largest value of a sample is a decision: not in maps, in boxes, and in what has an input's size (an
    input denoised, or made anew by an autoencoder), unless somebody has labelled it."""
    is_vector = sum(size > 1 for size in values.shape[1:]) == 1
    return is_vector and (labels is not None or values[0].size not in input_sizes)


def _notes(plan: Plan, outputs: Mapping[str, tuple[np.ndarray, np.ndarray]]) -> Iterator[str]:
    """Why the SQNR of an output that is almost zero says little."""
    for port in plan.outputs:
        exact, made = outputs[port.name]
        scale = plan.tensor(port.tensor).scale
        peak = float(np.abs(exact).max(initial=0.0))
        if scale is None or peak >= _TINY_STEPS * scale or metrics.sqnr_db(exact, made.reshape(exact.shape)) >= _LOW_DB:
            continue
        yield (
            f"output '{port.name}' is almost zero in the float model: at most {peak:.2g} on this data, where one step"
            f" of its integers is {scale:.2g}. Its SQNR compares rounding with nothing; use data on which it is not"
        )
