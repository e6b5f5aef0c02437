"""Times commands of the workspace beside the Python tool's, as whole processes and in turns.

    python3 -m venv peer && peer/bin/pip install mlbuild==0.2.0 pyyaml packaging boto3 scipy
    python3 tests/reference/python_tool/patch.py peer
    cargo build --release
    python3 tests/reference/python_tool/time_commands.py --peer peer/bin/mlbuild --ours target/release/mlbuild [--registry FOLDER]

Each tool gets a workspace of its own with the same imported models. With --registry, ours is timed on that workspace too (the one of
10 000 builds that `cargo bench --bench registry` makes).
"""

import argparse
import pathlib
import shutil
import statistics
import subprocess
import tempfile
import time

MODELS = pathlib.Path(__file__).resolve().parents[2] / "fixtures" / "models"
COMMANDS = [["status"], ["log"]]


def run(command, folder):
    start = time.perf_counter()
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    seconds = time.perf_counter() - start
    if done.returncode != 0:
        raise SystemExit(f"{command} in {folder} ended with {done.returncode}\n{done.stdout}{done.stderr}")
    return seconds


def workspace(tool, folder, first):
    for command in first:
        run([tool, *command], folder)
    for model in sorted(MODELS.glob("digits_*.onnx")):
        copy = shutil.copy(model, folder)
        run([tool, "import", "--model", copy, "--target", "onnxruntime_cpu"], folder)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--peer", required=True)
    parser.add_argument("--ours", required=True)
    parser.add_argument("--registry")
    parser.add_argument("--rounds", type=int, default=15)
    options = parser.parse_args()
    peer, ours = (str(pathlib.Path(path).resolve()) for path in (options.peer, options.ours))
    with tempfile.TemporaryDirectory() as theirs, tempfile.TemporaryDirectory() as mine:
        workspace(peer, theirs, [["init"]])
        workspace(ours, mine, [])
        places = [("Python tool", peer, theirs), ("mlbuild", ours, mine)]
        if options.registry:
            places.append(("mlbuild, large", ours, options.registry))
        for command in COMMANDS:
            times = {name: [] for name, _, _ in places}
            for _ in range(options.rounds):
                for name, tool, folder in places:
                    times[name].append(run([tool, *command], folder))
            base = statistics.median(times["mlbuild"])
            for name, seconds in times.items():
                median = statistics.median(seconds)
                print(f"{' '.join(command):8} {name:16} {median * 1e3:8.1f} ms  {median / base:6.1f} x")


main()
