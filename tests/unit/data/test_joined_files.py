"""Several recordings as one session: each as it is alone, and none reaching into the next."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.simulated.session import ArraySettings, TaskSettings, simulate_session
from rt_ner.bundle.bundle import Bundle
from rt_ner.core.contract.kinds import ChannelValue
from rt_ner.core.contract.outputs import Output, OutputKind
from rt_ner.core.errors import SessionError
from rt_ner.data.loading import load_session, save_session
from rt_ner.data.session.behaviour import Behaviour
from rt_ner.data.session.gaps import recorded, union
from rt_ner.data.session.joined.files import join_files
from rt_ner.data.session.session import Session
from rt_ner.data.session.spikes import SpikeCounts, SpikeTimes
from rt_ner.data.session.trials import UNCUT
from rt_ner.decoding.binning.voltage.settings import VoltageSettings
from rt_ner.decoding.chunks import RasterChunk
from rt_ner.offline.dataset import build_dataset
from rt_ner.offline.decoding import decode
from tests.helpers.memory_rig import START_NS, MemoryRig, raster_stream

ARRAY = ArraySettings(n_electrodes=24)


def day(seed: int) -> Session:
    return replace(simulate_session(seed, TaskSettings(n_trials=6), ARRAY), name=f"block{seed}")


def counted(session: Session) -> Session:
    """The same with spikes that were stored as counts of 10 ms."""
    chunks = [chunk.counts for chunk in session.spikes.raster(0, session.end_ns)]
    counts = np.concatenate(chunks)
    n = len(counts) // 10
    binned = counts[: 10 * n].reshape(n, 10, -1).sum(axis=1, dtype=np.uint8)
    return replace(session, spikes=SpikeCounts(binned, 10_000_000))


def continuous(session: Session) -> Session:
    return replace(session, trials=UNCUT)


FORMS = {
    "spike times": lambda session: session,
    "counts": counted,
    "blocks": continuous,
    "blocks of counts": lambda session: continuous(counted(session)),
}


@pytest.mark.parametrize("form", FORMS)
def test_each_recording_is_what_it_is_alone(form: str, small_bundle: Bundle) -> None:
    parts = [FORMS[form](day(seed)) for seed in (0, 1, 2)]
    joined = join_files(parts)
    shape = small_bundle.model.window
    alone = [build_dataset(part, shape) for part in parts]
    together = build_dataset(joined, shape)
    names = ["values"]
    if not joined.trials.are_blocks:  # a continuous recording's rest depends on all of its speeds
        names.append("direction_deg")
    for name in names:
        expected = np.concatenate([getattr(each.labels, name) for each in alone])
        np.testing.assert_array_equal(getattr(together.labels, name), expected)
    np.testing.assert_array_equal(together.windows, np.concatenate([d.windows for d in alone]))
    n_trials = np.cumsum([0, *(len(part.trials) for part in parts[:-1])])
    np.testing.assert_array_equal(
        together.labels.trial,
        np.concatenate([d.labels.trial + n for d, n in zip(alone, n_trials, strict=True)]),
    )
    assert len(joined.trials) == sum(len(part.trials) for part in parts)


def test_decoding_does_not_run_across(small_bundle: Bundle, small_session: Session) -> None:
    other = simulate_session(4, TaskSettings(n_trials=3), ArraySettings())
    joined = join_files([small_session, other])
    whole, first, second = (decode(small_bundle, one) for one in (joined, small_session, other))
    is_second = whole.end_ns > joined.spikes.gaps_ns[0, 1]
    for is_own, alone in ((~is_second, first), (is_second, second)):
        # Alone, a session is decoded to the end of its last trial.
        n = len(alone.end_ns)
        assert whole.values[is_own][:n].tobytes() == alone.values.tobytes()


def test_live_a_gap_is_no_silence_either(small_bundle: Bundle, small_session: Session) -> None:
    """The joined session is played to the live loop: the same hops, bit for bit, and no others."""
    first, second = (
        replace(each, spikes=counted(each).spikes, trials=UNCUT)
        for each in (small_session, simulate_session(4, TaskSettings(n_trials=2), ArraySettings()))
    )
    joined = join_files([second, first])
    rig = MemoryRig(small_bundle.model, safety={"max_speed_cm_s": 10_000})
    rig.appear(raster_stream(small_bundle.model.channel_ids, rate_hz=100.0))
    end_ns = int(joined.spikes.gaps_ns[0, 1]) + 1_500_000_000
    for chunk in joined.spikes.raster(0, end_ns):
        for sample, stamp_ns in enumerate((chunk.stamp_ns + START_NS).tolist()):
            rig.now_ns = stamp_ns
            one = slice(sample, sample + 1)
            rig.then(RasterChunk(chunk.stamp_ns[one] + START_NS, chunk.counts[one]))
    sent = {
        each.stamp_ns - START_NS: each.values
        for each in rig.run().results.outputs
        if any(each.values)
    }
    offline = decode(small_bundle, joined)
    expected = {
        int(at_ns): tuple(values)
        for at_ns, values in zip(offline.end_ns, offline.values.tolist(), strict=True)
        if at_ns <= end_ns - 100_000_000
    }
    after = [at for at in expected if at > joined.spikes.gaps_ns[0, 1]]
    assert len(after) > 50
    assert {at: sent[at] for at in expected} == expected
    assert not [at for at in sent if at not in expected and at <= end_ns - 100_000_000]


def test_channels_may_stand_in_another_order() -> None:
    first, second = day(0), day(1)
    order = np.random.default_rng(0).permutation(24)
    spikes = second.spikes
    assert isinstance(spikes, SpikeTimes)
    mixed = replace(
        second,
        channel_ids=tuple(second.channel_ids[k] for k in order),
        spikes=replace(
            spikes, unit_channel=np.argsort(order)[spikes.unit_channel].astype(np.int32)
        ),
    )
    for form in (FORMS["spike times"], counted):
        expected, found = (join_files([form(first), form(each)]) for each in (second, mixed))
        for one, other in zip(
            expected.spikes.raster(0, expected.end_ns),
            found.spikes.raster(0, expected.end_ns),
            strict=True,
        ):
            np.testing.assert_array_equal(one.counts, other.counts)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("suffix", ["npz", "nwb"])
def test_it_is_kept_and_read_again(form: str, suffix: str, tmp_path: Path) -> None:
    joined = join_files([FORMS[form](day(seed)) for seed in (0, 1)])
    path = tmp_path / f"joined.{suffix}"
    save_session(joined, path)
    again = load_session(path)
    np.testing.assert_array_equal(again.spikes.gaps_ns, joined.spikes.gaps_ns)
    if suffix == "npz":
        assert again.parts == joined.parts
    if suffix == "npz" or not joined.trials.are_blocks:
        assert again.sha256 == joined.sha256


def force(session: Session) -> Session:
    outputs = (Output("grip", "N", OutputKind.FORCE),)
    behaviour = session.behaviour
    return replace(
        session, behaviour=Behaviour(behaviour.time_ns, behaviour.values[:, :1], outputs)
    )


def slower(session: Session) -> Session:
    behaviour = session.behaviour
    return replace(session, behaviour=Behaviour(behaviour.time_ns[::3], behaviour.values[::3]))


REFUSED = {
    "twice": (lambda _: day(0), "there twice"),
    "area": (lambda other: replace(other, area="PMd"), "differ in their area: M1 and PMd"),
    "channels": (
        lambda other: replace(other, channel_ids=("x", *other.channel_ids[1:])),
        r"differ in 2 channels \(elec001, x\)",
    ),
    "outputs": (force, "differ in their outputs: vx, vy and grip"),
    "spikes": (counted, "differ in their kind of spikes"),
    "trials": (continuous, "differ in their trials: some and none"),
    "rate": (slower, "behaviour was sampled at 33 and 100 Hz"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_does_not_fit_together_is_refused(case: str) -> None:
    change, reason = REFUSED[case]
    with pytest.raises(SessionError, match=reason):
        join_files([day(0), change(day(1))])


def test_power_is_joined_without_loss_and_only_with_its_like() -> None:
    power = VoltageSettings(value=ChannelValue.POWER)
    sessions = []
    for seed, settings in enumerate((power, power, VoltageSettings())):
        session = counted(day(seed))
        assert isinstance(session.spikes, SpikeCounts)
        large = SpikeCounts(session.spikes.counts.astype(np.uint16) * 300, 10_000_000)
        sessions.append(replace(session, spikes=large, voltage=settings))
    joined = join_files(sessions[:2])
    assert isinstance(joined.spikes, SpikeCounts)
    assert joined.spikes.counts.max() >= 300
    assert joined.spikes.n_spikes == sum(each.spikes.n_spikes for each in sessions[:2])
    with pytest.raises(SessionError, match="differ in their channel values"):
        join_files([sessions[0], sessions[2]])


def test_files_are_named_one_by_one_or_by_a_pattern(tmp_path: Path) -> None:
    for seed in (0, 1):
        save_session(day(seed), tmp_path / f"block{seed}.npz")
    expected = join_files([day(0), day(1)])
    for named in (
        [tmp_path / "block0.npz", tmp_path / "block1.npz"],
        tmp_path / "block*.npz",
        str(tmp_path / "*.npz"),
    ):
        assert load_session(named).sha256 == expected.sha256
    with pytest.raises(SessionError, match=r"no\*\.npz: no such session file"):
        load_session(tmp_path / "no*.npz")


pairs = st.lists(st.tuples(st.integers(0, 40), st.integers(1, 9)), max_size=5)


@given(gaps=pairs, more=pairs, start=st.integers(0, 40), length=st.integers(0, 30))
def test_gaps_are_what_a_list_of_moments_says(
    gaps: list[tuple[int, int]], more: list[tuple[int, int]], start: int, length: int
) -> None:
    many = [
        np.array([(a, a + n) for a, n in each], dtype=np.int64).reshape(-1, 2)
        for each in (gaps, more)
    ]
    lost = {t for a, n in gaps + more for t in range(a, a + n)}
    joined = union(many)
    found = list(recorded(joined, start, start + length))
    moments = [t for a, b in found for t in range(a, b)]
    assert moments == [t for t in range(start, start + length) if t not in lost]
    assert all(a < b for a, b in found)
