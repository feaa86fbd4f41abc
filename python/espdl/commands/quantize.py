# SPDX-License-Identifier: Apache-2.0
"""`espdl quantize`: an int8 model in QDQ form, to look at in Netron or to run in ONNX Runtime."""

from __future__ import annotations

import argparse
from pathlib import Path

from espdl.commands.arguments import add_model_arguments, options_from


def add_parser(subparsers: argparse._SubParsersAction) -> None:
    text = "Quantise an ONNX model; writes <output>/<name>.onnx in QDQ form."
    parser = subparsers.add_parser("quantize", help="quantise an ONNX model (QDQ form)", description=text)
    add_model_arguments(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    from espdl import emit, pipeline
    from espdl.commands.progress import Progress

    options = options_from(arguments)
    with Progress() as progress:
        _, quantized, _ = pipeline.quantize_model(options, progress)
    files = emit.Files({f"{options.name}.onnx": quantized.proto.SerializeToString(deterministic=True)})
    files.write(Path(options.output))
    print(f"{Path(options.output) / options.name}.onnx")
    return 0
