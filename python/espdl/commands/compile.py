# SPDX-License-Identifier: Apache-2.0
"""`espdl compile`: from an ONNX model to C."""

from __future__ import annotations

import argparse
from pathlib import Path

from espdl.commands.arguments import add_model_arguments, options_from
from espdl.commands.phases import Phases, add_phase_arguments
from espdl.wording import speak


def add_parser(subparsers: argparse._SubParsersAction) -> None:
    parser = subparsers.add_parser(
        "compile", help="compile an ONNX model to C", description="Compile an ONNX model to C."
    )
    add_model_arguments(parser)
    add_phase_arguments(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    from espdl import pipeline, report
    from espdl.commands.progress import Progress

    is_build = bool(arguments.options) and arguments.model is None
    speak(cmake=is_build)
    options = pipeline.Options.from_json(arguments.options) if is_build else options_from(arguments)
    with Progress() as progress:
        phases = Phases(arguments.verbose, arguments.dump_phases)
        compilation = pipeline.compile_model(options, progress, phases)
        if options.test_vectors:
            from espdl.verify import vectors

            vectors.files_for(compilation, options.test_vectors).write(Path(options.output))
    print(report.text(compilation.report))
    return 0
