# SPDX-License-Identifier: Apache-2.0
"""`espdl ops`: how every ONNX operator runs, or every node of a model."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from espdl.commands.arguments import add_model_arguments, options_from

_INTRODUCTION = """# Operators

Made from the code by `make docs`: how each operator of ONNX runs on a chip without an accelerator of its own
(kernels: portable C). `espdl ops --model net.onnx` says it for every node of a model, with the reason.

- **kernel**: integer arithmetic in a function of `src/kernels`, for tensors of the types in brackets ("any": it moves
  bytes). What is named in the last column must be so; otherwise the next way is taken, and the report says why.
- **table**: one load per element from a table of 256 bytes, computed by the compiler. Chains of such operators are one.
- **alias**: no code, the output is the input's memory.
- **rewritten**: other operators take its place before anything else happens.
- **TVM fallback**: loops made by TVM, from int8 to int8 with float32 inside. It always works where shapes are static,
  but costs floating-point arithmetic, which is slow on chips without a floating-point unit.
- **refused**: the compiler stops and names the node.

Operators whose inputs are all constant are computed by the compiler, whatever they are.
"""


def add_parser(subparsers: argparse._SubParsersAction) -> None:
    text = "Print how every ONNX operator runs; with a model, how each of its nodes runs, and why."
    parser = subparsers.add_parser("ops", help="how ONNX operators, or the nodes of a model, run", description=text)
    add_model_arguments(parser)
    parser.add_argument("--model", dest="model_file", metavar="MODEL", help="the .onnx file, as MODEL")
    parser.add_argument("--markdown", action="store_true", help="print a page in Markdown")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    from espdl import support, targets
    from espdl.report.values import short

    arguments.model = arguments.model_file or arguments.model
    if arguments.model is not None:
        arguments.name = arguments.name or "net"
        if arguments.calibration is None:
            print("espdl: without --calibration, scales come from made-up inputs.", file=sys.stderr)
        name = str if arguments.markdown else short
        rows = [
            (name(r.node), r.operator, r.way, "; ".join([*([r.by] if r.by else []), *r.remarks]))
            for r in support.model_rows(options_from(arguments))
        ]
        _print(("node", "operator", "runs as", "function, reasons"), rows, arguments.markdown)
        return 0
    target = targets.select(arguments.chip or "generic", arguments.kernels or "auto", arguments.scheme or "default")
    rows = [(r.operator, ", ".join(r.ways), ", ".join(r.by), "; ".join(r.remarks)) for r in support.table(target)]
    if arguments.markdown:
        print(_INTRODUCTION)
    _print(("operator", "runs as", "operators of ours", "remarks"), rows, arguments.markdown)
    return 0


def _print(titles: Sequence[str], rows: Sequence[Sequence[str]], markdown: bool) -> None:
    if markdown:
        for row in (titles, ["---"] * len(titles), *rows):
            print("| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |")
        return
    widths = [max(len(row[column]) for row in (titles, *rows)) for column in range(len(titles))]
    for row in (titles, ["-" * w for w in widths], *rows):
        print("  ".join(f"{cell:{width}}" for cell, width in zip(row, widths)).rstrip())
