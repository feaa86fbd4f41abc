# SPDX-License-Identifier: Apache-2.0
"""Compares what a chip printed (`verify.taps`) with the exact reference, and says where and how they part."""

from __future__ import annotations

import dataclasses
import functools
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from espdl.backends.lowering import lowerings
from espdl.errors import EspdlError
from espdl.plan.types import KernelCall, Plan, Port, Tensor
from espdl.quantize.samples import check_shape
from espdl.verify import reference, steps
from espdl.verify import samples as sampling
from espdl.verify.debug_patterns import meanings
from espdl.verify.taps import Piece, TappedRun, fnv
from espdl.wording import option

# Layers that use the C library's floats are taken as equal up to this part of their largest value.
_FLOAT_TOLERANCE = 1e-5


@dataclass(frozen=True)
class Build:
    """What the build in `folder` made: the reference of the firmware."""

    folder: Path
    name: str
    identity: str
    plan: Plan
    weights: bytes

    @staticmethod
    def load(folder: Path) -> Build:
        """Reads `<name>_reference.json` and the weights; EspdlError where the folder does not have them."""
        files = sorted(Path(folder).glob("*_reference.json"))
        if len(files) != 1:
            raise EspdlError(
                f"build {folder}",
                "it holds no <name>_reference.json" if not files else "it holds those of several models",
                "switch CONFIG_ESPDL_TAPS on, build, and name the folder <build>/.../espdl/<name>",
            )
        try:
            values = json.loads(files[0].read_text(encoding="utf-8"))
            lowerings()  # whose files define the parameter structs
            plan = Plan.from_json(json.dumps(values["plan"]))
            weights = (Path(folder) / f"{values['name']}_weights.bin").read_bytes()
            build = Build(Path(folder), values["name"], values["identity"], plan, weights)
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise EspdlError(f"build {folder}", f"it cannot be read ({error})", "build again") from error
        if plan.stream is not None:
            raise EspdlError(
                f"build {folder}",
                "it is a stream, whose layers depend on all pushes before, which no log holds",
                f"build a recording in with {option('test_vectors')}: its self test names the first value that differs;"
                f" for the layer build the model without {option('stream')}, and debug runs of whole windows",
            )
        return build


@dataclass(frozen=True)
class TapDifference:
    """Where a run first differs: `output` of layer `call`. The rest is known where the layer was printed in full.

    `index` in the tensor's shape; `count` values differ of those known, `total` is all.
    """

    call: int
    output: int
    index: tuple[int, ...] | None = None
    expected: int | float | None = None
    got: int | float | None = None
    count: int = 0
    total: int = 0
    meanings: tuple[str, ...] = ()


@dataclass(frozen=True)
class Verdict:
    """What one run says. `problems` are sentences about everything but the layers, `unknown` layers that were not seen.

    `compared` counts the outputs of layers that were; 0 where `problems` tell why none could be.
    """

    run: TappedRun
    problems: tuple[str, ...] = ()
    difference: TapDifference | None = None
    compared: int = 0
    unknown: tuple[int, ...] = ()
    tolerated: tuple[int, ...] = field(default=())

    @property
    def passed(self) -> bool:
        return not self.problems and self.difference is None and self.compared > 0


def examine(build: Build, run: TappedRun, samples: Sequence[Mapping[str, np.ndarray]] = ()) -> Verdict:
    """Compares one run with the reference. `samples` are inputs by port, for runs whose inputs were not printed."""
    if run.identity is not None and run.identity != build.identity:
        return Verdict(run, (_stale(build, run),))
    problems = []
    if run.weights is not None and run.weights != (len(build.weights), fnv(build.weights)):
        problems.append(
            "the weights in the chip's memory are not those of the build: flash written only in part or damaged,"
            " config.weights points elsewhere, or a copy in RAM or PSRAM was overwritten"
        )
    inputs = _inputs(build.plan, run, samples)
    if isinstance(inputs, str):
        return Verdict(run, (*problems, inputs))
    return _compare(build.plan, run, inputs, tuple(problems))


def read_samples(plan: Plan, path: Path) -> Iterator[dict[str, np.ndarray]]:
    """Inputs of a .npy or .npz file ([N, input shape], float or stored integers), as the chip holds them.

    With states they are the steps of one sequence from a reset on, and the states are what the reference makes of them.
    """
    held = {state.input for state in plan.states}
    given = [port for port in plan.inputs if port.tensor not in held]
    try:
        loaded = np.load(path, allow_pickle=False)
        arrays = dict(loaded.items()) if isinstance(loaded, np.lib.npyio.NpzFile) else {given[0].name: loaded}
        columns = {port.name: _stored(plan, port.name, arrays[port.name], f"inputs {path}") for port in given}
    except KeyError as error:
        names = ", ".join(port.name for port in given)
        raise EspdlError(
            f"inputs {path}", f"it has no array {error}", f"name one array for each input: {names}"
        ) from error
    except (OSError, ValueError) as error:
        raise EspdlError(
            f"inputs {path}",
            f"it cannot be used ({error})",
            f"give the file of {option('test_vectors')}, or of that form",
        ) from error
    count = min(len(column) for column in columns.values())
    rows = ({name: column[index] for name, column in columns.items()} for index in range(count))
    yield from (inputs for inputs, _ in steps.run(plan, rows)) if plan.states else rows


def _stored(plan: Plan, name: str, array: np.ndarray, what: str) -> np.ndarray:
    port = next(port for port in plan.inputs if port.name == name)
    tensor = plan.tensor(port.tensor)
    if array.dtype == np.dtype(tensor.dtype) and array.dtype.kind != "f":
        return array.reshape(-1, *tensor.shape)
    shape = tensor.shape if port.layout != "NHWC" else tuple(tensor.shape[i] for i in (0, 3, 1, 2))
    check_shape(array.shape, shape, what, name)
    return sampling.to_tensors(_only(plan, name), {name: array})[name]


def _only(plan: Plan, name: str) -> Plan:
    return dataclasses.replace(plan, inputs=tuple(port for port in plan.inputs if port.name == name))


def _stale(build: Build, run: TappedRun) -> str:
    if run.model != build.name:
        return f"the model is '{run.model}', the build's is '{build.name}': name the folder of the other build"
    return (
        f"stale model: the chip runs identity {run.identity}, the build has {build.identity}. Flash this build"
        " (idf.py flash), or compare with the folder of the build that was flashed"
    )


def _inputs(plan: Plan, run: TappedRun, samples: Sequence[Mapping[str, np.ndarray]]) -> dict[str, np.ndarray] | str:
    """The run's inputs by port, or why they are not known."""
    printed = [_printed(plan, run, index) for index in range(len(plan.inputs))]
    whole = [content for piece in printed if (content := piece.complete()) is not None]
    if len(whole) == len(printed):
        pairs = zip(plan.inputs, whole, strict=True)
        return {port.name: _array(plan.tensor(port.tensor), content) for port, content in pairs}
    if not all(piece.is_hashed for piece in printed):
        return "the lines about the inputs are damaged or missing: nothing can be compared"
    for sample in samples:
        known = zip(plan.inputs, printed, strict=True)
        if all(piece.first_difference(sample[port.name].tobytes()) is None for port, piece in known):
            return dict(sample)
    if not samples:
        asking = [str(layer) for layer in map(functools.partial(_asking, plan), plan.inputs) if layer is not None]
        dump = f"print layer {', '.join(asking)} in full (dump)" if asking else "set dump_inputs"
        vectors = option("test_vectors")
        return f"the inputs were not printed in full: {dump}, or pass the file of {vectors} with --input"
    if plan.states:
        return (
            "no step of the file has these inputs and states: the chip was reset later or runs other steps, or a run"
            " before left another state; with dump_inputs they are printed and the file is not needed"
        )
    return (
        "no sample of the file has these inputs: the application prepares them otherwise (order of channels, scaling,"
        " rounding), or runs other samples; with dump_inputs they are printed and the file is not needed"
    )


def _printed(plan: Plan, run: TappedRun, index: int) -> Piece:
    """What was printed of an input. One that comes by rows is what the layer that asks for them has written."""
    port = plan.inputs[index]
    if plan.tensor(port.tensor).source != "rows":
        return run.inputs.get(index, Piece())
    layer = _asking(plan, port)
    return run.layers.get((layer, 0), Piece()) if layer is not None else Piece()


def _asking(plan: Plan, port: Port) -> int | None:
    """The layer that asks the application for rows of an input, if there is one."""
    return next((i for i, call in enumerate(plan.calls) if call.asks and port.tensor in call.inputs), None)


def _array(tensor: Tensor, content: bytes) -> np.ndarray:
    return np.frombuffer(content, np.dtype(tensor.dtype)).reshape(tensor.shape)


def _compare(plan: Plan, run: TappedRun, inputs: Mapping[str, np.ndarray], problems: tuple[str, ...]) -> Verdict:
    accepted: dict[str, np.ndarray] = {}  # what the chip computed in layers that may differ in their last bits
    tolerated: list[int] = []
    while True:
        values = reference.run(plan, inputs, accepted)
        difference, compared, unknown = _first_difference(plan, run, values)
        if difference is None or plan.calls[difference.call].exact:
            break
        tensor = plan.tensor(plan.calls[difference.call].outputs[difference.output])
        content = run.layers[difference.call, difference.output].complete()
        if content is None or not _is_close(values[tensor.name], _array(tensor, content)):
            break
        accepted[tensor.name] = _array(tensor, content)
        tolerated.append(difference.call)
    return Verdict(run, problems, difference, compared, unknown, tuple(dict.fromkeys(tolerated)))


def _is_close(expected: np.ndarray, got: np.ndarray) -> bool:
    if expected.dtype.kind != "f":
        return bool(np.abs(expected.astype(np.int64) - got.astype(np.int64)).max() <= 1)
    largest = float(np.abs(expected).max())
    return bool(np.abs(expected.astype(np.float64) - got).max() <= _FLOAT_TOLERANCE * largest)


def _first_difference(
    plan: Plan, run: TappedRun, values: Mapping[str, np.ndarray]
) -> tuple[TapDifference | None, int, tuple[int, ...]]:
    """The difference, how many outputs were compared up to it, and the layers before it of which nothing is known."""
    compared, unknown = 0, []
    for index, call in enumerate(plan.calls):
        for output, name in enumerate(call.outputs):
            piece = run.layers.get((index, output))
            if piece is None or (piece.hash is None and not piece.data and not piece.parts):
                unknown.append(index)
                continue
            compared += 1
            expected = np.ascontiguousarray(values[name])
            if _differs(expected, piece):
                return _describe(call, index, output, expected, piece), compared, tuple(dict.fromkeys(unknown))
    return None, compared, tuple(dict.fromkeys(unknown))


def _differs(expected: np.ndarray, piece: Piece) -> bool:
    content = expected.tobytes()
    if piece.hash is not None or piece.first_difference(content) is not None:
        return piece.first_difference(content) is not None
    got, known = piece.known(len(content))
    return bool((np.frombuffer(content, np.uint8) != got)[known].any())


def _describe(call: KernelCall, index: int, output: int, expected: np.ndarray, piece: Piece) -> TapDifference:
    got_bytes, known_bytes = piece.known(expected.nbytes)
    shape, size = np.atleast_1d(expected).shape, expected.dtype.itemsize
    got = got_bytes.view(expected.dtype).reshape(shape)
    known = np.reshape(known_bytes.reshape(-1, size).all(axis=1), shape)
    expected = np.atleast_1d(expected)
    bits = f"u{size}"
    places = np.argwhere((np.ascontiguousarray(expected).view(bits) != got.view(bits)) & known)
    if not len(places):
        return TapDifference(index, output, total=expected.size)
    first = tuple(int(i) for i in places[0])
    sentences = meanings(expected, got, known)
    if not call.exact:
        sentences = [*sentences, "this layer uses the C library's floats, whose last bits may differ"]
    values = (expected[first].item(), got[first].item())
    return TapDifference(index, output, first, *values, len(places), expected.size, tuple(sentences))
