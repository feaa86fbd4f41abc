# SPDX-License-Identifier: CC0-1.0
"""Every supported float operator, alone in a model, through the fallback, against ONNX Runtime."""

from __future__ import annotations

import numpy as np
import onnxruntime
import pytest
from fallback_cases import CASES, Case
from fallback_harness import Program, lower_cases

TOLERANCE = 2e-4
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def program(tmp_path_factory):
    """All cases that can be lowered in one program; and why the others cannot."""
    found = lower_cases()
    errors = {name: error for name, error in found.items() if isinstance(error, Exception)}
    lowered = {name: value for name, value in found.items() if name not in errors}
    return Program(tmp_path_factory.mktemp("operators"), lowered), errors


def expected(case: Case) -> list[np.ndarray]:
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    session = onnxruntime.InferenceSession(
        case.model().SerializeToString(), options, providers=["CPUExecutionProvider"]
    )
    return session.run(None, case.feeds())


def test_the_sweep_is_wide():
    names = [case.name for case in CASES]
    assert len(names) == len(set(names)) >= 110


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_operator(case: Case, program):
    runner, errors = program
    if case.name in errors:
        raise errors[case.name]
    main = runner.modules[case.name].module["main"]
    feeds = case.feeds()
    results = runner.run(case.name, [feeds[parameter.name] for parameter in main.params])
    references = expected(case)
    assert len(results) == len(references)
    for result, reference in zip(results, references):
        assert result.shape == reference.shape and result.dtype == reference.dtype
        if reference.dtype.kind != "f":
            np.testing.assert_array_equal(result, reference)
        else:
            np.testing.assert_array_equal(np.isnan(result), np.isnan(reference))
            np.testing.assert_allclose(result, reference, rtol=TOLERANCE, atol=TOLERANCE)
