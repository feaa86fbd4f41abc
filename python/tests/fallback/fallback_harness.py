# SPDX-License-Identifier: CC0-1.0
"""Runs lowered modules on the host: a C file per module, one sanitized program for all, each tensor allocated alone.

No arena: under the address sanitizer every read or write outside of a tensor or a workspace ends the program.
"""

from __future__ import annotations

import math
import subprocess
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path

import numpy as np
import tvm
from fallback_cases import CASES, Case
from tvm import relax

from espdl.partition import tvm_compat
from espdl.partition.fallback import Lowered, lower
from espdl.partition.fallback.printer import C_TYPES, float_literal, integer_literal

FLAGS = (
    "-std=c11 -O2 -ffp-contract=off -Wall -Wextra -Wconversion -Wshadow -Werror "
    "-fsanitize=address,undefined -fno-sanitize-recover"
)
INCLUDES = "#include <math.h>\n#include <stdbool.h>\n#include <stdint.h>\n#include <stdlib.h>\n#include <string.h>\n\n"


def tensor_types(ty: tvm.ir.Type) -> list[relax.TensorType]:
    return list(ty.fields) if isinstance(ty, tvm.ir.TupleType) else [ty]


def describe(ty: relax.TensorType) -> tuple[tuple[int, ...], np.dtype]:
    return tuple(int(d) for d in ty.shape.values), np.dtype(str(ty.dtype.dtype))


def size(ty: relax.TensorType) -> int:
    shape, dtype = describe(ty)
    return math.prod(shape) * dtype.itemsize


@cache
def lower_cases() -> dict[str, Lowered | Exception]:
    """All cases by name, lowered once in a process; the error of one that cannot be."""

    def attempt(case: Case) -> Lowered | Exception:
        try:
            return lower(tvm_compat.import_onnx(case.model(), lambda name, operator, error: error), "net_")
        except Exception as error:  # told by the test of the case
            return error

    return {case.name: attempt(case) for case in CASES}


class _Body:
    """The C text that runs one `main`."""

    def __init__(self, lowered: Lowered):
        self.kernels = lowered.kernels
        self.main = lowered.module["main"]
        self.constants: list[str] = []
        self.lines: list[str] = []
        self.allocated: list[str] = []
        self.names: dict[tvm.ir.Var, object] = {}

    def text(self, name: str) -> str:
        for position, parameter in enumerate(self.main.params):
            self.names[parameter] = f"in[{position}]"
        for block in self.main.body.blocks:
            for binding in block.bindings:
                self.names[binding.var] = self.value(binding.value)
        results = self.value(self.main.body.body)
        types = tensor_types(self.main.ret_ty)
        for position, (result, ty) in enumerate(zip(results if isinstance(results, list) else [results], types)):
            self.lines.append(f"memcpy(out[{position}], {result}, {size(ty)});")
        self.lines += [f"free({pointer});" for pointer in self.allocated]
        helpers = sorted({helper for kernel in self.kernels.values() for helper in kernel.helpers})
        functions = [*helpers, *(kernel.source for kernel in self.kernels.values())]
        declaration = f"void {name}(const void *const *in, void *const *out)"
        head = f"{declaration};\n{declaration} {{\n"
        unused = "" if self.main.params else "    (void)in;\n"
        body = unused + "".join(f"    {line}\n" for line in self.lines)
        return INCLUDES + "\n".join([*functions, *self.constants, head + body + "}"]) + "\n"

    def value(self, value) -> object:
        if isinstance(value, tvm.ir.Var):
            return self.names[value]
        if isinstance(value, tvm.ir.Tuple):
            return [self.value(field) for field in value.fields]
        if isinstance(value, tvm.ir.TupleGetItem):
            return self.value(value.tuple_value)[value.index]
        if isinstance(value, tvm.ir.GenericConst):
            return self.constant(value.value.numpy())
        if value.op.name == "relax.reshape":
            return self.value(value.args[0])
        assert value.op.name == "relax.call_tir", value.op.name
        kernel = self.kernels[value.args[0].name_hint]
        inputs = [self.value(argument) for argument in value.args[1].fields]
        types = tensor_types(value.ty_args[0])
        outputs = [self.allocate(size(ty)) for ty in types]
        workspaces = [self.allocate(count) for count in kernel.workspace_bytes]
        assert len(kernel.parameters) == len(inputs) + len(outputs) + len(workspaces)
        self.lines.append(f"{kernel.name}({', '.join([*inputs, *outputs, *workspaces])});")
        return outputs if isinstance(value.ty_args[0], tvm.ir.TupleType) else outputs[0]

    def allocate(self, count: int) -> str:
        name = f"t{len(self.allocated)}"
        self.allocated.append(name)
        self.lines += [f"void *{name} = malloc({max(count, 1)});", f"memset({name}, 0xA5, {max(count, 1)});"]
        return name

    def constant(self, data: np.ndarray) -> str:
        dtype = str(data.dtype)
        literal = (
            (lambda v: float_literal(float(v), dtype))
            if dtype.startswith("float")
            else (lambda v: integer_literal(int(v)))
        )
        name = f"constant{len(self.constants)}"
        values = ", ".join(literal(v) for v in data.reshape(-1)) or "0"
        self.constants.append(f"static const {C_TYPES[dtype]} {name}[] = {{{values}}};\n")
        return name


class Program:
    """A program that runs any of several modules by number; compiled with warnings as errors and sanitizers."""

    def __init__(self, folder: Path, modules: dict[str, Lowered]):
        self.folder = folder
        self.modules = modules
        self.numbers = {name: number for number, name in enumerate(modules)}
        self.failures: dict[str, str] = {}
        with ThreadPoolExecutor(2) as pool:
            built = dict(zip(modules, pool.map(self.compile, modules)))
        objects = [built[name] for name in modules if name not in self.failures]
        self.link(objects)

    def compile(self, name: str) -> Path:
        number = self.numbers[name]
        source = self.folder / f"case{number}.c"
        source.write_text(_Body(self.modules[name]).text(f"case{number}"))
        target = source.with_suffix(".o")
        done = subprocess.run(["gcc", *FLAGS.split(), "-c", source, "-o", target], capture_output=True, text=True)
        if done.returncode:
            self.failures[name] = done.stderr
        return target

    def link(self, objects: list[Path]) -> None:
        numbers = [self.numbers[name] for name in self.modules if name not in self.failures]
        declarations = "".join(f"void case{n}(const void *const *in, void *const *out);\n" for n in numbers)
        cases = "".join(f"    case {n}: case{n}((const void *const *)in, out); break;\n" for n in numbers)
        main = INCLUDES + "#include <stdio.h>\n" + declarations + _MAIN.replace("@CASES@", cases)
        (self.folder / "main.c").write_text(main)
        self.program = self.folder / "program"
        command = ["gcc", *FLAGS.split(), self.folder / "main.c", *objects, "-o", self.program, "-lm"]
        done = subprocess.run(command, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr

    def run(self, name: str, inputs: list[np.ndarray]) -> list[np.ndarray]:
        """Outputs of the module `name`; raises with the compiler's or the sanitizer's text."""
        if name in self.failures:
            raise AssertionError(f"does not compile:\n{self.failures[name]}")
        outputs = [describe(ty) for ty in tensor_types(self.modules[name].module["main"].ret_ty)]
        sizes = [str(math.prod(shape) * dtype.itemsize) for shape, dtype in outputs]
        command = [self.program, str(self.numbers[name]), str(len(inputs)), *(str(x.nbytes) for x in inputs), *sizes]
        done = subprocess.run(
            command, input=b"".join(np.ascontiguousarray(x).tobytes() for x in inputs), capture_output=True
        )
        if done.returncode:
            raise AssertionError(done.stderr.decode())
        results, position = [], 0
        for (shape, dtype), count in zip(outputs, map(int, sizes)):
            results.append(np.frombuffer(done.stdout[position : position + count], dtype).reshape(shape))
            position += count
        assert position == len(done.stdout)
        return results


_MAIN = """
/* program <case> <number of inputs> <bytes of each input> <bytes of each output>: from stdin to stdout */
int main(int argc, char **argv) {
    int inputs = atoi(argv[2]);
    int count = argc - 3;
    void *all[64];
    for (int i = 0; i < count; ++i) {
        size_t size = (size_t)atol(argv[i + 3]);
        all[i] = malloc(size ? size : 1);
        if (i < inputs && fread(all[i], 1, size, stdin) != size) {
            return 2;
        }
    }
    void **in = all;
    void **out = all + inputs;
    (void)in;
    switch (atoi(argv[1])) {
@CASES@    default: return 3;
    }
    for (int i = inputs; i < count; ++i) {
        fwrite(all[i], 1, (size_t)atol(argv[i + 3]), stdout);
    }
    for (int i = 0; i < count; ++i) {
        free(all[i]);
    }
    return 0;
}
"""
