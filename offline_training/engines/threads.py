"""Keep a process to some threads, so that several don't slow each other down."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager


@contextmanager
def threads(n: int) -> Iterator[None]:
    """Let torch, Numba and the BLAS use ``n`` threads within the block."""
    import torch  # noqa: PLC0415 - workers that are never called need no torch
    from numba import get_num_threads, set_num_threads  # noqa: PLC0415
    from threadpoolctl import threadpool_limits  # noqa: PLC0415

    torch_threads, numba_threads = torch.get_num_threads(), get_num_threads()
    torch.set_num_threads(n)
    set_num_threads(n)
    try:
        with threadpool_limits(n):
            yield
    finally:
        set_num_threads(numba_threads)
        torch.set_num_threads(torch_threads)


def one_thread() -> AbstractContextManager[None]:
    """Let torch, Numba and the BLAS use one thread within a block.

    Sums depend on the number of threads in their last bits, so that the numbers of a fit would
    depend on the computer's cores.
    """
    return threads(1)
