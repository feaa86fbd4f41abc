# SPDX-License-Identifier: Apache-2.0
"""Techniques that make a quantised network more exact without retraining, a file each."""
