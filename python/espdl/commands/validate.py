# SPDX-License-Identifier: Apache-2.0
"""`espdl validate`: float model, quantised model and generated C side by side; a gate for continuous integration."""

from __future__ import annotations

import argparse

from espdl.commands.arguments import add_model_arguments, count, options_from
from espdl.errors import UsageError
from espdl.options import Options


def add_parser(subparsers: argparse._SubParsersAction) -> None:
    text = (
        "Run the float model, the quantised model in ONNX Runtime and the generated C on evaluation data. "
        "Exit code 1 where the generated C is below a threshold, or a layer is not what ONNX Runtime computes."
    )
    parser = subparsers.add_parser("validate", help="compare the generated C with the float model", description=text)
    add_model_arguments(parser)
    add_evaluation_arguments(parser)
    parser.add_argument(
        "--min-sqnr", type=float, metavar="DB", help="least signal-to-noise ratio of the outputs, in dB"
    )
    parser.add_argument("--min-agreement", type=float, metavar="SHARE", help="least share of equal decisions, 0 to 1")
    parser.set_defaults(run=run)


def add_evaluation_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--eval",
        metavar="FILE",
        help=".npz with an array per input (or x) and label; or a .npy; of streams and states a recording",
    )
    parser.add_argument(
        "--eval-samples", type=count, default=0, metavar="N", help="use only the first N (default: all)"
    )


def run(arguments: argparse.Namespace) -> int:
    from espdl.commands.progress import Progress
    from espdl.report.values import printable
    from espdl.verify import analysis, evaluation, validate

    options = options_from(arguments)
    if not arguments.eval:
        raise UsageError(
            "--eval", "no evaluation data is given", "pass a .npz with inputs that calibration has not seen"
        )
    if options.stream or options.state:
        return _run_over_time(options, arguments)
    data = evaluation.of(options, arguments.eval, arguments.eval_samples)
    with Progress() as progress:
        validation = validate.run(options, data, progress)
    print(f"{options.name}: {len(data)} samples of {data.name}; {analysis.layers_text(validation)}")
    print("\n".join(analysis.rows_text(validation.rows)))
    for sentence in validation.notes:
        print(f"note: {printable(sentence)}")
    failures = validation.failures(arguments.min_sqnr, arguments.min_agreement)
    for sentence in failures:
        print(f"FAILED: {printable(sentence)}")
    return 1 if failures else 0


def _run_over_time(options: Options, arguments: argparse.Namespace) -> int:
    """Of a stream, or of a model with states, on a recording."""
    from espdl.commands.progress import Progress
    from espdl.report.values import printable
    from espdl.verify import over_time

    with Progress() as progress:
        found = over_time.run(options, arguments.eval, progress)
    print("\n".join(found.text()))
    failures = found.failures(arguments.min_sqnr)
    for sentence in failures:
        print(f"FAILED: {printable(sentence)}")
    return 1 if failures else 0
