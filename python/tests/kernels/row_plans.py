# SPDX-License-Identifier: CC0-1.0
"""What the planner knows of a kernel's rows (espdl/backends/rows.py), beside what the kernel is tested with."""

from __future__ import annotations

from dataclasses import replace

from row_fields import Facts, Table, with_field

from espdl.backends import rows as planner
from espdl.plan.params import Params
from espdl.plan.rows import Change
from espdl.plan.types import KernelCall, Tensor


def compare(call: KernelCall, facts: Facts, sizes: tuple[int, ...], first: int, end: int, height: int) -> bool:
    """Whether the planner has the output rows `first` .. `end` of `height` computed. It must want the same rows of the
    inputs then, with the same parameters; a kernel that is given these rows alone computes the output (harness).
    """
    shapes = [(1, size) if r is None else (r.height, size // r.height) for r, size in zip(facts.inputs, sizes)]
    tensors = [Tensor(f"x{i}", (1, *shape), "int8") for i, shape in enumerate(shapes)]
    known = planner.FACTS.get(call.function)
    rows = known and known(call, height, tensors)
    if not rows or facts.planes != any(reach and reach.planes for reach in rows.reach):
        return False
    assert [reach is None for reach in rows.reach] == [reader is None for reader in facts.inputs]
    pairs = [(reach, reader) for reach, reader in zip(rows.reach, facts.inputs) if reach and reader]
    given = [(reach.begin(first), reach.end(end - 1, reader.height)) for reach, reader in pairs]
    if any(begin >= behind for begin, behind in given):
        return False  # all of them lie in the border
    for (begin, behind), (_, reader) in zip(given, pairs):
        wanted = reader.needed(first, end)
        is_table = isinstance(reader, Table)  # the planner knows a line below its rows, and one above
        exact = (begin, behind) == wanted or is_table and begin <= wanted[0] < wanted[1] <= behind
        assert exact, f"{call.function} {call.params}, rows {first} .. {end}: {(begin, behind)}, not {wanted}"
    (begin, behind), above = given[0], pairs[0][0].above(first)
    quantities = dict(rows=end - first, start=first, input_rows=behind - begin, input_start=begin, above=above)
    planned, tested = call.params, facts.params(call.params, end - first, first, given[0])
    for change in rows.changes:
        value = change.factor * quantities[change.quantity] + change.plus
        planned = _with(planned, change, value)
        if change.quantity == "input_rows":  # or more, for a kernel that is told how many there are
            tested = _with(tested, change, value)
    assert planned == tested, f"{call.function}, rows {first} .. {end} of {height}"
    return True


def _with(params: Params, change: Change, value: int) -> Params:
    """`params` with another value of a field that may be an item: "shape[1]"."""
    name, _, index = change.field.removesuffix("]").partition("[")
    if not index:
        return with_field(params, name, value)
    items = list(getattr(params, name))
    items[int(index)] = value
    return replace(params, **{name: tuple(items)})
