"""Makes the variants that ours are compared with, by Python's tools.

    python3 -m venv VENV && VENV/bin/pip install onnx==1.23.2 onnxruntime==1.31.1 onnxconverter-common==1.16.0 onnx-ir==1.1.0 sympy numpy
    VENV/bin/python tests/reference/optimizer/make_reference.py MODELS FOLDER [--model NAME …] [--method NAME …] [--runs N]

Writes `FOLDER/NAME__METHOD.onnx`, `FOLDER/NAME__prepared.onnx` (what the tool's own preparation makes), `FOLDER/calibration/NAME.npz`
and `FOLDER/reference.json`: of each method the seconds of the whole process (the least of the runs), the processor's seconds, the
engine's share, the peak of memory, and what went wrong. `NAME` is one of every model in MODELS, with `scripts/datasets.py` beside them.
"""

import argparse
import json
import os
import pathlib
import subprocess
import sys
import time

import samples

HERE = pathlib.Path(__file__).parent
METHODS = [
    "fp16_ort", "fp16_common", "dyn", "dyn_pc", "dyn_mm", "dyn_mm_pc", "dyn_sub", "static", "static_pt", "static_convmm",
    "static_ent", "static_pct", "nbits4", "nbits8",
]
# What is tried where a method fails by its preparation.
WITHOUT_SYMBOLS = {"static": "static_nosym"}


def attempt(method, model, output, calibration, prepared):
    command = [sys.executable, str(HERE / "methods.py"), method, str(model), str(output), str(calibration)]
    environment = {**os.environ, "KEEP_PREPARED": str(prepared), "ONE_THREAD": "1"}
    started = time.perf_counter()
    child = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=environment)
    said = child.stdout.read()
    _, status, usage = os.wait4(child.pid, 0)
    seconds = time.perf_counter() - started
    child.returncode = status
    record = {"seconds": seconds, "cpu": usage.ru_utime + usage.ru_stime, "peak_kb": usage.ru_maxrss}
    if os.waitstatus_to_exitcode(status) == 0:
        record["engine"] = json.loads(said.strip().splitlines()[-1])["engine"]
    else:
        record["failed"] = said.strip().splitlines()[-1][:300]
    return record


def made(method, model, folder, runs):
    output = folder / f"{model.stem}__{method}.onnx"
    calibration = folder / "calibration" / f"{model.stem}.npz"
    prepared = folder / f"{model.stem}__prepared.onnx" if method in ("static", "static_nosym") else ""
    best = None
    for _ in range(runs):
        for stale in folder.glob(output.name + "*"):
            stale.unlink()
        record = attempt(method, model, output, calibration, prepared)
        if best is None or record["seconds"] < best["seconds"]:
            best = record
        if "failed" in record:
            break
    return best


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("models", type=pathlib.Path)
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("--model", action="append")
    parser.add_argument("--method", action="append")
    parser.add_argument("--runs", type=int, default=3)
    options = parser.parse_args()
    models, folder = options.models.resolve(), options.folder.resolve()
    (folder / "calibration").mkdir(parents=True, exist_ok=True)
    report = folder / "reference.json"
    records = json.loads(report.read_text()) if report.exists() else {}
    for model in sorted(models.glob("*.onnx")):
        if options.model and model.stem not in options.model:
            continue
        samples.save(samples.calibration(models, model.stem), folder / "calibration" / f"{model.stem}.npz")
        methods = list(options.method or METHODS)
        while methods:
            method = methods.pop(0)
            record = made(method, model, folder, options.runs)
            records.setdefault(model.stem, {})[method] = record
            shown = record.get("failed") or f"{record['seconds']:.2f} s, of the engine {record['engine']:.2f} s"
            print(f"{model.stem:26} {method:14} {shown}", flush=True)
            if "failed" in record and method in WITHOUT_SYMBOLS:
                methods.insert(0, WITHOUT_SYMBOLS[method])
            report.write_text(json.dumps(records, indent=1, sort_keys=True) + "\n")


main()
