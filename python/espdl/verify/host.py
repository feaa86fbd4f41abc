# SPDX-License-Identifier: Apache-2.0
"""Builds generated C with the host's compiler into a program and runs it on samples."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from espdl.emit import Files
from espdl.errors import EspdlError
from espdl.plan.types import Plan
from espdl.verify import kept
from espdl.verify.program import Results, parse, stream

# The folder with `include/` and `src/`: the component that this package is part of.
COMPONENT = Path(__file__).resolve().parents[3]
# Backends with kernels of their own that this machine can emulate -> the folder with their `include/` and `src/`.
PORTS = {backend: COMPONENT / "port" / backend for backend in ("esp32", "esp32s3", "esp_dl")}
HARNESS = Path(__file__).resolve().parent / "harness"

# No fused multiply-add: it rounds otherwise than the reference.
FLAGS = ("-std=c11", "-O2", "-Wall", "-Wextra", "-ffp-contract=off")
# Less optimisation and no names of variables: compiled in half the time, and a finding still names its line.
SANITIZERS = ("-O1", "-g1", "-fsanitize=address,undefined", "-fno-sanitize-recover=all")


@dataclass(frozen=True)
class Program:
    """An executable that runs `plan` on samples from its standard input."""

    path: Path
    plan: Plan

    def run(self, inputs: Mapping[str, np.ndarray], *, layers: bool = False, timeout: float = 600) -> Results:
        """Outputs for N samples; `inputs` by name of the port, [N, ...]. With `layers`, every layer's outputs too.

        Raises RuntimeError with the program's message where it fails (a status, a guard, a sanitizer).
        """
        done = subprocess.run(
            [str(self.path)], input=stream(self.plan, inputs, layers), capture_output=True, timeout=timeout, check=False
        )
        if done.returncode != 0:
            message = done.stderr.decode(errors="replace").strip()
            raise RuntimeError(f"{self.path.name} ended with code {done.returncode}: {message}")
        return parse(self.plan, done.stdout, layers)


def find_compiler() -> str:
    """The C compiler: $CC, else the first of cc, gcc, clang; EspdlError where there is none."""
    for candidate in (os.environ.get("CC"), "cc", "gcc", "clang"):
        found = candidate and shutil.which(candidate)
        if found:
            return found
    raise EspdlError("running the generated C", "no C compiler was found", "install gcc, or name a compiler in CC")


def build(
    plan: Plan,
    files: Files,
    name: str,
    folder: Path,
    *,
    flags: Sequence[str] = (),
    main: Path = HARNESS / "harness.c",
) -> Program:
    """Write the generated `files` of the model `name` to `folder` and make a program of them.

    `flags` come behind FLAGS. `main` runs the model; one of your own must speak the harness's protocol. The runtime and
    the kernels are compiled once per set of flags into `folder`'s parent. Raises EspdlError with the
    compiler's message where it refuses.
    """
    folder = Path(folder)
    files.write(folder)
    compiler = find_compiler()
    ports = [PORTS[backend] for backend in sorted({call.backend for call in plan.calls} & set(PORTS))]
    archive = library(folder.parent, flags=flags, ports=ports)
    program = folder / f"{name}_program"
    run_tool(
        compiler,
        *FLAGS,
        *flags,
        f'-DHARNESS_HEADER="{name}.h"',
        f"-DHARNESS_MODEL={name}_model",
        f"-DHARNESS_ARENA={name}_arena_t",
        f"-I{folder}",
        f"-I{HARNESS}",
        *_includes(ports),
        str(main),
        str(HARNESS / "stdio.c"),
        str(folder / f"{name}.c"),
        str(folder / f"{name}_weights.S"),
        str(archive),
        "-lm",
        "-pthread",
        "-o",
        str(program),
    )
    return Program(program, plan)


def _includes(ports: Sequence[Path]) -> list[str]:
    return [f"-I{folder / 'include'}" for folder in (COMPONENT, *ports)]


def library(
    folder: Path,
    *,
    flags: Sequence[str] = (),
    compiler: str | None = None,
    archiver: str = "ar",
    ports: Sequence[Path] = (),
) -> Path:
    """Runtime and portable kernels as an archive in `folder`, compiled anew only where a source, a flag or the compiler
    changed.

    `flags` come behind FLAGS. `compiler` and `archiver` are the host's, or those of a cross toolchain. `ports` are
    folders with kernels of other backends (PORTS).
    """
    compiler = compiler or find_compiler()
    sources = sorted([*(COMPONENT / "src").glob("*.c"), *(COMPONENT / "src" / "kernels").glob("*.c")])
    sources += [path for port in ports for path in sorted((port / "src").glob("*.c"))]
    if not sources:
        raise EspdlError(
            "running the generated C",
            f"the C sources of the runtime are not in {COMPONENT}",
            "use the espdl of a clone of the repository, or of the component in an ESP-IDF project",
        )
    roots = [root / name for root in (COMPONENT, *ports) for name in ("include", "src")]
    depends = [*sources, *(path for root in roots for path in sorted(root.rglob("*.h")))]
    key = hashlib.sha256("\0".join([compiler, _version(compiler), archiver, *FLAGS, *flags]).encode())
    for path in depends:
        key.update(path.name.encode() + b"\0" + path.read_bytes())
    name = f"libespdl-{key.hexdigest()[:16]}"
    archive = Path(folder) / f"{name}.a"
    if archive.exists():
        return archive
    command = [compiler, *FLAGS, *flags, *_includes(ports), "-c"]
    kept.archive(name, archive, lambda target: _compile(command, sources, archiver, target))
    return archive


def _version(compiler: str) -> str:
    """What a compiler says of itself, which one that is updated in its place says otherwise."""
    return subprocess.run([compiler, "--version"], capture_output=True, text=True, errors="replace", check=False).stdout


def _compile(command: Sequence[str], sources: Sequence[Path], archiver: str, archive: Path) -> None:
    """An archive of C sources, compiled in as many processes as there are processors."""
    staging = archive.with_suffix(f".{os.getpid()}.tmp")
    staging.mkdir(parents=True)
    count = min(os.cpu_count() or 1, 8)
    parts = [part for i in range(count) if (part := [str(path) for path in sources[i::count]])]
    try:
        with ThreadPoolExecutor(count) as pool:
            list(pool.map(lambda part: run_tool(*command, *part, cwd=staging), parts))
        objects = sorted(str(path) for path in staging.glob("*.o"))
        run_tool(archiver, "rcs", str(staging / "library.a"), *objects)
        os.replace(staging / "library.a", archive)
    finally:
        shutil.rmtree(staging, ignore_errors=True)


def run_tool(*command: str, cwd: Path | None = None) -> str:
    """What a tool of a toolchain prints; EspdlError with its message where it refuses."""
    done = subprocess.run(command, capture_output=True, text=True, cwd=cwd, check=False)
    if done.returncode != 0:
        raise EspdlError(
            "compiling the generated C",
            f"{Path(command[0]).name} refused it:\n{done.stderr.strip()}",
            "report this as a bug of espdl, with the model if you can share it",
        )
    return done.stdout
