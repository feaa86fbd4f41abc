# SPDX-License-Identifier: Apache-2.0
"""Operators: what they mean, and nothing about any chip."""
