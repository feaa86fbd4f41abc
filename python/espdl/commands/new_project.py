# SPDX-License-Identifier: Apache-2.0
"""`espdl new-project`: an ESP-IDF project that runs a model."""

from __future__ import annotations

import argparse
import re
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from espdl.verify.first_run import SampleRun


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
        "--target", choices=("linux", *targets.CHIPS[1:]), default="esp32s3", help="the chip (default: %(default)s)"
    )
    parser.add_argument("--out", type=Path, required=True, metavar="FOLDER", help="where to make it")
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
        made = new_project.create(arguments.out, model, files, answers, arguments.target, arguments.template)
    for path in made:
        print(path)
    _print_answers(first)
    preview = "--preview " if arguments.target == "linux" or all_chips()[arguments.target].preview else ""
    print(f"Next: cd {arguments.out} && idf.py {preview}set-target {arguments.target} && idf.py build")
    return 0


def _print_answers(first: SampleRun) -> None:
    if first.sample is None:
        print(f"The firmware runs {first.origin} and compares nothing: {first.why_none}.")
        print("The model in floats answers")
    else:
        print(f"The firmware runs {first.origin}. It must print")
        print(*first.printed, sep="\n")
        print("and the model in floats answers")
    print(*first.in_floats, sep="\n")
