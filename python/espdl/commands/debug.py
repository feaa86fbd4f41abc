# SPDX-License-Identifier: Apache-2.0
"""`espdl debug`: what a chip computed against what it should have computed, from the console's log."""

from __future__ import annotations

import argparse
import sys
import textwrap
from pathlib import Path
from typing import TYPE_CHECKING

from espdl.commands.arguments import is_of_a_build
from espdl.errors import EspdlError
from espdl.wording import speak

if TYPE_CHECKING:
    from espdl.verify.debug import Build, TapDifference, Verdict

_REMEDY = "attach taps to the instance (espdl_taps.h) with CONFIG_ESPDL_TAPS, run it, and save the console's output"


def add_parser(subparsers: argparse._SubParsersAction) -> None:
    text = (
        "Compare a log that taps wrote (CONFIG_ESPDL_TAPS, espdl_taps.h) with the exact reference, and name the first"
        " layer that differs. Exit code 1 if a run differs."
    )
    parser = subparsers.add_parser("debug", help="find the layer where a chip differs from the PC", description=text)
    parser.add_argument(
        "build",
        type=Path,
        metavar="FOLDER",
        help="the generated files of the build that was flashed (build/.../espdl/NAME)",
    )
    parser.add_argument(
        "--log",
        required=True,
        metavar="FILE",
        help="the console's output, with anything else in it; - is standard input",
    )
    parser.add_argument(
        "--input", type=Path, metavar="FILE", help=".npy or .npz with the inputs of the runs, as of TEST_VECTORS"
    )
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    from espdl.verify import debug, taps

    speak(cmake=is_of_a_build(arguments.build))
    build = debug.Build.load(arguments.build)
    log = taps.read(_read(arguments.log))
    if not log.runs:
        found = f"{log.damaged} damaged lines and no whole one" if log.damaged else "no lines of taps"
        raise EspdlError(f"log {arguments.log}", f"it has {found}", _REMEDY)
    samples = list(debug.read_samples(build.plan, arguments.input)) if arguments.input else []
    verdicts = [debug.examine(build, run, samples) for run in log.runs]
    print(f"{build.name}, identity {build.identity}: {len(verdicts)} runs in the log")
    if log.damaged or log.missing:
        print(f"{log.damaged} lines are damaged and {log.missing} missing; the others are compared")
    told: set[object] = set()
    for position, verdict in enumerate(verdicts):
        where = verdict.problems, verdict.difference and verdict.difference.call
        lines = _lines(build, position, verdict)
        if where in told and not verdict.passed:
            lines = [f"{lines[0]} the same problem" + (", in the same layer" if verdict.difference else "")]
        told.add(where)
        for line in lines:
            print(
                textwrap.fill(line, 100, subsequent_indent="    ", break_on_hyphens=False) if "{" not in line else line
            )
    return 0 if all(verdict.passed for verdict in verdicts) else 1


def _read(name: str) -> str:
    if name == "-":
        return sys.stdin.buffer.read().decode("utf-8", "replace")
    try:
        return Path(name).read_bytes().decode("utf-8", "replace")
    except OSError as error:
        raise EspdlError(f"log {name}", f"it cannot be read ({error.strerror})", _REMEDY) from error


def _lines(build: Build, position: int, verdict: Verdict) -> list[str]:
    head = f"run {position if verdict.run.number is None else verdict.run.number}:"
    if verdict.passed:
        lines = [f"{head} equal to the reference in {verdict.compared} outputs of layers"]
    else:
        lines = [head if verdict.difference or verdict.problems else f"{head} nothing to compare was printed"]
    lines += [f"  {problem}" for problem in verdict.problems]
    if verdict.run.identity is None:
        lines.append("  the line that tells the model's identity is lost: it is taken to be this build's")
    if verdict.unknown:
        lines.append(f"  not seen, because lines are lost: layer {_numbers(verdict.unknown)}")
    if verdict.tolerated:
        lines.append(f"  differs in last bits of floats, and was accepted: layer {_numbers(verdict.tolerated)}")
    if verdict.difference:
        lines += _difference(build, verdict.difference)
    return lines


def _difference(build: Build, found: TapDifference) -> list[str]:
    call = build.plan.calls[found.call]
    nodes = ", ".join(call.source_nodes) or call.operator
    lines = [f"  first layer that differs: {found.call}, {nodes} ({call.operator}, {call.function})"]
    if found.index is None:
        return [
            *lines,
            "  only its hash is known, not the values: print it in full and run again, with",
            f"      static const uint16_t dump[] = {{{found.call}}};",
            "      espdl_taps_attach(&taps, &net.base, &(espdl_taps_config_t){.dump = dump, .dump_count = 1});",
        ]
    output = f" of output {found.output}" if len(call.outputs) > 1 else ""
    lines.append(
        f"  at {list(found.index)}{output}: expected {found.expected}, got {found.got};"
        f" {found.count} of {found.total} values differ"
    )
    return [*lines, *(f"  this usually means: {meaning}" for meaning in found.meanings)]


def _numbers(values: tuple[int, ...]) -> str:
    return ", ".join(map(str, values[:8])) + (", ..." if len(values) > 8 else "")
