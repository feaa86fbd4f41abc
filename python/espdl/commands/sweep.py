# SPDX-License-Identifier: Apache-2.0
"""`espdl sweep`: compile and validate many models for many chips, into one table; a gate for continuous integration."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from espdl import options, targets
from espdl.commands.runners import add_runner_arguments, runner_from, store_from
from espdl.errors import UsageError

if TYPE_CHECKING:
    from espdl.tune.sweep import SweepSet


def add_parser(subparsers: argparse._SubParsersAction) -> None:
    text = (
        "Compile and validate every model in a folder, for every chip and every set of options, and write one table. "
        "Beside <model>.onnx lie <model>.calib.npy, <model>.eval.npz and, if tuned, <model>.tuned.json; a model with a "
        "folder of its own may leave <model> out. Exit code 1 where a row is not ok."
    )
    parser = subparsers.add_parser("sweep", help="one table of many models, chips and options", description=text)
    parser.add_argument("models", type=Path, metavar="FOLDER", help="with .onnx files, also in folders below")
    parser.add_argument("--chips", nargs="+", default=["generic"], metavar="CHIP", help="default: generic")
    parser.add_argument(
        "--set",
        dest="sets",
        nargs="+",
        action="append",
        metavar="OPTION=VALUE",
        help="options for all models that have none of their own, such as --set effort=best; several make several rows",
    )
    parser.add_argument("-o", "--output", type=Path, default=Path("sweep"), metavar="FOLDER", help="default: ./sweep")
    parser.add_argument("--min-sqnr", type=float, metavar="DB", help="least signal-to-noise ratio of every row, in dB")
    parser.add_argument("--min-agreement", type=float, metavar="SHARE", help="least share of equal decisions, 0 to 1")
    add_runner_arguments(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    from espdl import emit
    from espdl.commands.progress import Progress
    from espdl.tune import sweep, zoo
    from espdl.tune.compute import Computer

    for chip in arguments.chips:
        if chip not in targets.CHIPS:
            raise UsageError("--chips", f"'{chip}' is not a choice", f"use one of {', '.join(targets.CHIPS)}")
    models = zoo.models(arguments.models)
    sets = [_set(words) for words in arguments.sets or [[]]]
    total = len(models) * len(arguments.chips) * len(sets)
    store = store_from(arguments)
    with Progress() as progress, runner_from(arguments) as runner:
        computer = Computer(store, runner)
        computer.done = lambda count: progress("models", count, total)
        try:
            table = sweep.rows(
                models,
                arguments.chips,
                sets,
                computer,
                min_sqnr=arguments.min_sqnr,
                min_agreement=arguments.min_agreement,
            )
        except KeyboardInterrupt:
            print("espdl: interrupted; the same command goes on from here", file=sys.stderr)
            return 130
    emit.Files({"sweep.csv": sweep.to_csv(table), "sweep.html": sweep.html(table)}).write(arguments.output)
    print(sweep.text(table))
    print(f"\n{computer.computed} measured, {store.hits} taken from {store.folder}; table in {arguments.output}")
    if store.problem:
        print(f"espdl: {store.problem}", file=sys.stderr)
    return 0 if all(row["status"] == sweep.OK for row in table) else 1


def _set(words: list[str]) -> SweepSet:
    """`effort=best scheme=affine`; several nodes of `int16` are separated by commas. Raises UsageError."""
    from espdl.tune.sweep import SweepSet

    known = {field.name: field.type for field, argument in options.arguments() if argument.choices}
    known["int16"] = "tuple[str, ...]"
    settings: dict[str, object] = {}
    for word in words:
        name, equals, value = word.partition("=")
        name = name.replace("-", "_")
        if not equals or name not in known or name == "chip":
            names = ", ".join(sorted(set(known) - {"chip"}))
            raise UsageError(f"--set {word}", "it is not of the form OPTION=VALUE", f"use one of {names}")
        settings[name] = tuple(value.split(",")) if name == "int16" else value.replace("-", "_")
    return SweepSet(" ".join(words) or "default", settings)
