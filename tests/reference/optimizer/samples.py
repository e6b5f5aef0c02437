"""Samples for the models of a folder: what they are calibrated and compared on. Usage: samples.py MODELS FOLDER [COUNT]

The folder's own `scripts/datasets.py` makes them, seeded; this writes them as the archives that `--calibration-data` and `--dataset`
read: an array an input, the first axis counts samples.
"""

import importlib.util
import pathlib
import sys

import numpy as np

# As the published figures were made: trained models have real samples.
CALIBRATED = {"digits": 64, "other": 8}
COMPARED = {"digits": 200, "other": 8}


def count(counts, name):
    return counts["digits" if name.startswith("digits") else "other"]


def module(models):
    spec = importlib.util.spec_from_file_location("datasets", models / "scripts" / "datasets.py")
    loaded = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(loaded)
    return loaded


def calibration(models, name, number=None):
    """Feeds of batch 1 (more where the model's samples are batches)."""
    return module(models).feeds(name, number or count(CALIBRATED, name), "calib")[0]


def evaluation(models, name):
    """Feeds that calibration has not seen, and their labels or None."""
    return module(models).feeds(name, count(COMPARED, name), "eval")


def save(feeds, path):
    arrays = {}
    for name in feeds[0]:
        values = [feed[name] for feed in feeds]
        arrays[name] = np.concatenate(values) if len(values[0]) == 1 else np.stack(values)
    np.savez(path, **arrays)


def load(path):
    """The feeds of an archive, read back; only the names that the model knows are in it."""
    with np.load(path) as archive:
        arrays = {name: archive[name] for name in archive.files}
    number = len(next(iter(arrays.values())))
    return [{name: array[at] for name, array in arrays.items()} for at in range(number)]


def main():
    models, folder = map(pathlib.Path, sys.argv[1:3])
    number = int(sys.argv[3]) if len(sys.argv) > 3 else None
    folder.mkdir(parents=True, exist_ok=True)
    for model in sorted(models.glob("*.onnx")):
        save(calibration(models, model.stem, number), folder / f"{model.stem}.npz")


if __name__ == "__main__":
    main()
