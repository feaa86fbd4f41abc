# SPDX-License-Identifier: Apache-2.0
"""A new ESP-IDF project around a compiled model: `espdl new-project`.

The project is a template folder: files that end in .jinja are rendered, without that ending, with the fields of
`ProjectValues`; others are copied. A folder of the user's own can take the place of the one beside this file. What
`camera` holds takes the place of files of the same names in an application that looks through a camera.
"""

from __future__ import annotations

import dataclasses
import json
import os
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import jinja2

from espdl import __version__, templates
from espdl.chips import all_chips
from espdl.errors import EspdlError

TEMPLATE = Path(__file__).resolve().parent / "template"
CAMERA = TEMPLATE.with_name("camera")
COMPONENT = Path(__file__).resolve().parents[3]

# Above this an arena goes to PSRAM: every chip has this much internal RAM to spare.
LARGEST_INTERNAL_ARENA = 128 * 1024

# ESP-IDF without radio, the kernels and room to grow, beside the weights.
APPLICATION_BYTES = 512 * 1024
APPLICATION_OFFSET = 0x10000
PARTITION_STEP = 0x10000
FLASH_SIZES = (2, 4, 8, 16, 32)


@dataclass(frozen=True)
class CompiledModel:
    """What the project has to know of the model: C name, identifiers of the inputs, sizes in bytes."""

    name: str
    inputs: tuple[str, ...]
    arena_bytes: int
    weights_bytes: int


@dataclass(frozen=True)
class CameraInput:
    """Of an application with a camera: the call, in C, that says how the input stores pixels; what levels are divided
    by (`deviation`); and the identifier of the output whose largest values are printed."""

    call: str
    deviation: str
    output: str


@dataclass(frozen=True)
class ProjectFiles:
    """The user's files. `model` is the .onnx and what belongs to it, below one folder, the .onnx first."""

    model: tuple[Path, ...]
    calibration: Path | None
    sample: Path | None


@dataclass(frozen=True)
class FirstRun:
    """What the sample is (`origin`), a line for each output that the firmware prints, and what floats give.

    `values`: inputs as C, with fields `identifier`, `c_type` and `lines`, where there is nothing to compare the answers
    with byte by byte. Without them and without lines the firmware runs zeros.
    """

    origin: str = "zeros"
    printed: tuple[str, ...] = ()
    in_floats: tuple[str, ...] = ()
    values: tuple[object, ...] = ()


@dataclass(frozen=True)
class ProjectValues:
    """What templates can use: file names as they are in `model/`, sizes in bytes, flash in megabytes.

    `camera`: None without one.
    `dependency`: the component as an entry below `dependencies:` of a manifest in `main/`. `sample_origin`, `printed`,
    `in_floats` and `values` are those of `FirstRun`.
    """

    name: str
    prefix: str
    target: str
    preview: bool
    dependency: str
    model: str
    calibration: str
    sample: str
    sample_origin: str
    printed: tuple[str, ...]
    in_floats: tuple[str, ...]
    values: tuple[object, ...]
    inputs: tuple[str, ...]
    arena_bytes: int
    weights_bytes: int
    big_arena: bool
    app_partition_bytes: int
    flash_megabytes: int
    camera: CameraInput | None = None


def check_output(out: Path) -> None:
    """Raises EspdlError if `out` is a file or a folder with something in it."""
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise EspdlError(f"new project {out}", "there is something already", "name a folder that does not exist: --out")


def create(
    out: Path,
    model: CompiledModel,
    files: ProjectFiles,
    first: FirstRun,
    target: str,
    template: Path | None = None,
    camera: CameraInput | None = None,
) -> list[Path]:
    """Writes the project and returns the paths of its files. `target` is a chip of IDF, or linux. With a `camera` it
    runs frames, no sample.

    EspdlError if `out` is not empty, the template cannot be used, or the model does not fit any flash.
    """
    check_output(out)
    source = template or TEMPLATE
    if not source.is_dir():
        raise EspdlError(f"template {source}", "there is no such folder", "correct --template, or leave it out")
    values = dataclasses.replace(_values(out, model, files, first, target), camera=camera)
    found = {p.relative_to(folder): p for folder in (source, *([CAMERA] if camera else ())) for p in folder.rglob("*")}
    for name, path in sorted(found.items()):
        if path.is_file():
            _instantiate(path, out / name, values)
    _copy_data(out / "model", files)
    return sorted(p for p in out.rglob("*") if p.is_file())


def dependency(main: Path, component: Path = COMPONENT) -> str:
    """How a manifest in the folder `main` names this component: by its name in the registry where it came from there,
    else by the way to it."""
    name = component.name
    if component.parent.name == "managed_components" and "__" in name:
        return f'{name.replace("__", "/", 1)}: "^{__version__}"'
    folder = component / "cmake" / "idf" / "espdl_onnx"
    try:
        path = Path(os.path.relpath(folder.resolve(), main.resolve()))
    except ValueError:  # another drive of Windows
        path = folder.resolve()
    return f"espdl_onnx:\n    path: {json.dumps(path.as_posix(), ensure_ascii=False)}"


def _values(out: Path, model: CompiledModel, files: ProjectFiles, first: FirstRun, target: str) -> ProjectValues:
    needed = model.weights_bytes + APPLICATION_BYTES
    partition = -(-needed // PARTITION_STEP) * PARTITION_STEP
    flash = next((size for size in FLASH_SIZES if APPLICATION_OFFSET + partition <= size << 20), None)
    if flash is None:
        raise EspdlError(
            f"new project {model.name}",
            f"its weights of {model.weights_bytes:,} bytes do not fit the largest flash, {FLASH_SIZES[-1]} MB",
            "use a smaller model",
        )
    return ProjectValues(
        name=model.name,
        prefix=model.name.upper(),
        target=target,
        preview=target == "linux" or all_chips()[target].preview,
        dependency=dependency(out / "main"),
        model=files.model[0].name,
        calibration=_data_name("calibration", files.calibration),
        sample=_data_name("sample", files.sample),
        sample_origin=first.origin,
        printed=first.printed,
        in_floats=first.in_floats,
        values=first.values,
        inputs=model.inputs,
        arena_bytes=model.arena_bytes,
        weights_bytes=model.weights_bytes,
        big_arena=model.arena_bytes > LARGEST_INTERNAL_ARENA,
        app_partition_bytes=partition,
        flash_megabytes=flash,
    )


def _data_name(stem: str, path: Path | None) -> str:
    return "" if path is None else stem + ("" if path.is_dir() else path.suffix)


def _instantiate(path: Path, destination: Path, values: ProjectValues) -> None:
    destination.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix != ".jinja":
        shutil.copyfile(path, destination)
        return
    environment = templates.environment(None)
    try:
        text = environment.from_string(path.read_text(encoding="utf-8")).render(dataclasses.asdict(values))
    except (jinja2.TemplateError, UnicodeDecodeError) as error:
        known = ", ".join(field.name for field in dataclasses.fields(values))
        raise EspdlError(f"template {path}", str(error), f"correct it; it can use {known}") from error
    destination.with_suffix("").write_text(text, encoding="utf-8", newline="\n")


def _copy_data(folder: Path, files: ProjectFiles) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    base = files.model[0].parent
    for path in files.model:
        # External weights keep their place relative to the model, which names it.
        destination = folder / os.path.relpath(path, base)
        destination.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, destination)
    if files.calibration is not None:
        destination = folder / _data_name("calibration", files.calibration)
        if files.calibration.is_dir():
            _copy_arrays(files.calibration, destination)
        else:
            shutil.copyfile(files.calibration, destination)
    if files.sample is not None:
        shutil.copyfile(files.sample, folder / _data_name("sample", files.sample))


def _copy_arrays(source: Path, destination: Path) -> None:
    destination.mkdir()
    arrays: Sequence[Path] = [p for p in source.iterdir() if p.suffix in (".npy", ".npz")]
    for path in arrays:
        shutil.copyfile(path, destination / path.name)
