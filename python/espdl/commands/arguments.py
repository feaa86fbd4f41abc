# SPDX-License-Identifier: Apache-2.0
"""The arguments that describe a model, shared by the commands that take one."""

from __future__ import annotations

import argparse
import os
from pathlib import Path
from typing import TYPE_CHECKING

from espdl.errors import UsageError

if TYPE_CHECKING:
    from espdl.pipeline import Options

# Not asked of the package that holds them, which takes long to import.
_METHODS = sorted(path.stem for path in (Path(__file__).parents[1] / "quantize/methods").glob("[a-z]*.py"))
_CHOICES = {
    "chip": "the chip to compile for: generic, esp32, esp32s3, esp32c3, ...",
    "kernels": "auto, portable, own or esp_dl",
    "scheme": "default, affine or power_of_two",
    "precision": "int8, int16x8 or float32",
    "calibration_method": "default, or one of " + ", ".join(_METHODS),
    "effort": "fast, default or best",
    "io": "type of inputs and outputs: int8, uint8 or float32",
    "input_layout": "model: as in the ONNX file; nhwc: channels last, without a transposition at run time",
    "arena": "caller: the application gives the memory; static: the generated C holds it",
    "weights": "flash, psram or ram",
    "input_memory": "arena: inputs are written there; caller: read where they are; rows: a function gives them",
    "memory": "plain: layer by layer; smallest, auto, or bytes of the arena: large layers a few rows at a time",
    "optimize": "speed or size",
    "dead_channels": "remove: channels that cannot change the outputs go, exactly; keep: they stay",
}


def add_model_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("model", nargs="?", metavar="MODEL", help="the .onnx file")
    parser.add_argument("--name", help="C identifier that prefixes everything generated (default: the file's stem)")
    parser.add_argument("-o", "--output", metavar="FOLDER", help="where the files go (default: ./<name>)")
    parser.add_argument(
        "--calibration", metavar="FILE", help=".npy, .npz or a folder of such files: representative inputs"
    )
    parser.add_argument(
        "--calibration-samples", type=count, default=0, metavar="N", help="use only the first N samples (default: all)"
    )
    parser.add_argument(
        "--shape",
        action="append",
        default=[],
        metavar="INPUT=1,3,32,32",
        help="shape of an input with dynamic dimensions",
    )
    parser.add_argument(
        "--input",
        action="append",
        default=[],
        metavar="INPUT=16000",
        help="make a constant of an input: one number, or one for each element",
    )
    parser.add_argument("--depfile", metavar="FILE", help="write a Makefile rule with every file that was read")
    parser.add_argument(
        "--test-vectors", metavar="FILE", help=".npz with inputs to embed together with the expected outputs"
    )
    parser.add_argument(
        "--int16", nargs="+", default=[], metavar="NODE", help="16-bit activations for these nodes of an int8 network"
    )
    for name, text in _CHOICES.items():
        parser.add_argument(f"--{name.replace('_', '-')}", help=text, default=None, type=_choice)


def is_of_a_build(path: Path) -> bool:
    """Whether CMake had the model compiled of which this is a generated file, or their folder: its options lie beside
    the folder."""
    folder = (path if path.is_dir() else path.parent).resolve()
    return folder.with_name(f"{folder.name}.options.json").is_file()


def count(text: str) -> int:
    """A number of samples, for argparse."""
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"'{text}' is no number of samples")
    return int(text)


def _choice(text: str) -> str:
    """Choices have underscores, as in CMake; on a command line a hyphen is as good."""
    return text.replace("-", "_")


def options_from(arguments: argparse.Namespace) -> Options:
    """Options of a command line; raises UsageError where the model is missing or a shape malformed."""
    from espdl.pipeline import Options

    if arguments.model is None:
        raise UsageError("MODEL", "no model is given", "pass the path of an .onnx file")
    given = {name: getattr(arguments, name) for name in _CHOICES if getattr(arguments, name) is not None}
    name = arguments.name or Path(arguments.model).stem
    return Options(
        model=os.path.abspath(arguments.model),
        name=name,
        output=os.path.abspath(arguments.output or name),
        calibration=arguments.calibration and os.path.abspath(arguments.calibration),
        calibration_samples=arguments.calibration_samples,
        shapes=dict(_shape(text) for text in arguments.shape),
        input=dict(_value(text) for text in arguments.input),
        depfile=arguments.depfile and os.path.abspath(arguments.depfile),
        test_vectors=arguments.test_vectors and os.path.abspath(arguments.test_vectors),
        int16=tuple(arguments.int16),
        **given,
    )


def _shape(text: str) -> tuple[str, tuple[int, ...]]:
    name, _, dims = text.rpartition("=")
    try:
        shape = tuple(int(d) for d in dims.split(","))
    except ValueError:
        shape = ()
    if not name or not shape or min(shape) < 1:
        raise UsageError(
            f"--shape {text}", "it is not of the form INPUT=1,3,32,32", "give the input's name and positive sizes"
        )
    return name, shape


def _value(text: str) -> tuple[str, tuple[float, ...]]:
    name, _, numbers = text.rpartition("=")
    try:
        values = tuple(float(number) for number in numbers.split(","))
    except ValueError:
        values = ()
    if not name or not values:
        raise UsageError(
            f"--input {text}", "it is not of the form INPUT=16000", "give the input's name and one or several numbers"
        )
    return name, values
