# SPDX-License-Identifier: Apache-2.0
"""The compiler as a table of contents: the only file that knows all stages."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cache, partial
from pathlib import Path
from types import MappingProxyType
from typing import Any

from espdl import __version__, backends, emit, frontend, partition, plan, quantize, report, states, streaming, targets
from espdl.backends import inputs as application_inputs
from espdl.backends.chip_rows import VECTOR
from espdl.emit import depfile
from espdl.errors import EspdlError, UsageError, present
from espdl.graph.types import Accept, OperatorGraph
from espdl.graph.unreached_taps import without_unreached_taps
from espdl.graph.whole_vectors import with_whole_vectors
from espdl.ops.operator import Operator
from espdl.options import Options
from espdl.plan.types import QUANTIZED, KernelCall, Plan, Tensor
from espdl.quantize import QuantizedModel, Settings, calibration, sequences
from espdl.quantize.onnxruntime_errors import located_errors
from espdl.wording import option

# Of an arena with channels that vectors want, by that of kernels which take any.
MOST_BYTES = 1.25
# How many layers are tried with kernels that need less scratch memory, where two cores need it.
MOST_TRIALS = 8

# (phase, done, total): called often; total 0 for phases without steps.
Progress = Callable[[str, int, int], None]
# (phase, what came out of it): called once after each of load, quantize, partition, plan, emit, and after every pass of
# partition, as "pass" with (name of the pass, what came out of it).
Watch = Callable[[str, Any], None]


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
    ties = states.ties(options, model)
    samples = None
    if options.calibration is not None:
        samples = calibration.open(options.calibration, states.without(model, ties), options.calibration_samples)
    target = options.target
    settings = Settings(
        scheme=target.scheme,
        per_channel=target.per_channel,
        precision=options.precision,
        method=options.calibration_method,
        effort=options.effort,
        rounding=target.rounding,
        zero_points_anywhere=target.zero_points_anywhere,
        any_borders=target.any_borders,
        lane_bits=target.lane_bits,
        remove_dead_channels=options.dead_channels == "remove",
        channel_multiple=target.channel_multiple,
        int16_nodes=tuple(options.int16),
        float_nodes=tuple(options.float),
        has_fpu=target.has_fpu,
        ties=ties,
    )
    with located_errors(model):
        if ties and samples is not None:
            quantized = _with_states(model, samples, settings, progress)
        else:
            quantized = quantize.run(model, samples, settings, progress)
    watch("quantize", quantized)
    return model, quantized, [*model.files, *(samples.files if samples else ())]


def _with_states(
    model: frontend.Model, samples: calibration.Calibration, settings: Settings, progress: Progress
) -> QuantizedModel:
    """Calibrated over sequences; with 16 bits where those of 8 lose too much from step to step."""
    steps = sequences.of(model, samples, settings.ties)
    quantized = quantize.run(model, steps, settings, progress)
    if settings.scheme != "affine" or settings.precision != "int8" or settings.int16_nodes:
        return quantized
    wide = replace(settings, int16_nodes=states.loop_nodes(model, settings.ties))
    try:
        other = quantize.run(model, steps, wide, progress)
    except EspdlError:  # a layer that 16 bits cannot have
        return quantized
    return sequences.better(model, quantized, other, settings.ties, samples)


def compile_model(
    options: Options, progress: Progress = lambda *_: None, watch: Watch = lambda *_: None
) -> Compilation:
    """From the model's file to files in the output folder: all of them or none. Raises EspdlError."""
    _ = options.core_count  # refuses what cannot be before anything takes time
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
            streaming.request(options, model).input if options.stream else "",
            options.input_memory == "caller",
        )
    if not options.stream:
        graph = without_unreached_taps(graph, _accept(target))
    watch("partition", graph)
    progress("plan", 0, 0)
    planned = plan_of(graph, target, options, model)
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


def _with_vectors(graph: OperatorGraph, target: targets.Target) -> OperatorGraph:
    """`graph` with the channels that the target's kernels want, in MOST_BYTES of the memory that it takes elsewhere."""
    estimate = backends.estimate_for_vectors(target)
    if estimate is None:
        return graph

    @cache
    def room() -> float:
        others = tuple(b for b in target.backends if b != backends.OF_VECTORS)
        return MOST_BYTES * make_plan(graph, replace(target, backends=(*others, backends.OF_VECTORS))).arena_bytes

    def fits(wide: OperatorGraph) -> bool:
        return make_plan(wide, target).arena_bytes <= room()

    return with_whole_vectors(graph, VECTOR, estimate, fits)


def plan_of(graph: OperatorGraph, target: targets.Target, options: Options, model: frontend.Model) -> Plan:
    """The plan that a compilation with `options` makes of the graph of `model`."""
    if options.stream or options.hop:
        planned = make_stream_plan(_with_vectors(graph, target), target, options, model)
    else:
        planned = plan_of_calls(graph, target, options)
    return states.held(planned, options, model)


def plan_of_calls(graph: OperatorGraph, target: targets.Target, options: Options) -> Plan:
    """The same of a network that computes no stream, whose states are inputs and outputs."""
    wide, settings = _with_vectors(graph, target), (options.input_memory, options.flash_bytes, options.core_count)
    return make_plan(wide, target, options.memory, *settings, narrow=graph)


def make_plan(
    graph: OperatorGraph,
    target: targets.Target,
    stripes: str = "plain",
    input_memory: str = "arena",
    flash_budget: int = 0,
    cores: int = 1,
    narrow: OperatorGraph | None = None,
) -> Plan:
    """Lowers the operators to kernel calls, orders the calls and plans their memory, in `stripes` or not.

    `input_memory`: "arena"; "caller", where the application has all inputs in memory of its own; or "rows", where it
    gives rows of them when they are needed. Kernels that take up to `flash_budget` bytes more of flash are used where
    they are faster; where `stripes` are to make the arena small, only if it is no larger for them. `cores`,
    1 or 2, share the calls. `narrow` is the same network with fewer channels in some tensors: of both the one with the
    smaller arena is taken where `stripes` ask for the smallest, or for bytes that `graph` does not do with.
    """
    make = partial(
        _make_plan, target=target, stripes=stripes, input_memory=input_memory, flash_budget=flash_budget, cores=cores
    )
    planned = make(graph)
    most = 0 if stripes == "smallest" else int(stripes) if stripes.isdecimal() else math.inf
    if narrow is not None and narrow is not graph and planned.arena_bytes > most:
        planned = min(planned, make(narrow), key=lambda p: p.arena_bytes)
    if stripes.isdecimal() and planned.arena_bytes > most:
        raise UsageError(
            option("memory", stripes),
            f"the smallest arena of this network has {planned.arena_bytes} bytes",
            "allow as many, or take fewer or smaller layers",
        )
    return checked(planned)


def _make_plan(
    graph: OperatorGraph, target: targets.Target, stripes: str, input_memory: str, flash_budget: int, cores: int
) -> Plan:
    """The same of one network, which may need more bytes than `stripes` allow."""
    faster = lowered(graph, target, flash_budget)
    plan_of = partial(_plan_of, graph=graph, target=target, stripes=stripes, input_memory=input_memory)
    takes_flash = any(call.trade[0] for call in faster[0])
    if cores > 1 and (takes_flash or any(backends.can_shrink(call) for call in faster[0])):
        planned = _shared_plan(plan_of, faster, graph, target, flash_budget, stripes)
    else:
        planned = plan_of(faster, cores=cores)
    if stripes != "plain" and takes_flash:
        # What is dearer than "auto" may be is so beside the kernels that take flash.
        standard = plan_of(faster, stripes="plain") if stripes == "auto" else None
        usual = plan_of(lowered(graph, target), cores=cores, standard=standard)
        room = int(stripes) if stripes.isdecimal() else usual.arena_bytes
        if planned.arena_bytes > room and (usual.regions or standard is None):
            planned = usual
    return planned


Lowered = tuple[list[KernelCall], list[Tensor], dict[str, str]]


def _shared_plan(
    plan_of: Callable[..., Plan],
    faster: Lowered,
    graph: OperatorGraph,
    target: targets.Target,
    flash_budget: int,
    stripes: str,
) -> Plan:
    """For two cores, which may not have the scratch memory of kernels that are fastest on one, twice: with less of it
    for those that take what they get; then layer by layer, these kernels or those whose scratch there is for both,
    whichever is cheaper; or the usual ones for all of them."""
    one = plan_of(faster)
    most = int(stripes) if stripes.isdecimal() else plan.cores.most_bytes(one)
    known = [backends.with_channels(backends.with_rows(call, one.tensor)) for call in one.calls]
    rooms = plan.cores.scratch_rooms(replace(one, calls=tuple(known)), most)
    costs = report.instructions(target.chip)

    def price(shared: Plan) -> float:
        return plan.cores.instructions(shared, costs) if shared.arena_bytes <= most else math.inf

    best = plan_of(faster, cores=2, most_bytes=most)
    limits: dict[tuple[str, ...], int] = {}
    tight = [call for call in faster[0] if call.scratch_bytes > rooms.get(call.outputs, math.inf)]
    smaller = [call.outputs for call in tight if backends.can_shrink(call)]
    trials = [*([smaller] if smaller else []), *([c.outputs] for c in tight if c.trade[0])]
    for group in trials[:MOST_TRIALS]:
        trial = limits | {outputs: rooms[outputs] for outputs in group}
        shared = plan_of(lowered(graph, target, flash_budget, trial), cores=2, most_bytes=most)
        if price(shared) < price(best):
            best, limits = shared, trial
    return min(best, plan_of(lowered(graph, target), cores=2, most_bytes=most), key=price)


def _plan_of(
    network: Lowered,
    graph: OperatorGraph,
    target: targets.Target,
    stripes: str,
    input_memory: str,
    cores: int = 1,
    most_bytes: int | None = None,
    standard: Plan | None = None,
) -> Plan:
    """`most_bytes` are those of the arena of two cores, where it may have others than plan.run() allows; `standard` is
    what "auto" compares with, where it is of other calls."""
    calls, tensors, functions = network
    if stripes != "plain" or cores > 1 or input_memory == "caller":
        calls = [backends.with_rows(call, graph.tensors().__getitem__) for call in calls]
    if cores > 1:
        calls = [backends.with_channels(call) for call in calls]
    calls, tensors, inputs = application_inputs.from_application(
        input_memory, calls, tensors, graph.inputs, graph.outputs, target
    )
    costs = report.instructions(target.chip)
    ports = (inputs, graph.outputs)
    return plan.run(
        calls, tensors, *ports, target.chip, target.scheme, functions, stripes, costs, cores, most_bytes, standard
    )


def lowered(
    graph: OperatorGraph,
    target: targets.Target,
    flash_budget: int = 0,
    most_scratch: Mapping[tuple[str, ...], int] = MappingProxyType({}),
) -> Lowered:
    """The operators as kernel calls, which may take so many more bytes of flash to be faster, and `most_scratch` of
    memory, by outputs; the tensors that those name, and the sources of generated kernels."""
    operators = backends.with_limits(graph.operators, graph.aliases)
    calls = [backends.lower(operator, target) for operator in operators]
    known, costs = graph.tensors(), report.instructions(target.chip)
    calls = backends.within(flash_budget, operators, calls, target, costs, lambda name: known[name].count, most_scratch)
    calls = [backends.within_scratch(call, most_scratch.get(call.outputs, math.inf)) for call in calls]
    functions: dict[str, str] = {}
    for operator in graph.operators:
        functions.update(getattr(operator, "functions", {}))
    used = {name for call in calls for name in (*call.inputs, *call.outputs)}
    used |= {port.tensor for port in (*graph.inputs, *graph.outputs)}
    used |= {name for alias in graph.aliases for name in (alias.name, present(alias.alias_of))}
    return calls, [t for t in graph.tensors().values() if t.name in used], functions


def checked(planned: Plan) -> Plan:
    """`planned`; RuntimeError where no application could use the values of a port."""
    for port in (*planned.inputs, *planned.outputs):
        tensor = planned.tensor(port.tensor)
        if tensor.dtype in QUANTIZED and tensor.scale is None:
            raise RuntimeError(f"port '{port.name}' is tensor '{tensor.name}', {tensor.dtype} without a scale")
    return planned


def make_stream_plan(graph: OperatorGraph, target: targets.Target, options: Options, model: frontend.Model) -> Plan:
    """The same for a network that computes a stream. Raises EspdlError where it cannot be one."""
    request = streaming.request(options, model)
    port = next(port for port in graph.inputs if port.name == request.input)
    tensor = graph.tensors()[port.tensor]
    streaming.check_axis(request, port, tensor)
    calls, tensors, functions = lowered(graph, target)
    read = {port.tensor for port in graph.outputs}
    calls, tensors = backends.for_stream(calls, tensors, read, keeps_states=options.edges == "stream")
    wanted = plan.streams.Wanted(port.tensor, request.hop, options.edges, backends.running)
    with streaming.refusals(model.label):
        return checked(
            plan.run_stream(calls, tensors, graph.inputs, graph.outputs, target.chip, target.scheme, functions, wanted)
        )


def _accept(target: targets.Target) -> Accept:
    def accept(operator: Operator) -> list[str] | None:
        selection = backends.select(operator, target)
        return None if selection.call is not None else list(selection.declined)

    return accept


def generate(planned: Plan, options: Options, identity: str = "") -> emit.Files:
    """The C of a plan, and its weights."""
    form = emit.CodeOptions(arena=options.arena, weights=options.weights, layers=options.profile or options.taps)
    return emit.render(planned, options.name, packings=backends.packings(), identity=identity, options=form)


def weights_bytes(planned: Plan) -> int:
    """How many bytes the weights of a plan take, without its C."""
    return len(emit.pack(planned, backends.packings()).blob)


def _identity(planned: Plan, options: Options) -> str:
    """16 hexadecimal digits that change with anything that changes the generated code: model, options, version."""
    emitted = {key: getattr(options, key) for key in ("name", "arena", "weights", "profile", "taps")}
    text = planned.to_json() + json.dumps(emitted, sort_keys=True) + __version__
    return hashlib.sha256(text.encode()).hexdigest()[:16]
