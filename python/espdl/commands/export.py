# SPDX-License-Identifier: Apache-2.0
"""`espdl export`: a compiled model as a library for build systems other than ESP-IDF's."""

from __future__ import annotations

import argparse
import tempfile
from dataclasses import replace
from pathlib import Path

from espdl.commands.arguments import add_model_arguments, options_from
from espdl.errors import UsageError

_FORMS = {
    "arduino": "a library for the Arduino IDE",
    "platformio": "a library for PlatformIO",
    "c": "plain C for any build system",
}


def add_parser(subparsers: argparse._SubParsersAction) -> None:
    text = "Compile an ONNX model and write a self-contained library: generated C and just the kernels that it needs."
    parser = subparsers.add_parser(
        "export", help="write a library for Arduino, PlatformIO or plain C", description=text
    )
    add_model_arguments(parser)
    group = parser.add_mutually_exclusive_group(required=True)
    for form, what in _FORMS.items():
        group.add_argument(f"--{form}", type=Path, metavar="FOLDER", help=what)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    from espdl import __version__, export, pipeline, report
    from espdl.commands.progress import Progress
    from espdl.verify import vectors

    if arguments.output or arguments.depfile:
        what = "--output" if arguments.output else "--depfile"
        raise UsageError(what, "a library goes to the folder that its form names", f"leave {what} out")
    form = next(name for name in _FORMS if getattr(arguments, name) is not None)
    folder: Path = getattr(arguments, form)
    options = options_from(arguments)
    export.check_folder(options.name, folder)
    with tempfile.TemporaryDirectory(prefix="espdl-") as temporary, Progress() as progress:
        compilation = pipeline.compile_model(replace(options, output=temporary), progress)
        files = compilation.files
        if options.test_vectors:
            for name, content in vectors.files_for(compilation, options.test_vectors).items():
                files = files.with_file(name, content)
    model = export.LibraryModel(options.name, __version__, compilation.plan, files, bool(options.test_vectors))
    export.write(export.render(model, form), options.name, folder)
    print(report.text(compilation.report))
    print(f"{folder}: a library; its README.md says how to use it")
    return 0
