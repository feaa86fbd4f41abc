# SPDX-License-Identifier: CC0-1.0
"""espdl_top_output: the largest values of an output, as numpy sorts them."""

from __future__ import annotations

import ctypes
import subprocess
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

ROOT = Path(__file__).resolve().parents[3]
DTYPES = ("int8", "uint8", "bool", "int16", "uint16", "int32", "uint32", "int64", "float32", "float64")


class Top(ctypes.Structure):
    _fields_ = [("index", ctypes.c_int32), ("score", ctypes.c_float)]


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> ctypes.CDLL:
    """With a model whose only output is what the test says."""
    folder = tmp_path_factory.mktemp("top")
    (folder / "one.c").write_text(
        '#include "espdl.h"\nstatic int32_t s_shape[1];\nstatic espdl_tensor_t s_output;\nstatic const void *s_data;\n'
        "const void *espdl_output(const espdl_t *self, size_t index) { return index == 0 ? s_data : NULL; }\n"
        "const espdl_tensor_t *espdl_output_info(const espdl_model_t *model, size_t index) { return &s_output; }\n"
        "void set(const void *data, int32_t n, int dtype, float scale, int32_t zero)\n{\n    s_data = data;\n"
        "    s_shape[0] = n;\n    s_output = (espdl_tensor_t){.shape = s_shape, .rank = 1, .dtype = (uint8_t)dtype,\n"
        "                                .scale = scale, .zero_point = zero};\n}\n"
    )
    path = folder / "top.so"
    flags = ["-std=c11", "-O2", "-fsanitize=undefined", "-fno-sanitize-recover=all", f"-I{ROOT / 'include'}"]
    sources = [str(ROOT / "src" / "top.c"), "one.c"]
    subprocess.run(["gcc", *flags, "-shared", "-fPIC", *sources, "-o", path], cwd=folder, check=True)
    made = ctypes.CDLL(str(path))
    made.espdl_top_output.restype = ctypes.c_size_t
    return made


@given(st.data(), st.sampled_from(DTYPES), st.integers(1, 30), st.integers(0, 12))
@settings(deadline=None)
def test_as_numpy_sorts(library: ctypes.CDLL, data: st.DataObject, dtype: str, size: int, count: int) -> None:
    random = np.random.default_rng(data.draw(st.integers(0, 2**32 - 1)))
    values = random.integers(0, data.draw(st.sampled_from([2, 100])), size).astype(dtype)
    if dtype.startswith("float"):
        values[random.random(size) < 0.2] = np.nan
    small = dtype in ("int8", "uint8", "int16", "uint16")
    scale, zero = (0.25, 3) if small else (0.0, 0)
    library.set(values.ctypes.data_as(ctypes.c_void_p), size, DTYPES.index(dtype), ctypes.c_float(scale), zero)
    best = (Top * (count + 1))()
    best[count] = Top(-7, 0)
    instance = (ctypes.c_void_p * 8)()
    written = library.espdl_top_output(ctypes.byref(instance), ctypes.c_size_t(0), best, ctypes.c_size_t(count))
    real = (values.astype(np.float32) - zero) * np.float32(scale if small else 1)
    order = [int(i) for i in np.argsort(-real, kind="stable") if not np.isnan(real[i])][:count]
    assert [(top.index, top.score) for top in best[:written]] == [(i, float(real[i])) for i in order]
    assert best[count].index == -7
