# SPDX-License-Identifier: Apache-2.0
"""`espdl analyze`: where a quantised network loses accuracy, layer by layer, and what to try next."""

from __future__ import annotations

import argparse
from pathlib import Path

from espdl.commands.arguments import add_model_arguments, options_from
from espdl.commands.validate import add_evaluation_arguments


def add_parser(subparsers: argparse._SubParsersAction) -> None:
    text = (
        "Quantise, compile and run a model, and compare every layer with the float model. Uses evaluation data, or "
        "calibration data where there is none."
    )
    parser = subparsers.add_parser("analyze", help="find out where quantisation costs accuracy", description=text)
    add_model_arguments(parser)
    add_evaluation_arguments(parser)
    parser.add_argument("--html", type=Path, metavar="FILE", help="write the analysis as HTML too")
    parser.add_argument(
        "--errors", type=Path, metavar="FILE", help="write dB by tensor as JSON, for espdl report --errors"
    )
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    from espdl.commands.progress import Progress
    from espdl.verify import analysis, analyze, evaluation, validate

    options = options_from(arguments)
    data = evaluation.of(options, arguments.eval, arguments.eval_samples)
    with Progress() as progress:
        validation = validate.run(options, data, progress)
        progress("layers", 0, 0)
        layers = analyze.layers(validation.compilation.quantized, data)
    result = analysis.make(validation, layers, options, data.name, len(data))
    print(analysis.text(result))
    if arguments.html:
        arguments.html.write_text(analysis.html(result), encoding="utf-8")
    if arguments.errors:
        arguments.errors.write_text(analysis.errors_json(result), encoding="utf-8")
    return 0
