# SPDX-License-Identifier: Apache-2.0
"""`espdl report`: what the reports of compiled models say, as text or HTML, with measurements if there are any."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from espdl.commands.arguments import is_of_a_build
from espdl.errors import EspdlError, UsageError
from espdl.wording import speak


def add_parser(subparsers: argparse._SubParsersAction) -> None:
    text = "Print the reports of compiled models as text. What somebody measured can be added."
    parser = subparsers.add_parser("report", help="print report.json as text", description=text)
    parser.add_argument("reports", nargs="+", type=Path, metavar="REPORT", help="report.json, or the folder it is in")
    parser.add_argument("--html", type=Path, metavar="FILE", help="write the (one) report as HTML too")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the (one) report as JSON too")
    cost = parser.add_mutually_exclusive_group()
    cost.add_argument(
        "--profile", metavar="LOG", type=Path, help="add the times of espdl_profile_print() in a log of the console"
    )
    cost.add_argument(
        "--measure", action="store_true", help="add instructions and code size of rv32imc (needs GCC and QEMU for it)"
    )
    parser.add_argument(
        "--errors",
        type=Path,
        metavar="FILE",
        help='add errors against the float model: JSON, {"tensor": dB, ...} by the name of the layer\'s output tensor',
    )
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    from espdl import report

    single = [f"--{key}" for key in ("html", "json", "profile", "measure", "errors") if getattr(arguments, key)]
    if single and len(arguments.reports) > 1:
        raise UsageError(single[0], f"{len(arguments.reports)} reports are given", "give one report with it")
    reports = [_read(path) for path in arguments.reports]
    speak(cmake=all(is_of_a_build(path) for path in arguments.reports))
    if single:
        reports = [_extend(reports[0], arguments)]
    print("\n\n".join(report.text(values) for values in reports))
    if arguments.html:
        arguments.html.write_bytes(report.html(reports[0]))
    if arguments.json:
        arguments.json.write_bytes(report.to_json(reports[0]))
    return 0


def _extend(values: dict[str, Any], arguments: argparse.Namespace) -> dict[str, Any]:
    from espdl import report
    from espdl.verify import cost

    path = arguments.reports[0]
    measured = None
    if arguments.profile:
        text = arguments.profile.read_bytes().decode("utf-8", "replace")
        measured = cost.from_log(text, values, arguments.profile.name)
    if arguments.measure:
        measured = cost.measure(path if path.is_dir() else path.parent, values)
    if measured is not None:
        values = report.with_cost(
            values,
            measured.layers,
            measured.unit,
            measured.source,
            per_microsecond=measured.per_microsecond,
            code_bytes=measured.code_bytes,
        )
    if arguments.errors:
        values = report.with_errors(values, _read_errors(arguments.errors))
    return values


def _read_errors(path: Path) -> dict[str, float]:
    try:
        errors = json.loads(path.read_text(encoding="utf-8"))
        return {str(name): float(value) for name, value in errors.items()}
    except (OSError, ValueError, AttributeError, TypeError) as error:
        raise EspdlError(
            f"errors {path}", f"they cannot be read ({error})", 'give JSON of the form {"tensor": dB, ...}'
        ) from error


def _read(path: Path) -> dict[str, Any]:
    from espdl import report

    file = path / "report.json" if path.is_dir() else path
    remedy = "compile the model, then try again"
    try:
        values = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise EspdlError(f"report {path}", f"it cannot be read ({error})", remedy) from error
    if not isinstance(values, dict) or values.get("schema") != report.SCHEMA:
        raise EspdlError(f"report {path}", "it is no report of this version", remedy)
    return values
