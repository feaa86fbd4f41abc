# SPDX-License-Identifier: Apache-2.0
"""The Python environment that a build makes for the compiler, so that nobody has to install one.

A script for any Python from 3.8 on, with the standard library only: it has to say clearly that one is too old.

    environment.py locate <lock>    print the environment's interpreter and, on a second line, its stamp file
    environment.py create <lock>    make it, unless its stamp says that it is complete
    environment.py check <lock>     check that the packages of the running interpreter can serve instead

`lock` is a requirements.lock as pip reads it, every package with version and hashes. The environment lies in ESP-IDF's
tools folder, else in the user's cache folder, under a name made of the lock's content, the version of Python and the
platform: projects share it, and two versions of this component do not disturb each other.

Exit code 0, or 1 with a message on stderr that ends with the remedy.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import platform
import re
import subprocess
import sys
import time
import venv
from collections.abc import Iterator
from pathlib import Path

OLDEST_PYTHON = (3, 10)
STAMP = "complete"

# What the compiler runs with; the same file that the build passes to this script.
LOCK = Path(__file__).resolve().parents[2] / "requirements.lock"

# Where apache-tvm has wheels: operating system, processor.
PLATFORMS = {
    ("Linux", "x86_64"),
    ("Linux", "aarch64"),
    ("Darwin", "arm64"),
    ("Windows", "AMD64"),
}

USE_YOUR_OWN = (
    "install these packages in a Python of your own and name it: -DESPDL_PYTHON=<path of python>, the environment "
    "variable ESPDL_PYTHON, or menuconfig"
)


class EnvironmentProblem(Exception):
    """There is no usable environment: why, and what to do."""

    def __init__(self, why: str, remedy: str):
        super().__init__(f"espdl: {why}\n       Remedy: {remedy}.")


def check_interpreter() -> None:
    """Raise EnvironmentProblem if the running Python, or its platform, cannot run the compiler at all."""
    if sys.version_info[:2] < OLDEST_PYTHON:
        oldest = ".".join(map(str, OLDEST_PYTHON))
        raise EnvironmentProblem(
            f"{sys.executable} is Python {platform.python_version()}, and the compiler needs {oldest} or newer.",
            "name a newer one: -DESPDL_PYTHON=<path of python> or the environment variable ESPDL_PYTHON. It needs the "
            "packages of python/requirements.lock",
        )
    here = (platform.system(), platform.machine())
    if here not in PLATFORMS:
        known = ", ".join(sorted(map(" ".join, PLATFORMS)))
        raise EnvironmentProblem(
            f"the package apache-tvm is not published for {' '.join(here)}, only for {known}.",
            "build on one of these, or build apache-tvm yourself and " + USE_YOUR_OWN,
        )


def home() -> Path:
    """The folder of all environments of this component."""
    tools = os.environ.get("IDF_TOOLS_PATH")
    if tools:
        return Path(tools) / "espdl_onnx"
    if sys.platform == "win32":
        cache = os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local"
    elif sys.platform == "darwin":
        cache = Path.home() / "Library" / "Caches"
    else:
        cache = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(cache) / "espdl_onnx"


def folder_for(lock: Path) -> Path:
    """The folder of the environment that holds exactly the packages of `lock`."""
    # Line ends depend on how the repository was checked out, the packages do not.
    digest = hashlib.sha256(lock.read_bytes().replace(b"\r\n", b"\n")).hexdigest()[:12]
    major, minor = sys.version_info[:2]
    where = f"{platform.system()}-{platform.machine()}".lower()
    return home() / f"python{major}.{minor}-{where}-{digest}"


def interpreter_of(folder: Path) -> Path:
    """The interpreter of a virtual environment."""
    if os.name == "nt":
        return folder / "Scripts" / "python.exe"
    return folder / "bin" / "python"


def create(lock: Path) -> None:
    """Make the environment, unless it is complete. Builds may ask at once: one works, others wait."""
    folder = folder_for(lock)
    stamp, python = folder / STAMP, interpreter_of(folder)
    if is_complete(folder, lock):  # the folder may be somebody else's, whom we cannot lock out
        return
    folder.parent.mkdir(parents=True, exist_ok=True)
    with locked(folder.with_name(folder.name + ".lock")):
        if is_complete(folder, lock):
            return
        stamp.unlink(missing_ok=True)  # what was there is damaged, or the Python that it was made with is gone
        print(
            f"espdl: preparing the compiler's Python environment {folder}: about 620 MB, once for all projects, "
            "one to ten minutes",
            flush=True,
        )
        if not runs(python, "-m", "pip", "--version"):  # otherwise an interrupted installation, which pip completes
            make_empty(folder)
        install(python, lock)
        stamp.write_text(f"{lock.name}\n", encoding="utf-8")


def is_complete(folder: Path, lock: Path) -> bool:
    """Whether it was finished, its interpreter runs, and no package has been taken out of it since."""
    return (folder / STAMP).exists() and runs(interpreter_of(folder), __file__, "check", str(lock))


def install(python: Path, lock: Path) -> None:
    """Let pip install what `lock` names. It says nothing unless it fails: what it ignores would confuse."""
    command = [str(python), "-I", "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    command += ["--no-input", "--only-binary=:all:", "--require-hashes", "-r", str(lock)]
    done = subprocess.run(
        command, check=False, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, encoding="utf-8", errors="replace"
    )
    if done.returncode != 0:
        version = ".".join(map(str, sys.version_info[:2]))
        raise EnvironmentProblem(
            f"pip could not install the compiler's packages. It says:\n{reason_of(done.stdout)}",
            f"without a network, fetch them on another computer with {platform.system()} {platform.machine()} and "
            f"Python {version}:\n"
            f"         python -m pip download --only-binary=:all: --require-hashes -r {lock} -d wheels\n"
            "       bring the folder here, and set PIP_NO_INDEX=1 and PIP_FIND_LINKS=<path of wheels> for the build.\n"
            "       With a network, mend it or pip's configuration and build again: what was installed is kept.\n"
            "       Or " + USE_YOUR_OWN,
        )


def reason_of(output: str) -> str:
    """The last lines of what pip said that tell why it failed, indented: CMake leaves such lines as they are."""
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    errors = [line for line in lines if line.startswith("ERROR")]
    return "\n".join(f"         {line}" for line in (errors or lines)[-5:])


def make_empty(folder: Path) -> None:
    """Make a virtual environment that has pip and nothing else."""
    try:
        venv.EnvBuilder(with_pip=True, clear=True).create(str(folder))
    except subprocess.CalledProcessError as error:
        raise EnvironmentProblem(
            f"{sys.executable} cannot make a virtual environment with pip: {error}.",
            "complete this Python (Debian, Ubuntu: install python3-venv), or " + USE_YOUR_OWN,
        ) from error


def runs(python: Path, *arguments: str) -> bool:
    """Whether this is an interpreter, and `arguments` succeed."""
    try:
        nothing = subprocess.DEVNULL
        done = subprocess.run([str(python), "-I", *arguments], check=False, stdout=nothing, stderr=nothing)
        return done.returncode == 0
    except OSError:
        return False


@contextlib.contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold the file lock `path`. The operating system frees it should this process die."""
    with open(path, "w") as file:
        if sys.platform == "win32":
            import msvcrt

            while True:
                try:
                    msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
                    break
                except OSError:
                    time.sleep(1)
        else:
            import fcntl

            fcntl.flock(file, fcntl.LOCK_EX)
        yield


def check_packages(lock: Path) -> None:
    """Raise EnvironmentProblem if the running interpreter lacks a package of `lock`, or has another apache-tvm.

    Other packages may differ in version: they are the user's choice, and their interfaces are stable. ESP-IDF's own
    environment has its kconfiglib in the package esp-idf-kconfig, beside which the other cannot be installed.
    """
    installed = installed_packages()
    if "esp-idf-kconfig" in installed:
        installed["kconfiglib"] = installed["esp-idf-kconfig"]
    problems = []
    for package, version in packages_for_this_system(lock):
        found = installed.get(package)
        if found is None:
            problems.append(f"{package} is missing")
        elif package == "apache-tvm" and found != version:
            problems.append(f"apache-tvm is {found} instead of {version}")
    if problems:
        raise EnvironmentProblem(
            f"{sys.executable} cannot run the compiler: {', '.join(problems)}.",
            f"install them with '{sys.executable} -m pip install --quiet -r {lock}', or unset ESPDL_PYTHON: then the "
            "build makes an environment itself",
        )


def installed_packages() -> dict[str, str]:
    """The version of each package that the running interpreter has."""
    from importlib import metadata

    return {canonical(d.metadata["Name"]): d.version for d in metadata.distributions() if d.metadata["Name"]}


def canonical(package: str) -> str:
    """The one spelling of a package's name."""
    return re.sub("[-_.]+", "-", package).lower()


def packages_for_this_system(lock: Path) -> Iterator[tuple[str, str]]:
    """(package, version) of each line `package==version ; marker` whose marker, if any, holds here."""
    try:
        from packaging.markers import Marker
    except ImportError:  # it is in the lock: that it is missing will be told
        Marker = None  # type: ignore[assignment,misc]  # a name of the package's, or nothing
    for line in lock.read_text(encoding="utf-8").splitlines():
        match = re.match(r"([A-Za-z0-9][A-Za-z0-9._-]*)==([^\s;\\]+)\s*(?:;([^\\]*))?", line)
        if match:
            package, version, marker = match.groups()
            if marker is None or (Marker is not None and Marker(marker.strip()).evaluate()):
                yield canonical(package), version


def main(arguments: list[str]) -> int:
    if len(arguments) != 2 or arguments[0] not in ("locate", "create", "check"):
        print(__doc__, file=sys.stderr)
        return 2
    lock = Path(arguments[1]).absolute()
    try:
        if not lock.is_file():
            raise EnvironmentProblem(f"there is no {lock}.", "restore it, it is part of the component")
        check_interpreter()
        if arguments[0] == "check":
            check_packages(lock)
        elif arguments[0] == "create":
            create(lock)
        else:
            folder = folder_for(lock)
            print(interpreter_of(folder).as_posix())
            print((folder / STAMP).as_posix())
    except EnvironmentProblem as problem:
        print(problem, file=sys.stderr)
        return 1
    except OSError as error:
        print(EnvironmentProblem(f"the Python environment cannot be made: {error}.", USE_YOUR_OWN), file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
