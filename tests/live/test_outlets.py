"""The velocity stream on real LSL: announced, transformed and timed as the cursor wants it."""

from collections.abc import Iterator

import numpy as np
import pylsl
import pytest

from rt_ner.bundle.bundle import Bundle
from rt_ner.core.clock import ns_from_s
from rt_ner.core.contract.kinds import Kind
from rt_ner.core.contract.outputs import VELOCITY_XY, Output, OutputKind
from rt_ner.live.ports.lsl.output_outlet import OutputOutlet
from rt_ner.live.settings import DecodeSettings
from rt_ner.lsl.streams import local_now_ns
from tests.helpers.classes import CHOICES, classifying
from tests.helpers.outputs import position_xy
from tests.helpers.rig import PATIENT, Decoding, Source, history_ms, inlet, pulled, running
from tests.helpers.waiting import LONGEST_S

MS = 1_000_000
HOP_NS = 10 * MS


def unexpected(alarm: str) -> None:
    raise AssertionError(alarm)


class Cursor:
    """A velocity outlet of these settings, and who listens to it."""

    def __init__(self, source: str, stale_ms: float = 200.0, **velocity: object) -> None:
        settings = DecodeSettings.model_validate(
            {
                "output": {"source": source},
                "velocity": velocity,
                "safety": {"stale_ms": stale_ms},
            }
        )
        self.outlet = OutputOutlet(settings, HOP_NS, unexpected)
        (found,) = pylsl.resolve_byprop("source_id", f"{source}/velocity", 1, LONGEST_S)
        self.inlet = pylsl.StreamInlet(found, recover=False)
        self.inlet.open_stream(LONGEST_S)
        self.info = self.inlet.info(LONGEST_S)

    def __enter__(self) -> "Cursor":
        return self

    def __exit__(self, *_: object) -> None:
        self.outlet.close()

    def sent(self, *velocities_cm_s: tuple[float, float]) -> np.ndarray:
        """Return those that arrive."""
        for k, velocity in enumerate(velocities_cm_s):
            self.outlet.push(np.array(velocity, dtype=np.float32), (100 + k) * HOP_NS)
        samples, stamps_s = self.inlet.pull_chunk(LONGEST_S, len(velocities_cm_s), as_numpy=True)
        expected_ns = [(100 + k) * HOP_NS for k in range(len(velocities_cm_s))]
        assert [ns_from_s(stamp_s) for stamp_s in stamps_s] == expected_ns
        return samples

    def ticks(self) -> Iterator[tuple[int, list[float]]]:
        """Stamps, ns, and samples as they come."""
        while True:
            sample, stamp_s = self.inlet.pull_sample(LONGEST_S)
            assert sample is not None
            yield ns_from_s(stamp_s), sample


@pytest.mark.parametrize(
    ("wanted", "announced"),
    [
        ({}, {}),
        ({"name": "Cursor", "type": "Control"}, {"name": "Cursor", "type": "Control"}),
        ({"labels": ("right", "up")}, {"labels": ["right", "up"]}),
        ({"unit": "mm/s"}, {"units": ["mm/s", "mm/s"]}),
        ({"format": "double64"}, {"format": pylsl.cf_double64}),
        ({"format": "int32"}, {"format": pylsl.cf_int32}),
        ({"rate_hz": 60}, {"rate_hz": 60.0}),
        ({"irregular": True}, {"rate_hz": 0.0}),
        ({"rate_hz": 60, "irregular": True}, {"rate_hz": 0.0}),
    ],
)
def test_the_stream_is_announced_as_wanted(
    wanted: dict[str, object], announced: dict[str, object], source_id: str
) -> None:
    plain = {
        "name": f"{source_id}-velocity",
        "type": "Velocity",
        "labels": ["vx", "vy"],
        "units": ["cm/s", "cm/s"],
        "format": pylsl.cf_float32,
        "rate_hz": 100.0,
    }
    with Cursor(source_id, **wanted) as cursor:
        info = cursor.info
        assert plain | announced == {
            "name": info.name(),
            "type": info.type(),
            "labels": info.get_channel_labels(),
            "units": info.get_channel_units(),
            "format": info.channel_format(),
            "rate_hz": info.nominal_srate(),
        }


def test_by_default_what_is_decoded_is_sent_to_the_bit(source_id: str) -> None:
    velocities = np.random.default_rng(0).normal(0, 30, (200, 2)).astype(np.float32)
    velocities[:3] = [[0, 0], [1e-40, -3e38], [200, -1e-7]]
    with Cursor(source_id) as cursor:
        assert cursor.sent(*map(tuple, velocities)).tobytes() == velocities.tobytes()


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        ({"gain": 2.5}, (5.0, -17.5)),
        ({"unit": "mm/s"}, (20.0, -70.0)),
        ({"unit": "m/s"}, (0.02, -0.07)),
        ({"unit": "a.u.", "gain": 10}, (20.0, -70.0)),
        ({"swap_xy": True}, (-7.0, 2.0)),
        ({"flip_x": True}, (-2.0, -7.0)),
        ({"flip_y": True}, (2.0, 7.0)),
        ({"swap_xy": True, "flip_x": True}, (7.0, 2.0)),  # the x that is sent, not the decoded
        ({"swap_xy": True, "flip_y": True}, (-7.0, -2.0)),
        (
            {"swap_xy": True, "flip_x": True, "flip_y": True, "unit": "mm/s", "gain": 3},
            (210.0, -60.0),
        ),
    ],
)
@pytest.mark.parametrize("lsl_format", ["float32", "double64"])
def test_velocity_is_transformed(
    wanted: dict[str, object], expected: tuple[float, float], lsl_format: str, source_id: str
) -> None:
    with Cursor(source_id, format=lsl_format, **wanted) as cursor:
        np.testing.assert_allclose(cursor.sent((2, -7), (0, 0)), [expected, (0, 0)], rtol=1e-6)


def test_whole_numbers_are_rounded_and_never_turn_into_their_opposite(source_id: str) -> None:
    velocities = [(0.26, -0.26), (0.24, -0.24), (99.96, -1), (3e5, -3e5)]
    with Cursor(source_id, format="int32", gain=1e4) as cursor:
        sent = cursor.sent(*velocities)
    assert sent.dtype == np.int32
    assert sent[:3].tolist() == [[2600, -2600], [2400, -2400], [999_600, -10_000]]
    np.testing.assert_allclose(sent[3], [2**31, -(2**31)], rtol=1e-6)


def test_whole_numbers_are_the_nearest(source_id: str) -> None:
    with Cursor(source_id, format="int32") as cursor:
        assert cursor.sent((1.6, -1.6), (1.4, -1.4)).tolist() == [[2, -2], [1, -1]]


@pytest.mark.parametrize("rate_hz", [60, 250])
def test_at_a_rate_of_its_own_every_tick_is_on_an_exact_grid(
    rate_hz: float, source_id: str
) -> None:
    """Whatever is pushed meanwhile, and however late a tick is."""
    with Cursor(source_id, rate_hz=rate_hz) as cursor:
        stamps_ns = []
        for stamp_ns, _ in cursor.ticks():
            stamps_ns.append(stamp_ns)
            cursor.outlet.push(np.ones(2, dtype=np.float32), stamp_ns + 12_345)
            if len(stamps_ns) == 20:
                break
    off_grid_ns = (np.array(stamps_ns) - stamps_ns[0] + 1) % round(1e9 / rate_hz)
    assert off_grid_ns.max() <= 2, "a nanosecond is lost in float seconds"


def test_the_newest_velocity_is_repeated_and_zero_once_stale(source_id: str) -> None:
    with Cursor(source_id, stale_ms=100, rate_hz=200, gain=2, flip_y=True) as cursor:
        ticks = cursor.ticks()
        assert next(ticks)[1] == [0, 0], "nothing was decoded yet"
        cursor.outlet.push(np.array([1, 3], dtype=np.float32), 0)
        assert next(tick for tick in ticks if any(tick[1]))[1] == [2, -6]
        assert next(tick for tick in ticks if tick[1] != [2, -6])[1] == [0, 0]


def test_closing_ends_the_ticks(source_id: str) -> None:
    with Cursor(source_id, rate_hz=500) as cursor:
        next(cursor.ticks())
        cursor.outlet.close()
        closed_ns = local_now_ns()
        newest_ns = 0
        while (tick := cursor.inlet.pull_sample(0.1))[0] is not None:
            newest_ns = ns_from_s(tick[1])
    assert newest_ns <= closed_ns


def test_other_outputs_have_a_stream_of_their_own(source_id: str) -> None:
    outputs = (*position_xy("hand"), VELOCITY_XY[0], Output("grip", "N", OutputKind.FORCE))
    settings = DecodeSettings.model_validate({"output": {"source": source_id}})
    outlet = OutputOutlet(settings, HOP_NS, unexpected, outputs)
    (found,) = pylsl.resolve_byprop("source_id", f"{source_id}/output", 1, LONGEST_S)
    inlet = pylsl.StreamInlet(found, recover=False)
    inlet.open_stream(LONGEST_S)
    info = inlet.info(LONGEST_S)
    assert (info.type(), info.channel_count()) == ("Output", 4)
    assert info.get_channel_labels() == ["hand_x", "hand_y", "vx", "grip"]
    assert info.get_channel_units() == ["cm", "cm", "cm/s", "N"]
    assert info.get_channel_types() == ["position", "position", "velocity", "force"]
    outlet.push(np.array([1.5, -2.0, 30.0, 0.25], dtype=np.float32), 100 * HOP_NS)
    assert inlet.pull_sample(LONGEST_S)[0] == [1.5, -2.0, 30.0, 0.25]
    outlet.close()


def test_at_a_fixed_rate_what_is_no_rate_is_held(source_id: str) -> None:
    outputs = (VELOCITY_XY[0], position_xy()[0])
    settings = DecodeSettings.model_validate(
        {"output": {"source": source_id}, "velocity": {"rate_hz": 100}, "safety": {"stale_ms": 10}}
    )
    outlet = OutputOutlet(settings, HOP_NS, unexpected, outputs)
    (found,) = pylsl.resolve_byprop("source_id", f"{source_id}/output", 1, LONGEST_S)
    inlet = pylsl.StreamInlet(found, recover=False)
    inlet.open_stream(LONGEST_S)
    outlet.push(np.array([20.0, 7.0], dtype=np.float32), 100 * HOP_NS)
    while inlet.pull_sample(LONGEST_S)[0] != [0.0, 7.0]:
        pass
    outlet.close()


def test_the_classes_are_a_stream_of_their_own(small_bundle: Bundle, source_id: str) -> None:
    model = classifying(small_bundle.model)
    source = Source(source_id, model.channel_ids)
    n_warming = history_ms(small_bundle) // 10 - 1
    named = {"name": "Choices", "type": "Decisions"}
    with Decoding(model, source_id, classes=named, safety=PATIENT) as decoding:
        velocity, classes_id = inlet(decoding.name, Kind.VELOCITY), f"{decoding.name}/classes"
        (found,) = pylsl.resolve_byprop("source_id", classes_id, 1, LONGEST_S)
        classes = pylsl.StreamInlet(found, recover=False)
        classes.open_stream(LONGEST_S)
        info = classes.info(LONGEST_S)
        assert (info.name(), info.type()) == ("Choices", "Decisions")
        assert info.nominal_srate() == 100.0
        assert info.get_channel_labels() == list(CHOICES)
        assert set(info.get_channel_units()) == {"probability"}
        assert set(info.get_channel_types()) == {"choice"}
        running(decoding, source, small_bundle)
        source.push(20)
        probabilities, stamps_ns = pulled(classes, n_warming + 3)
        np.testing.assert_array_equal(stamps_ns, pulled(velocity, n_warming + 3)[1])
        assert not probabilities[:n_warming].any()
        np.testing.assert_allclose(probabilities[n_warming:].sum(axis=1), 1.0, atol=1e-6)
        decoding.stop.set()
        assert not pulled(classes, 1)[0].any(), "nothing is decided once the decoder has stopped"
