#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Measures the four networks on rv32 (QEMU) and on this computer.

python benchmarks/run.py [--data DIR]        trained networks: writes benchmarks/results.json and, where all
                                             were measured, docs/benchmarks.md
python benchmarks/run.py --check             random weights: fails where a count grew by over 2 % since baseline.json
python benchmarks/run.py --update-baseline   random weights: writes baseline.json
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
sys.path.insert(0, str(ROOT / "python"))

import baseline  # noqa: E402 (the path above comes first)
import networks  # noqa: E402
import readme  # noqa: E402
import table  # noqa: E402
from measure import Measured, measure, without_details  # noqa: E402

from espdl.errors import EspdlError  # noqa: E402
from espdl.targets import SCHEMES  # noqa: E402
from espdl.verify import rv32  # noqa: E402

RESULTS = HERE / "results.json"
# What boards took, kept by test_apps/firmware.py --results.
BOARDS = RESULTS.with_name("boards.json")
ESP32 = HERE / "esp32.json"
COMPILE_TIMES = HERE / "compile_time.json"
PAGE = ROOT / "docs" / "benchmarks.md"
README = ROOT / "README.md"


def arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    default = os.environ.get("ESPDL_DATA") or os.environ.get("DATA") or ROOT.parent / "shared" / "benchmarks"
    parser.add_argument(
        "--data",
        type=Path,
        default=Path(default),
        help="folder with <network>/model.onnx, calib.npy, eval.npz and peers.json (default: $ESPDL_DATA, $DATA, "
        "or shared/benchmarks beside the repository)",
    )
    parser.add_argument("--networks", nargs="+", choices=networks.NETWORKS, default=list(networks.NETWORKS))
    parser.add_argument("--schemes", nargs="+", choices=SCHEMES, default=list(SCHEMES))
    parser.add_argument("--rv32-samples", type=int, default=4, help="samples to run and compare on rv32 (default: 4)")
    parser.add_argument("--build", type=Path, help="folder to build in, kept (default: a temporary one)")
    parser.add_argument("--code", action="store_true", help="print the functions and objects that take most flash")
    mode = parser.add_mutually_exclusive_group()
    mode.add_argument("--check", action="store_true", help="compare with baseline.json, on random weights")
    mode.add_argument("--update-baseline", action="store_true", help="write baseline.json, from random weights")
    return parser.parse_args(argv)


def measure_all(args: argparse.Namespace, data: Path, build: Path) -> dict[str, dict[str, Measured]]:
    measured: dict[str, dict[str, Measured]] = {}
    for network in args.networks:
        for scheme in args.schemes:

            def say(step: str, network: str = network, scheme: str = scheme) -> None:
                print(f"{network:<15} {scheme:<13} {step}", file=sys.stderr, flush=True)

            result = measure(data / network, scheme, build / network / scheme, args.rv32_samples, say)
            measured.setdefault(network, {})[scheme] = result
            print(table.line(network, scheme, result), flush=True)
            if args.code:
                print(table.largest(result))
    return measured


def run(args: argparse.Namespace, build: Path) -> int:
    rv32.require()
    if args.check or args.update_baseline:
        args.rv32_samples = 2
        counts = baseline.counts(measure_all(args, networks.write(build / "random", args.networks), build))
        if args.update_baseline:
            baseline.write(counts)
            return 0
        problems, notes = baseline.compare(baseline.read(), counts)
        print("\n".join([*notes, *problems]) or "no count grew by more than 2 %")
        return 1 if problems else 0
    if not (args.data / args.networks[0] / "model.onnx").is_file():
        raise EspdlError(
            f"benchmarks of {args.networks[0]}",
            f"{args.data} does not hold {args.networks[0]}/model.onnx",
            "pass the folder of the trained networks (make bench DATA=DIR), or use --check, which needs none",
        )
    measured = measure_all(args, args.data, build)
    results = json.loads(RESULTS.read_text()) if RESULTS.is_file() else {}
    for network, schemes in measured.items():
        results.setdefault(network, {}).update({scheme: without_details(m) for scheme, m in schemes.items()})
    RESULTS.write_text(json.dumps(results, indent=1, sort_keys=True) + "\n")
    if set(args.networks) == set(networks.NETWORKS) and set(args.schemes) == set(SCHEMES):
        peers = json.loads((args.data / "peers.json").read_text())
        PAGE.parent.mkdir(exist_ok=True)
        boards = json.loads(BOARDS.read_text()) if BOARDS.is_file() else {}
        compile_times = json.loads(COMPILE_TIMES.read_text()) if COMPILE_TIMES.is_file() else {}
        esp32 = json.loads(ESP32.read_text()) if ESP32.is_file() else {}
        PAGE.write_text(table.page(measured, peers, boards, compile_times, esp32))
        readme.update(README, measured, peers)
    return 0


def main(argv: Sequence[str] | None = None) -> int:
    args = arguments(argv)
    try:
        if args.build is not None:
            return run(args, args.build)
        with tempfile.TemporaryDirectory() as folder:
            return run(args, Path(folder))
    except EspdlError as error:
        print(error.text, file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
