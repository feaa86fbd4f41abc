# SPDX-License-Identifier: CC0-1.0
"""Nothing in the way of a build needs POSIX or a shell: hosts of ESP-IDF are Windows and macOS too.

Read, not run: a build on those hosts could still fail for a reason that no such reading finds.
"""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
PYTHON = ROOT / "python"
DIGITS = ROOT / "examples" / "digits" / "model"

# What Windows does not have.
MODULES = {"fcntl", "grp", "posix", "pty", "pwd", "resource", "syslog", "termios", "tty"}
FUNCTIONS = {"chown", "fork", "forkpty", "geteuid", "getuid", "killpg", "mkfifo", "setsid", "statvfs", "uname"}
SIGNALS = {"SIGALRM", "SIGHUP", "SIGKILL", "SIGUSR1", "SIGUSR2"}
ARGUMENTS = {"preexec_fn", "pass_fds", "start_new_session"}
TEXT = {"read_text", "write_text"}

SHELL = re.compile(r"\b(bash|sh|cmd|powershell)\b\s+-?/?c\b|/bin/|/usr/|&&|\|\||COMMAND[^)]*\s\|\s|2>|\bUNIX_COMMAND\b")


def posix_only(source: str) -> Iterator[str]:
    """What a module uses of POSIX without asking for the host or catching ImportError; text in its encoding."""

    def asks(node: ast.AST) -> bool:
        if isinstance(node, ast.If):
            return re.search(r"os\.name|platform", ast.unparse(node.test)) is not None
        return isinstance(node, ast.Try) and any("ImportError" in ast.unparse(h.type) for h in node.handlers if h.type)

    def walk(node: ast.AST, safe: bool) -> Iterator[str]:
        safe = safe or asks(node)
        if not safe:
            yield from findings(node)
        yield from (found for child in ast.iter_child_nodes(node) for found in walk(child, safe))

    def findings(node: ast.AST) -> Iterator[str]:
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name in MODULES)
        elif isinstance(node, ast.ImportFrom) and node.module in MODULES:
            yield node.module
        elif isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            if (node.value.id == "os" and node.attr in FUNCTIONS) or (
                node.value.id == "signal" and node.attr in SIGNALS
            ):
                yield f"{node.value.id}.{node.attr}"
        elif isinstance(node, ast.keyword) and node.arg in ARGUMENTS:
            yield node.arg
        elif isinstance(node, ast.keyword) and node.arg == "shell":
            yield "shell"
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in TEXT:
            if not any(keyword.arg == "encoding" for keyword in node.keywords):
                yield f"{node.func.attr}() without encoding"

    yield from walk(ast.parse(source), False)


def build_path(folder: Path) -> list[Path]:
    """The Python files that a build runs: those that a compilation says it read, and those that CMake starts."""
    depfile = folder / "net.d"
    command = [sys.executable, "-I", PYTHON / "espdl_cli.py", "compile", DIGITS / "digits.onnx", "--depfile", depfile]
    subprocess.run([*command, "--calibration", DIGITS / "calib.npy", "-o", folder / "net"], check=True)
    own = {Path(path) for path in re.findall(r"(\S+\.py)\b", depfile.read_text()) if path.startswith(str(PYTHON))}
    project = PYTHON / "espdl" / "project"
    return sorted(own | {PYTHON / "espdl_cli.py", project / "environment.py", project / "settings.py"})


@pytest.mark.slow
def test_python(tmp_path: Path) -> None:
    files = build_path(tmp_path)
    assert {"guard.py", "pipeline.py", "environment.py"} <= {path.name for path in files} and len(files) > 50
    found = {path.name: list(posix_only(path.read_text())) for path in files}
    assert {name: what for name, what in found.items() if what} == {}


def cmake_files() -> list[Path]:
    return [ROOT / "CMakeLists.txt", ROOT / "project_include.cmake", *sorted((ROOT / "cmake").rglob("*.cmake"))]


@pytest.mark.parametrize("path", cmake_files(), ids=lambda path: path.name)
def test_cmake(path: Path) -> None:
    code = re.sub(r"#.*", "", path.read_text())
    assert SHELL.search(code) is None


@pytest.mark.parametrize(
    "source",
    [
        "import fcntl",
        "from resource import getrlimit",
        "def f():\n    import pwd",
        "import os\nos.fork()",
        "import signal\nx = signal.SIGKILL",
        "import subprocess\nsubprocess.run('a | b', shell=True)",
        "import subprocess\nsubprocess.Popen(['a'], preexec_fn=f)",
        "from pathlib import Path\nPath('x').write_text('é')",
        "import os\nif True:\n    os.fork()",
        "try:\n    import fcntl\nexcept OSError:\n    pass",
    ],
)
def test_reading_sees(source: str) -> None:
    assert list(posix_only(source))


@pytest.mark.parametrize(
    "source",
    ["try:\n    import fcntl\nexcept ImportError:\n    fcntl = None", "import os\nif os.name != 'nt':\n    os.fork()"],
)
def test_reading_knows_alternatives(source: str) -> None:
    assert not list(posix_only(source))


@pytest.mark.parametrize(
    "code",
    [
        "COMMAND sh -c x",
        "COMMAND bash -c x",
        "COMMAND cat a | grep b)",
        "COMMAND /bin/true",
        "COMMAND a && b",
        "x 2> y",
    ],
)
def test_reading_sees_shells(code: str) -> None:
    assert SHELL.search(code)
