#!/usr/bin/env python3
# SPDX-License-Identifier: CC0-1.0
"""Makes the network of this example, its calibration data, and the recording that the program plays.

python train.py        (needs numpy and onnx)

A motor's acceleration along three axes, 400 moments a second: it stands still, it runs, or it runs and something rubs.
All signals are simulated. The network is two temporal convolutions with random kernels and a linear layer on the mean
of what they find, which is fitted by logistic regression. Equal at every call.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

HERE = Path(__file__).resolve().parent
WINDOW, AXES, RATE = 128, 3, 400.0
STATES = ("stands", "runs", "rubs")
STEPS, RATE_OF_DESCENT = 3000, 1.0
CHANNELS, KERNEL, LAYERS = 24, 5, ((1, 1), (1, 1))  # stride and dilation of each layer


def signal(random: np.random.Generator, state: int, moments: int) -> np.ndarray:
    """float32 [axes, moments], in g."""
    time = np.arange(moments) / RATE + random.uniform(0, 1)
    found = random.normal(0, 0.03, (AXES, moments))
    if state:
        speed = random.uniform(22, 28)
        for harmonic, size in ((1, 0.5), (2, 0.2), (3, 0.1)):
            phase = random.uniform(0, 2 * np.pi, (AXES, 1))
            found += size * random.uniform(0.7, 1.3, (AXES, 1)) * np.sin(2 * np.pi * speed * harmonic * time + phase)
    if state == 2:
        bursts = np.maximum(0, np.sin(2 * np.pi * speed * time)) ** 6
        ringing = np.sin(2 * np.pi * random.uniform(110, 150) * time + random.uniform(0, 2 * np.pi, (AXES, 1)))
        found += random.uniform(0.6, 1.0, (AXES, 1)) * bursts * ringing
    return found.astype(np.float32)


def windows(random: np.random.Generator, count: int) -> tuple[np.ndarray, np.ndarray]:
    labels = np.arange(count) % len(STATES)
    return np.stack([signal(random, label, WINDOW) for label in labels]), labels


def convolve(x: np.ndarray, weights: np.ndarray, bias: np.ndarray, stride: int, dilation: int) -> np.ndarray:
    """[samples, channels, time] without padding, and ReLU."""
    length = (x.shape[2] - (KERNEL - 1) * dilation - 1) // stride + 1
    taps = [x[:, :, k * dilation :][:, :, : (length - 1) * stride + 1 : stride] for k in range(KERNEL)]
    return np.maximum(np.einsum("ock,kbct->bot", weights, np.stack(taps)) + bias[:, np.newaxis], 0)


def fit(features: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Logistic regression by gradient descent on features of one size; float32 [features, states]."""
    scale = np.append(features[:, :-1].std(0), 1.0)
    inputs, targets = features / scale, np.eye(len(STATES))[labels]
    inputs[:, :-1] -= inputs[:, :-1].mean(0)
    dense = np.zeros((features.shape[1], len(STATES)))
    for _ in range(STEPS):
        scores = inputs @ dense
        odds = np.exp(scores - scores.max(1, keepdims=True))
        dense -= RATE_OF_DESCENT * inputs.T @ (odds / odds.sum(1, keepdims=True) - targets) / len(inputs)
    dense /= scale[:, np.newaxis]
    dense[-1] -= features[:, :-1].mean(0) @ dense[:-1]
    return dense.astype(np.float32)


def main() -> None:
    random = np.random.default_rng(7)
    x, labels = windows(random, 1500)
    test, truth = windows(random, 600)
    layers, inputs = [], AXES
    for stride, dilation in LAYERS:
        weights = random.normal(0, (2 / (inputs * KERNEL)) ** 0.5, (CHANNELS, inputs, KERNEL)).astype(np.float32)
        bias = random.normal(0, 0.3, CHANNELS).astype(np.float32)
        layers.append((weights, bias, stride, dilation))
        inputs = CHANNELS
    features = []
    for values in (x, test):
        for layer in layers:
            values = convolve(values, *layer)
        features.append(np.concatenate([values.mean(2), np.ones((len(values), 1))], axis=1))
    dense = fit(features[0], labels)
    right = float(((features[1] @ dense).argmax(1) == truth).mean())
    print(f"{right:.1%} of {len(truth)} windows that the fit has not seen")
    write(layers, dense)
    np.save(HERE / "calib.npy", x[:24].astype(np.float16))
    states = (0, 1, 2, 1, 0)
    record(np.concatenate([signal(random, state, 200) for state in states], axis=1))


def write(layers: list, dense: np.ndarray) -> None:
    nodes, constants, last = [], [], "acceleration"
    for index, (weights, bias, stride, dilation) in enumerate(layers):
        constants += [numpy_helper.from_array(a, f"{n}{index}") for n, a in (("weights", weights), ("bias", bias))]
        names = [last, f"weights{index}", f"bias{index}"]
        nodes.append(helper.make_node("Conv", names, [f"conv{index}"], strides=[stride], dilations=[dilation]))
        nodes.append(helper.make_node("Relu", [f"conv{index}"], [f"relu{index}"]))
        last = f"relu{index}"
    constants += [numpy_helper.from_array(dense[:-1], "dense"), numpy_helper.from_array(dense[-1], "offset")]
    nodes += [
        helper.make_node("GlobalAveragePool", [last], ["mean"]),
        helper.make_node("Flatten", ["mean"], ["flat"]),
        helper.make_node("Gemm", ["flat", "dense", "offset"], ["scores"]),
    ]
    shapes = {"acceleration": [1, AXES, WINDOW], "scores": [1, len(STATES)]}
    ports = [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name, shape in shapes.items()]
    graph = helper.make_graph(nodes, "motor", ports[:1], ports[1:], constants)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.checker.check_model(model)
    onnx.save(model, HERE / "motor.onnx")


def record(values: np.ndarray) -> None:
    """int16 [moments][axes] in 1/1000 g, as C."""
    rows = np.rint(values.T * 1000).astype(int)
    lines = [f"    {{{', '.join(map(str, row))}}}," for row in rows]
    text = "\n".join(lines)
    head = "/* SPDX-License-Identifier: CC0-1.0 */\n/* Written by model/train.py: acceleration in 1/1000 g. */\n"
    path = HERE.parent / "main" / "recording.h"
    path.write_text(f"{head}static const int16_t recording[{len(rows)}][{AXES}] = {{\n{text}\n}};\n", encoding="utf-8")


if __name__ == "__main__":
    main()
