# SPDX-License-Identifier: Apache-2.0
"""What a compilation can be asked for: each option once, with its values, and its words on the command line.

The commands make their arguments of these fields. CMake has a row for each in cmake/espdl_options.cmake, and Kconfig an
entry for those of a whole project; tests/project/test_settings.py fails where one is forgotten. Imported by every
command, so it imports little.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from espdl import targets
from espdl.chips import GENERIC, all_chips
from espdl.errors import UsageError
from espdl.wording import option

# A choice that stands for any number of bytes.
BYTES = "<bytes>"
# What FLASH_BUDGET default allows.
FLASH_BUDGET = 64 * 1024
# By their files: the package that holds them takes long to import.
METHODS = sorted(path.stem for path in (Path(__file__).parent / "quantize" / "methods").glob("[a-z]*.py"))

# What a field of Options may be in JSON, by its annotation.
_JSON_TYPES: dict[Any, tuple[type, ...]] = {
    "str": (str,),
    "str | None": (str, type(None)),
    "int": (int,),
    "bool": (bool,),
    "Mapping[str, tuple[int, ...]]": (dict,),
    "Mapping[str, tuple[float, ...]]": (dict,),
    "tuple[str, ...]": (list,),
}
_TYPE_NAMES = {
    str: "text", type(None): "null", int: "a whole number", bool: "true or false", dict: "an object", list: "a list"
}  # fmt: skip


@dataclass(frozen=True)
class Argument:
    """How an option is given.

    `help` and `metavar` are for the command line, where it is --<name> unless `flags` says otherwise. `choices` are its
    values, the first the default; `zero` is what a number 0 means. `is_path`: of a file or folder, made absolute.
    """

    help: str
    metavar: str | None = None
    flags: tuple[str, ...] = ()
    choices: tuple[str, ...] = ()
    zero: str = ""
    is_path: bool = False


def _argument(help: str, metavar: str | None = None, **further: Any) -> dict[str, Argument]:
    """The metadata of an option."""
    return {"argument": Argument(help, metavar, **further)}


def _one_of(*choices: str, help: str = "{}") -> Any:
    """An option with one of several values, of which the first is the default; {} in the help lists them."""
    listed = f"{', '.join(choices[:-1])} or {choices[-1]}"
    return field(default=choices[0], metadata=_argument(help.format(listed), choices=choices))


def _file(help: str) -> Any:
    """An option that names a file, or nothing."""
    return field(default=None, metadata=_argument(help, "FILE", is_path=True))


@dataclass(frozen=True)
class Options:
    """All that a compilation depends on, the files' contents apart. The keys of options.json are these names.

    `shapes` gives sizes to inputs with dynamic dimensions, `input` makes constants of inputs (one number, or one for
    each element); `output` is a folder. Raises UsageError for a value that no option has.
    """

    model: str = field(metadata=_argument("the .onnx file", "MODEL", flags=("model",), is_path=True))
    name: str = field(metadata=_argument("C identifier that prefixes everything generated (default: the file's stem)"))
    output: str = field(
        metadata=_argument("where the files go (default: ./<name>)", "FOLDER", flags=("-o", "--output"), is_path=True)
    )
    calibration: str | None = _file(".npy, .npz or a folder of such files: representative inputs")
    calibration_samples: int = field(
        default=0, metadata=_argument("use only the first N samples (default: all)", "N", zero="all")
    )
    shapes: Mapping[str, tuple[int, ...]] = field(
        default_factory=dict,
        metadata=_argument("shape of an input with dynamic dimensions", "INPUT=1,3,32,32", flags=("--shape",)),
    )
    input: Mapping[str, tuple[float, ...]] = field(
        default_factory=dict,
        metadata=_argument("make a constant of an input: one number, or one for each element", "INPUT=16000"),
    )
    depfile: str | None = _file("write a Makefile rule with every file that was read")
    test_vectors: str | None = _file(".npz with inputs to embed together with the expected outputs")
    int16: tuple[str, ...] = field(
        default=(), metadata=_argument("16-bit activations for these nodes of an int8 network", "NODE")
    )
    float: tuple[str, ...] = field(
        default=(), metadata=_argument("floats for these nodes of a quantised network", "NODE")
    )
    chip: str = _one_of(*targets.CHIPS, help="the chip to compile for: generic, esp32, esp32s3, esp32c3, ...")
    kernels: str = _one_of("auto", "portable", "own", "esp_dl")
    scheme: str = _one_of("default", *targets.SCHEMES)
    precision: str = _one_of("int8", "int16x8", "float32")
    calibration_method: str = _one_of("default", *METHODS, help="default, or one of " + ", ".join(METHODS))
    effort: str = _one_of("default", "fast", "best")
    io: str = _one_of("int8", "uint8", "float32", help="type of inputs and outputs: {}")
    input_layout: str = _one_of(
        "model",
        "nhwc",
        help="model: as in the ONNX file; nhwc: channels last, without a transposition at run time",
    )
    arena: str = _one_of(
        "caller", "static", help="caller: the application gives the memory; static: the generated C holds it"
    )
    weights: str = _one_of("flash", "ram", "psram")
    input_memory: str = _one_of(
        "arena",
        "caller",
        "rows",
        help="arena: inputs are written there; caller: read where they are; rows: a function gives them",
    )
    memory: str = _one_of(
        "plain",
        "smallest",
        "auto",
        BYTES,
        help="plain: layer by layer; smallest, auto, or bytes of the arena: large layers a few rows at a time",
    )
    cores: str = _one_of("1", "2", "auto", help="that share a run: {}; auto: as many as the chip has")
    stream: str = field(
        default="",
        metadata=_argument(
            "compile for a stream along an axis of an input, of which --hop rows come at a time", "INPUT[:AXIS]"
        ),
    )
    hop: int = field(default=0, metadata=_argument("rows of a push of --stream", "ROWS", zero="no stream"))
    edges: str = _one_of(
        "default",
        "window",
        "stream",
        help="what is padded in a stream: window: the ends of every window; stream: its begin alone",
    )
    state: tuple[str, ...] = field(
        default=(), metadata=_argument("inputs that are outputs of the run before, zero in the first", "INPUT=OUTPUT")
    )
    optimize: str = _one_of("speed", "size")
    flash_budget: str = _one_of(
        "default",
        "none",
        BYTES,
        help=f"flash that faster kernels may take more for their weights: default ({FLASH_BUDGET}), none or bytes",
    )
    data_cache: int = field(
        default=targets.DATA_CACHE,
        metadata=_argument("bytes of the chip's cache for data in flash", "BYTES", zero="it does not matter"),
    )
    dead_channels: str = _one_of(
        "remove", "keep", help="remove: channels that cannot change the outputs go, exactly; keep: they stay"
    )
    profile: bool = False
    taps: bool = False

    def __post_init__(self) -> None:
        from espdl.emit import check_model_name

        for declared, argument in arguments():
            name, choices = declared.name, argument.choices
            value = getattr(self, name)
            if choices and value not in choices and not (BYTES in choices and value.isdecimal()):
                raise UsageError(option(name), f"'{value}' is not a choice", f"use one of {', '.join(choices)}")
            if argument.zero and value < 0:
                raise UsageError(option(name), f"{value} is negative", f"0 means {argument.zero}")
        check_model_name(self.name)

    @staticmethod
    def from_json(path: str | Path) -> Options:
        """The options in a file written by the build; raises UsageError for a malformed one."""
        return Options(**read(path, "configure the project again with this version's CMake files"))

    @property
    def target(self) -> targets.Target:
        # 16-bit activations are affine: on a chip whose default is another scheme, asking for them asks for affine too.
        wide = (self.precision == "int16x8" or bool(self.int16)) and self.scheme == "default"
        scheme, cache = "affine" if wide else self.scheme, 0 if self.weights == "ram" else self.data_cache
        return targets.select(self.chip, self.kernels, scheme, self.optimize, cache)

    @property
    def flash_bytes(self) -> int:
        """The bytes of `flash_budget`."""
        words = {"default": FLASH_BUDGET, "none": 0}
        return words[self.flash_budget] if self.flash_budget in words else int(self.flash_budget)

    @property
    def core_count(self) -> int:
        """How many cores share a run; UsageError where the chip has fewer than asked for, or runs hand state on."""
        has = all_chips()[self.chip].cores
        lasting = [name for name in ("stream", "state") if getattr(self, name)]
        if lasting and self.cores == "2":
            raise UsageError(
                f"{option('cores', '2')} with {option(lasting[0])}",
                "a push computes few rows of each layer, less than it takes two cores to wait for each other,"
                " and what lives on between runs is planned for one core",
                f"leave out {option('cores')}, or take {option('cores', 'auto')}, which is one core then",
            )
        if lasting:
            return 1
        if self.cores == "2" and has < 2 and self.chip != GENERIC.name:
            remedy = f"take {option('cores', 'auto')}, or leave it out"
            raise UsageError(option("cores", "2"), f"the chip {self.chip} has one core", remedy)
        return has if self.cores == "auto" else int(self.cores)


def read(path: str | Path, again: str) -> dict[str, Any]:
    """Some of the fields of Options, from JSON; raises UsageError for what is none, with `again` as the remedy."""
    try:
        values = json.loads(Path(path).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise UsageError(f"options {path}", f"they cannot be read ({error})", again) from error
    if not isinstance(values, dict):
        raise UsageError(f"options {path}", "they are no JSON object", again)
    known = {f.name: f.type for f in dataclasses.fields(Options)}
    unknown = sorted(set(values) - set(known))
    if unknown:
        raise UsageError(f"options {path}", f"unknown key '{unknown[0]}'", again)
    for key, value in values.items():
        allowed = _JSON_TYPES[known[key]]
        if not isinstance(value, allowed) or (isinstance(value, bool) and int in allowed):
            names = " or ".join(_TYPE_NAMES[t] for t in allowed)
            raise UsageError(f"options {path}: {key}", f"{json.dumps(value)} is not {names}", f"write {names}")
    return {key: tuple(value) if isinstance(value, list) else value for key, value in values.items()}


def arguments() -> list[tuple[dataclasses.Field, Argument]]:
    """The fields of Options that can be given anywhere, and how; those that only a project's menu has are not there."""
    return [(f, f.metadata["argument"]) for f in dataclasses.fields(Options) if f.metadata]
