"""NumPy's product of matrices, by the OpenBLAS that its wheels bring, into an array that is there already."""

import numpy as np
import threadpoolctl

from serve import operands, repeat, serve


def matmul(program):
    threadpoolctl.threadpool_limits(program["threads"])
    a, b = operands(program)
    out = a @ b
    return float(np.abs(out, dtype=np.float64).sum()), repeat(lambda: np.matmul(a, b, out=out))


np.zeros((2, 2)) @ np.zeros((2, 2))  # loads the library, so that it can be described
kernels = [f"{pool['internal_api']} {pool['version']} {pool.get('architecture', '')}" for pool in threadpoolctl.threadpool_info()]
serve({"version": np.__version__, "blas": kernels}, {"matmul": matmul})
