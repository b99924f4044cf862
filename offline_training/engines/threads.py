"""Keep a fit to one thread, so that its numbers don't depend on the computer's cores."""

from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def one_thread() -> Iterator[None]:
    """Let torch, Numba and the BLAS use one thread within the block.

    Sums depend on the number of threads in their last bits. And workers that each use all cores
    would slow each other down.
    """
    import torch  # noqa: PLC0415 - workers that are never called need no torch
    from numba import get_num_threads, set_num_threads  # noqa: PLC0415
    from threadpoolctl import threadpool_limits  # noqa: PLC0415

    torch_threads, numba_threads = torch.get_num_threads(), get_num_threads()
    torch.set_num_threads(1)
    set_num_threads(1)
    try:
        with threadpool_limits(1):
            yield
    finally:
        set_num_threads(numba_threads)
        torch.set_num_threads(torch_threads)
