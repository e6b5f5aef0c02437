"""Trains the classifier of a digits model a little further: same graph, same shapes, slightly different weights.

    python train.py BASE.onnx DIGITS.npz OUTPUT_FOLDER

BASE.onnx    the model to start from; its last node is a Gemm (features x weights^T + bias)
DIGITS.npz   arrays x_train, y_train, x_test, y_test; images are float32 [n, 1, 8, 8] in 0..1

Writes OUTPUT_FOLDER/model.onnx (the further trained model) and OUTPUT_FOLDER/digits.npz (test images and labels), and prints
how far the outputs moved. Needs numpy, onnx and onnxruntime. Full-batch gradient descent from the trained weights: nothing is
random, so the same packages on the same kind of machine give the same bytes.
"""

import sys
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
from onnx import numpy_helper

STEPS = 600
LEARNING_RATE = 0.2
# Pulls the weights back to where they started, so that the model is refined and not replaced.
ANCHOR = 0.01


def run(model: onnx.ModelProto, output: str, images: np.ndarray) -> np.ndarray:
    """Returns one named value of the graph for all images."""
    exposed = onnx.ModelProto()
    exposed.CopyFrom(model)
    if output not in [value.name for value in exposed.graph.output]:
        exposed.graph.output.append(onnx.helper.make_empty_tensor_value_info(output))
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(exposed.SerializeToString(), options, providers=["CPUExecutionProvider"])
    return session.run([output], {exposed.graph.input[0].name: images})[0]


def softmax(logits: np.ndarray) -> np.ndarray:
    shifted = np.exp(logits - logits.max(axis=1, keepdims=True))
    return shifted / shifted.sum(axis=1, keepdims=True)


def refine(features: np.ndarray, labels: np.ndarray, weights: np.ndarray, bias: np.ndarray):
    """Softmax regression on fixed features, starting from `weights` [classes, features] and `bias` [classes]."""
    start_weights, start_bias = weights.astype(np.float64), bias.astype(np.float64)
    weights, bias = start_weights.copy(), start_bias.copy()
    targets = np.eye(len(bias))[labels]
    for _ in range(STEPS):
        error = (softmax(features @ weights.T + bias) - targets) / len(labels)
        weights -= LEARNING_RATE * (error.T @ features + ANCHOR * (weights - start_weights))
        bias -= LEARNING_RATE * (error.sum(axis=0) + ANCHOR * (bias - start_bias))
    return weights.astype(np.float32), bias.astype(np.float32)


def cross_entropy(logits: np.ndarray, labels: np.ndarray) -> float:
    return float(-np.log(softmax(logits.astype(np.float64))[np.arange(len(labels)), labels]).mean())


def describe(name: str, base: np.ndarray, refined: np.ndarray, labels: np.ndarray) -> None:
    cosine = (base * refined).sum(1) / (np.linalg.norm(base, axis=1) * np.linalg.norm(refined, axis=1))
    print(f"{name}: {len(labels)} images")
    print(f"  top-1     {(base.argmax(1) == labels).mean():.4f} -> {(refined.argmax(1) == labels).mean():.4f}")
    print(f"  loss      {cross_entropy(base, labels):.5f} -> {cross_entropy(refined, labels):.5f}")
    print(f"  agreement {(base.argmax(1) == refined.argmax(1)).mean():.4f}")
    print(f"  cosine    mean {cosine.mean():.6f}, lowest {cosine.min():.6f}")
    print(f"  largest difference {np.abs(base - refined).max():.4f}")


def main(base_path: str, data_path: str, folder: str) -> None:
    base = onnx.load(base_path)
    data = np.load(data_path)
    last = base.graph.node[-1]
    assert last.op_type == "Gemm", f"the last node is {last.op_type}, expected Gemm"
    feature_name, weight_name, bias_name = last.input
    tensors = {tensor.name: tensor for tensor in base.graph.initializer}

    features = run(base, feature_name, data["x_train"]).astype(np.float64)
    weights, bias = refine(
        features,
        data["y_train"],
        numpy_helper.to_array(tensors[weight_name]),
        numpy_helper.to_array(tensors[bias_name]),
    )

    refined = onnx.ModelProto()
    refined.CopyFrom(base)
    for tensor in refined.graph.initializer:
        if tensor.name == weight_name:
            tensor.raw_data = weights.tobytes()
        elif tensor.name == bias_name:
            tensor.raw_data = bias.tobytes()
    onnx.checker.check_model(refined, full_check=True)

    output = last.output[0]
    for split in ("train", "test"):
        images, labels = data[f"x_{split}"], data[f"y_{split}"]
        describe(split, run(base, output, images), run(refined, output, images), labels)

    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "model.onnx").write_bytes(refined.SerializeToString())
    np.savez_compressed(folder / "digits.npz", input=data["x_test"], labels=data["y_test"])


if __name__ == "__main__":
    main(*sys.argv[1:])
