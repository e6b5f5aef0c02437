"""Makes `tests/fixtures/python_tool/`: a workspace as the Python tool `mlbuild` 0.2.0 leaves it, for `mlbuild migrate`.

    python3 -m venv peer && peer/bin/pip install mlbuild==0.2.0 pyyaml packaging scipy
    python3 tests/reference/python_tool/patch.py peer
    python3 tests/reference/python_tool/make_workspace.py --peer peer/bin/mlbuild

Imports, tags, pins, budget, experiment, remote and the history of commands are the tool's own work. What it can only do with converters
that are not for every machine (TFLite builds, variants, benchmarks, checks of accuracy) is written into its tables as its sources write
it. The database is kept as SQL, folders of this run as `@WORK@`, what it recorded of this machine's packages as `{}`.
"""

import argparse
import hashlib
import os
import pathlib
import shutil
import sqlite3
import struct
import subprocess
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[3]
MODELS = ROOT / "tests" / "fixtures" / "models"
FIXTURE = ROOT / "tests" / "fixtures" / "python_tool"

CONFIG = """\
[ci]
latency_regression_pct = 15.0
size_regression_pct = 8
latency_budget_ms = 12.5
p95_budget_ms = 20.0
memory_budget_mb = 60
size_budget_mb = 9.5

[ci.accuracy]
cosine_threshold = 0.985
top1_threshold = 0.97

[validation]
strict_output = true
"""


def tflite(tensor_type):
    """A TFLite file of one constant tensor of that type; enough for whoever asks which types a model has."""
    data = bytearray()

    def put(fmt, *values):
        at = len(data)
        data.extend(struct.pack("<" + fmt, *values))
        return at

    put("I", 0)
    data.extend(b"TFL3")
    # Each table after its vtable; offsets to later objects are filled in afterwards.
    put("HHHHHHH", 14, 20, 4, 0, 8, 0, 12)  # model: version, operator_codes, subgraphs, description, buffers
    put("H", 0)
    model = put("iIIIQ", len(data) - 8, 3, 0, 0, 0)
    struct.pack_into("<i", data, model, model - 8)
    struct.pack_into("<I", data, 0, model)
    subgraphs = put("II", 1, 0)
    struct.pack_into("<I", data, model + 8, subgraphs - (model + 8))
    buffers = put("III", 2, 0, 0)
    struct.pack_into("<I", data, model + 12, buffers - (model + 12))
    put("HHHH", 6, 8, 4, 0)
    subgraph = put("iI", 8, 0)
    struct.pack_into("<I", data, subgraphs + 4, subgraph - (subgraphs + 4))
    tensors = put("II", 1, 0)
    struct.pack_into("<I", data, subgraph + 4, tensors - (subgraph + 4))
    put("HHHHHH", 10, 12, 0, 4, 8, 0)  # tensor: shape, type, buffer
    tensor = put("iB3xI", 12, tensor_type, 1)
    struct.pack_into("<I", data, tensors + 4, tensor - (tensors + 4))
    put("HHHH", 4, 4, 0, 0)
    empty = put("i", 8)
    struct.pack_into("<I", data, buffers + 4, empty - (buffers + 4))
    put("HHHH", 6, 8, 4, 0)
    full = put("iI", 8, 0)
    struct.pack_into("<I", data, buffers + 8, full - (buffers + 8))
    values = put("I4s", 4, b"\x00\x3c\x00\x3c")
    struct.pack_into("<I", data, full + 4, values - (full + 4))
    return bytes(data)


def digest(content):
    return hashlib.sha256(content).hexdigest()


def build(connection, work, name, content, folder, **facts):
    """A row of `builds` and its artifact, as the tool's build and optimize commands write them."""
    artifact = digest(content)
    identity = digest(f"{name} {artifact} {facts}".encode())
    place = work / ".mlbuild" / "artifacts" / (artifact if folder else f"{artifact[:16]}_{name}.tflite")
    if folder:
        place.mkdir(parents=True, exist_ok=True)
        (place / f"{name}.tflite").write_bytes(content)
    else:
        place.write_bytes(content)
    row = {
        "build_id": identity, "artifact_hash": artifact, "source_hash": digest(b"source"), "config_hash": digest(name.encode()),
        "env_fingerprint": digest(b"environment"), "name": name, "created_at": "2026-03-20T10:00:00.000001Z",
        "source_path": str(work / "cnn.onnx"), "target_device": "android_arm64", "format": "tflite", "quantization": '{"type":"fp32"}',
        "optimizer_config": "{}", "backend_versions": '{"tensorflow":"2.17.1"}', "environment_data": "{}", "mlbuild_version": "0.1.0",
        "python_version": "3.11.7", "platform": "Linux", "os_version": "6.8", "artifact_path": str(place), "size_bytes": len(content),
        "task_type": "vision", "root_build_id": identity, "has_graph": 0,
    } | facts
    columns = ", ".join(row)
    connection.execute(f"INSERT INTO builds ({columns}) VALUES ({', '.join('?' * len(row))})", list(row.values()))
    return identity


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--peer", required=True)
    peer = str(pathlib.Path(parser.parse_args().peer).resolve())
    shutil.rmtree(FIXTURE, ignore_errors=True)
    FIXTURE.mkdir(parents=True)
    with tempfile.TemporaryDirectory() as folder:
        work = pathlib.Path(folder).resolve() / "work"
        work.mkdir()
        environment = {"PATH": os.environ["PATH"], "HOME": folder, "COLUMNS": "200"}

        def run(*arguments, code=0):
            done = subprocess.run([peer, *arguments], cwd=work, env=environment, capture_output=True, text=True)
            if done.returncode != code:
                raise SystemExit(f"{arguments} ended with {done.returncode}\n{done.stdout}{done.stderr}")

        database = work / ".mlbuild" / "registry.db"

        def newest():
            with sqlite3.connect(database) as connection:
                return connection.execute("SELECT build_id FROM builds ORDER BY created_at DESC LIMIT 1").fetchone()[0]

        run("init")
        shutil.copy(MODELS / "kitchen_sink.onnx", work / "sink.onnx")
        run("import", "--model", "sink.onnx", "--target", "onnxruntime_cpu", "--name", "sink", "--notes", 'first "try" <b>')
        sink = newest()
        shutil.copy(MODELS / "control_flow_if_loop.onnx", work / "flow.onnx")
        run("import", "--model", "flow.onnx", "--target", "onnxruntime_cpu", "--quantize", "int8")
        flow = newest()
        run("tag", "create", sink, "main-sink")
        run("baseline", "set", sink)
        run("pin", flow)
        run("budget", "set", "--max-latency", "10", "--max-size", "8")
        run("experiment", "create", "first tries", "--description", "what is fast")
        run("run", "start", "--experiment", "first tries", "--name", "one")
        run("run", "log-param", "learning_rate", "0.1")
        run("run", "log-metric", "loss", "0.5")
        run("run", "attach-build", sink)
        run("run", "end")
        run("remote", "add", "disk", "--backend", "local", "--path", str(work / "shared"))
        run("remote", "add", "cloud", "--backend", "s3", "--bucket", "models", "--region", "eu-north-1", "--endpoint", "https://key:secret@s3.example.com")
        run("validate", sink, "--max-latency", "0.001", code=1)

        connection = sqlite3.connect(database)
        connection.execute("PRAGMA foreign_keys = ON")
        half, whole, small = tflite(1), tflite(0), tflite(9)
        root = build(connection, work, "cnn", half, folder=False)
        honest = build(connection, work, "plain", whole, folder=False, created_at="2026-03-20T10:01:00.000001Z")
        child = build(
            connection, work, "cnn", small, folder=True, parent_build_id=root, root_build_id=root, optimization_pass="quantization",
            optimization_method="int8", weight_precision="int8", activation_precision="int8", quantization='{"type":"int8"}', notes=f"Optimized from {root[:16]}",
            created_at="2026-03-20T10:05:00.000001Z", cached_latency_p50_ms=1.0,
        )
        grandchild = build(
            connection, work, "cnn", small + b"pruned", folder=True, parent_build_id=child, root_build_id=root, optimization_pass="pruning",
            optimization_method="prune_0.50", created_at="2026-03-20T10:06:00.000001Z",
        )
        gone = build(
            connection, work, "gone", b"gone", folder=False, deleted_at="2026-03-21T00:00:00Z", created_at="2026-03-20T10:07:00.000001Z"
        )
        for chip, p50, at in [("linux_x86_64", 0.113841, "2026-03-20T11:00:00+00:00"), ("Apple M1", 0.05, "2026-03-20T12:00:00+00:00")]:
            connection.execute(
                "INSERT INTO benchmarks (build_id, device_chip, runtime, measurement_type, compute_unit, latency_p50_ms, latency_p95_ms,"
                " latency_p99_ms, memory_peak_mb, num_runs, measured_at) VALUES (?, ?, 'tflite', 'latency', 'CPU_ONLY', ?, 0.146, 0.154, 0.0234375, 50, ?)",
                [root, chip, p50, at],
            )
        connection.execute(
            "INSERT INTO accuracy_checks (baseline_build_id, candidate_build_id, cosine_similarity, mean_abs_error, max_abs_error, top1_agreement,"
            " num_samples, seed, passed, created_at) VALUES (?, ?, 0.87006, 0.0123, 0.5, 0.125, 32, 42, 0, '2026-03-20T11:30:00+00:00')",
            [root, honest],
        )
        connection.execute("INSERT INTO tags VALUES ('café-1.0', ?, '2026-03-20T13:00:00Z')", [honest])
        connection.execute("UPDATE builds SET environment_data = '{}', os_version = '6.8'")
        connection.execute("UPDATE command_log SET machine_id = 'a-machine', machine_name = 'a-host', platform = 'Linux'")
        connection.commit()
        (pathlib.Path(work) / ".mlbuild" / "config.toml").write_text(CONFIG)
        # One artifact that somebody changed, and one that is not there any more.
        (work / ".mlbuild" / "artifacts" / digest(small + b"pruned") / "cnn.tflite").write_bytes(b"changed since")
        shutil.rmtree(work / ".mlbuild" / "artifacts" / connection.execute("SELECT artifact_hash FROM builds WHERE build_id = ?", [flow]).fetchone()[0])

        dump = "\n".join(connection.iterdump()).replace(str(work), "@WORK@") + "\n"
        (FIXTURE / "registry.sql").write_text(dump)
        connection.close()
        for path in sorted((work / ".mlbuild").rglob("*")):
            kept = path.relative_to(work / ".mlbuild")
            # Its own .gitignore would keep the artifacts out of this repository.
            if path.is_file() and not kept.name.startswith(("registry.db", ".gitignore")):
                text = path.read_bytes().replace(str(work).encode(), b"@WORK@")
                (FIXTURE / "workspace" / kept).parent.mkdir(parents=True, exist_ok=True)
                (FIXTURE / "workspace" / kept).write_bytes(text)


main()
