# SPDX-License-Identifier: Apache-2.0
"""Options in the words of the caller: arguments of CMake's function in a build, flags on the command line."""

from __future__ import annotations

# Where CMake's argument has another name than the option.
_CMAKE = {"shape": "SHAPES"}
_command_line = True


def speak(*, cmake: bool) -> None:
    """Who reads messages from now on: somebody whose build it is, or who types commands. Said as a command begins."""
    global _command_line
    _command_line = not cmake


def option(name: str, value: str = "") -> str:
    """How the caller writes an option of pipeline.Options, such as `--scheme affine` or `SCHEME affine`."""
    if _command_line:
        words = "the path of the model" if name == "model" else f"--{name.replace('_', '-')}"
    else:
        words = _CMAKE.get(name, name.upper())
    return f"{words} {value}" if value else words
