# SPDX-License-Identifier: Apache-2.0
"""Compiles one network and measures what it costs and how well it computes."""

from __future__ import annotations

import multiprocessing
import re
import shutil
import subprocess
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from espdl import backends, emit, pipeline
from espdl.plan.types import Plan
from espdl.verify import compare, host, rv32, samples
from espdl.verify.program import stream

NAME = "net"
Say = Callable[[str], None]


@dataclass(frozen=True)
class Layer:
    """One call of the Plan; `shape` is that of its first output. The host's count is None without valgrind."""

    operator: str
    function: str
    shape: tuple[int, ...]
    macs: int
    rv32_instructions: int
    host_instructions: int | None


@dataclass(frozen=True)
class Measured:
    """What results.json holds of a network in a scheme, in the units of its names, and the layers in order.

    `rv32_instructions` are those of the second net_run(), `code_bytes` what rv32.CodeSize says, generated without the
    table for the layer hook (as by default). `sqnr_db` is over all outputs of the evaluation set against the float
    outputs, `agreement` the share of samples with equal argmax (None for outputs that are no scores).
    `compile_seconds` is `espdl compile` from the start of its process, less `quantize_seconds`.
    """

    macs: int
    rv32_instructions: int
    host_instructions: int | None
    arena_bytes: int
    arena_lower_bound: int
    code_bytes: int
    weights_bytes: int
    stack_bytes: int
    sqnr_db: float
    agreement: float | None
    compile_seconds: float
    quantize_seconds: float
    symbols: tuple[tuple[int, str], ...]
    layers: tuple[Layer, ...]


def measure(data: Path, scheme: str, folder: Path, rv32_samples: int = 4, say: Say = lambda text: None) -> Measured:
    """Measure the network in the folder `data` (model.onnx, calib.npy, eval.npz); built in `folder`.

    `rv32_samples` samples must give the same bytes as the reference on rv32, layer by layer, and as the host, which
    runs all samples; RuntimeError where they do not.
    """
    folder = Path(folder)
    options = pipeline.Options(
        model=str(data / "model.onnx"),
        calibration=str(data / "calib.npy"),
        name=NAME,
        output=str(folder / "generated"),
        scheme=scheme,
        dead_channels="keep",
    )
    say("compile")
    seconds, plan = _compile_in_new_process(options)
    evaluation = np.load(data / "eval.npz")
    inputs = samples.to_tensors(plan, {plan.inputs[0].name: evaluation["x"]})
    first = {name: values[:rv32_samples] for name, values in inputs.items()}
    lean = _render(plan, layers=False)
    hooked = _render(plan, layers=True)

    say("host")
    host_program = host.build(plan, hooked, NAME, folder / "host")
    outputs = host_program.run(inputs).outputs
    say("rv32")
    results, runs = rv32.build(plan, lean, NAME, folder / "rv32").run(first)
    _check_equal(results.outputs, {name: values[:rv32_samples] for name, values in outputs.items()})
    say("rv32, layer by layer")
    layered, costs = rv32.build(plan, hooked, NAME, folder / "rv32_layers").run(first, layers=True, costs=True)
    difference = compare.first_difference(plan, first, layered)
    if difference is not None:
        raise RuntimeError(f"{data.name}, {scheme}: rv32 and reference differ: {difference}")
    say("host's instructions")
    counted = _host_instructions(host_program, {name: values[:1] for name, values in inputs.items()})

    floats = samples.to_float(plan, outputs)[plan.outputs[0].name].reshape(len(evaluation["x"]), -1)
    reference = evaluation["y_ref"].reshape(floats.shape)
    code = rv32.code_size(lean, NAME, folder / "rv32")
    return Measured(
        macs=plan.macs,
        rv32_instructions=runs[min(1, len(runs) - 1)].instructions,
        host_instructions=counted.get("espdl_run"),
        arena_bytes=plan.arena_bytes,
        arena_lower_bound=plan.arena_lower_bound,
        code_bytes=code.total,
        weights_bytes=len(lean[f"{NAME}_weights.bin"]),
        stack_bytes=max(run.stack_bytes for run in runs),
        sqnr_db=round(_sqnr(reference, floats), 2),
        agreement=_agreement(reference, floats) if plan.calls[-1].operator == "softmax" else None,
        compile_seconds=round(seconds[1], 2),
        quantize_seconds=round(seconds[0], 2),
        symbols=code.symbols,
        layers=_layers(plan, costs[-1].layers, counted),
    )


def _render(plan: Plan, layers: bool) -> emit.Files:
    return emit.render(plan, NAME, packings=backends.packings(), options=emit.CodeOptions(layers=layers))


def _layers(plan: Plan, instructions: tuple[int, ...], counted: dict[str, int]) -> tuple[Layer, ...]:
    return tuple(
        Layer(
            operator=call.operator,
            function=call.function,
            shape=plan.tensor(call.outputs[0]).shape,
            macs=call.macs,
            rv32_instructions=count,
            host_instructions=counted.get(f"layer_{index}"),
        )
        for index, (call, count) in enumerate(zip(plan.calls, instructions, strict=True))
    )


def _check_equal(rv32_outputs: dict[str, np.ndarray], host_outputs: dict[str, np.ndarray]) -> None:
    for name, values in host_outputs.items():
        if rv32_outputs[name].tobytes() != values.tobytes():
            raise RuntimeError(f"output {name}: rv32 and host differ")


def _sqnr(reference: np.ndarray, values: np.ndarray) -> float:
    reference, values = reference.astype(np.float64), values.astype(np.float64)
    return float(10 * np.log10(np.sum(reference**2) / np.sum((reference - values) ** 2)))


def _agreement(reference: np.ndarray, values: np.ndarray) -> float:
    return round(float(np.mean(reference.argmax(1) == values.argmax(1))), 4)


def _compile_in_new_process(options: pipeline.Options) -> tuple[tuple[float, float], Plan]:
    """((seconds of quantisation, seconds of everything else, start-up included), the Plan)."""
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        return pool.submit(_compile, options, time.time()).result()


def _compile(options: pipeline.Options, started: float) -> tuple[tuple[float, float], Plan]:
    ready = time.time()
    quantized = ready

    def progress(phase: str, done: int, total: int) -> None:
        nonlocal quantized
        if phase == "partition":
            quantized = time.time()

    compilation = pipeline.compile_model(options, progress)
    quantization = quantized - ready
    return (quantization, time.time() - started - quantization), compilation.plan


def _host_instructions(program: host.Program, inputs: dict[str, np.ndarray]) -> dict[str, int]:
    """Instructions of one run on this computer, callees included, by function; empty without valgrind."""
    if shutil.which("valgrind") is None or shutil.which("callgrind_annotate") is None:
        return {}
    log = program.path.with_suffix(".callgrind")
    command = ["valgrind", "--tool=callgrind", f"--callgrind-out-file={log}", str(program.path)]
    subprocess.run(command, input=stream(program.plan, inputs, layers=False), capture_output=True, check=True)
    command = ["callgrind_annotate", "--inclusive=yes", "--threshold=100", str(log)]
    text = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    counts = {}
    for match in re.finditer(r"^\s*([\d,]+) .*?[:/](espdl_run|layer_\d+) \[", text, re.M):
        counts.setdefault(match[2], int(match[1].replace(",", "")))
    return counts


def without_details(measured: Measured) -> dict:
    """The fields that results.json holds of a network."""
    flat = replace(measured, symbols=(), layers=())
    return {key: value for key, value in vars(flat).items() if key not in ("symbols", "layers")}
