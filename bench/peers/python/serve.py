"""The line protocol of README.md, for peers in Python, and the numbers that all peers compute with."""

import json
import sys
import time

import numpy as np

CHECKED_STEPS = 10


def serve(about, programs):
    """Answers requests until the input ends.

    `programs` by name; each takes the program and returns what it is checked by, and a function that repeats the work.
    One that is missing, or gives None, this peer cannot do.
    """
    reply({"about": about})
    run = None
    for line in sys.stdin:
        request = json.loads(line)
        if "open" in request:
            run = None
            opened = programs.get(request["open"]["program"], lambda _: None)(request["open"])
            if opened:
                check, run = opened
            reply({"ready": check} if opened else {"cannot": "has no such program"})
        else:
            run(1)  # its code and data were away while others had their turn
            start = time.perf_counter()
            run(request["run"])
            reply({"seconds": time.perf_counter() - start})


def reply(answer):
    print(json.dumps(answer), flush=True)


def repeat(work):
    def run(times):
        for _ in range(times):
            work()

    return run


def filled(n, seed):
    """The numbers that every peer fills its arrays with, so that results can be compared: from -0.5 to 0.5."""
    return (((np.arange(n, dtype=np.int64) * 37 + seed * 11) % 101) / 101 - 0.5).astype(np.float32)


def weights(layers):
    """Of the dense layers, [out, in], as serve.js has them."""
    return [
        filled(outputs * inputs, i).reshape(outputs, inputs) * np.float32(2 / inputs**0.5)
        for i, (inputs, outputs) in enumerate(zip(layers, layers[1:]))
    ]


def operands(program):
    """A and B of a product of matrices, transposed as it says."""
    m, k, n = program["m"], program["k"], program["n"]
    a, b = filled(m * k, 1), filled(k * n, 2)
    return (
        a.reshape(k, m).T if program["transposeA"] else a.reshape(m, k),
        b.reshape(n, k).T if program["transposeB"] else b.reshape(k, n),
    )
