# SPDX-License-Identifier: Apache-2.0
"""Whether this computer can build: what is there, what is missing, and what to do about it.

Needs nothing but the standard library, so that it runs where packages are missing.
"""

from __future__ import annotations

import os
import platform
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from espdl.project import environment

# What an environment of the compiler takes, with room for pip's downloads; bytes.
SPACE_NEEDED = 1500 << 20
_PROXIES = (
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "ALL_PROXY",
    "NO_PROXY",
    "PIP_INDEX_URL",
    "PIP_EXTRA_INDEX_URL",
    "PIP_CONFIG_FILE",
)
_OLDEST_IDF = (5, 5)


@dataclass(frozen=True)
class Finding:
    """`remedy` is empty where all is well. `needed`: nothing works without it; otherwise something does not."""

    what: str
    found: str
    remedy: str = ""
    needed: bool = True

    @property
    def mark(self) -> str:
        if not self.remedy:
            return "ok"
        return "MISSING" if self.needed else "note"


def examine() -> Iterator[Finding]:
    """All findings, one after the other: some take a second."""
    for check in CHECKS:
        yield from check()


def _python() -> Iterator[Finding]:
    found = f"{platform.python_version()} on {platform.system()} {platform.machine()}, {sys.executable}"
    remedy = ""
    if sys.version_info[:2] < environment.OLDEST_PYTHON:
        remedy = f"use Python {'.'.join(map(str, environment.OLDEST_PYTHON))} or newer"
    elif (platform.system(), platform.machine()) not in environment.PLATFORMS:
        remedy = "apache-tvm is not published for this system: build on another, or in a container"
    yield Finding("Python", found, remedy)


def _packages() -> Iterator[Finding]:
    """The running interpreter's; a build has an environment of its own, which is the next finding."""
    installed = environment.installed_packages()
    wanted = list(environment.packages_for_this_system(environment.LOCK))
    missing = [package for package, _ in wanted if package not in installed]
    other = [f"{p} {installed[p]} instead of {v}" for p, v in wanted if installed.get(p, v) != v]
    if missing:
        remedy = f"for this command line: {sys.executable} -m pip install --quiet -r {environment.LOCK}"
        yield Finding("packages", f"missing here: {', '.join(missing)}", remedy, needed=False)
    elif other:
        yield Finding("packages", f"all there; {', '.join(other)}")
    else:
        yield Finding("packages", f"all {len(wanted)} as locked")


def _environments() -> Iterator[Finding]:
    home = environment.home()
    current = environment.folder_for(environment.LOCK)
    folders = sorted(p for p in home.glob("python*") if p.is_dir())
    for folder in folders:
        complete = (folder / environment.STAMP).exists()
        size = f"{_size(folder) >> 20} MB"
        if folder == current:
            remedy = "" if complete else "the next configuration completes it"
            yield Finding("environment", f"{folder}, {size}{'' if complete else ', incomplete'}", remedy, needed=False)
        else:
            yield Finding("environment", f"{folder}, {size}, of another version", "espdl doctor --clean", needed=False)
    kernels = home / "kernels"
    if kernels.is_dir():
        yield Finding(
            "kernels", f"{kernels}, {_size(kernels) >> 20} MB, compiled for 'validate'; made again if removed"
        )
    if current not in folders:
        yield Finding("environment", f"none yet; the first configuration of a project makes {current}")


def _disk() -> Iterator[Finding]:
    place = environment.home()
    while not place.exists():
        place = place.parent
    free = shutil.disk_usage(place).free
    remedy = (
        "" if free > SPACE_NEEDED else f"free {(SPACE_NEEDED - free) >> 20} MB, or set IDF_TOOLS_PATH to another disk"
    )
    yield Finding("disk", f"{free >> 20} MB free at {place}", remedy)


def _compiler() -> Iterator[Finding]:
    names = (os.environ.get("CC"), "cc", "gcc", "clang")
    found = next((path for name in names if name and (path := shutil.which(name))), None)
    what = "C compiler"
    if found is None:
        yield Finding(what, "none", "install gcc or clang: validate and the linux target need it", needed=False)
    else:
        yield Finding(what, f"{_first_line(found, '--version') or 'it does not run'}, {found}")


def _tools() -> Iterator[Finding]:
    found = shutil.which("cmake")
    if found is None:
        yield Finding("CMake", "none on the PATH", "ESP-IDF's export script brings one; plain CMake needs 3.20", False)
    else:
        yield Finding("CMake", f"{_first_line(found, '--version')}, {found}")
    ninja = shutil.which("ninja")
    if ninja is None:
        yield Finding("Ninja", "none on the PATH", "ESP-IDF's export script brings one", needed=False)
    else:
        yield Finding("Ninja", f"{_first_line(ninja, '--version')}, {ninja}")


def _idf() -> Iterator[Finding]:
    path = os.environ.get("IDF_PATH")
    if not path:
        yield Finding("ESP-IDF", "IDF_PATH is not set", "run ESP-IDF's export script: . <esp-idf>/export.sh", False)
        return
    version = idf_version(Path(path))
    if version is None:
        yield Finding("ESP-IDF", f"{path} is none", "correct IDF_PATH, or unset it", needed=False)
        return
    text = ".".join(map(str, version))
    remedy = "" if version[:2] >= _OLDEST_IDF else f"use {'.'.join(map(str, _OLDEST_IDF))} or newer"
    yield Finding("ESP-IDF", f"{text}, {path}", remedy)
    if not remedy and platform.system() == "Linux" and not Path("/usr/include/bsd").exists():
        why = "its linux target wants the headers of libbsd"
        yield Finding(
            "libbsd", why, "install libbsd-dev (Debian, Ubuntu) to run programs on this computer", needed=False
        )


def _target() -> Iterator[Finding]:
    """Of the project in the current folder, where there is one."""
    sdkconfig = Path("sdkconfig")
    if sdkconfig.is_file():
        match = re.search(r'^CONFIG_IDF_TARGET="(\w+)"', sdkconfig.read_text(encoding="utf-8", errors="replace"), re.M)
        yield Finding("target", f"{match[1] if match else 'none'}, of the sdkconfig in this folder")


def _network() -> Iterator[Finding]:
    names = [name for base in _PROXIES for name in (base, base.lower()) if os.environ.get(name)]
    chosen = os.environ.get("ESPDL_PYTHON")
    if chosen:
        yield Finding("ESPDL_PYTHON", f"{chosen}: builds use it and install nothing")
    set_here = ", ".join(names)
    yield Finding(
        "network", f"set for pip: {set_here}" if names else "no proxy and no package index of your own is set"
    )


CHECKS: tuple[Callable[[], Iterator[Finding]], ...] = (
    _python, _packages, _environments, _disk, _compiler, _tools, _idf, _target, _network,
)  # fmt: skip


def clean() -> list[tuple[Path, int]]:
    """Removes the environments that this version does not use, and returns their folders and sizes in bytes."""
    current = environment.folder_for(environment.LOCK)
    removed = []
    for folder in sorted(p for p in environment.home().glob("python*") if p.is_dir() and p != current):
        with environment.locked(folder.with_name(folder.name + ".lock")):
            size = _size(folder)
            shutil.rmtree(folder)
        folder.with_name(folder.name + ".lock").unlink(missing_ok=True)
        removed.append((folder, size))
    return removed


def idf_version(path: Path) -> tuple[int, int, int] | None:
    """The version of the ESP-IDF in a folder; None where there is none."""
    try:
        text = (path / "tools" / "cmake" / "version.cmake").read_text(encoding="utf-8")
    except OSError:
        return None
    numbers = dict(re.findall(r"set\(IDF_VERSION_(\w+) (\d+)\)", text))
    if "MAJOR" not in numbers:
        return None
    return int(numbers["MAJOR"]), int(numbers.get("MINOR", 0)), int(numbers.get("PATCH", 0))


def _size(folder: Path) -> int:
    return sum(p.lstat().st_size for p in folder.rglob("*") if p.is_file() or p.is_symlink())


def _first_line(*command: str) -> str:
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=20, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.partition("\n")[0].strip()
