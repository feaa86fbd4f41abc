# SPDX-License-Identifier: CC0-1.0
"""Networks that consist of sizes only, drawn by hypothesis or shaped like ones that people deploy."""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterable, Sequence

from hypothesis import strategies as st

from espdl.plan.types import KernelCall, Plan, Port, Tensor

# Random networks of each property; ESPDL_TEST_EXAMPLES=2000 for a long run.
EXAMPLES = int(os.environ.get("ESPDL_TEST_EXAMPLES", "120"))


def call(
    inputs: Iterable[str], outputs: Iterable[str], in_place: tuple = (), scratch: int = 0, overlaps: tuple = ()
) -> KernelCall:
    return KernelCall(
        *("none", "none", None),
        tuple(inputs),
        tuple(outputs),
        in_place=in_place,
        overlaps=overlaps,
        scratch_bytes=scratch,
    )


def tensor(name: str, size: int, alias_of: str | None = None, alias_offset: int = 0) -> Tensor:
    return Tensor(name, (size,), "int8", alias_of=alias_of, alias_offset=alias_offset)


def plan(calls: Sequence[KernelCall], tensors: Iterable[Tensor], inputs: Iterable[str], outputs: Iterable[str]) -> Plan:
    ports = [tuple(Port(name, name) for name in names) for names in (inputs, outputs)]
    return Plan(tuple(tensors), tuple(calls), ports[0], ports[1])


@st.composite
def plans(draw: st.DrawFn, max_calls: int = 8) -> Plan:
    """Any network: several inputs and outputs, in-place pairs, overlaps, scratch, reshapes, and parts of one tensor."""
    sizes = st.integers(1, 100)
    inputs = [f"in{i}" for i in range(draw(st.integers(1, 3)))]
    tensors = [tensor(name, draw(sizes)) for name in inputs]
    readable = list(tensors)
    calls: list[KernelCall] = []
    for number in range(draw(st.integers(1, max_calls))):
        sources = draw(st.lists(st.sampled_from(readable), min_size=1, max_size=3))
        names = [t.name for t in sources]
        kind = draw(st.sampled_from(["plain", "plain", "two", "reshape", "concat"]))
        scratch = draw(st.sampled_from([0, 0, 1, 40]))
        if kind == "concat":
            made = _concat(draw, number, names, calls, scratch)
        else:
            made = [tensor(f"t{number}", draw(sizes))]
            if kind == "two":
                made.append(tensor(f"t{number}b", draw(sizes)))
            pairs = list(itertools.product(range(len(names)), range(len(made))))
            in_place = tuple(draw(st.lists(st.sampled_from(pairs), unique=True)))
            leads = [(*pair, draw(st.integers(0, 60))) for pair in pairs]
            overlaps = tuple(draw(st.lists(st.sampled_from(leads), unique=True)))
            calls.append(call(names, [t.name for t in made], in_place, scratch, overlaps))
            if kind == "reshape":
                made.append(tensor(f"v{number}", made[0].nbytes, alias_of=made[0].name))
        tensors += made
        readable += made
    outputs = draw(st.lists(st.sampled_from(readable), min_size=1, max_size=3, unique_by=lambda t: t.name))
    return plan(calls, tensors, inputs, [t.name for t in outputs])


def _concat(draw: st.DrawFn, number: int, names: list[str], calls: list[KernelCall], scratch: int) -> list[Tensor]:
    parts = draw(st.lists(st.integers(1, 50), min_size=2, max_size=3))
    whole = tensor(f"c{number}", sum(parts))
    made = [whole]
    for index, size in enumerate(parts):
        part = tensor(f"c{number}p{index}", size, alias_of=whole.name, alias_offset=sum(parts[:index]))
        calls.append(call(names, [part.name], ((0, 0),) if draw(st.booleans()) else (), scratch))
        made.append(part)
    return made


def resnet(blocks: int = 3, size: int = 16 * 32 * 32) -> Plan:
    """Residual blocks with a projection at each change of resolution."""
    tensors, calls = [tensor("in", 3 * 32 * 32), tensor("x0", size)], [call(["in"], ["x0"], scratch=432)]
    for b in range(blocks):
        out = size >> b
        tensors += [tensor(f"{name}{b}", out) for name in ("a", "b", "p")] + [tensor(f"x{b + 1}", out)]
        calls.append(call([f"x{b}"], [f"a{b}"], scratch=576))
        calls.append(call([f"a{b}"], [f"b{b}"], scratch=576))
        calls.append(call([f"x{b}"], [f"p{b}"], ((0, 0),), scratch=64))
        calls.append(call([f"b{b}", f"p{b}"], [f"x{b + 1}"], ((0, 0), (1, 0))))
    return plan(calls, tensors, ["in"], [f"x{blocks}"])


def mobilenet() -> Plan:
    """Depthwise (in place at stride 1) and pointwise layers in a chain."""
    shapes = [(48, 8), (48, 16), (24, 32), (24, 32), (12, 64), (12, 64), (6, 128), (6, 128), (6, 128), (3, 256)]
    tensors, calls = [tensor("in", 96 * 96 * 3), tensor("x0", 48 * 48 * 8)], [call(["in"], ["x0"])]
    for i, ((before, channels), (after, wider)) in enumerate(itertools.pairwise(shapes)):
        tensors += [tensor(f"d{i}", after * after * channels), tensor(f"x{i + 1}", after * after * wider)]
        calls.append(call([f"x{i}"], [f"d{i}"], ((0, 0),) if before == after else (), scratch=before))
        calls.append(call([f"d{i}"], [f"x{i + 1}"], scratch=4 * channels))
    return plan(calls, tensors, ["in"], [f"x{len(shapes) - 1}"])


def inception(modules: int = 3) -> Plan:
    """Four branches of unequal length, concatenated without a copy."""
    tensors, calls = [tensor("x0", 4000)], []
    for m in range(modules):
        tensors.append(tensor(f"x{m + 1}", 4000))
        for branch, length in enumerate((1, 2, 3, 2)):
            source = f"x{m}"
            for step in range(length):
                name = f"m{m}b{branch}s{step}"
                last = step == length - 1
                tensors.append(
                    tensor(name, 1000, f"x{m + 1}", 1000 * branch) if last else tensor(name, 700 + 130 * branch * step)
                )
                calls.append(call([source], [name], scratch=100))
                source = name
    return plan(calls, tensors, ["x0"], [f"x{modules}"])


def unet(depth: int = 4) -> Plan:
    """Long skips from the way down to the way up."""
    tensors, calls, source = [tensor("in", 9000)], [], "in"
    for level in range(depth):
        size = 16000 >> level
        tensors += [tensor(f"e{level}", size), tensor(f"d{level}", size // 4)]
        calls += [call([source], [f"e{level}"]), call([f"e{level}"], [f"d{level}"])]
        source = f"d{level}"
    for level in reversed(range(depth)):
        size = 16000 >> level
        tensors += [tensor(f"u{level}", size), tensor(f"y{level}", size)]
        calls += [call([source], [f"u{level}"]), call([f"u{level}", f"e{level}"], [f"y{level}"], ((0, 0), (1, 0)))]
        source = f"y{level}"
    return plan(calls, tensors, ["in"], [source])
