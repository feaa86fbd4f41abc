# SPDX-License-Identifier: Apache-2.0
"""A compiled model as a library for build systems without CMake: Arduino, PlatformIO, or any C compiler.

The library is self-contained: generated code, weights as a C array, and of runtime and kernels just the files that this
model needs.
"""

from espdl.export.library import FORMS, LibraryModel, check_folder, render, write

__all__ = ["FORMS", "LibraryModel", "check_folder", "render", "write"]
