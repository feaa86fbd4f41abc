# SPDX-License-Identifier: Apache-2.0
"""`espdl report`: what the reports of compiled models say, as text."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from espdl.errors import EspdlError


def add_parser(subparsers: argparse._SubParsersAction) -> None:
    parser = subparsers.add_parser(
        "report", help="print report.json as text", description="Print the reports of compiled models as text."
    )
    parser.add_argument("reports", nargs="+", type=Path, metavar="REPORT", help="report.json, or the folder it is in")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    from espdl import report

    texts = [report.text(_read(path)) for path in arguments.reports]
    print("\n\n".join(texts))
    return 0


def _read(path: Path) -> dict:
    file = path / "report.json" if path.is_dir() else path
    try:
        return json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise EspdlError(
            f"report {path}", f"it cannot be read ({error})", "compile the model, then try again"
        ) from error
