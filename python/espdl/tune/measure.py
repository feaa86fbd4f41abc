# SPDX-License-Identifier: Apache-2.0
"""Does a job: compiles, builds the C for this computer, runs it on the evaluation data, and says what it costs."""

from __future__ import annotations

import tempfile
import threading
from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from multiprocessing.util import Finalize
from pathlib import Path
from typing import Any

import numpy as np

from espdl import frontend, pipeline
from espdl.errors import EspdlError
from espdl.frontend import Model
from espdl.quantize.onnxruntime_errors import located_errors
from espdl.report import costs
from espdl.tune import metric
from espdl.tune.inputs import EVALUATION, METRIC
from espdl.tune.jobs import ANALYZE, VALIDATE, Job, Result, digest, to_options
from espdl.verify import analyze, cost, evaluation, host, rv32, validate
from espdl.verify.evaluation import Evaluation

# A worker of a cluster may have several threads, and the compiler none.
_ONE_AT_A_TIME = threading.Lock()
# What all candidates of a network share, of the last one: its evaluation data and the float model's answers.
_shared: dict[str, tuple[Model, Evaluation, dict[str, np.ndarray]]] = {}


def run(job: Job, roots: Mapping[str, str]) -> Result:
    """The result as plain values; where the options cannot work, `failure` says why. Raises OSError, MemoryError or
    EspdlError where this machine is at fault.
    """
    host.find_compiler()
    if job.count:
        rv32.require()
    with _ONE_AT_A_TIME:
        try:
            return _run(job, roots)
        except EspdlError as error:
            return failed(error.what, error.why, error.remedy)
        except (OSError, MemoryError):
            raise
        except Exception as error:
            # A bug of ours with these options; others may do. It is not kept, so that a mended version computes it.
            return {**failed("internal error", f"{type(error).__name__}: {error}", "please report it"), "passing": True}


def failed(what: str, why: str, remedy: str) -> Result:
    return {"failure": {"what": what, "why": why, "remedy": remedy}}


def _run(job: Job, roots: Mapping[str, str]) -> Result:
    with tempfile.TemporaryDirectory(prefix="espdl-") as name:
        folder = Path(name)
        options = to_options(job, str(folder / "generated"), roots)
        model, data, exact = _reference(job, options, roots)
        if job.kind == ANALYZE:
            _, quantized, _ = pipeline.quantize_model(options)
            return {"failure": None, "layers": [_layer(e) for e in analyze.layers(quantized, data)]}
        failures: list[str] = []
        if job.kind == VALIDATE:
            memory = job.memories[0]
            validation = validate.run(replace(options, memory=memory), data)
            compilation, made = validation.compilation, {n: made for n, (_, made) in validation.outputs.items()}
            failures = validation.failures(None, None)
        else:
            compilation = pipeline.compile_model(options)
            with tempfile.TemporaryDirectory(dir=_programs()) as place:
                program = host.build(compilation.plan, compilation.files, options.name, Path(place))
                made = validate.outputs_of(program, data)
        row = validate.row("", exact, made, data.labels, model.inputs)
        values: list[float] = []
        if METRIC in roots:
            shaped = {name: made[name].reshape(value.shape) for name, value in exact.items()}
            values = metric.ask(roots[METRIC], job.repeats, shaped, exact, data.labels, data.inputs)
        return {
            "failure": None,
            "failures": failures,
            "sqnr_db": row.sqnr_db,
            "agreement": row.agreement,
            "accuracy": row.accuracy,
            "metric": values,
            "costs": _costs(job, compilation, folder),
        }


@cache
def _programs() -> str:
    """Where this process builds programs: beside the kernels, which are made or looked for once."""
    folder = tempfile.TemporaryDirectory(prefix="espdl-programs-")
    Finalize(None, folder.cleanup, exitpriority=0)  # processes of a pool end without atexit
    return folder.name


def _reference(
    job: Job, options: pipeline.Options, roots: Mapping[str, str]
) -> tuple[Model, Evaluation, dict[str, np.ndarray]]:
    key = digest([job.inputs, job.options["shapes"], job.options["input"], job.samples])
    if key not in _shared:
        model = frontend.load(options.model, options.shapes, options.input)
        data = evaluation.of(options, roots.get(EVALUATION), job.samples)
        with located_errors(model):
            exact = validate.run_onnx(model.given or model.proto, data, model.inputs)
        _shared.clear()
        _shared[key] = model, data, exact
    return _shared[key]


def _costs(job: Job, compilation: pipeline.Compilation, folder: Path) -> dict[str, dict[str, Any]]:
    """By choice of MEMORY, what report.json says of it; a choice that cannot work is left out."""
    found = {}
    for memory in job.memories:
        options = replace(compilation.options, memory=memory, taps=False)
        plan = compilation.plan
        try:
            if memory != compilation.options.memory:
                target = pipeline.target_of(compilation.quantized, options)
                plan = pipeline.plan_of(compilation.graph, target, options, compilation.model)
        except EspdlError:
            if len(job.memories) == 1:
                raise
            continue
        estimate = costs.of_plan(plan, options.name)
        instructions = None if estimate.layers is None else sum(estimate.layers)
        found[memory] = {
            "instructions": _counted(options, folder / memory) if job.count else instructions,
            "arena_bytes": plan.arena_bytes,
            "weights_bytes": pipeline.weights_bytes(plan),
            "code_bytes": estimate.code_bytes,
        }
    return found


def _counted(options: pipeline.Options, folder: Path) -> int:
    """Instructions of one run on the emulated rv32."""
    compilation = pipeline.compile_model(replace(options, output=str(folder), profile=True))
    return sum(cost.measure(folder, compilation.report).layers)


def _layer(error: analyze.LayerError) -> dict[str, Any]:
    inner = error.operator not in (analyze.INPUT, analyze.RESCALE)
    return {"node": error.node, "inner": inner, "sqnr_db": error.sqnr_db, "own_db": error.own_db}
