"""Latency of a model that mlbuild converted beside the one that onnx2tf makes of the same ONNX file, on this machine.

    python3.12 -m venv o2t && o2t/bin/pip install onnx2tf==2.6.9
    cp MODEL.onnx work.onnx          # onnx2tf may rewrite its input file
    o2t/bin/onnx2tf -i work.onnx -o theirs -b 1
    mlbuild build --model MODEL.onnx --target generic_linux --output ours.tflite
    python3 -m venv venv && venv/bin/pip install ai-edge-litert==2.3.0
    venv/bin/python beside_onnx2tf.py ours.tflite theirs/work_float32.tflite

Each restart is a fresh process that holds both models and takes turns between them, one thread, XNNPACK; printed is the median over
restarts of the ratio of medians, with quartiles. onnx2tf is MIT-licensed (https://github.com/PINTO0309/onnx2tf).
"""

import json
import statistics
import subprocess
import sys
import time

RESTARTS = 16
TURNS = 40
RUNS = 5


def session(path):
    import numpy as np
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(model_path=path, num_threads=1)
    interpreter.allocate_tensors()
    random = np.random.default_rng(7)
    for spec in interpreter.get_input_details():
        interpreter.set_tensor(spec["index"], random.random(spec["shape"], dtype=np.float32))
    return interpreter


def restart(paths):
    sessions = [session(path) for path in paths]
    for one in sessions:
        for _ in range(10):
            one.invoke()
    taken = [[], []]
    for turn in range(TURNS):
        for which in (0, 1) if turn % 2 == 0 else (1, 0):
            for _ in range(RUNS):
                begun = time.perf_counter()
                sessions[which].invoke()
                taken[which].append(time.perf_counter() - begun)
    print(json.dumps([statistics.median(times) for times in taken]))


def main():
    if sys.argv[1] == "--restart":
        return restart(sys.argv[2:4])
    ratios, ours, theirs = [], [], []
    for number in range(RESTARTS):
        paths = sys.argv[1:3]
        # The one that is loaded first has no advantage.
        turned = number % 2 == 1
        order = paths[::-1] if turned else paths
        output = subprocess.run([sys.executable, __file__, "--restart", *order], capture_output=True, text=True, check=True)
        medians = json.loads(output.stdout.splitlines()[-1])
        one, other = medians[::-1] if turned else medians
        ours.append(one)
        theirs.append(other)
        ratios.append(one / other)
    low, middle, high = statistics.quantiles(ratios, n=4)
    print(f"ours {statistics.median(ours) * 1e3:.3f} ms, theirs {statistics.median(theirs) * 1e3:.3f} ms")
    print(f"ours / theirs {middle:.4f}, quartiles {low:.4f} to {high:.4f}, {RESTARTS} restarts")


main()
