#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What `espdl tune` finds on seven networks, beside their defaults.

python benchmarks/tune.py [--data DIR] [--candidates N] [--jobs N] [--cache FOLDER] [--only TEXT]

Writes benchmarks/tune.json and the table of docs/tuning.md, with the searches that are in it. Exit code 1 where one
ends below what the project promises.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
sys.path[:0] = [str(ROOT / "python"), str(HERE)]

import networks  # noqa: E402 (the paths above come first)

from espdl.options import Options  # noqa: E402
from espdl.tune import lines, local  # noqa: E402
from espdl.tune.compute import Computer  # noqa: E402
from espdl.tune.front import COSTS, Point, pareto  # noqa: E402
from espdl.tune.search import Found, Search, SearchRequest  # noqa: E402
from espdl.tune.store import Store  # noqa: E402

RESULTS = HERE / "tune.json"
PAGE = ROOT / "docs" / "tuning.md"
BEGIN, END = "<!-- written by benchmarks/tune.py -->", "<!-- end -->"
TRAINED, RANDOM = "trained", "random weights"
# What the issue of a better point is: so many decibels more, at so many times the instructions at most.
GAIN, PRICE = 2.0, 1.3
CHEAPER = 0.9


@dataclass(frozen=True)
class Case:
    """A search: a network, with the options that it is given. `least`: dB that a point within PRICE must reach."""

    title: str
    network: str
    kind: str = TRAINED
    options: Mapping[str, str] = field(default_factory=dict)
    least: float | None = None


CASES = (
    *(Case(name, name) for name in ("ic_resnet8", "kws_dscnn", "vww_mobilenet", "ad_autoencoder")),
    Case("kws_dscnn, power_of_two", "kws_dscnn", options={"scheme": "power_of_two"}, least=22.5),
    Case("kws_dscnn, esp32s3", "kws_dscnn", options={"chip": "esp32s3"}),
    *(Case(f"{name}, {RANDOM}", name, RANDOM) for name in ("ic_resnet8", "vww_mobilenet", "mobilenet_v2_035")),
)


def main(argv: Sequence[str] | None = None) -> int:
    arguments = _arguments(argv)
    results = json.loads(RESULTS.read_text()) if RESULTS.exists() else {}
    with tempfile.TemporaryDirectory() as temporary:
        for case in CASES:
            if arguments.only not in case.title:
                continue
            folder = arguments.data / case.network
            if case.kind == RANDOM:
                folder = networks.write(Path(temporary), [case.network]) / case.network
            results[case.title] = summary(search(case, folder, arguments))
            print(json.dumps({case.title: results[case.title]}, indent=1), flush=True)
            RESULTS.write_text(json.dumps(results, indent=1) + "\n")
    PAGE.write_text(with_table(PAGE.read_text(), results))
    failures = broken_promises(results)
    for failure in failures:
        print(f"FAILED: {failure}")
    return 1 if failures else 0


def search(case: Case, folder: Path, arguments: argparse.Namespace) -> Found:
    """One search, as the command does it."""
    given = {"chip": "generic", **case.options}
    options = Options(
        str(folder / "model.onnx"), "net", str(folder / "net"), calibration=str(folder / "calib.npy"), **given
    )
    request = SearchRequest(options, frozenset(case.options), str(folder / "eval.npz"), count=arguments.candidates)

    def progress(phase: str, done: int, total: int) -> None:
        print(f"\r{case.title}: {phase} {done}/{total} ", end="", file=sys.stderr, flush=True)

    with local.runner(arguments.jobs) as runner:
        return Search(request, Computer(Store(arguments.cache), runner), progress).run()


def summary(found: Found) -> dict:
    """The default, the chosen point, and the two that the promises are about (None where there is none)."""
    default, base = found.default, found.request.options
    cheaper = [p for p in found.points if p.score >= default.score and ratio(p, default)[1] <= CHEAPER]
    most = PRICE * (default.costs["instructions"] or 0)
    near = [p for p in found.points if (p.costs["instructions"] or float("inf")) <= most]
    best = max(near, key=lambda p: p.score)
    far = [p for p in pareto(found.points) if p.score >= default.score + GAIN and p.costs["instructions"]]

    def entry(point: Point | None) -> dict | None:
        if point is None:
            return None
        flags = lines.flags(point.settings, base)
        return {"sqnr_db": round(point.sqnr_db, 2), "agreement": point.agreement, **point.costs, "flags": flags}

    return {
        "candidates": found.candidates,
        "default": entry(default),
        "chosen": entry(found.chosen),
        "cheaper": entry(min(cheaper, key=lambda p: ratio(p, default)[1], default=None)),
        "better": entry(best),
        "cheapest_gain": entry(min(far, key=lambda p: p.costs["instructions"] or 0, default=None)),
    }


def ratio(point: Point, default: Point) -> tuple[str, float]:
    """The cost that is smallest beside the default's, and its ratio."""
    known = [n for n in COSTS if point.costs[n] is not None and default.costs[n]]
    ratios = {name: (point.costs[name] or 0) / (default.costs[name] or 1) for name in known}
    return min(ratios.items(), key=lambda item: item[1], default=("", 1.0))


def broken_promises(results: Mapping) -> list[str]:
    found = []
    for case in CASES:
        result = results.get(case.title)
        if result is None:
            continue
        if result["chosen"]["sqnr_db"] < result["default"]["sqnr_db"]:
            found.append(f"{case.title}: worse than the default")
        if case.least is not None and result["better"]["sqnr_db"] < case.least:
            found.append(f"{case.title}: {result['better']['sqnr_db']} dB, promised {case.least}")
    return found


def with_table(text: str, results: Mapping) -> str:
    """The page with its generated part written anew."""
    rows = ["| | candidates | default | as accurate, and cheaper | most accurate within 1.3 times the instructions |"]
    rows.append("| --- | ---: | --- | --- | --- |")
    for case in CASES:
        result = results.get(case.title)
        if result is None:
            continue
        default = result["default"]
        cheaper = _cell(result["cheaper"], default) if result["cheaper"] else "none by 10 %"
        better = _cell(result["better"], default)
        if result["better"]["sqnr_db"] < default["sqnr_db"] + GAIN:
            farther = result["cheapest_gain"]
            better += f"; {GAIN:g} dB more: {_cell(farther, default) if farther else 'nowhere'}"
        rows.append(f"| {case.title} | {result['candidates']} | {_cell(default, None)} | {cheaper} | {better} |")
    head, rest = text.split(BEGIN, 1)
    _, tail = rest.split(END, 1)
    return "\n".join([head + BEGIN, "", *rows, "", END + tail])


def _cell(point: Mapping, default: Mapping | None) -> str:
    costs = []
    for name, word in (("instructions", "instructions"), ("arena_bytes", "arena"), ("weights_bytes", "weights")):
        if default is None:
            costs.append(f"{point[name]:,} {word}" if point[name] is not None else f"{word} not known")
        elif point[name] is not None and default[name] and point[name] != default[name]:
            costs.append(f"{word} x{point[name] / default[name]:.2f}")
    flags = "" if default is None or not point["flags"] else f": `{_short(point['flags'])}`"
    return f"{point['sqnr_db']:.1f} dB, {', '.join(costs) or 'same costs'}{flags}"


def _short(flags: str) -> str:
    """Names of nodes make lines that nobody reads: how many there are."""
    head, mark, nodes = flags.partition("--int16 ")
    if not mark:
        return flags
    import shlex

    words = shlex.split(nodes)
    end = next((i for i, word in enumerate(words) if word.startswith("--")), len(words))
    return " ".join([f"{head}--int16 <{end} node{'s' if end > 1 else ''}>", *words[end:]])


def _arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    default = os.environ.get("ESPDL_DATA") or os.environ.get("DATA") or ROOT.parent / "shared" / "benchmarks"
    parser.add_argument("--data", type=Path, default=Path(default), help="folder with <network>/model.onnx and data")
    parser.add_argument("--candidates", type=int, default=60)
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--cache", type=Path, default=ROOT / "build" / "tune", help="where results are kept")
    parser.add_argument("--only", default="", metavar="TEXT", help="only searches whose title contains TEXT")
    return parser.parse_args(argv)


if __name__ == "__main__":
    sys.exit(main())
