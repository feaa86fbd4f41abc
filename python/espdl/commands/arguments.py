# SPDX-License-Identifier: Apache-2.0
"""The arguments that describe a model, shared by the commands that take one."""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from espdl import options
from espdl.errors import UsageError


def add_model_arguments(parser: argparse.ArgumentParser) -> None:
    """An argument for each field of Options that has help."""
    how: dict[str, Any]
    for field, argument in options.arguments():
        flags = argument.flags or (f"--{field.name.replace('_', '-')}",)
        how = {"nargs": "?"} if field.name == "model" else {"dest": field.name, **_BY_TYPE[field.type][0]}
        if argument.choices:
            how["type"] = _choice
        parser.add_argument(*flags, metavar=argument.metavar, help=argument.help, **how)

    parser.add_argument(
        "--options",
        metavar="FILE",
        help="a JSON file with options, such as espdl tune writes; what is given here besides comes before it",
    )


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


def options_from(given: argparse.Namespace) -> options.Options:
    """Options of a command line; raises UsageError where the model is missing, or a value is none of the option's.

    What is not given is taken from the file that --options names, which `espdl tune` writes.
    """
    chosen = options.read(given.options, "write it anew, with espdl tune --apply") if given.options else {}
    model = given.model or chosen.get("model")
    if model is None:
        raise UsageError("MODEL", "no model is given", "pass the path of an .onnx file")
    name = given.name or chosen.get("name") or Path(model).stem
    values: dict[str, Any] = {**vars(given), "name": name, "output": given.output or chosen.get("output") or name}
    for field, argument in options.arguments():
        value = values[field.name]
        if value is not None:
            chosen[field.name] = os.path.abspath(value) if argument.is_path else _BY_TYPE[field.type][1](value)
    return options.Options(**chosen)


def _sizes(text: str) -> tuple[str, tuple[float, ...]]:
    return _pair(text, int, f"--shape {text}", "INPUT=1,3,32,32", "positive sizes")


def _numbers(text: str) -> tuple[str, tuple[float, ...]]:
    return _pair(text, float, f"--input {text}", "INPUT=16000", "one or several numbers")


def _pair(text: str, number: type, what: str, form: str, wanted: str) -> tuple[str, tuple[float, ...]]:
    name, _, numbers = text.rpartition("=")
    try:
        values = tuple(number(n) for n in numbers.split(","))
    except ValueError:
        values = ()
    if not name or not values or (number is int and min(values) < 1):
        raise UsageError(what, f"it is not of the form {form}", f"give the input's name and {wanted}")
    return name, values


# What argparse is told of an option, and what becomes of the result, by the annotation of its field.
_BY_TYPE: dict[Any, tuple[dict[str, Any], Callable[[Any], Any]]] = {
    "str": ({}, str),
    "str | None": ({}, str),
    "int": ({"type": count}, int),
    "tuple[str, ...]": ({"nargs": "+"}, tuple),
    "Mapping[str, tuple[int, ...]]": ({"action": "append", "type": _sizes}, dict),
    "Mapping[str, tuple[float, ...]]": ({"action": "append", "type": _numbers}, dict),
}
