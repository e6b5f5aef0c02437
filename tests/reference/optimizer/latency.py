"""One restart of a paired timing, a process of its own. Reads JSON: `files`, `calibration`, `seed`, `seconds`, `core`.

Sessions of one thread are loaded in random order and run in turns, block by block, the order drawn anew each round. A block's value is
the thread's time on the processor for one inference, so that what other processes take is not in it. Writes the list of block values of
each file, round by round, in microseconds.
"""

import json
import os
import random
import sys
import time

import onnxruntime as ort

import methods

BLOCK = 4e-3
MOST = 400


def session(path):
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    return ort.InferenceSession(path, options, providers=["CPUExecutionProvider"])


def bound(loaded, feed):
    binding = loaded.io_binding()
    for name, value in feed.items():
        binding.bind_cpu_input(name, value)
    for output in loaded.get_outputs():
        binding.bind_output(output.name, "cpu")
    return binding


def block(loaded, binding, length):
    run = loaded.run_with_iobinding
    started = time.thread_time_ns()
    for _ in range(length):
        run(binding)
    return (time.thread_time_ns() - started) / length / 1e3


def main():
    task = json.load(sys.stdin)
    generator = random.Random(task["seed"])
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {task["core"]})
    files = list(enumerate(task["files"]))
    feed = next(iter(methods.batches(task["files"][0], task["calibration"])))
    generator.shuffle(files)
    held = {}
    for at, path in files:
        loaded = session(path)
        binding = bound(loaded, feed)
        once = min(block(loaded, binding, 2) for _ in range(3))
        held[at] = (loaded, binding, max(2, min(MOST, round(BLOCK * 1e6 / once))))
    values = {at: [] for at in held}
    end = time.monotonic() + task["seconds"]
    while time.monotonic() < end or len(values[0]) < 5:
        order = list(held)
        generator.shuffle(order)
        for at in order:
            loaded, binding, length = held[at]
            loaded.run_with_iobinding(binding)
            values[at].append(block(loaded, binding, length))
    json.dump([values[at] for at in range(len(files))], sys.stdout)


main()
