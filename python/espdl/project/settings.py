# SPDX-License-Identifier: Apache-2.0
"""The menuconfig settings of this component outside ESP-IDF: an sdkconfig file, completed by the defaults of Kconfig.

Inside ESP-IDF its own build system reads both; here kconfiglib does, so that a program on the computer is compiled with
the settings of the firmware.
"""

from __future__ import annotations

import glob
import sys
import tempfile
from pathlib import Path
from types import ModuleType
from typing import Any

from espdl import targets
from espdl.errors import EspdlError

KCONFIG = Path(__file__).resolve().parents[3] / "Kconfig"
PREFIX = "ESPDL_"


def read(sdkconfig: Path) -> dict[str, str | int | bool]:
    """The settings of `sdkconfig` by lower-case name, choices as one string: "scheme": "affine", "profile": False, ...

    EspdlError if there is no such file, or it or Kconfig cannot be read.
    """
    if not sdkconfig.is_file():
        raise EspdlError(
            str(sdkconfig), "there is no such file", "name the sdkconfig of an ESP-IDF project that was configured once"
        )
    if not KCONFIG.is_file():
        raise EspdlError(
            str(sdkconfig), f"{KCONFIG} is missing, which defines the settings", "use a complete copy of the component"
        )
    kconfiglib = _import_kconfiglib(sdkconfig)
    try:
        with tempfile.TemporaryDirectory() as folder:
            main = Path(folder) / "Kconfig"
            main.write_text(_main_menu(), encoding="utf-8")
            configuration = kconfiglib.Kconfig(str(main), warn=False)
        configuration.load_config(str(sdkconfig))
    except (kconfiglib.KconfigError, OSError, UnicodeDecodeError) as error:
        raise EspdlError(
            str(sdkconfig), f"it cannot be read: {error}", "let 'idf.py reconfigure' write it anew"
        ) from error
    return {
        symbol.name[len(PREFIX) :].lower(): _value(symbol, kconfiglib.TYPE_TO_STR[symbol.orig_type])
        for symbol in configuration.unique_defined_syms
        if symbol.name.startswith(PREFIX) and symbol.choice is None
    }


def as_cmake(settings: dict[str, str | int | bool]) -> str:
    """CMake text that sets CONFIG_ESPDL_<SETTING> as ESP-IDF's build system would: booleans are "y" or empty."""
    lines = []
    for name, value in sorted(settings.items()):
        text = ("y" if value else "") if isinstance(value, bool) else str(value)
        lines.append(f"set(CONFIG_{PREFIX}{name.upper()} [==[{text}]==])\n")
    return "".join(lines)


def _import_kconfiglib(sdkconfig: Path) -> ModuleType:
    """The module that defines `Kconfig`: kconfiglib's, or esp-idf-kconfig's, which hides it where both are there."""
    try:
        from esp_kconfiglib import Kconfig
    except ImportError:
        try:
            from kconfiglib import Kconfig
        except ImportError as error:
            raise EspdlError(
                str(sdkconfig), "the Python package kconfiglib is missing", "install it: pip install kconfiglib"
            ) from error
    return sys.modules[Kconfig.__module__]  # esp-idf-kconfig exports nothing but that class


def _main_menu() -> str:
    # What the component's menu expects of ESP-IDF around it.
    lines = [
        'mainmenu "espdl"',
        "config IDF_TARGET",
        '    string "target"',
        '    default "linux"',
        "config SPIRAM",
        '    bool "PSRAM"',
    ]
    for target in targets.IDF_TARGETS:
        lines += [f"config IDF_TARGET_{target.upper()}", "    bool", f'    default y if IDF_TARGET = "{target}"']
    path = glob.escape(KCONFIG.as_posix()).replace("\\", "\\\\").replace('"', '\\"')
    return "\n".join([*lines, f'source "{path}"', ""])


def _value(symbol: Any, type_name: str) -> str | int | bool:
    if type_name == "bool":
        return symbol.str_value == "y"
    if type_name == "int":
        return int(symbol.str_value or "0")
    return symbol.str_value
