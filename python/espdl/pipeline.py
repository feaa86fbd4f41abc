# SPDX-License-Identifier: Apache-2.0
"""The compiler as a table of contents: the only file that knows all stages."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from espdl import __version__, backends, emit, frontend, partition, plan, quantize, report, targets
from espdl.backends import inputs as application_inputs
from espdl.emit import depfile
from espdl.errors import EspdlError, UsageError, present
from espdl.graph.types import Accept, OperatorGraph
from espdl.ops.operator import Operator
from espdl.plan.types import QUANTIZED, Plan
from espdl.quantize import QuantizedModel, Settings, calibration
from espdl.quantize.methods import methods
from espdl.quantize.onnxruntime_errors import located_errors
from espdl.wording import option

# (phase, done, total): called often; total 0 for phases without steps.
Progress = Callable[[str, int, int], None]
# (phase, what came out of it): called once after each of load, quantize, partition, plan, emit, and after every pass of
# partition, as "pass" with (name of the pass, what came out of it).
Watch = Callable[[str, Any], None]

_CHOICES = {
    "kernels": ("auto", "portable", "own", "esp_dl"),
    "scheme": ("default", *targets.SCHEMES),
    "precision": ("int8", "int16x8", "float32"),
    "calibration_method": ("default", *methods()),
    "effort": ("fast", "default", "best"),
    "io": ("int8", "uint8", "float32"),
    "input_layout": ("model", "nhwc"),
    "arena": ("caller", "static"),
    "weights": ("flash", "psram", "ram"),
    "memory": plan.MEMORY_CHOICES,
    "input_memory": application_inputs.CHOICES,
    "optimize": ("speed", "size"),
    "dead_channels": ("remove", "keep"),
    "chip": targets.CHIPS,
}


# What a field of Options may be in JSON, by its annotation.
_JSON_TYPES: dict[Any, tuple[type, ...]] = {
    "str": (str,),
    "str | None": (str, type(None)),
    "int": (int,),
    "bool": (bool,),
    "Mapping[str, tuple[int, ...]]": (dict,),
    "tuple[str, ...]": (list,),
}
_TYPE_NAMES = {
    str: "text", type(None): "null", int: "a whole number", bool: "true or false", dict: "an object", list: "a list"
}  # fmt: skip


@dataclass(frozen=True)
class Options:
    """All that a compilation depends on, the files' contents apart. The keys of options.json are these names.

    `shapes` gives sizes to inputs with dynamic dimensions, `input` makes constants of inputs (one number, or one for
    each element); `calibration_samples` 0 means all; `output` is a folder.
    """

    model: str
    name: str
    output: str
    calibration: str | None = None
    depfile: str | None = None
    shapes: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    input: Mapping[str, tuple[float, ...]] = field(default_factory=dict)
    chip: str = "generic"
    kernels: str = "auto"
    scheme: str = "default"
    precision: str = "int8"
    calibration_method: str = "default"
    calibration_samples: int = 0
    effort: str = "default"
    io: str = "int8"
    input_layout: str = "model"
    arena: str = "caller"
    weights: str = "flash"
    memory: str = "plain"
    input_memory: str = "arena"
    test_vectors: str | None = None
    optimize: str = "speed"
    profile: bool = False
    taps: bool = False
    dead_channels: str = "remove"
    int16: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for key, allowed in _CHOICES.items():
            is_size = key == "memory" and self.memory.isdecimal()
            if getattr(self, key) not in allowed and not is_size:
                raise UsageError(
                    option(key), f"'{getattr(self, key)}' is not a choice", f"use one of {', '.join(allowed)}"
                )
        if self.calibration_samples < 0:
            raise UsageError(option("calibration_samples"), f"{self.calibration_samples} is negative", "0 means all")
        emit.check_model_name(self.name)

    @staticmethod
    def from_json(path: str | Path) -> Options:
        """The options in a file written by the build; raises UsageError for a malformed one."""
        try:
            values = json.loads(Path(path).read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise UsageError(
                f"options {path}", f"they cannot be read ({error})", "configure the project again"
            ) from error
        again = "configure the project again with this version's CMake files"
        if not isinstance(values, dict):
            raise UsageError(f"options {path}", "they are no JSON object", again)
        known = {f.name: f.type for f in dataclasses.fields(Options)}
        unknown = sorted(set(values) - set(known))
        if unknown:
            raise UsageError(f"options {path}", f"unknown key '{unknown[0]}'", again)
        for key, value in values.items():
            allowed = _JSON_TYPES.get(known[key], (object,))
            if not isinstance(value, allowed) or (isinstance(value, bool) and int in allowed):
                names = " or ".join(_TYPE_NAMES[t] for t in allowed)
                raise UsageError(f"options {path}: {key}", f"{json.dumps(value)} is not {names}", f"write {names}")
        return Options(**values)

    @property
    def target(self) -> targets.Target:
        # 16-bit activations are affine: on a chip whose default is another scheme, asking for them asks for affine too.
        wide = (self.precision == "int16x8" or bool(self.int16)) and self.scheme == "default"
        return targets.select(self.chip, self.kernels, "affine" if wide else self.scheme, self.optimize)


@dataclass(frozen=True)
class Compilation:
    """The value of every stage; `plan` and `files` are the result, the others are kept to be looked at."""

    options: Options
    model: frontend.Model
    quantized: QuantizedModel
    graph: OperatorGraph
    plan: Plan
    files: emit.Files
    identity: str
    report: dict[str, Any]


def quantize_model(
    options: Options, progress: Progress = lambda *_: None, watch: Watch = lambda *_: None
) -> tuple[frontend.Model, QuantizedModel, list[Path]]:
    """Loads and quantises; the files are all that were read."""
    model = frontend.load(options.model, options.shapes, options.input)
    watch("load", model)
    samples = None
    if options.calibration is not None:
        samples = calibration.open(options.calibration, model, options.calibration_samples)
    target = options.target
    settings = Settings(
        scheme=target.scheme,
        per_channel=target.per_channel,
        precision=options.precision,
        method=options.calibration_method,
        effort=options.effort,
        rounding=target.rounding,
        zero_points_anywhere=target.zero_points_anywhere,
        lane_bits=target.lane_bits,
        remove_dead_channels=options.dead_channels == "remove",
        channel_multiple=target.channel_multiple,
        int16_nodes=tuple(options.int16),
    )
    with located_errors(model):
        quantized = quantize.run(model, samples, settings, progress)
    watch("quantize", quantized)
    return model, quantized, [*model.files, *(samples.files if samples else ())]


def compile_model(
    options: Options, progress: Progress = lambda *_: None, watch: Watch = lambda *_: None
) -> Compilation:
    """From the model's file to files in the output folder: all of them or none. Raises EspdlError."""
    model, quantized, inputs = quantize_model(options, progress, watch)
    target = target_of(quantized, options)
    progress("partition", 0, 0)
    with located_errors(model):
        graph = partition.run(
            quantized,
            _accept(target),
            options.name,
            options.io,
            options.input_layout,
            lambda name, value: watch("pass", (name, value)),
        )
    watch("partition", graph)
    progress("plan", 0, 0)
    planned = make_plan(graph, target, options.memory, options.input_memory)
    watch("plan", planned)
    progress("emit", 0, 0)
    identity = _identity(planned, options)
    files = generate(planned, options, identity)
    weights_bytes = len(files[f"{options.name}_weights.bin"])
    summary = report.make(
        planned,
        options.name,
        weights_bytes,
        identity,
        version=__version__,
        environment=report.versions(),
        warnings=quantized.warnings,
    )
    files = files.with_file("report.json", report.to_json(summary))
    files = files.with_file("report.html", report.html(summary))
    if options.taps:
        files = files.with_file(f"{options.name}_reference.json", report.reference(planned, options.name, identity))
    watch("emit", files)
    files.write(Path(options.output))
    if options.depfile:
        depfile.write(options.depfile, Path(options.output) / f"{options.name}.c", inputs)
    return Compilation(options, model, quantized, graph, planned, files, identity, summary)


def target_of(quantized: QuantizedModel, options: Options) -> targets.Target:
    """The target in the scheme that the model has: one that came quantised may have another than the chip's default."""
    if quantized.scheme == options.target.scheme:
        return options.target
    if options.scheme != "default":
        raise EspdlError(
            f"{quantized.label}: {option('scheme', options.scheme)}",
            "the model came quantised, and the ratios of its scales are no powers of two",
            f"choose {option('scheme', 'affine')} (or default), or pass the float model",
        )
    return targets.select(options.chip, options.kernels, quantized.scheme, options.optimize)


def make_plan(
    graph: OperatorGraph, target: targets.Target, stripes: str = "plain", input_memory: str = "arena"
) -> Plan:
    """Lowers the operators to kernel calls, orders the calls and plans their memory, in `stripes` or not.

    `input_memory`: "arena"; "caller", where the application has all inputs in memory of its own; or "rows", where it
    gives rows of them when they are needed.
    """
    operators = backends.with_limits(graph.operators, graph.aliases)
    calls = [backends.lower(operator, target) for operator in operators]
    if stripes != "plain":
        calls = [backends.with_rows(call, graph.tensors().__getitem__) for call in calls]
    functions: dict[str, str] = {}
    for operator in graph.operators:
        functions.update(getattr(operator, "functions", {}))
    used = {name for call in calls for name in (*call.inputs, *call.outputs)}
    used |= {port.tensor for port in (*graph.inputs, *graph.outputs)}
    used |= {name for alias in graph.aliases for name in (alias.name, present(alias.alias_of))}
    tensors = [t for t in graph.tensors().values() if t.name in used]
    calls, tensors, inputs = application_inputs.from_application(
        input_memory, calls, tensors, graph.inputs, graph.outputs, target
    )
    costs = report.instructions(target.chip)
    planned = plan.run(calls, tensors, inputs, graph.outputs, target.chip, target.scheme, functions, stripes, costs)
    if stripes.isdecimal() and planned.arena_bytes > int(stripes):
        raise UsageError(
            option("memory", stripes),
            f"the smallest arena of this network has {planned.arena_bytes} bytes",
            "allow as many, or take fewer or smaller layers",
        )
    for port in (*planned.inputs, *planned.outputs):
        tensor = planned.tensor(port.tensor)
        if tensor.dtype in QUANTIZED and tensor.scale is None:  # no application could use such values
            raise RuntimeError(f"port '{port.name}' is tensor '{tensor.name}', {tensor.dtype} without a scale")
    return planned


def _accept(target: targets.Target) -> Accept:
    def accept(operator: Operator) -> list[str] | None:
        selection = backends.select(operator, target)
        return None if selection.call is not None else list(selection.declined)

    return accept


def generate(planned: Plan, options: Options, identity: str = "") -> emit.Files:
    """The C of a plan, and its weights."""
    form = emit.CodeOptions(arena=options.arena, weights=options.weights, layers=options.profile or options.taps)
    return emit.render(planned, options.name, packings=backends.packings(), identity=identity, options=form)


def _identity(planned: Plan, options: Options) -> str:
    """16 hexadecimal digits that change with anything that changes the generated code: model, options, version."""
    emitted = {key: getattr(options, key) for key in ("name", "arena", "weights", "profile", "taps")}
    text = planned.to_json() + json.dumps(emitted, sort_keys=True) + __version__
    return hashlib.sha256(text.encode()).hexdigest()[:16]
