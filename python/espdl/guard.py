# SPDX-License-Identifier: Apache-2.0
"""Runs a command in a process of its own, so that a crash inside TVM or ONNX Runtime becomes an error message.

Both are C++ and may abort on a model that nobody foresaw. What they write to the standard error stream by themselves is
kept from the user's screen (set ESPDL_TRACEBACK=1 to see it); our own messages pass.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from espdl.errors import EspdlError

# Address space of a compilation, in bytes. A model that needs more is none for these chips.
MEMORY_LIMIT = 4 << 30

_CHILD = "import sys; sys.path.insert(0, {path!r}); from espdl import guard; sys.exit(guard.child())"


def main() -> int:
    """The command line in `sys.argv`, in a child process; its exit code, or 1 with a message where it crashed."""
    code = _CHILD.format(path=str(Path(__file__).resolve().parents[1]))
    try:
        child = subprocess.Popen([sys.executable, "-I", "-B", "-c", code, *sys.argv[1:]])
    except OSError as error:
        message = EspdlError("the compiler", f"it cannot be started ({error})", "check the Python installation").text
        print(message, file=sys.stderr)
        return 1
    try:
        status = child.wait()
    except KeyboardInterrupt:
        status = child.wait()  # the terminal has interrupted the child too, which says so
    if 0 <= status < 256:
        return status
    return _crashed(sys.argv[1:], status)


def child() -> int:
    """The same command line, in the child."""
    _limit_memory()
    if not os.environ.get("ESPDL_TRACEBACK"):
        _silence_libraries()
    from espdl.cli import main

    return main()


def _limit_memory() -> None:
    try:
        import resource
    except ImportError:  # Windows
        return
    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    limit = min(value for value in (MEMORY_LIMIT, soft, hard) if value > 0)
    resource.setrlimit(resource.RLIMIT_AS, (limit, hard))


def _silence_libraries() -> None:
    """Our `sys.stderr` keeps the terminal; file descriptor 2, where C++ writes, goes nowhere."""
    screen = os.dup(2)
    sys.stderr = os.fdopen(screen, "w", buffering=1, encoding="utf-8", errors="replace")
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    os.close(nowhere)


def _crashed(arguments: Sequence[str], status: int) -> int:
    model = next((a for a in arguments if a.endswith(".onnx")), "the model")
    cause = f"signal {-status}" if status < 0 else f"exception {status:#x}"
    error = EspdlError(
        Path(model).name,
        f"TVM or ONNX Runtime crashed on it ({cause})",
        "check that ONNX Runtime runs the model on the PC; if it does, this is a bug: please report it, with the model",
    )
    print(error.text, file=sys.stderr)
    return 1
