# SPDX-License-Identifier: CC0-1.0
"""Train the digits network and write digits.onnx, calib.npy and test.npz beside this file.

Neither the demo nor the tests need this script or PyTorch: its outputs are committed. README.md says how to run it.

Dataset: scikit-learn's `load_digits`, 1797 grey images of 8x8 pixels, values 0..16, scaled here to [0, 1].
Everywhere below `images` is float32 [N, 1, 8, 8] (NCHW) and `labels` is int64 [N] in 0..9.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import torch
from onnx import TensorProto, helper, numpy_helper
from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static
from onnxruntime.quantization.shape_inference import quant_pre_process
from sklearn.datasets import load_digits
from sklearn.model_selection import StratifiedKFold, train_test_split
from torch import Tensor, nn
from torch.nn import functional

SEED = 2024
HELD_OUT = 360
CALIBRATION = 100
EPOCHS = 120
BATCH = 64
PEAK_LEARNING_RATE = 0.01
WEIGHT_DECAY = 0.02
LABEL_SMOOTHING = 0.1
OPSET = 13
IR_VERSION = 8
FOLDER = Path(__file__).resolve().parent


def activate(x: Tensor, activation: str) -> Tensor:
    """Apply `activation`: "relu", "relu6" or "" for none."""
    if activation == "relu":
        return functional.relu(x)
    return functional.relu6(x) if activation == "relu6" else x


class ConvNorm(nn.Module):
    """Convolution without bias, batch normalisation and an activation (see `activate`).

    `pads` has ONNX's order (top, left, bottom, right), because PyTorch's own padding cannot be asymmetric.
    """

    def __init__(
        self,
        name: str,
        channels: tuple[int, int],
        kernel: int = 1,
        *,
        stride: int = 1,
        pads: tuple[int, int, int, int] = (0, 0, 0, 0),
        groups: int = 1,
        activation: str = "",
    ) -> None:
        super().__init__()
        self.name, self.pads, self.activation = name, pads, activation
        self.conv = nn.Conv2d(*channels, kernel, stride=stride, groups=groups, bias=False)
        self.norm = nn.BatchNorm2d(channels[1])

    def forward(self, x: Tensor) -> Tensor:
        """Map [N, C_in, H, W] to [N, C_out, H_out, W_out]."""
        top, left, bottom, right = self.pads
        return activate(self.norm(self.conv(functional.pad(x, (left, right, top, bottom)))), self.activation)


class Residual(nn.Module):
    """activation(x + project(depthwise(x))): 3x3 depthwise, then a linear 1x1 convolution; the shape is kept."""

    def __init__(self, name: str, channels: int, activation: str = "relu") -> None:
        super().__init__()
        self.name, self.activation = name, activation
        self.depthwise = ConvNorm(
            f"{name}/depthwise", (channels, channels), 3, pads=(1, 1, 1, 1), groups=channels, activation="relu"
        )
        self.project = ConvNorm(f"{name}/project", (channels, channels))

    def forward(self, x: Tensor) -> Tensor:
        """Map [N, C, H, W] to the same shape."""
        return activate(x + self.project(self.depthwise(x)), self.activation)


class DigitsNet(nn.Module):
    """Images [N, 1, 8, 8] to logits [N, 10]."""

    def __init__(self) -> None:
        super().__init__()
        self.features = nn.Sequential(
            ConvNorm("stem/conv", (1, 8), 3, pads=(1, 1, 1, 1), activation="relu6"),
            Residual("block1", 8),
            # Padded at the bottom and the right only, as TensorFlow's "same" does for stride 2: 8x8 -> 4x4.
            ConvNorm("block2/reduce", (8, 16), 3, stride=2, pads=(0, 0, 1, 1), activation="relu"),
            Residual("block2", 16),
            ConvNorm("block3/expand", (16, 32), activation="relu"),
            # The stem's values stay below 6; these do not, so that the upper limit of a ReLU6 matters somewhere.
            Residual("block3", 32, activation="relu6"),
        )
        self.dense = nn.Linear(32, 10)

    def forward(self, x: Tensor) -> Tensor:
        """Map images [N, 1, 8, 8] to logits [N, 10]; the exported model ends with a softmax of them."""
        return self.dense(self.features(x).mean(dim=(2, 3)))


def load_split() -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Return training images, held-out images, training labels, held-out labels (stratified, fixed seed)."""
    digits = load_digits()
    images = (digits.images / 16.0).astype(np.float32)[:, np.newaxis]
    labels = digits.target.astype(np.int64)
    return tuple(train_test_split(images, labels, test_size=HELD_OUT, stratify=labels, random_state=SEED))


def augment(images: Tensor, generator: torch.Generator) -> Tensor:
    """Rotate (+-8 degrees), scale (+-10 %) and shift (+-half a pixel) each image at random."""
    count = len(images)
    angle, scale, shift_x, shift_y = 2 * torch.rand(4, count, generator=generator) - 1
    angle, scale = torch.deg2rad(8 * angle), 1 + 0.1 * scale
    cos, sin = scale * torch.cos(angle), scale * torch.sin(angle)
    # affine_grid counts in half widths: half a pixel of eight is 0.125.
    matrix = torch.stack([cos, -sin, 0.125 * shift_x, sin, cos, 0.125 * shift_y], dim=1).reshape(count, 2, 3)
    grid = functional.affine_grid(matrix, list(images.shape), align_corners=False)
    return functional.grid_sample(images, grid, align_corners=False)


def train(images: np.ndarray, labels: np.ndarray) -> DigitsNet:
    """Train a network from scratch and return it in evaluation mode; the same data gives the same weights."""
    torch.manual_seed(SEED)
    generator = torch.Generator().manual_seed(SEED)
    net = DigitsNet()
    all_images, all_labels = torch.from_numpy(images), torch.from_numpy(labels)
    steps = len(images) // BATCH
    optimizer = torch.optim.AdamW(net.parameters(), lr=PEAK_LEARNING_RATE, weight_decay=WEIGHT_DECAY)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, PEAK_LEARNING_RATE, total_steps=EPOCHS * steps)
    net.train()
    for _ in range(EPOCHS):
        # The incomplete last batch is dropped; every epoch drops other images.
        for batch in torch.randperm(len(images), generator=generator)[: steps * BATCH].split(BATCH):
            logits = net(augment(all_images[batch], generator))
            loss = functional.cross_entropy(logits, all_labels[batch], label_smoothing=LABEL_SMOOTHING)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
    return net.eval()


def torch_probabilities(net: DigitsNet, images: np.ndarray) -> np.ndarray:
    """Return the class probabilities, float32 [N, 10]."""
    with torch.no_grad():
        return functional.softmax(net(torch.from_numpy(images)), dim=1).numpy()


class GraphWriter:
    """Collects ONNX nodes and initializers; node `a/b` writes tensor `a/b_output`."""

    def __init__(self) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.initializers: list[onnx.TensorProto] = []

    def constant(self, name: str, value: Tensor | float) -> str:
        """Add an initializer (float32) and return its name."""
        array = value.detach().numpy() if isinstance(value, Tensor) else np.array(value, np.float32)
        self.initializers.append(numpy_helper.from_array(array, name))
        return name

    def node(self, operator: str, name: str, inputs: list[str], output: str | None = None, **attributes: object) -> str:
        """Add a node with one output and return the output's name."""
        output = output or f"{name}_output"
        self.nodes.append(helper.make_node(operator, inputs, [output], name=name, **attributes))
        return output

    def conv_norm(self, layer: ConvNorm, x: str) -> str:
        """Add Conv, BatchNormalization and the activation of `layer`; nothing is folded."""
        conv, norm, name = layer.conv, layer.norm, layer.name
        x = self.node(
            "Conv",
            name,
            [x, self.constant(f"{name}.weight", conv.weight)],
            kernel_shape=list(conv.kernel_size),
            strides=list(conv.stride),
            pads=list(layer.pads),
            group=conv.groups,
        )
        statistics = {"scale": norm.weight, "bias": norm.bias, "mean": norm.running_mean, "var": norm.running_var}
        parameters = [self.constant(f"{name}_norm.{key}", value) for key, value in statistics.items()]
        x = self.node("BatchNormalization", f"{name}_norm", [x, *parameters], epsilon=norm.eps)
        return self.activation(layer.activation, f"{name}_{layer.activation}", x)

    def activation(self, kind: str, name: str, x: str) -> str:
        """Add Relu for "relu", Clip for "relu6", nothing for ""."""
        if kind == "relu":
            return self.node("Relu", name, [x])
        if kind == "relu6":
            limits = [self.constant(f"{name}.min", 0.0), self.constant(f"{name}.max", 6.0)]
            return self.node("Clip", name, [x, *limits])
        return x

    def residual(self, block: Residual, x: str) -> str:
        """Add the nodes of a residual block."""
        branch = self.conv_norm(block.project, self.conv_norm(block.depthwise, x))
        total = self.node("Add", f"{block.name}/add", [x, branch])
        return self.activation(block.activation, f"{block.name}/{block.activation}", total)


def to_onnx(net: DigitsNet) -> onnx.ModelProto:
    """Return the network as ONNX: `image` float32 [1, 1, 8, 8] to `scores` float32 [1, 10] (probabilities).

    Written node by node and not by an exporter: exporters fold batch normalisation and invent the names.
    """
    graph = GraphWriter()
    x = "image"
    for layer in net.features:
        x = graph.residual(layer, x) if isinstance(layer, Residual) else graph.conv_norm(layer, x)
    x = graph.node("GlobalAveragePool", "head/pool", [x])
    x = graph.node("Flatten", "head/flatten", [x], axis=1)
    dense = [graph.constant("head/dense.weight", net.dense.weight), graph.constant("head/dense.bias", net.dense.bias)]
    x = graph.node("Gemm", "head/dense", [x, *dense], transB=1)
    graph.node("Softmax", "head/softmax", [x], output="scores", axis=1)
    model = helper.make_model(
        helper.make_graph(
            graph.nodes,
            "digits",
            [helper.make_tensor_value_info("image", TensorProto.FLOAT, [1, 1, 8, 8])],
            [helper.make_tensor_value_info("scores", TensorProto.FLOAT, [1, 10])],
            graph.initializers,
        ),
        opset_imports=[helper.make_opsetid("", OPSET)],
        ir_version=IR_VERSION,
        producer_name="examples/digits/model/train.py",
    )
    onnx.checker.check_model(model, full_check=True)
    return model


def onnx_probabilities(model: onnx.ModelProto, images: np.ndarray) -> np.ndarray:
    """Run `model` on each image with ONNX Runtime and return float32 [N, 10]."""
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    return np.concatenate([session.run(["scores"], {"image": image[np.newaxis]})[0] for image in images])


class Samples(CalibrationDataReader):
    """Feeds calibration images one by one."""

    def __init__(self, images: np.ndarray) -> None:
        self._feeds = iter([{"image": image[np.newaxis]} for image in images])

    def get_next(self) -> dict[str, np.ndarray] | None:
        """Return the next input, None after the last."""
        return next(self._feeds, None)


def quantize(model: onnx.ModelProto, calibration: np.ndarray) -> onnx.ModelProto:
    """Return `model` in int8 QDQ form (per-channel weights, asymmetric activations, minmax calibration)."""
    with tempfile.TemporaryDirectory() as folder:
        source, prepared, target = (str(Path(folder) / name) for name in ("float.onnx", "prepared.onnx", "int8.onnx"))
        onnx.save(model, source)
        quant_pre_process(source, prepared)
        quantize_static(
            prepared,
            target,
            Samples(calibration),
            quant_format=QuantFormat.QDQ,
            per_channel=True,
            activation_type=QuantType.QInt8,
            weight_type=QuantType.QInt8,
        )
        return onnx.load(target)


def accuracy(probabilities: np.ndarray, labels: np.ndarray) -> float:
    """Return the percentage of images whose most probable class is the label."""
    return 100.0 * float(np.mean(probabilities.argmax(axis=1) == labels))


def cross_validate(images: np.ndarray, labels: np.ndarray) -> None:
    """Print float and int8 accuracy of five folds of the training split (the held-out digits stay unseen)."""
    folds = StratifiedKFold(5, shuffle=True, random_state=SEED)
    results = []
    for number, (fit, check) in enumerate(folds.split(images, labels)):
        model = to_onnx(train(images[fit], labels[fit]))
        int8 = quantize(model, images[fit][:CALIBRATION])
        results.append([accuracy(onnx_probabilities(m, images[check]), labels[check]) for m in (model, int8)])
        print(f"fold {number}: float {results[-1][0]:.2f} %, int8 {results[-1][1]:.2f} %", flush=True)
    mean = np.mean(results, axis=0)
    print(f"mean:   float {mean[0]:.2f} %, int8 {mean[1]:.2f} %")


def main() -> None:
    """Train, check the export against PyTorch, measure, write the three files."""
    parser = argparse.ArgumentParser(description="Train the digits network and write its files beside this script.")
    parser.add_argument("--cross-validate", action="store_true", help="only measure the recipe; write nothing")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)

    train_images, test_images, train_labels, test_labels = load_split()
    if arguments.cross_validate:
        cross_validate(train_images, train_labels)
        return

    net = train(train_images, train_labels)
    model = to_onnx(net)
    calibration = train_images[:CALIBRATION]  # the split is shuffled, so these are a random sample
    scores = onnx_probabilities(model, test_images)
    np.testing.assert_allclose(scores, torch_probabilities(net, test_images), rtol=0, atol=1e-5)
    int8_scores = onnx_probabilities(quantize(model, calibration), test_images)

    onnx.save(model, FOLDER / "digits.onnx")
    np.save(FOLDER / "calib.npy", calibration)
    np.savez_compressed(FOLDER / "test.npz", x=test_images, label=test_labels)
    print(f"parameters         {sum(parameter.numel() for parameter in net.parameters())}")
    print(f"training split     {accuracy(torch_probabilities(net, train_images), train_labels):.2f} %")
    print(f"held out, float    {accuracy(scores, test_labels):.2f} %")
    print(f"held out, int8     {accuracy(int8_scores, test_labels):.2f} % (ONNX Runtime, simulated)")


if __name__ == "__main__":
    main()
