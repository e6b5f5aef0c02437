"""Holds our variants against those that `make_reference.py` made: size, outputs, accuracy, latency, bits, the checker.

    VENV/bin/python tests/reference/optimizer/compare.py MODELS REFERENCE FOLDER --tool target/release/mlbuild
        [--model NAME …] [--recipe RECIPE …] [--restarts 5] [--seconds 2] [--keep] [--no-latency]

Ours are written to `FOLDER/NAME__RECIPE.onnx` (`--keep`: those that are there are taken), results to `FOLDER/comparison.json`, the tables
to standard output. Cosine, mean and least over samples, and the largest error are those of the answer (the first output, or `ANSWERS`) against the
original's, on samples that calibration has not seen. Latency is paired and of one thread: the median over restarts of the median over
rounds. The last table names everything in which ours is worse.
"""

import argparse
import json
import os
import pathlib
import random
import statistics
import subprocess
import sys
import tempfile
import time

import numpy as np
import onnx
import onnxruntime as ort

import bits
import samples

HERE = pathlib.Path(__file__).parent
# Our recipes, and the reference's methods that each is held against; the first is the one whose rules are the same.
PAIRS = {
    "fp16": ["fp16_ort", "fp16_common"],
    "int8": ["dyn_mm_pc", "dyn_sub"],
    "int8-tensor": ["dyn_mm"],
    "int8-conv": ["dyn"],
    "int8-static": ["static"],
    "int8-static-entropy": ["static_ent"],
    "int8-static-percentile": ["static_pct"],
    "int4": ["nbits4"],
    "int8-weights": ["nbits8"],
}
# The output that a model's answer is, where it is not the first.
ANSWERS = {"bert_mini_like": 1, "control_flow_if_loop": 1}
# Recipes whose graph is another's, so that their latency is too.
ALIKE = ["int8-static-entropy", "int8-static-percentile"]
WITHOUT_SYMBOLS = {"static": "static_nosym"}
NEEDS_RANGES = ("int8-static", "mixed", "smooth")


def session(path):
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 3
    return ort.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])


def size(path):
    total = path.stat().st_size
    for data in path.parent.glob(path.name + ".data"):
        total += data.stat().st_size
    return total


def outputs(path, feeds):
    loaded = session(path)
    return [loaded.run(None, feed) for feed in feeds]


def cosine(one, other):
    one, other = one.astype(np.float64).ravel(), other.astype(np.float64).ravel()
    norm = np.linalg.norm(one) * np.linalg.norm(other)
    return float(one @ other / norm) if norm else 1.0


def agreement(truth, answers, labels, at=0):
    """How far `answers` are from `truth`, by the output `at`, and the least cosine over all."""
    first = [cosine(one[at], other[at]) for one, other in zip(truth, answers)]
    every = [
        cosine(a, b) for one, other in zip(truth, answers) for a, b in zip(one, other) if a.dtype == np.float32 and a.size
    ]
    result = {
        "cosine": float(np.mean(first)),
        "least": float(np.min(first)),
        "worst_output": float(np.min(every)),
        "error": max(float(np.abs(one[at] - other[at]).max()) for one, other in zip(truth, answers)),
        "finite": all(bool(np.isfinite(value).all()) for answer in answers for value in answer if value.dtype.kind == "f"),
    }
    if labels is not None:
        hits = [int(answer[at].argmax()) == int(label) for answer, label in zip(answers, labels)]
        result["accuracy"] = 100 * float(np.mean(hits))
    return result


def latencies(files, calibration, restarts, seconds):
    """For each file, the restarts' medians over rounds of the logarithm of its time over the first's; and absolute microseconds."""
    ratios, absolute = [[] for _ in files], [[] for _ in files]
    for restart in range(restarts):
        task = {
            "files": [str(path) for path in files], "calibration": str(calibration), "seed": random.randrange(1 << 30),
            "seconds": seconds, "core": sorted(os.sched_getaffinity(0))[-1],
        }
        child = subprocess.run(
            [sys.executable, str(HERE / "latency.py")], input=json.dumps(task), capture_output=True, text=True, check=True
        )
        blocks = np.array(json.loads(child.stdout))
        for at in range(len(files)):
            ratios[at].append(blocks[at])
            absolute[at].append(float(np.median(blocks[at])))
    return ratios, absolute


def ratio(one, other):
    """Of two lists of restarts: the median of ratios with its quartiles, and the ratio of the least times."""
    by_restart = [float(np.exp(np.median(np.log(a) - np.log(b)))) for a, b in zip(one, other)]
    least = min(float(a.min()) for a in one) / min(float(b.min()) for b in other)
    low, high = np.percentile(by_restart, [25, 75])
    return {"median": statistics.median(by_restart), "low": float(low), "high": float(high), "least": least}


def known_fields(model, folder):
    """The model without fields that no version of ONNX knows, which guard it against being changed."""
    loaded = onnx.load(model)
    loaded.DiscardUnknownFields()
    copy = folder / "known_fields" / model.name
    copy.parent.mkdir(exist_ok=True)
    onnx.save(loaded, copy)
    return copy


def derive(tool, model, recipe, calibration, output):
    """The seconds that it took; what it said, where it failed."""
    command = [str(tool), "optimize", str(model), "--recipe", recipe, "--output", str(output)]
    if recipe.split("+")[-1].startswith(NEEDS_RANGES) or any(name in recipe for name in NEEDS_RANGES):
        command += ["--calibration-data", str(calibration)]
    with tempfile.TemporaryDirectory() as folder:
        started = time.perf_counter()
        child = subprocess.run(command, capture_output=True, text=True, cwd=folder)
    seconds = time.perf_counter() - started
    if child.returncode == 0 and output.exists():
        return {"seconds": seconds}
    said = [line for line in (child.stderr + child.stdout).strip().splitlines() if line.strip()]
    return {"seconds": seconds, "refused": " ".join(said[:4])[:500]}


def is_inferable(path):
    try:
        onnx.checker.check_model(str(path), full_check=True)
        return True
    except Exception:  # the checker raises what it likes
        return False


def checked(path, original):
    """What the checker finds, with type inference wherever it takes the original."""
    try:
        onnx.checker.check_model(str(path), full_check=is_inferable(original))
        return "passes"
    except Exception as error:
        return str(error).strip().splitlines()[0][:200]


def same_bits(options, model, recipe, calibration, reference, ours, entry):
    """Bits are compared from one source: what the reference's own preparation makes, where there is a preparation."""
    prepared = options.reference / f"{model.stem}__prepared.onnx"
    if not recipe.startswith("int8-static") or not prepared.exists():
        return bits.compare(reference, ours, model)
    same = options.folder / f"{model.stem}__{recipe}__prepared.onnx"
    if not (options.keep and same.exists()):
        same.unlink(missing_ok=True)
        made = derive(options.tool, prepared, recipe, calibration, same)
        if "refused" in made:
            entry["prepared_refused"] = made["refused"]
    if not same.exists():
        return bits.compare(reference, ours, model)
    return bits.compare(reference, same, prepared)


def one_model(options, model, records):
    name = model.stem
    feeds, labels = samples.evaluation(options.models, name)
    truth, answer = outputs(model, feeds), ANSWERS.get(name, 0)
    calibration = options.reference / "calibration" / f"{name}.npz"
    record = records.setdefault(name, {})
    record["fp32"] = {"size": size(model), **agreement(truth, truth, labels, answer)}
    for recipe, methods in PAIRS.items():
        if options.recipe and recipe not in options.recipe:
            continue
        ours = options.folder / f"{name}__{recipe}.onnx"
        entry = record[recipe] = {"against": {}}
        if not (options.keep and ours.exists()):
            ours.unlink(missing_ok=True)
            made = derive(options.tool, model, recipe, calibration, ours)
            if "does not know" in made.get("refused", ""):
                made = derive(options.tool, known_fields(model, options.folder), recipe, calibration, ours)
                made["without_unknown_fields"] = True
            entry.update(made)
        files = [model]
        if ours.exists():
            entry["checker"] = checked(ours, model)
            entry["size"] = size(ours)
            try:
                entry.update(agreement(truth, outputs(ours, feeds), labels, answer))
                files.append(ours)
            except Exception as error:
                entry["fails"] = str(error).strip().splitlines()[0][:300]
        theirs = {}
        for method in methods:
            reference = options.reference / f"{name}__{method}.onnx"
            if not reference.exists() and method in WITHOUT_SYMBOLS:
                reference = options.reference / f"{name}__{WITHOUT_SYMBOLS[method]}.onnx"
            other = entry["against"][method] = {}
            if not reference.exists():
                other["fails"] = "the tool fails"
                continue
            other["size"] = size(reference)
            try:
                other.update(agreement(truth, outputs(reference, feeds), labels, answer))
                files.append(reference)
                theirs[method] = len(files) - 1
            except Exception as error:
                other["fails"] = str(error).strip().splitlines()[0][:300]
            other["changed_nothing"] = recipe[:4] != "fp16" and not bits.new(reference, model)
            if other["changed_nothing"]:
                continue
            if ours.exists() and not recipe.startswith("fp16"):
                other["bits"] = same_bits(options, model, recipe, calibration, reference, ours, entry)
        if not options.no_latency and recipe not in ALIKE and len(files) > 1:
            times, absolute = latencies(files, calibration, options.restarts, options.seconds)
            entry["fp32_us"] = statistics.median(absolute[0])
            if ours in files:
                entry["latency"] = ratio(times[1], times[0])
            for method, at in theirs.items():
                entry["against"][method]["latency"] = ratio(times[at], times[0])
                if ours in files:
                    entry["against"][method]["paired"] = ratio(times[1], times[at])
        print(f"{name} {recipe}: {entry.get('refused') or entry.get('fails') or 'done'}", file=sys.stderr, flush=True)


def number(value, form):
    return "" if value is None else form.format(value)


def table(records):
    print(
        "| model | recipe | against | size ×: ours, theirs | cosine, mean: ours, theirs | least: ours, theirs "
        "| largest error: ours, theirs | accuracy %: fp32, ours, theirs | latency × fp32: ours, theirs "
        "| ours / theirs (quartiles) | |"
    )
    print("|" + "---|" * 11)
    for name, record in records.items():
        full = record["fp32"]
        for recipe, entry in record.items():
            if recipe == "fp32":
                continue
            for method, other in entry["against"].items():
                pair = lambda key, form: ", ".join(number(side.get(key), form) or "–" for side in (entry, other))
                scaled = lambda side: f"{side['size'] / full['size']:.3f}" if "size" in side else "–"
                quick = lambda side: number(side.get("latency", {}).get("median"), "{:.3f}") or "–"
                paired = other.get("paired")
                accuracy = ""
                if "accuracy" in full:
                    accuracy = f"{full['accuracy']:.1f}, {pair('accuracy', '{:.1f}')}"
                if other.get("changed_nothing") and "refused" in entry:
                    continue
                notes = [entry.get("refused"), "theirs changes nothing" if other.get("changed_nothing") else None,
                         "without the unknown fields" if entry.get("without_unknown_fields") else None, entry.get("fails"), other.get("fails") and f"theirs: {other['fails']}"]
                if entry.get("checker", "passes") != "passes":
                    notes.append(f"checker: {entry['checker']}")
                if entry.get("finite") is False or other.get("finite") is False:
                    notes.append("not finite")
                print(
                    f"| {name} | {recipe} | {method} | {scaled(entry)}, {scaled(other)} | {pair('cosine', '{:.6f}')} "
                    f"| {pair('least', '{:.6f}')} | {pair('error', '{:.3g}')} | {accuracy} | {quick(entry)}, {quick(other)} | "
                    + (f"{paired['median']:.3f} ({paired['low']:.3f} – {paired['high']:.3f})" if paired else "")
                    + " | "
                    + "; ".join(note for note in notes if note).replace("|", "/")
                    + " |"
                )


def bit_table(records):
    print("\n| model | recipe | against | kind | equal | equal, other name | different | missing |")
    print("|" + "---|" * 8)
    for name, record in records.items():
        for recipe, entry in record.items():
            for method, other in entry.get("against", {}).items():
                for kind, counts in other.get("bits", {}).get("kinds", {}).items():
                    print(f"| {name} | {recipe} | {method} | {kind} | " + " | ".join(str(v) for v in counts.values()) + " |")


# What counts as worse: what is not rounding.
WORSE_SIZE, WORSE_COSINE, WORSE_LATENCY = 1.0005, 1e-6, 1.03


def worse_table(records):
    print("\n| model | recipe | against | worse in | ours | theirs |")
    print("|" + "---|" * 6)
    for name, record in records.items():
        for recipe, entry in record.items():
            for method, other in entry.get("against", {}).items():
                if other.get("changed_nothing"):
                    continue
                rows = []
                if "size" not in entry and "size" in other:
                    rows.append(("made at all", entry.get("refused", "")[:160].replace("|", "/"), ""))
                elif "cosine" not in entry and "cosine" in other:
                    rows.append(("loads", entry.get("fails", "")[:160].replace("|", "/"), ""))
                elif "cosine" in entry and "cosine" in other:
                    if entry["size"] > WORSE_SIZE * other["size"]:
                        rows.append(("size", entry["size"], other["size"]))
                    for key in ("cosine", "least", "worst_output"):
                        if entry[key] < other[key] - WORSE_COSINE:
                            rows.append((key, f"{entry[key]:.6f}", f"{other[key]:.6f}"))
                    if entry.get("accuracy", 0) < other.get("accuracy", 0):
                        rows.append(("accuracy", entry["accuracy"], other["accuracy"]))
                    paired = other.get("paired", {})
                    if paired.get("median", 0) > WORSE_LATENCY:
                        rows.append(("latency", f"{paired['median']:.3f} ({paired['low']:.3f} – {paired['high']:.3f})", "1"))
                if entry.get("checker", "passes") != "passes":
                    rows.append(("checker", entry["checker"].replace("|", "/"), ""))
                for what, mine, theirs in rows:
                    print(f"| {name} | {recipe} | {method} | {what} | {mine} | {theirs} |")


def main():
    parser = argparse.ArgumentParser()
    for name in ("models", "reference", "folder"):
        parser.add_argument(name, type=lambda text: pathlib.Path(text).resolve())
    parser.add_argument("--tool", type=lambda text: pathlib.Path(text).resolve(), default=HERE / "../../../target/release/mlbuild")
    parser.add_argument("--model", action="append")
    parser.add_argument("--recipe", action="append")
    parser.add_argument("--restarts", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=2.0)
    parser.add_argument("--keep", action="store_true")
    parser.add_argument("--no-latency", action="store_true")
    parser.add_argument("--only-tables", action="store_true")
    options = parser.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    report = options.folder / "comparison.json"
    records = json.loads(report.read_text()) if report.exists() else {}
    random.seed(0)
    for model in sorted(options.models.glob("*.onnx")):
        if not options.only_tables and (not options.model or model.stem in options.model):
            one_model(options, model, records)
            report.write_text(json.dumps(records, indent=1) + "\n")
    table(records)
    bit_table(records)
    worse_table(records)


main()
