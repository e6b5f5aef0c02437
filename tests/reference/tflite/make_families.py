"""Writes one small ONNX model of each family of networks, with seeded random weights, for `convert_check.py`.

    python tests/reference/tflite/make_families.py families
    MLBUILD_MODELS=families MLBUILD_PAIRS=pairs cargo test --test it -- --ignored tflite_convert::pairs
    python tests/reference/tflite/convert_check.py pairs

With `--tiny FOLDER` it writes the ones that `tests/it/tflite_families.rs` converts, narrow enough to lie in the repository.
Needs onnx and numpy. The networks have the families' blocks, operators and layouts as exporters write them, at a fraction of the
width; nothing is trained.
"""

import math
import os
import sys

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper


class Net:
    """A graph under construction: every method adds nodes and gives the name of what they make."""

    def __init__(self, seed, width=1.0):
        self.random = np.random.default_rng(seed)
        self.width = width
        self.nodes, self.constants, self.shapes, self.count = [], [], {}, 0

    def wide(self, channels):
        return max(4, int(channels * self.width) // 4 * 4)

    def const(self, values, dtype=np.float32):
        self.count += 1
        name = f"c{self.count}"
        self.constants.append(numpy_helper.from_array(np.asarray(values, dtype), name))
        return name

    def ints(self, *values):
        return self.const(values, np.int64)

    def weights(self, *shape, fan=None):
        fan = fan or int(np.prod(shape[1:])) or 1
        return self.const(self.random.standard_normal(shape) * math.sqrt(1.5 / fan))

    def add(self, op, *inputs, outputs=1, **attributes):
        self.count += 1
        names = [f"{op.lower()}{self.count}" + (f"_{n}" if n else "") for n in range(outputs)]
        self.nodes.append(helper.make_node(op, list(inputs), names, name=f"/{op}_{self.count}", **attributes))
        return names[0] if outputs == 1 else names

    def norm(self, x, channels):
        draw = self.random
        return self.add(
            "BatchNormalization",
            x,
            self.const(draw.uniform(0.7, 1.3, channels)),
            self.const(draw.normal(0, 0.1, channels)),
            self.const(draw.normal(0, 0.1, channels)),
            self.const(draw.uniform(0.7, 1.3, channels)),
            epsilon=1e-5,
        )

    def conv(self, x, inputs, outputs, kernel=3, stride=1, group=1, pad=None, norm=True, act=None, bias=None, dilation=1):
        kernel = kernel if isinstance(kernel, tuple) else (kernel, kernel)
        pads = [dilation * (size // 2) for size in kernel] * 2 if pad is None else pad
        inputs_of = [x, self.weights(outputs, inputs // group, *kernel)]
        if bias if bias is not None else not norm:
            inputs_of.append(self.const(self.random.normal(0, 0.1, outputs)))
        x = self.add("Conv", *inputs_of, kernel_shape=list(kernel), strides=[stride] * 2, pads=pads, group=group, dilations=[dilation] * 2)
        if norm:
            x = self.norm(x, outputs)
        return self.act(x, act)

    def act(self, x, kind):
        if kind == "relu6":
            return self.add("Clip", x, self.const(0.0), self.const(6.0))
        if kind == "silu":
            return self.add("Mul", x, self.add("Sigmoid", x))
        if kind == "hardswish":
            return self.add("HardSwish", x)
        if kind == "hardswish_parts":
            return self.add("Mul", x, self.add("HardSigmoid", x, alpha=1 / 6, beta=0.5))
        if kind == "gelu":
            half = self.add("Add", self.add("Erf", self.add("Div", x, self.const(math.sqrt(2)))), self.const(1.0))
            return self.add("Mul", self.add("Mul", x, half), self.const(0.5))
        return self.add(kind, x) if kind else x

    def squeeze_excite(self, x, channels, inner, first="Relu", gate="Sigmoid"):
        y = self.add("GlobalAveragePool", x)
        y = self.conv(y, channels, inner, 1, norm=False)
        y = self.act(y, first)
        y = self.conv(y, inner, channels, 1, norm=False)
        y = self.add("HardSigmoid", y, alpha=1 / 6, beta=0.5) if gate == "HardSigmoid" else self.add(gate, y)
        return self.add("Mul", x, y)

    def classifier(self, x, channels, classes=10):
        x = self.add("Flatten", self.add("GlobalAveragePool", x), axis=1)
        return self.dense(x, channels, classes)

    def dense(self, x, inputs, outputs):
        return self.add("Gemm", x, self.weights(outputs, inputs), self.const(self.random.normal(0, 0.1, outputs)), transB=1)

    def linear(self, x, inputs, outputs):
        """As exporters write a linear layer over sequences."""
        product = self.add("MatMul", x, self.weights(inputs, outputs, fan=inputs))
        return self.add("Add", self.const(self.random.normal(0, 0.1, outputs)), product)

    def layer_norm(self, x, width, parts=False):
        scale, shift = self.const(self.random.uniform(0.7, 1.3, width)), self.const(self.random.normal(0, 0.1, width))
        if not parts:
            return self.add("LayerNormalization", x, scale, shift, axis=-1, epsilon=1e-5)
        mean = self.add("ReduceMean", x, self.ints(-1), keepdims=1)
        centred = self.add("Sub", x, mean)
        variance = self.add("ReduceMean", self.add("Pow", centred, self.const(2.0)), self.ints(-1), keepdims=1)
        deviation = self.add("Sqrt", self.add("Add", variance, self.const(1e-5)))
        return self.add("Add", self.add("Mul", self.add("Div", centred, deviation), scale), shift)

    def attention(self, x, length, width, heads, mask=None, fused=False):
        each = width // heads
        if fused:
            joined = self.linear(x, width, 3 * width)
            shape = self.ints(1, length, 3, heads, each)
            turned = self.add("Transpose", self.add("Reshape", joined, shape), perm=[2, 0, 3, 1, 4])
            parts = self.add("Split", turned, self.ints(1, 1, 1), outputs=3, axis=0)
            query, key, value = (self.add("Squeeze", part, self.ints(0)) for part in parts)
            key = self.add("Transpose", key, perm=[0, 1, 3, 2])
        else:

            def split(perm):
                shape = self.ints(0, -1, heads, each)
                return self.add("Transpose", self.add("Reshape", self.linear(x, width, width), shape), perm=perm)

            query, key, value = split([0, 2, 1, 3]), split([0, 2, 3, 1]), split([0, 2, 1, 3])
        scores = self.add("Div", self.add("MatMul", query, key), self.const(math.sqrt(each)))
        if mask:
            scores = self.add("Add", scores, mask)
        mixed = self.add("MatMul", self.add("Softmax", scores, axis=-1), value)
        mixed = self.add("Reshape", self.add("Transpose", mixed, perm=[0, 2, 1, 3]), self.ints(0, 0, width))
        return self.linear(mixed, width, width)

    def encoder(self, x, length, width, heads, mask=None, before=False, fused=False, parts=False):
        if before:
            x = self.add("Add", x, self.attention(self.layer_norm(x, width, parts), length, width, heads, mask, fused))
            y = self.linear(self.act(self.linear(self.layer_norm(x, width, parts), width, 2 * width), "gelu"), 2 * width, width)
            return self.add("Add", x, y)
        x = self.layer_norm(self.add("Add", self.attention(x, length, width, heads, mask, fused), x), width, parts)
        y = self.linear(self.act(self.linear(x, width, 2 * width), "gelu"), 2 * width, width)
        return self.layer_norm(self.add("Add", y, x), width, parts)


IMAGE = [("image", TensorProto.FLOAT, [1, 3, 32, 32])]


def mobilenet_v1(n):
    x, channels = n.conv("image", 3, n.wide(16), stride=2, act="Relu"), n.wide(16)
    for outputs, stride in [(32, 1), (64, 2), (64, 1), (128, 2)]:
        x = n.conv(x, channels, channels, stride=stride, group=channels, act="Relu")
        x, channels = n.conv(x, channels, n.wide(outputs), 1, act="Relu"), n.wide(outputs)
    return IMAGE, [n.classifier(x, channels)]


def mobilenet_v2(n):
    x, channels = n.conv("image", 3, n.wide(16), stride=2, act="relu6"), n.wide(16)
    for outputs, stride in [(16, 1), (24, 2), (24, 1), (32, 2)]:
        y = n.conv(x, channels, 4 * channels, 1, act="relu6")
        y = n.conv(y, 4 * channels, 4 * channels, stride=stride, group=4 * channels, act="relu6")
        y = n.conv(y, 4 * channels, n.wide(outputs), 1)
        x = n.add("Add", x, y) if stride == 1 and n.wide(outputs) == channels else y
        channels = n.wide(outputs)
    return IMAGE, [n.classifier(x, channels)]


def mobilenet_v3(n):
    x, channels = n.conv("image", 3, n.wide(16), stride=2, act="hardswish"), n.wide(16)
    for kernel, outputs, stride, act, squeezes in [(3, 16, 1, "Relu", True), (5, 24, 2, "hardswish", True), (5, 24, 1, "hardswish_parts", False)]:
        inner = 3 * channels
        y = n.conv(x, channels, inner, 1, act=act)
        y = n.conv(y, inner, inner, kernel, stride, inner, act=act)
        y = n.squeeze_excite(y, inner, n.wide(16), gate="HardSigmoid") if squeezes else y
        y = n.conv(y, inner, n.wide(outputs), 1)
        x = n.add("Add", x, y) if stride == 1 and n.wide(outputs) == channels else y
        channels = n.wide(outputs)
    x = n.add("GlobalAveragePool", n.conv(x, channels, 64, 1, act="hardswish"))
    x = n.act(n.dense(n.add("Flatten", x), 64, 32), "hardswish")
    return IMAGE, [n.dense(x, 32, 10)]


def resnet(n, bottleneck=False):
    wide = n.wide(16)
    x, channels = n.conv("image", 3, wide, 7, 2, act="Relu"), wide
    x = n.add("MaxPool", x, kernel_shape=[3, 3], strides=[2, 2], pads=[1, 1, 1, 1])
    for outputs, stride in [(wide, 1), (2 * wide, 2), (2 * wide, 1)]:
        if bottleneck:
            y = n.conv(x, channels, outputs // 2, 1, act="Relu")
            y = n.conv(y, outputs // 2, outputs // 2, stride=stride, act="Relu")
            y = n.conv(y, outputs // 2, outputs, 1)
        else:
            y = n.conv(n.conv(x, channels, outputs, stride=stride, act="Relu"), outputs, outputs)
        if stride != 1 or channels != outputs:
            x = n.conv(x, channels, outputs, 1, stride)
        x, channels = n.add("Relu", n.add("Add", y, x)), outputs
    return IMAGE, [n.classifier(x, channels)]


def resnet_bottleneck(n):
    return resnet(n, True)


def efficientnet(n):
    x, channels = n.conv("image", 3, n.wide(16), stride=2, act="silu"), n.wide(16)
    for kernel, outputs, stride in [(3, 16, 1), (5, 24, 2), (3, 24, 1), (5, 40, 2)]:
        inner = 4 * channels
        y = n.conv(x, channels, inner, 1, act="silu")
        y = n.conv(y, inner, inner, kernel, stride, inner, act="silu")
        y = n.squeeze_excite(y, inner, max(4, channels // 4), first="silu")
        y = n.conv(y, inner, n.wide(outputs), 1)
        x = n.add("Add", x, y) if stride == 1 and n.wide(outputs) == channels else y
        channels = n.wide(outputs)
    return IMAGE, [n.classifier(n.conv(x, channels, 64, 1, act="silu"), 64)]


def efficientnet_same(n):
    """As exporters from TensorFlow write it: padding by SAME, or by Pad before."""
    x = n.add("Conv", "image", n.weights(8, 3, 3, 3), auto_pad="SAME_UPPER", strides=[2, 2], kernel_shape=[3, 3])
    x = n.act(n.norm(x, 8), "silu")
    x = n.add("Pad", x, n.ints(0, 0, 1, 1, 0, 0, 2, 2), n.const(0.0))
    x = n.conv(x, 8, 8, 5, 2, 8, pad=[0, 0, 0, 0], act="silu")
    return IMAGE, [n.classifier(n.squeeze_excite(x, 8, 4, first="silu"), 8)]


def shuffle(n, x, channels, size):
    x = n.add("Reshape", x, n.ints(1, 2, channels // 2, size, size))
    return n.add("Reshape", n.add("Transpose", x, perm=[0, 2, 1, 3, 4]), n.ints(1, channels, size, size))


def shufflenet(n):
    wide = n.wide(24)
    x = n.conv("image", 3, wide, stride=2, act="Relu")
    x = n.add("MaxPool", x, kernel_shape=[3, 3], strides=[2, 2], pads=[1, 1, 1, 1])
    left = n.conv(n.conv(x, wide, wide, stride=2, group=wide), wide, wide, 1, act="Relu")
    right = n.conv(x, wide, wide, 1, act="Relu")
    right = n.conv(n.conv(right, wide, wide, stride=2, group=wide), wide, wide, 1, act="Relu")
    x = shuffle(n, n.add("Concat", left, right, axis=1), 2 * wide, 4)
    left, right = n.add("Split", x, n.ints(wide, wide), outputs=2, axis=1)
    right = n.conv(right, wide, wide, 1, act="Relu")
    right = n.conv(n.conv(right, wide, wide, group=wide), wide, wide, 1, act="Relu")
    x = shuffle(n, n.add("Concat", left, right, axis=1), 2 * wide, 4)
    return IMAGE, [n.classifier(x, 2 * wide)]


def shufflenet_v1(n):
    x = n.conv("image", 3, 16, stride=4, act="Relu")
    y = shuffle(n, n.conv(x, 16, 16, 1, group=2, act="Relu"), 16, 8)
    y = n.conv(n.conv(y, 16, 16, group=16), 16, 16, 1, group=2)
    x = n.add("Relu", n.add("Add", x, y))
    y = n.conv(n.conv(x, 16, 16, stride=2, group=16), 16, 16, 1, group=2)
    x = n.add("AveragePool", x, kernel_shape=[3, 3], strides=[2, 2], pads=[1, 1, 1, 1], count_include_pad=1)
    return IMAGE, [n.classifier(n.add("Relu", n.add("Concat", x, y, axis=1)), 32)]


def squeezenet(n):
    x, channels = n.conv("image", 3, n.wide(16), stride=2, pad=[0] * 4, norm=False, act="Relu"), n.wide(16)
    for inner in (8, 12):
        x = n.add("MaxPool", x, kernel_shape=[3, 3], strides=[2, 2], ceil_mode=1)
        x = n.conv(x, channels, inner, 1, norm=False, act="Relu")
        one = n.conv(x, inner, 2 * inner, 1, norm=False, act="Relu")
        three = n.conv(x, inner, 2 * inner, 3, norm=False, act="Relu")
        x, channels = n.add("Concat", one, three, axis=1), 4 * inner
    x = n.add("Dropout", x)
    x = n.add("GlobalAveragePool", n.conv(x, channels, 10, 1, norm=False, act="Relu"))
    return IMAGE, [n.add("Softmax", n.add("Flatten", x), axis=1)]


def densenet(n):
    x, channels, growth = n.conv("image", 3, n.wide(16), stride=2, act="Relu"), n.wide(16), 8
    for block in range(2):
        for _ in range(3):
            y = n.add("Relu", n.norm(x, channels))
            y = n.conv(y, channels, 2 * growth, 1, act="Relu")
            y = n.conv(y, 2 * growth, growth, norm=False, bias=False)
            x, channels = n.add("Concat", x, y, axis=1), channels + growth
        if block == 0:
            y = n.conv(n.add("Relu", n.norm(x, channels)), channels, channels // 2, 1, norm=False, bias=False)
            x, channels = n.add("AveragePool", y, kernel_shape=[2, 2], strides=[2, 2]), channels // 2
    return IMAGE, [n.classifier(n.add("Relu", n.norm(x, channels)), channels)]


def unet(n, transposed=True):
    wide = n.wide(8)
    x, channels, kept = "image", 3, []
    for level in range(3):
        outputs = wide << level
        x = n.conv(n.conv(x, channels, outputs, act="Relu"), outputs, outputs, act="Relu")
        channels = outputs
        if level < 2:
            kept.append((x, channels))
            x = n.add("MaxPool", x, kernel_shape=[2, 2], strides=[2, 2])
    for skip, outputs in reversed(kept):
        if transposed:
            bias = n.const(n.random.normal(0, 0.1, outputs))
            x = n.add("ConvTranspose", x, n.weights(channels, outputs, 2, 2, fan=channels), bias, kernel_shape=[2, 2], strides=[2, 2])
        else:
            scales = n.const([1, 1, 2, 2])
            x = n.add("Resize", x, "", scales, mode="linear", coordinate_transformation_mode="align_corners")
            x = n.conv(x, channels, outputs, 1, act="Relu")
        x = n.conv(n.add("Concat", skip, x, axis=1), 2 * outputs, outputs, act="Relu")
        channels = outputs
    return IMAGE, [n.add("Sigmoid", n.conv(x, channels, 1, 1, norm=False))]


def unet_resize(n):
    return unet(n, False)


def yolo(n):
    """CSP block, SPPF, an upsampling neck, and a head that decodes boxes by a softmax over distances."""
    wide = n.wide(16)
    x = n.conv("image", 3, wide, stride=2, act="silu")
    left, right = n.add("Split", n.conv(x, wide, wide, 1, act="silu"), n.ints(wide // 2, wide // 2), outputs=2, axis=1)
    y = n.conv(n.conv(right, wide // 2, wide // 2, act="silu"), wide // 2, wide // 2, act="silu")
    y = n.add("Add", right, y)
    fine = n.conv(n.add("Concat", left, right, y, axis=1), wide // 2 * 3, wide, 1, act="silu")
    coarse = n.conv(fine, wide, wide, stride=2, act="silu")
    pools = [n.conv(coarse, wide, wide // 2, 1, act="silu")]
    for _ in range(3):
        pools.append(n.add("MaxPool", pools[-1], kernel_shape=[5, 5], pads=[2, 2, 2, 2], strides=[1, 1]))
    coarse = n.conv(n.add("Concat", *pools, axis=1), 2 * wide, wide, 1, act="silu")
    scales = n.const([1, 1, 2, 2])
    up = n.add("Resize", coarse, "", scales, mode="nearest", coordinate_transformation_mode="asymmetric", nearest_mode="floor")
    fine = n.conv(n.add("Concat", up, fine, axis=1), 2 * wide, wide, 1, act="silu")
    bins, classes, flat = 8, 5, []
    for x, size in ((fine, 16), (coarse, 8)):
        boxes = n.conv(n.conv(x, wide, wide, act="silu"), wide, 4 * bins, 1, norm=False)
        scores = n.conv(n.conv(x, wide, wide, act="silu"), wide, classes, 1, norm=False)
        joined = n.add("Concat", boxes, scores, axis=1)
        flat.append(n.add("Reshape", joined, n.ints(1, 4 * bins + classes, -1)))
    cells = 16 * 16 + 8 * 8
    boxes, scores = n.add("Split", n.add("Concat", *flat, axis=2), n.ints(4 * bins, classes), outputs=2, axis=1)
    boxes = n.add("Transpose", n.add("Reshape", boxes, n.ints(1, 4, bins, cells)), perm=[0, 2, 1, 3])
    boxes = n.add("Softmax", boxes, axis=1)
    steps = n.const(np.arange(bins, dtype=np.float32).reshape(1, bins, 1, 1))
    boxes = n.add("Reshape", n.add("Conv", boxes, steps, kernel_shape=[1, 1]), n.ints(1, 4, cells))
    near = n.add("Slice", boxes, n.ints(0), n.ints(2), n.ints(1))
    far = n.add("Slice", boxes, n.ints(2), n.ints(4), n.ints(1))
    points = np.concatenate([np.stack(np.meshgrid(np.arange(s) + 0.5, np.arange(s) + 0.5)).reshape(1, 2, -1) for s in (16, 8)], 2)
    strides = n.const(np.repeat([2.0, 4.0], [256, 64]).reshape(1, 1, -1))
    low, high = n.add("Sub", n.const(points), near), n.add("Add", n.const(points), far)
    centre = n.add("Div", n.add("Add", low, high), n.const(2.0))
    boxes = n.add("Mul", n.add("Concat", centre, n.add("Sub", high, low), axis=1), strides)
    return IMAGE, [n.add("Concat", boxes, n.add("Sigmoid", scores), axis=1)]


def yolo_anchors(n):
    """The older head: a reshape to anchors, a transpose to rank 5, sigmoid and grid."""
    x = n.conv("image", 3, 16, stride=4, act="LeakyRelu")
    x = n.conv(x, 16, 3 * 9, 1, norm=False)
    x = n.add("Transpose", n.add("Reshape", x, n.ints(1, 3, 9, 8, 8)), perm=[0, 1, 3, 4, 2])
    x = n.add("Sigmoid", x)
    places, sizes, scores = n.add("Split", x, n.ints(2, 2, 5), outputs=3, axis=4)
    grid = np.stack(np.meshgrid(np.arange(8), np.arange(8)), -1).reshape(1, 1, 8, 8, 2) - 0.5
    places = n.add("Mul", n.add("Add", n.add("Mul", places, n.const(2.0)), n.const(grid)), n.const(4.0))
    anchors = n.const(n.random.uniform(4, 20, (1, 3, 1, 1, 2)))
    sizes = n.add("Mul", n.add("Pow", n.add("Mul", sizes, n.const(2.0)), n.const(2.0)), anchors)
    return IMAGE, [n.add("Reshape", n.add("Concat", places, sizes, scores, axis=4), n.ints(1, -1, 9))]


def bert(n, length=16):
    width = n.wide(32)
    words = n.add("Gather", n.weights(1000 if n.width >= 1 else 64, width, fan=4), "input_ids")
    kinds = n.add("Gather", n.weights(2, width, fan=4), "token_type_ids")
    places = n.const(n.random.normal(0, 0.5, (1, length, width)))
    x = n.layer_norm(n.add("Add", n.add("Add", words, kinds), places), width, parts=True)
    mask = n.add("Unsqueeze", n.add("Unsqueeze", "attention_mask", n.ints(1)), n.ints(2))
    mask = n.add("Sub", n.const(1.0), n.add("Cast", mask, to=TensorProto.FLOAT))
    mask = n.add("Mul", mask, n.const(-10000.0))
    for _ in range(2):
        x = n.encoder(x, length, width, 4, mask, parts=True)
    first = n.add("Gather", x, n.const(0, np.int64), axis=1)
    pooled = n.add("Tanh", n.dense(first, width, width))
    inputs = [(name, TensorProto.INT64, [1, length]) for name in ("input_ids", "attention_mask", "token_type_ids")]
    return inputs, [x, n.dense(pooled, width, 2)]


def vit(n):
    width = n.wide(32)
    x = n.add("Conv", "image", n.weights(width, 3, 8, 8), n.const(n.random.normal(0, 0.1, width)), kernel_shape=[8, 8], strides=[8, 8])
    x = n.add("Transpose", n.add("Reshape", x, n.ints(1, width, 16)), perm=[0, 2, 1])
    token = n.add("Expand", n.const(n.random.normal(0, 0.5, (1, 1, width))), n.ints(1, 1, width))
    x = n.add("Add", n.add("Concat", token, x, axis=1), n.const(n.random.normal(0, 0.3, (1, 17, width))))
    for _ in range(2):
        x = n.encoder(x, 17, width, 4, before=True, fused=True)
    x = n.add("Gather", n.layer_norm(x, width), n.const(0, np.int64), axis=1)
    return IMAGE, [n.dense(x, width, 10)]


def audio(n):
    """Convolutions over time, positions by a grouped convolution, encoder layers, a mean over time."""
    width, x, channels, length = n.wide(32), "samples", 1, 1600

    def conv(x, inputs, outputs, kernel, stride, pad=0, group=1):
        weights, bias = n.weights(outputs, inputs // group, kernel), n.const(n.random.normal(0, 0.1, outputs))
        return n.add("Conv", x, weights, bias, kernel_shape=[kernel], strides=[stride], pads=[pad, pad], group=group)

    for kernel, stride in [(10, 5), (4, 4), (3, 2)]:
        x, channels = n.act(conv(x, channels, width, kernel, stride), "gelu"), width
        length = (length - kernel) // stride + 1
    places = n.act(conv(x, width, width, 5, 1, 2, 4), "gelu")
    x = n.add("Transpose", n.add("Add", x, places), perm=[0, 2, 1])
    for _ in range(2):
        x = n.encoder(x, length, width, 4, before=True)
    x = n.add("ReduceMean", x, n.ints(1), keepdims=0)
    return [("samples", TensorProto.FLOAT, [1, 1, 1600])], [n.dense(x, width, 8)]


def spectrogram(n):
    """Convolutions over time and frequency, then encoder layers over time."""
    x = n.conv("mel", 1, 8, stride=2, norm=False, act="Relu")
    x = n.conv(x, 8, 8, stride=2, norm=False, act="Relu")
    x = n.add("Transpose", x, perm=[0, 2, 1, 3])
    x = n.linear(n.add("Reshape", x, n.ints(1, 12, 8 * 10)), 80, 32)
    x = n.encoder(x, 12, 32, 4, before=True)
    return [("mel", TensorProto.FLOAT, [1, 1, 48, 40])], [n.add("LogSoftmax", n.linear(x, 32, 20), axis=-1)]


def recurrent(n, op, gates, steps=8, hidden=16, **attributes):
    inputs, both = 12, attributes.get("direction") == "bidirectional"
    ways, x = 2 if both else 1, n.add("Transpose", "sequence", perm=[1, 0, 2])
    for _ in range(2):
        weights = [n.weights(ways, gates * hidden, inputs, fan=inputs), n.weights(ways, gates * hidden, hidden, fan=hidden)]
        bias = n.const(n.random.normal(0, 0.1, (ways, 2 * gates * hidden)))
        made = n.add(op, x, *weights, bias, outputs=3 if op == "LSTM" else 2, hidden_size=hidden, **attributes)
        x, inputs = n.add("Reshape", n.add("Transpose", made[0], perm=[0, 2, 1, 3]), n.ints(steps, 1, -1)), ways * hidden
    last = n.add("Gather", x, n.const(-1, np.int64), axis=0)
    return [("sequence", TensorProto.FLOAT, [1, steps, 12])], [n.dense(last, inputs, 5), made[1]]


def lstm(n):
    return recurrent(n, "LSTM", 4)


def lstm_both(n):
    return recurrent(n, "LSTM", 4, direction="bidirectional")


def gru(n):
    return recurrent(n, "GRU", 3, linear_before_reset=1)


def gru_first_form(n):
    return recurrent(n, "GRU", 3)


FAMILIES = [
    mobilenet_v1, mobilenet_v2, mobilenet_v3, resnet, resnet_bottleneck, efficientnet, efficientnet_same, shufflenet, shufflenet_v1,
    squeezenet, densenet, unet, unet_resize, yolo, yolo_anchors, bert, vit, audio, spectrogram, lstm, lstm_both, gru, gru_first_form,
]

# In the repository, at a width at which each takes less than 60 kB.
TINY = [
    (mobilenet_v2, 0.5), (mobilenet_v3, 0.5), (efficientnet, 0.5), (shufflenet, 0.5), (unet, 0.5), (yolo, 0.5), (bert, 0.5), (vit, 0.5),
    (gru, 1.0),
]


def write(folder, family, width):
    net = Net(sum(map(ord, family.__name__)), width)
    inputs, outputs = family(net)
    graph = helper.make_graph(
        net.nodes,
        family.__name__,
        [helper.make_tensor_value_info(*entry) for entry in inputs],
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in outputs],
        net.constants,
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=9, producer_name="make_families")
    model = onnx.shape_inference.infer_shapes(model, strict_mode=True)
    del model.graph.value_info[:]
    onnx.checker.check_model(model)
    path = os.path.join(folder, f"{family.__name__}.onnx")
    onnx.save(model, path)
    print(f"{family.__name__:20} {os.path.getsize(path):8} bytes")


def main(arguments):
    tiny = arguments[0] == "--tiny"
    folder = arguments[-1]
    os.makedirs(folder, exist_ok=True)
    for family, width in TINY if tiny else [(family, 1.0) for family in FAMILIES]:
        write(folder, family, width)


if __name__ == "__main__":
    main(sys.argv[1:])
