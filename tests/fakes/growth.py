"""Whether work grows with its input as it should: a ratio within one run, so that neither a slow nor a busy machine decides."""

import gc
import time
from collections.abc import Callable
from typing import Any

# Four times the input is four times the work if it is linear and sixteen times if it is quadratic.
STEP, BOUND = 4, 9.0


def is_linear(work: Callable[[Any], object], make: Callable[[int], Any], size: int) -> bool:
    """Compare the processor time of `work` on `make(size)` and `make(size * STEP)`, the best of three each."""
    small, large = make(size), make(size * STEP)
    return _least(work, large) < BOUND * max(_least(work, small), 1e-4)


def _least(work: Callable[[Any], object], given: Any) -> float:
    """Without the garbage collector, whose work grows with all that other tests have left behind."""
    times = []
    gc.collect()
    gc.disable()
    try:
        for _ in range(3):
            started = time.process_time()
            work(given)
            times.append(time.process_time() - started)
    finally:
        gc.enable()
    return min(times)
