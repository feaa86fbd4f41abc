# SPDX-License-Identifier: Apache-2.0
"""What `espdl compile` tells of its phases: times and decisions (-v, -vv, -vvv), and every stage's value as files."""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any


def add_phase_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "-v",
        "--verbose",
        action="count",
        default=0,
        help="-v: phases with times; -vv: also the kernel of each layer, and why not a faster one; -vvv: also the place"
        " and scale of every tensor, and tracebacks of internal errors",
    )
    parser.add_argument(
        "--dump-phases",
        type=Path,
        metavar="DIR",
        help="write what every phase makes: ONNX, QDQ ONNX, Relax and operators after every pass, Plan, C",
    )


class Phases:
    """Called after every phase of the pipeline, and every pass (`pipeline.Watch`). Dumps are written at once:
    a failure keeps them."""

    def __init__(self, verbose: int = 0, folder: Path | None = None):
        self._verbose = verbose
        self._folder = folder
        self._last = time.monotonic()
        self._passes = 0
        if verbose >= 3:
            os.environ["ESPDL_TRACEBACK"] = "1"

    def __call__(self, phase: str, value: Any) -> None:
        if phase == "pass":
            self._pass(*value)
            return
        now = time.monotonic()
        if self._verbose:
            said = _SAY[phase](value)
            _print(f"{phase:<10} {now - self._last:7.2f} s  {next(said)}")
            for level, line in said:
                if self._verbose >= level:
                    _print(f"  {line}")
        if self._folder is not None:
            self._dump(self._folder, phase, value)
        self._last = time.monotonic()  # without the time to say and to dump it

    def _pass(self, name: str, value: Any) -> None:
        """Files that sort in the order of the passes."""
        self._passes += 1
        if self._folder is not None:
            from espdl.emit import Files

            number = list(_DUMP).index("partition") + 1
            text = value.script() if hasattr(value, "script") else str(value)
            content = {f"{number}-{self._passes:02}-{name}.txt": text.encode("utf-8", "replace")}
            Files(content).write(self._folder)

    def _dump(self, into: Path, phase: str, value: Any) -> None:
        from espdl.emit import Files

        number = list(_DUMP).index(phase) + 1
        folder, contents = _DUMP[phase](value)
        prefix = "" if folder else f"{number}-"
        target = into / f"{number}-{folder}" if folder else into
        Files({prefix + name: content for name, content in contents.items()}).write(target)


def _print(line: str) -> None:
    clear = "\r\x1b[K" if sys.stderr.isatty() else ""  # the progress bar is there
    print(clear + "".join(c if c.isprintable() else "?" for c in line), file=sys.stderr)


# Each of the following yields first a line for the phase, then pairs (level of verbosity, line).
_Said = Iterator[Any]


def _say_load(model: Any) -> _Said:
    yield f"{len(model.proto.graph.node)} nodes, {len(model.proto.graph.initializer)} constants"
    for value in model.inputs:
        yield 2, f"input {value.name}: {value.dtype}{list(value.shape)}"


def _say_quantize(model: Any) -> _Said:
    nodes = [node.op_type for node in model.proto.graph.node]
    yield f"{nodes.count('QuantizeLinear')} tensors quantised, scheme {model.scheme}"
    for warning in model.warnings:
        yield 1, f"warning: {warning}"
    for name, (low, high) in sorted(model.statistics.items()):
        yield 3, f"range of {name}: {low:.6g} to {high:.6g}"


def _say_partition(graph: Any) -> _Said:
    yield f"{len(graph.operators)} operators"


def _say_plan(plan: Any) -> _Said:
    functions = len({call.function for call in plan.calls})
    bound = f"lower bound {plan.arena_lower_bound:,}"
    yield f"{len(plan.calls)} layers, {functions} different kernels, arena {plan.arena_bytes:,} bytes ({bound})"
    for index, call in enumerate(plan.calls):
        yield 2, f"layer {index}, {', '.join(call.source_nodes) or call.operator}: {call.function} ({call.backend})"
        for note in call.notes:
            yield 2, f"    {note}"
    for tensor in plan.tensors:
        scale = "" if tensor.scale is None else f", scale {tensor.scale:.9g}, zero point {tensor.zero_point}"
        yield 3, f"{tensor.offset:>8} {tensor.nbytes:>8} {tensor.name}: {tensor.dtype}{list(tensor.shape)}{scale}"


def _say_emit(files: Any) -> _Said:
    yield f"{len(files)} files, {sum(map(len, files.values())):,} bytes"
    for name, content in files.items():
        yield 2, f"{name}: {len(content):,} bytes"


_SAY: dict[str, Callable[[Any], _Said]] = {
    "load": _say_load,
    "quantize": _say_quantize,
    "partition": _say_partition,
    "plan": _say_plan,
    "emit": _say_emit,
}

# The folder for a phase's files ("": none of its own), and the files.
_DUMP: dict[str, Callable[[Any], tuple[str, dict[str, bytes]]]] = {
    "load": lambda model: ("", {"model.onnx": _proto(model.proto)}),
    "quantize": lambda model: ("", {"float.onnx": _proto(model.float_proto), "qdq.onnx": _proto(model.proto)}),
    "partition": lambda graph: ("", {}),
    "plan": lambda plan: ("", {"plan.json": plan.to_json().encode()}),
    "emit": lambda files: ("c", dict(files)),
}


def _proto(proto: Any) -> bytes:
    return proto.SerializeToString(deterministic=True)
