#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Measures how near the generated C is to the float model, for every scheme and effort.

make accuracy, or: python benchmarks/accuracy.py [--data DIR] [--networks ...] [--only TEXT]

Writes benchmarks/accuracy.json and, where all networks and settings were measured, the tables of docs/quantisation.md.
Exit code 1 where a result is below what the project promises.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
sys.path.insert(0, str(ROOT / "python"))

from espdl import pipeline  # noqa: E402 (the path above comes first)
from espdl.quantize.steps import find  # noqa: E402
from espdl.verify import evaluation, validate  # noqa: E402

NETWORKS = ("ic_resnet8", "kws_dscnn", "vww_mobilenet", "ad_autoencoder")
RESULTS = HERE / "accuracy.json"
PAGE = ROOT / "docs" / "quantisation.md"
DEAD_CHANNELS = "dead channels"
BEGIN, END = "<!-- written by benchmarks/accuracy.py -->", "<!-- end -->"


@dataclass(frozen=True)
class Promise:
    """The least SQNR in dB, and the least share of decisions that equal the float model's; None: nothing promised."""

    sqnr_db: float | None
    agreement: float | None


@dataclass(frozen=True)
class Setting:
    """Options of a compilation, and what they must reach: `sqnr`, `agreement` by network in the order of NETWORKS."""

    title: str
    options: Mapping[str, str]
    sqnr: Sequence[float] = ()
    agreement: Sequence[float] = ()

    def promise(self, network: str) -> Promise:
        index = NETWORKS.index(network)
        return Promise(*(row[index] if index < len(row) else None for row in (self.sqnr, self.agreement)))


SETTINGS = (
    Setting("affine, fast", {"effort": "fast"}),
    Setting("affine, default", {}, (21, 22, 27.5, 43), (0.935, 0.965, 0.975)),
    Setting("affine, best", {"effort": "best"}),
    Setting("power_of_two, per tensor, half up, fast", {"chip": "esp32s3", "effort": "fast"}),
    Setting(
        "power_of_two, per tensor, half up, default", {"chip": "esp32s3"}, (16.5, 19, 20.5, 38.5), (0.91, 0.945, 0.92)
    ),
    Setting("power_of_two, per tensor, half up, best", {"chip": "esp32s3", "effort": "best"}),
    Setting("power_of_two, per channel, half to even, default", {"chip": "esp32p4"}),
    Setting("power_of_two, per channel, half up, default", {"scheme": "power_of_two"}),
    Setting("int16x8, default", {"precision": "int16x8"}, (28, 38, 35, 45)),
)


def main(argv: Sequence[str] | None = None) -> int:
    arguments = _arguments(argv)
    results = json.loads(RESULTS.read_text()) if RESULTS.exists() else {}
    for setting in SETTINGS:
        if arguments.only not in setting.title:
            continue
        for network in arguments.networks:
            measured = measure(arguments.data / network, setting)
            results.setdefault(setting.title, {})[network] = measured
            print(f"{setting.title:50} {network:16} {_cell(measured)}", flush=True)
    for network in arguments.networks if arguments.only in DEAD_CHANNELS else ():
        results.setdefault(DEAD_CHANNELS, {})[network] = dead_channels(arguments.data / network)
    RESULTS.write_text(json.dumps(results, indent=1) + "\n")
    failures = broken_promises(results)
    if all(set(NETWORKS) <= set(results.get(title, {})) for title in (*(s.title for s in SETTINGS), DEAD_CHANNELS)):
        PAGE.write_text(with_tables(PAGE.read_text(), results))
    for failure in failures:
        print(f"FAILED: {failure}")
    return 1 if failures else 0


def measure(folder: Path, setting: Setting) -> dict[str, float | None]:
    """Compiles, builds and runs one network on its evaluation set. Seconds are those of the processor: quantising."""
    options = _options(folder, **setting.options)
    begin = time.process_time()
    pipeline.quantize_model(options)
    seconds = time.process_time() - begin
    data = evaluation.of(options, str(folder / "eval.npz"))
    result = validate.run(options, data)
    for failure in result.failures(None, None):
        raise SystemExit(f"{folder.name}, {setting.title}: {failure}")
    row = result.generated
    # The autoencoder reconstructs its input: the largest of its outputs decides nothing.
    agreement = row.agreement if folder.name != "ad_autoencoder" else None
    return {"sqnr_db": round(row.sqnr_db, 2), "agreement": agreement, "seconds": round(seconds, 1)}


def dead_channels(folder: Path) -> dict[str, Sequence[int] | bool]:
    """Multiplications and weights before and after, and whether all outputs stayed the same bit for bit."""
    result: dict = {}
    outputs = []
    for choice in ("keep", "remove"):
        options = _options(folder, dead_channels=choice)
        run = validate.run(options, evaluation.of(options, str(folder / "eval.npz")))
        weights = sum(
            s.weights.values.size for s in find(run.compilation.quantized.proto).steps if s.weights is not None
        )
        result[choice] = (run.compilation.plan.macs, weights)
        outputs.append([made.tobytes() for _, made in run.outputs.values()])
    return {**result, "equal": outputs[0] == outputs[1]}


def _options(folder: Path, **options: str) -> pipeline.Options:
    return pipeline.Options(
        model=str(folder / "model.onnx"),
        calibration=str(folder / "calib.npy"),
        name="net",
        output=str(Path(tempfile.gettempdir()) / "net"),
        **options,
    )


def broken_promises(results: Mapping) -> list[str]:
    """Sentences about results that are below what their setting promises."""
    found = []
    for setting in SETTINGS:
        for network, measured in results.get(setting.title, {}).items():
            where, promise = f"{setting.title}, {network}", setting.promise(network)
            if promise.sqnr_db is not None and measured["sqnr_db"] < promise.sqnr_db:
                found.append(f"{where}: {measured['sqnr_db']} dB, promised {promise.sqnr_db}")
            if promise.agreement is not None and measured["agreement"] < promise.agreement:
                found.append(f"{where}: agreement {measured['agreement']:.3f}, promised {promise.agreement}")
    pruned = results.get(DEAD_CHANNELS, {})
    return found + [f"{n}: removing dead channels changes its outputs" for n, r in pruned.items() if not r["equal"]]


def with_tables(text: str, results: Mapping) -> str:
    """The page with its generated part written anew."""
    lines = ["| |" + "".join(f" {n} |" for n in NETWORKS), "| --- |" + " ---: |" * len(NETWORKS)]
    for setting in SETTINGS:
        cells = "".join(f" {_cell(results[setting.title][n])} |" for n in NETWORKS)
        lines.append(f"| {setting.title} |{cells}")
        if setting.sqnr:
            promises = "".join(f" {_promise(setting.promise(n))} |" for n in NETWORKS)
            lines.append(f"| ... at least |{promises}")
    lines += ["", "Dead channels, scheme affine: as given, and after removal.", ""]
    lines += ["| network | multiplications | weights | outputs |", "| --- | ---: | ---: | --- |"]
    for network in NETWORKS:
        found = results[DEAD_CHANNELS][network]
        (macs, weights), (macs_after, weights_after) = found["keep"], found["remove"]
        same = "equal, bit for bit" if found["equal"] else "DIFFERENT"
        lines.append(f"| {network} | {macs:,} -> {macs_after:,} | {weights:,} -> {weights_after:,} | {same} |")
    head, rest = text.split(BEGIN, 1)
    _, tail = rest.split(END, 1)
    return "\n".join([head + BEGIN, "", *lines, "", END + tail])


def _cell(measured: Mapping) -> str:
    agreement = "" if measured["agreement"] is None else f", {100 * measured['agreement']:.1f} %"
    return f"{measured['sqnr_db']:.1f} dB{agreement}, {measured['seconds']:.1f} s"


def _promise(promise: Promise) -> str:
    agreement = "" if promise.agreement is None else f", {100 * promise.agreement:g} %"
    return f"{promise.sqnr_db:g} dB{agreement}"


def _arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    default = os.environ.get("ESPDL_DATA") or os.environ.get("DATA") or ROOT.parent / "shared" / "benchmarks"
    parser.add_argument("--data", type=Path, default=Path(default), help="folder with <network>/model.onnx and data")
    parser.add_argument("--networks", nargs="+", choices=NETWORKS, default=list(NETWORKS))
    parser.add_argument("--only", default="", metavar="TEXT", help="only settings whose title contains TEXT")
    return parser.parse_args(argv)


if __name__ == "__main__":
    sys.exit(main())
