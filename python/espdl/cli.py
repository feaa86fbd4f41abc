# SPDX-License-Identifier: Apache-2.0
"""The command line. Every command is a file in `espdl.commands` with `add_parser(subparsers)` and `run(arguments)`.

Exit codes: 0, 1 (something about the user's input), 2 (usage), 70 (a bug of ours), 130 (interrupted).
"""

from __future__ import annotations

import argparse
import os
import sys
import traceback
from pathlib import Path

from espdl import __version__
from espdl.discover import discover
from espdl.errors import EspdlError, UsageError, first_line
from espdl.wording import speak

# What the compiler runs with.
LOCK = Path(__file__).resolve().parents[1] / "requirements.lock"


def main(arguments: list[str] | None = None) -> int:
    """Runs one command; never raises."""
    speak(cmake=False)
    try:
        parsed = _parser().parse_args(arguments)
        return parsed.run(parsed)
    except UsageError as error:
        print(error.text, file=sys.stderr)
        return 2
    except EspdlError as error:
        print(error.text, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("espdl: interrupted", file=sys.stderr)
        return 130
    except MemoryError:
        what, why = "the compiler", "there is not enough memory for this model"
        print(
            EspdlError(what, why, "use a smaller model: what does not fit here does not fit a chip").text,
            file=sys.stderr,
        )
        return 1
    except OSError as error:
        remedy = "check the path, its permissions and the free space"
        print(EspdlError(str(error.filename or "file"), str(error.strerror or error), remedy).text, file=sys.stderr)
        return 1
    except ModuleNotFoundError as error:
        if (error.name or "").split(".")[0] == "espdl":
            raise
        why = f"the Python package {error.name} is missing in {sys.executable}"
        remedy = f"{sys.executable} -m pip install --quiet -r {LOCK}; the command 'doctor' says what else is missing"
        print(EspdlError("the compiler", why, remedy).text, file=sys.stderr)
        return 1
    except Exception as error:
        if os.environ.get("ESPDL_TRACEBACK"):
            traceback.print_exc()
        where = traceback.extract_tb(error.__traceback__)[-1]
        why = f"{type(error).__name__}: {first_line(error)} ({os.path.basename(where.filename)}:{where.lineno})"
        remedy = "this is a bug; please report it, with the model if you can (ESPDL_TRACEBACK=1 shows more)"
        print(EspdlError("internal error", why, remedy).text, file=sys.stderr)
        return 70


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="espdl", description="Compile ONNX models to C for ESP32 chips.")
    parser.add_argument("--version", action="version", version=f"espdl {__version__}")
    subparsers = parser.add_subparsers(title="commands", required=True, metavar="<command>")
    for command in discover("espdl.commands"):
        if hasattr(command, "add_parser"):
            command.add_parser(subparsers)
    return parser
