# SPDX-License-Identifier: Apache-2.0
"""`espdl tune`: the best settings for a model, by measurement."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from espdl import options
from espdl.commands.arguments import add_model_arguments, count, options_from
from espdl.commands.runners import add_runner_arguments, runner_from, store_from
from espdl.commands.validate import add_evaluation_arguments
from espdl.errors import EspdlError, UsageError
from espdl.wording import option

if TYPE_CHECKING:
    from espdl.tune.search import Found, Search, SearchRequest

# Where the options file goes without a name.
_APPLIED = "{name}.tuned.json"


def add_parser(subparsers: argparse._SubParsersAction) -> None:
    text = (
        "Try settings (scheme, precision of the network and of single layers, effort, calibration method, memory, dead "
        "channels), measure each on evaluation data, and show the best. Options that are given stay as they are."
    )
    parser = subparsers.add_parser("tune", help="find the best settings by measurement", description=text)
    add_model_arguments(parser)
    add_evaluation_arguments(parser)
    parser.add_argument("--metric", metavar="FILE", help="a .py with metric(outputs, reference, labels, inputs)")
    least = parser.add_argument_group("what is wanted at least, and at most")
    least.add_argument("--min-sqnr", type=float, metavar="DB", help="signal-to-noise ratio of the outputs")
    least.add_argument("--min-agreement", type=float, metavar="SHARE", help="share of equal decisions, 0 to 1")
    least.add_argument("--min-metric", type=float, metavar="VALUE", help="what the metric must say")
    least.add_argument("--max-arena", type=count, metavar="BYTES", help="working memory")
    least.add_argument("--max-weights", type=count, metavar="BYTES", help="weights")
    least.add_argument("--max-instructions", type=count, metavar="N", help="instructions of one run")
    parser.add_argument("--candidates", type=count, default=100, metavar="N", help="how many to measure (default: 100)")
    parser.add_argument("--seed", type=count, default=0, metavar="N", help="equal seeds, equal searches (default: 0)")
    parser.add_argument(
        "--count", action="store_true", help="count instructions on an emulated rv32 (QEMU) instead of estimating them"
    )
    parser.add_argument(
        "--apply",
        nargs="?",
        const="",
        metavar="FILE",
        help="write what was chosen (default: <name>.tuned.json)",
    )
    parser.add_argument(
        "--in-flight", type=count, default=12, metavar="N", help="candidates under way, at least the workers (12)"
    )
    add_runner_arguments(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    from espdl.commands.progress import Progress
    from espdl.tune import report
    from espdl.tune.compute import Computer
    from espdl.tune.search import Search

    request = _request(arguments)
    store = store_from(arguments)
    with Progress() as progress, runner_from(arguments) as runner:
        computer = Computer(store, runner)
        search = Search(request, computer, progress)
        try:
            found = search.run()
        except KeyboardInterrupt:
            return _interrupted(search, computer)
    values = report.make(found)
    _write(values, Path(request.options.output))
    print(report.text(values))
    print(f"\n{computer.computed} measured, {store.hits} taken from {store.folder}")
    if store.problem:
        print(f"espdl: {store.problem}", file=sys.stderr)
    return _end(found, arguments)


def _request(arguments: argparse.Namespace) -> SearchRequest:
    from espdl.tune.front import Limits
    from espdl.tune.search import SearchRequest

    if not arguments.eval:
        raise UsageError(
            "--eval", "no evaluation data is given", "pass a .npz with inputs that calibration has not seen"
        )
    for name in ("candidates", "in_flight"):
        if getattr(arguments, name) < 1:
            raise UsageError(option(name), "0 candidates find nothing", "give 1 or more")
    if arguments.min_metric is not None and not arguments.metric:
        raise UsageError("--min-metric", "there is no metric", "pass --metric too, or use --min-sqnr")
    if arguments.stream:
        raise UsageError(
            "--stream", "a stream is not searched yet", "tune the model without it; the choice serves both"
        )
    costs = {
        "instructions": arguments.max_instructions,
        "arena_bytes": arguments.max_arena,
        "weights_bytes": arguments.max_weights,
    }
    limits = Limits(
        score=arguments.min_metric,
        sqnr_db=arguments.min_sqnr,
        agreement=arguments.min_agreement,
        costs={name: most for name, most in costs.items() if most is not None},
    )
    given = {field.name for field, _ in options.arguments() if getattr(arguments, field.name) is not None}
    return SearchRequest(
        options=options_from(arguments),
        fixed=frozenset(given),
        evaluation=os.path.abspath(arguments.eval),
        samples=arguments.eval_samples,
        metric=arguments.metric and os.path.abspath(arguments.metric),
        count=arguments.candidates,
        seed=arguments.seed,
        in_flight=arguments.in_flight,
        limits=limits,
        counts=arguments.count,
    )


def _write(values: dict, folder: Path) -> None:
    from espdl import emit
    from espdl.tune import html, report

    emit.Files({"tune.json": report.to_json(values), "tune.html": html.html(values)}).write(folder)


def _end(found: Found, arguments: argparse.Namespace) -> int:
    from espdl.tune import lines, report

    if found.chosen is None:
        remedy = "allow more, ask for less accuracy, or try more --candidates; tune.json has all points"
        raise EspdlError(found.request.options.name, report.beyond(found), remedy)
    if arguments.apply is not None:
        path = Path(arguments.apply or _APPLIED.format(name=found.request.options.name))
        lines.apply(found.chosen.settings, path)
        print(f"written to {path}: OPTIONS {path.name} in CMake, --options {path} on the command line")
    return 0


def _interrupted(search: Search, computer: object) -> int:
    from espdl.tune import report

    found = search.so_far()
    if found is not None:
        print(report.text(report.make(found)))
    print("espdl: interrupted; what was measured is kept, and the same command goes on from here", file=sys.stderr)
    return 130
