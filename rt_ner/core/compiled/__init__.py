"""Kernels: functions that are compiled once and kept for the next start."""

import os

# When Numba starts its threads, it sets OpenMP's number to its own. Where OpenMP is limited, torch
# would then change its number of threads in the midst of a training, and with it the last bits.
_limit = os.environ.get("OMP_NUM_THREADS", "").partition(",")[0].strip()
if _limit.isdecimal() and int(_limit) > 0:
    os.environ.setdefault("NUMBA_NUM_THREADS", _limit)
