"""A soak compares each pass of a session with the first."""

from rt_ner.bench.endurance.soaking.soak import Grid, Passes


def test_a_bin_that_drifts_is_found() -> None:
    passes = Passes(Grid(pass_ns=100, hop_ns=10))
    for hop in range(1, 31):
        value = 1.0 if hop == 25 else float(hop % 10 + 1)
        passes.add(hop * 10 / 1e9, [value, 0.5])
    assert (passes.n_compared, passes.n_different, passes.n_missing) == (30, 1, 0)
    passes.add(33 * 10 / 1e9, [4.0, 0.5])
    assert passes.n_missing == 2
