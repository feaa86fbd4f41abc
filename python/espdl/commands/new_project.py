# SPDX-License-Identifier: Apache-2.0
"""`espdl new-project`: an ESP-IDF project that runs a model."""

from __future__ import annotations

import argparse
import re
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from espdl.pipeline import Compilation
    from espdl.project.new_project import CameraInput
    from espdl.verify.first_run import SampleRun

# Inputs that reach farther hold levels of pixels.
_PIXELS = 32.0


def add_parser(subparsers: argparse._SubParsersAction) -> None:
    from espdl import targets

    text = "Make an ESP-IDF project that runs a model, and checks it on samples."
    parser = subparsers.add_parser("new-project", help="make an ESP-IDF project that runs a model", description=text)
    parser.add_argument("--model", type=Path, required=True, metavar="FILE", help="the .onnx file; it is copied")
    parser.add_argument("--name", help="C identifier and name of the project (default: from the file's name)")
    parser.add_argument(
        "--calibration", type=Path, metavar="FILE", help=".npy, .npz or a folder of such files: representative inputs"
    )
    parser.add_argument(
        "--sample",
        type=Path,
        metavar="FILE",
        help=".npy or .npz with inputs that the firmware runs and checks (default: the first of the calibration)",
    )
    parser.add_argument(
        "--target", choices=targets.IDF_TARGETS, default="esp32s3", help="the chip (default: %(default)s)"
    )
    parser.add_argument("--out", type=Path, required=True, metavar="FOLDER", help="where to make it")
    parser.add_argument(
        "--camera", action="store_true", help="make an application that runs frames of esp32-camera, of a file on linux"
    )
    parser.add_argument("--template", type=Path, metavar="FOLDER", help="your own template instead of the built-in one")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    from espdl import emit, pipeline
    from espdl.chips import all_chips
    from espdl.commands.progress import Progress
    from espdl.emit import c_text
    from espdl.project import new_project
    from espdl.verify import first_run

    new_project.check_output(arguments.out)
    name = arguments.name or re.sub(r"[^a-z0-9]+", "_", arguments.model.stem.lower()).strip("_")
    emit.check_model_name(name)
    with tempfile.TemporaryDirectory() as folder, Progress() as progress:
        options = pipeline.Options(
            model=str(arguments.model.absolute()),
            name=name,
            output=folder,
            calibration=arguments.calibration and str(arguments.calibration.absolute()),
            chip="generic" if arguments.target == "linux" else arguments.target,
        )
        compilation = pipeline.compile_model(options, progress)
        first = first_run.prepare(compilation, arguments.sample, arguments.calibration, Path(folder))
        model = new_project.CompiledModel(
            name,
            tuple(c_text.identifiers(port.name for port in compilation.plan.inputs)),
            compilation.plan.arena_bytes,
            len(compilation.files[f"{name}_weights.bin"]),
        )
        files = new_project.ProjectFiles(compilation.model.files, arguments.calibration, first.sample)
        answers = new_project.FirstRun(first.origin, first.printed, first.in_floats, first.values)
        camera = _camera(compilation, name) if arguments.camera else None
        made = new_project.create(arguments.out, model, files, answers, arguments.target, arguments.template, camera)
    for path in made:
        print(path)
    if not arguments.camera:
        _print_answers(first)
    preview = "--preview " if arguments.target == "linux" or all_chips()[arguments.target].preview else ""
    print(f"Next: cd {arguments.out} && idf.py {preview}set-target {arguments.target} && idf.py build")
    return 0


def _camera(compilation: Compilation, name: str) -> CameraInput:
    """How the model's input takes pixels; EspdlError where it is no picture."""
    from espdl.emit import c_text
    from espdl.errors import EspdlError
    from espdl.project.new_project import CameraInput

    plan = compilation.plan
    port = plan.inputs[0]
    tensor = plan.tensor(port.tensor)
    shape = tensor.shape
    if len(plan.inputs) != 1 or len(shape) != 4 or shape[0] != 1 or not {shape[1], shape[3]} & {1, 3}:
        raise EspdlError(
            f"{compilation.model.label}: --camera",
            f"a camera fills one input [1, 3, H, W] or [1, H, W, 3] (or with 1 for grey), and '{port.name}' is"
            f" {list(shape)}",
            "leave --camera out, and make the input from frames yourself (espdl_image.h has the parts)",
        )
    (identifier,) = c_text.identifiers([port.name])
    info = f"espdl_input_info(&{name}_model, 0)"
    call = f"espdl_image_input(&input, {info}, s_mean, s_deviation)"
    if port.features is not None:
        scales, offsets = f"{name}_scales_{identifier}", f"{name}_offsets_{identifier}"
        call = f"espdl_image_features(&input, {info}, {scales}, {offsets}, s_mean, s_deviation)"
    # A model that reads pixels themselves has values up to 255, others have 0 to 1 or -1 to 1.
    steps = 255.0 if tensor.dtype in ("int8", "uint8") else 65535.0
    spread = max(port.features.scales) if port.features is not None else tensor.scale or 1 / steps
    is_scaled = not port.integers and spread * steps < _PIXELS
    output = c_text.identifiers(p.name for p in plan.outputs)[0]
    return CameraInput(call, "255.0f" if is_scaled else "1.0f", output)


def _print_answers(first: SampleRun) -> None:
    if first.sample is None:
        print(f"The firmware runs {first.origin} and compares nothing: {first.why_none}.")
        print("The model in floats answers")
    else:
        print(f"The firmware runs {first.origin}. It must print")
        print(*first.printed, sep="\n")
        print("and the model in floats answers")
    print(*first.in_floats, sep="\n")
