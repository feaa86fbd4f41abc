# SPDX-License-Identifier: Apache-2.0
"""ONNX operators whose import is ours: the importer lacks them, or gives them a form that no pattern can know."""
