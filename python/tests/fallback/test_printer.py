# SPDX-License-Identifier: CC0-1.0
"""The text of generated kernels: exact literals, the same for every run, and an error for what C cannot say."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from fallback_harness import lower_cases
from tvm import relax, tirx

from espdl.errors import EspdlError
from espdl.partition.fallback import CKernel, lower
from espdl.partition.fallback.printer import C_TYPES, float_literal, integer_literal, print_kernel

INFINITE_OR_NAN = {"float32": [np.inf, -np.inf, np.nan], "float64": [np.inf, -np.inf, np.nan]}
BITS = {"float32": np.uint32, "float64": np.uint64}


def compiled(folder: Path, c_type: str, literals: list[str]) -> bytes:
    """The bytes that a C array of `literals` has."""
    source = folder / "literals.c"
    source.write_text(
        "#include <math.h>\n#include <stdint.h>\n#include <stdio.h>\n"
        f"static const {c_type} values[] = {{{', '.join(literals)}}};\n"
        "int main(void) { return fwrite(values, sizeof values, 1, stdout) != 1; }\n"
    )
    flags = "-std=c11 -Wall -Wextra -Wconversion -pedantic -Werror".split()
    subprocess.run(["gcc", *flags, source, "-o", folder / "literals"], check=True)
    return subprocess.run([folder / "literals"], check=True, capture_output=True).stdout


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_float_literals_are_exact(dtype: str, tmp_path):
    random = np.random.default_rng(11)
    width = np.dtype(dtype).itemsize * 8
    mantissa = np.finfo(dtype).nmant
    patterns = random.integers(0, 2**width, 4000, dtype=np.uint64)
    denormal = patterns[:500] & np.uint64(2**mantissa - 1)
    edges = np.array([0, 1, 2**mantissa - 1, 2**mantissa, 1 << (width - 1), (1 << (width - 1)) | 1], np.uint64)
    values = np.concatenate([patterns, denormal, edges]).astype(BITS[dtype]).view(dtype)
    values = np.concatenate([values, np.array([*INFINITE_OR_NAN[dtype], 1, -1, 0.1, 16777216, 16777215, -255], dtype)])
    text = compiled(tmp_path, C_TYPES[dtype], [float_literal(float(v), dtype) for v in values])
    result = np.frombuffer(text, dtype)
    nan = np.isnan(values)
    assert np.isnan(result[nan]).all() and nan.any()
    np.testing.assert_array_equal(result.view(BITS[dtype])[~nan], values.view(BITS[dtype])[~nan])


def test_a_double_is_rounded_to_the_nearest_float():
    assert float.fromhex(float_literal(0.1).rstrip("f")) == float(np.float32(0.1)) != 0.1


@pytest.mark.parametrize("dtype", ["int8", "int32", "uint32", "int64", "uint64"])
def test_integer_literals_are_exact(dtype: str, tmp_path):
    limits = np.iinfo(dtype)
    near = [
        0,
        1,
        -1,
        2**31,
        2**31 - 1,
        -(2**31),
        2**32,
        2**32 - 1,
        -(2**31) - 1,
        limits.min,
        limits.min + 1,
        limits.max,
    ]
    values = np.array([v for v in near if limits.min <= v <= limits.max], dtype)
    text = compiled(tmp_path, C_TYPES[dtype], [integer_literal(int(v)) for v in values])
    np.testing.assert_array_equal(np.frombuffer(text, dtype), values)


def sweep_texts() -> str:
    """Everything that the sweep's kernels consist of."""
    return "".join(f"{name} {found.kernels!r} {found.members!r}\n" for name, found in lower_cases().items())


def digest() -> str:
    return hashlib.sha256(sweep_texts().encode()).hexdigest()


@pytest.mark.slow
def test_the_text_does_not_depend_on_the_hash_seed():
    """This process has one at random, or that of the environment."""
    seed = str(int(os.environ.get("PYTHONHASHSEED", "0").replace("random", "0")) + 1)
    environment = {**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    done = subprocess.run([sys.executable, Path(__file__)], env=environment, check=True, capture_output=True, text=True)
    assert done.stdout == digest() + "\n"


def test_the_text_is_bare_c_in_single_precision():
    text = sweep_texts()
    assert "TVM" not in text and "tvm" not in text
    assert "double" not in text and "float16" not in text


def built(value, *inputs: relax.Var):
    """A module whose main returns `value(builder, *inputs)`."""
    builder = relax.BlockBuilder()
    with builder.function("main", list(inputs)):
        with builder.dataflow():
            output = builder.emit_output(value(*inputs))
        builder.emit_func_output(output)
    return builder.get()


def tensor(name: str, shape: tuple[int, ...], dtype: str = "float32") -> relax.Var:
    return relax.Var(name, relax.TensorType(shape, dtype))


def test_names_are_prefixed_and_helpers_shared():
    module = built(lambda x: relax.op.maximum(relax.op.exp(x), relax.op.abs(x)), tensor("x", (2, 3)))
    (kernel,) = lower(module, "net_").kernels.values()
    assert kernel.name.startswith("net_") and f"static void {kernel.name}(" in kernel.source
    assert [h.split("(")[0].split()[-1] for h in kernel.helpers] == ["net_max_float32"]
    assert kernel.uses_float and kernel.uses_libm
    assert [(p.name, p.c_type, p.const, p.role) for p in kernel.parameters] == [
        ("in0", "float", True, "input"),
        ("out0", "float", False, "output"),
    ]


def loop(variable: str, value) -> tirx.PrimFunc:
    """`for (variable...) y[variable] = value(x, variable)` over four floats."""
    x, y = (tirx.decl_buffer((4,), "float32", name, layout=None) for name in "xy")
    index = tirx.Var(variable, "int32")
    store = tirx.BufferStore(y, value(x, index), [index])
    return tirx.PrimFunc([x, y], tirx.For(index, 0, 4, tirx.ForKind.SERIAL, store))


@pytest.mark.parametrize("name", ["double", "expf", "2 i", "", "in0"])
def test_no_name_of_a_variable_collides_with_c(name: str, tmp_path):
    function = loop(name, lambda x, i: tirx.exp(tirx.BufferLoad(x, [i])))
    kernel = print_kernel(function, "net_kernel", 1, "net_")
    source = tmp_path / "names.c"
    source.write_text(f"#include <math.h>\n#include <stdint.h>\n{kernel.source.removeprefix('static ')}")
    command = ["gcc", "-std=c11", "-Wall", "-Wextra", "-Wshadow", "-Werror", "-c", source, "-o", tmp_path / "names.o"]
    subprocess.run(command, check=True)


@pytest.mark.parametrize(
    ("construct", "value"),
    [
        ("popcount", lambda x, i: tirx.Cast("float32", tirx.popcount(i))),
        ("2 dimensions", lambda x, i: tirx.BufferLoad(tirx.decl_buffer((2, 2), "float32", "other"), [i, i])),
        ("free variable 'other'", lambda x, i: tirx.BufferLoad(tirx.decl_buffer((4,), "float32", "other"), [i])),
        ("my_function", lambda x, i: tirx.call_pure_extern("float32", "my_function", i)),
        ("FloorDiv", lambda x, i: tirx.BufferLoad(x, [tirx.FloorDiv(i, 2)])),
    ],
)
def test_what_c_cannot_say_is_an_error_that_names_it(construct: str, value):
    with pytest.raises(EspdlError, match=construct):
        print_kernel(loop("i", value), "net_kernel", 1, "net_")


def test_an_input_is_never_written():
    with pytest.raises(EspdlError, match="store into an input"):
        print_kernel(loop("i", lambda x, i: tirx.BufferLoad(x, [i])), "net_kernel", 2, "net_")


def test_large_buffers_are_workspaces_and_small_ones_local():
    (small,) = lower(built(relax.op.nn.softmax, tensor("x", (5, 16))), "net_").kernels.values()
    (large,) = lower(built(relax.op.nn.softmax, tensor("x", (5, 17))), "net_").kernels.values()
    assert small.workspace_bytes == () and small.scratch_bytes == 0
    assert large.workspace_bytes == (17 * 4,) and large.scratch_bytes == 17 * 4
    assert [p.role for p in large.parameters] == ["input", "output", "workspace"]


def test_workspaces_fit_one_aligned_block():
    kernel = CKernel("k", "", (), workspace_bytes=(20, 64, 3))
    assert kernel.workspace_offsets == (0, 32, 96) and kernel.scratch_bytes == 99


def test_a_moving_kernel_needs_neither_float_nor_libm():
    (kernel,) = lower(built(lambda x: relax.op.permute_dims(x), tensor("x", (2, 3), "int8")), "net_").kernels.values()
    assert not kernel.uses_float and not kernel.uses_libm


def test_a_type_without_c_equivalent_is_named():
    with pytest.raises(EspdlError, match="float16"):
        lower(built(relax.op.exp, tensor("x", (2, 3), "float16")), "net_")


def test_a_dynamic_shape_is_an_error_with_the_operator():
    with pytest.raises(EspdlError, match=r"nonzero.*static shapes"):
        lower(built(relax.op.nonzero, tensor("x", (2, 3))), "net_")


def test_an_operator_without_lowering_is_named():
    with pytest.raises(EspdlError, match=r"multinomial.*no lowering"):
        samples = lambda x: relax.op.multinomial_from_uniform(x, x, relax.const([[0], [1]], "int64"))  # noqa: E731
        lower(built(samples, tensor("x", (2, 1))), "net_")


if __name__ == "__main__":
    print(digest())
