# SPDX-License-Identifier: Apache-2.0
"""One file per family of operators: how it computes channels last."""
