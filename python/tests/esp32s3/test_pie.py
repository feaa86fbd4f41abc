# SPDX-License-Identifier: CC0-1.0
"""The vector unit: its emulation in C and the assembler text of the kernels against a model written apart from both."""

from __future__ import annotations

import ctypes
import re
import subprocess
import tempfile
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from assembler import Machine, kernels
from harness import pack_params
from hypothesis import given, settings
from hypothesis import strategies as st
from layers_of_kernels import KERNELS, layers
from pie_model import INSTRUCTIONS, Pie, check_line
from test_convolution import contents, convolutions, seeds
from vector_harness import INCLUDES, PORT, TARGET, check, examples, reference

from espdl.backends import lower
from espdl.backends.lowering import packings
from espdl.plan.types import KernelCall

CASES_FILE = Path(__file__).with_name("pie_cases.c")
HEADERS = (
    "pie.h",
    "pie_moves.h",
    "pie_loops.h",
    "pie_rectangle.h",
    "pie_narrow.h",
    "pie_norm.h",
    "pie_parts.h",
    "pie_rescale.h",
    "pie_softmax.h",
    "pie_pointwise.h",
    "pie_depthwise.h",
    "pie_turned.h",
    "pie_words.h",
)
CASES = re.findall(r"^(?:CASE\((\w+)\))", CASES_FILE.read_text(), re.M)
CASES += [f"rectangle_{name}" for name in re.findall(r"^RECTANGLE\((\w+),", CASES_FILE.read_text(), re.M)]
CASES += [f"rectangle_narrow_{lanes}{masked}" for lanes in range(2, 17, 2) for masked in ("", "_masked")]
CASES += [f"rectangle_pointwise_{vectors}" for vectors in range(1, 5)]
CASES += [f"rectangle_turned_{lanes}" for lanes in range(8, 15, 2)]
MEMORY = 4096


class State(ctypes.Structure):
    """struct espdl_pie_state of pie_emulation.h."""

    _fields_ = [
        ("q", ctypes.c_int8 * 16 * 8),
        ("qacc", ctypes.c_int32 * 16),
        ("accx", ctypes.c_int64),
        ("sar_byte", ctypes.c_uint32),
        ("operations", ctypes.c_uint64),
        ("misaligned", ctypes.c_uint64),
    ]


@cache
def emulation() -> ctypes.CDLL:
    """pie_cases.c for this machine, with access to the emulated registers."""
    folder = Path(tempfile.mkdtemp(prefix="espdl-pie-"))
    access = folder / "access.c"
    access.write_text(
        '#include "pie_emulation.h"\n'
        "void set_state(const struct espdl_pie_state *s) { espdl_pie = *s; }\n"
        "void get_state(struct espdl_pie_state *s) { *s = espdl_pie; }\n"
    )
    files = [access, CASES_FILE, PORT / "src" / "pie_emulation.c"]
    library = folder / "library.so"
    command = ["gcc", "-O1", "-Wall", "-Wextra", "-Werror", "-shared", "-fPIC", *INCLUDES, f"-I{PORT / 'src'}"]
    subprocess.run([*command, *map(str, files), "-o", str(library)], check=True)
    return ctypes.CDLL(str(library))


@cache
def model() -> Machine:
    """pie_cases.c as for Xtensa."""
    return Machine([CASES_FILE])


class Memory:
    """MEMORY bytes at a multiple of 16, with room before and behind."""

    def __init__(self, content: np.ndarray):
        self.buffer = np.zeros(len(content) + 8192 + 16, np.uint8)
        start = self.buffer.ctypes.data
        self.start = -start % 16 + 4096
        self.address = start + self.start
        self.view = self.buffer[self.start : self.start + len(content)]
        self.view[:] = content


def draw_state(random: np.random.Generator) -> State:
    """Registers at random or at their extremes."""
    state = State()
    kind = random.integers(3)
    for q in state.q:
        q[:] = (random.choice([-128, 127, 0], 16) if kind == 0 else random.integers(-128, 128, 16)).tolist()
    limit = 2**19
    lanes = random.choice([-limit, limit - 1], 16) if kind == 1 else random.integers(-limit, limit, 16)
    state.qacc[:] = lanes.tolist()
    state.accx = int(random.choice([-(2**39), 2**39 - 1, int(random.integers(-(2**39), 2**39))]))
    state.sar_byte = int(random.integers(16))
    return state


@pytest.mark.parametrize("case", CASES)
@given(seeds)
@settings(examples, max_examples=25)
def test_emulation_and_assembler_do_what_the_model_does(case: str, seed: int) -> None:
    random = np.random.default_rng(seed)
    content = random.integers(0, 256, MEMORY).astype(np.uint8)
    numbers = (ctypes.c_int32 * 4)(*random.integers(0, 20, 4).tolist())
    state, own = draw_state(random), Memory(content)
    other = Memory(content)
    moved = [(ctypes.c_void_p * 4)() for _ in range(2)]
    pie = model().pie
    pie.__dict__.update(
        Pie(q=[list(q) for q in state.q], qacc=list(state.qacc), accx=state.accx, sar_byte=state.sar_byte).__dict__
    )
    model().call(f"case_{case}", ctypes.c_void_p(other.address), numbers, moved[1])
    emulation().set_state(ctypes.byref(state))
    emulation()[f"case_{case}"](ctypes.c_void_p(own.address), numbers, moved[0])
    emulation().get_state(ctypes.byref(state))
    assert [list(q) for q in state.q] == pie.q
    assert list(state.qacc) == pie.qacc
    assert (state.accx, state.sar_byte, state.operations) == (pie.accx, pie.sar_byte, pie.operations)
    np.testing.assert_array_equal(own.view, other.view)
    assert [p and p - own.address for p in moved[0]] == [p and p - other.address for p in moved[1]]


def test_the_cases_are_all_functions_and_the_table_all_instructions() -> None:
    headers = "".join((PORT / "src" / name).read_text() for name in HEADERS)
    functions = set(re.findall(r"^EE .*?\b((?:ee|pie)_\w+)\(", headers, re.M))
    functions -= {"pie_macs", "pie_line", "pie_unaligned", "pie_lanes", "pie_store_high_bytes"}  # parts of others
    functions -= {"pie_units", "pie_scaled"}
    assert functions <= set(re.findall(r"\b((?:ee|pie)_\w+)\(", CASES_FILE.read_text()))
    used = {mnemonic for mnemonic in re.findall(r"\bee\.[a-z0-9_.]+", headers) if not mnemonic.endswith(".*")}
    assert used == {mnemonic for mnemonic in INSTRUCTIONS if mnemonic.startswith("ee.")}


def test_the_table_refuses() -> None:
    for line in (
        "ee.vld.128.ip q8,r0,16",
        "ee.vld.128.ip q0,r0,8",
        "ee.ld.qacc_h.h.32.ip r0,512",
        "ee.vld.128.ip q0,r0",
    ):
        with pytest.raises(AssertionError):
            check_line(line)
    with pytest.raises(AssertionError, match="not in the table"):
        check_line("ee.vunzip.16 q0,q1")


def check_as_assembler(call: KernelCall, *inputs: np.ndarray) -> None:
    """The kernel's outputs are the reference's, and the emulation counts as many vector instructions."""
    kernels().pie.operations = 0
    run_as_assembler(call, *inputs)
    assert kernels().pie.operations == check(call, *inputs).operations


def run_as_assembler(call: KernelCall, *inputs: np.ndarray) -> None:
    """The kernel as an Xtensa compiler would see it, its vector instructions in the model, against the reference."""
    (expected,) = reference(call, *inputs)
    constants = [np.frombuffer(c.tobytes(), np.uint8) for c in packings()[call.packing](call)]
    blocks = [Memory(np.frombuffer(x.tobytes(), np.uint8)) for x in (*inputs, *constants)]
    blocks += [Memory(np.zeros(size, np.uint8)) for size in (expected.nbytes, call.scratch_bytes) if size]
    kernels().call(call.function, pack_params(call.params), *[ctypes.c_void_p(b.address) for b in blocks])
    result = blocks[len(inputs) + len(constants)].view.view(np.int8).reshape(expected.shape)
    np.testing.assert_array_equal(result, expected)


small = st.one_of(
    convolutions(st.sampled_from([16, 32]), st.sampled_from([16, 20]), dilations=(1, 1)),
    convolutions(st.integers(1, 5), st.sampled_from([4, 8, 16]), dilations=(1, 1)),
    convolutions(st.integers(17, 20), st.sampled_from([16])),
    convolutions(st.sampled_from([8, 16, 48]), st.sampled_from([16]), kernel=(1, 1), pads=(0, 0, 0, 0)),
    convolutions(st.sampled_from([8, 16, 18]), st.none(), depthwise=True, kernel=(3, 3), dilations=(1, 1)),
)


@given(small, seeds)
@settings(examples, max_examples=15)
def test_kernels_as_assembler(node, seed: int) -> None:
    check_as_assembler(lower(node, TARGET), contents(seed // 7, node.inputs[0].shape))


@pytest.mark.parametrize("kernel", [name for name in KERNELS if "affine" in name])
@given(st.data())
@settings(examples, max_examples=10)
def test_kernels_of_scheme_affine_as_assembler(kernel: str, data: st.DataObject) -> None:
    call, inputs = data.draw(layers(f"espdl_s3_{kernel}"))
    check_as_assembler(call, *inputs)
