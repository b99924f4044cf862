"""Markers of other programs: a recipe says what they mean, or the message says what there is."""

import tomllib
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rt_ner.core.errors import ConfigError, SessionError
from rt_ner.core.settings import checked_settings
from rt_ner.data.formats.common.markers.coded_trials import coded_trials
from rt_ner.data.formats.common.markers.marker import Marker, counts_by_source, in_words
from rt_ner.data.formats.common.markers.rules import MarkersAt
from rt_ner.data.formats.recipe.draft import draft_recipe
from rt_ner.data.loading import load_recording
from rt_ner.data.recordings import RecordingFile
from rt_ner.data.session.behaviour import Behaviour
from tests.helpers.xdf_files import Stream, xdf

DOCS = Path(__file__).resolve().parents[3] / "docs" / "recordings.md"
MS, S = 1_000_000, 1_000_000_000
BEGIN_S, N_TRIALS = 1800.0, 12
Event = tuple[float, str]


def texts(events: Sequence[Event], source: str = "task") -> list[Marker]:
    return [Marker(round(at_s * S), source, text) for at_s, text in events]


def rules(**values: object) -> MarkersAt:
    return checked_settings(values, MarkersAt, "recipe")


def reaches(degrees: Sequence[float], period_s: float = 2.0) -> Behaviour:
    """Movement that goes into each direction for 0.5 s, 0.5 s after each trial's start."""
    time_ns = np.arange(1, round(len(degrees) * period_s * 100) + 1, dtype=np.int64) * 10 * MS
    trial = ((time_ns - 1) / S // period_s).astype(int)
    moves = np.abs(time_ns / S % period_s - 0.75) < 0.25
    angle = np.deg2rad(np.array(degrees))[trial]
    return Behaviour(time_ns, 20 * moves[:, None] * np.stack([np.cos(angle), np.sin(angle)], 1))


# One trial of 2 s of each program, as it writes it: go cue at 0.4 s, end at 1.5 s.
def psychopy(trial: int, target: int, won: bool) -> list[Event]:
    return [
        (0.1, f"trial {trial} start"), (0.4, f"go {45 * target}"), (1.5, "trial end"),
        (1.6, "correct" if won else "timeout"),
    ]  # fmt: skip


def monkeylogic(trial: int, target: int, won: bool) -> list[Event]:
    return [
        (0.1, "9"), (0.101, "9"), (0.102, "9"), (0.2, f"{101 + target}"), (0.4, "20"),
        *([(1.4, "96")] if won else []), (1.5, "18"), (1.501, "18"), (1.502, "18"),
    ]  # fmt: skip


def bci2000(trial: int, target: int, won: bool) -> list[Event]:
    blocks = [(0.1 + 0.05 * k, f"TargetCode {target + 1}") for k in range(20)]
    return [
        (0.1, f"TargetCode\t{target + 1}"), (0.1, "ResultCode 0"), *blocks, (0.4, "Feedback 1"),
        (1.5, "Feedback 0"), (1.5, f"ResultCode {target + 1 if won else (target + 1) % 8 + 1}"),
        (1.8, "TargetCode 0"), (1.8, "ResultCode 0"),
    ]  # fmt: skip


PROGRAMS = {
    "PsychoPy": (psychopy, """
start = "trial {number} start"
go = "go {direction}"
end = "trial end"
success = "correct"
failure = ["timeout", "aborted"]
"""),
    "MonkeyLogic": (monkeylogic, """
start = 9
go = 20
end = 18
success = 96
[markers.degrees]
101 = 0
102 = 45
103 = 90
104 = 135
105 = 180
106 = 225
107 = 270
108 = 315
"""),
    "BCI2000": (bci2000, """
start = "TargetCode {target}"
go = "Feedback 1"
end = ["Feedback 0", "TargetCode 0"]
success = "ResultCode {target}"
targets = 8
"""),
}  # fmt: skip


def recording(
    folder: Path, *streams: tuple[Stream, Sequence[float], Sequence[list[object]]]
) -> Path:
    """An XDF file with spikes and the reaches of twelve trials beside streams of markers."""
    degrees = [45.0 * (k % 8) for k in range(N_TRIALS)]
    moved = reaches(degrees)
    amp = Stream(90, "amp", "Spikes", ["a", "b"], 100, fmt="int16")
    hand = Stream(91, "hand", "Kinematics", ["vx", "vy"], 0, unit="cm/s")
    at_s = (BEGIN_S + moved.time_ns / S).tolist()
    counts = [[k % 3 == 0, k % 5 == 0] for k in range(len(at_s))]
    parts = [amp.header(), hand.header(), *(stream.header() for stream, *_ in streams)]
    parts += [amp.samples(at_s, counts), hand.samples(at_s, moved.values.tolist())]
    parts += [stream.samples(stamps_s, rows) for stream, stamps_s, rows in streams if len(rows)]
    path = folder / "day1.xdf"
    path.write_bytes(xdf(*parts))
    return path


def read_by(folder: Path, markers: str) -> RecordingFile:
    (folder / "recipe.toml").write_text(f'file = "day1.xdf"\n[markers]\n{markers}')
    return load_recording(folder / "recipe.toml")


def of_program(name: str) -> list[Event]:
    one_trial = PROGRAMS[name][0]
    return [
        (2 * trial + at_s, text)
        for trial in range(N_TRIALS)
        for at_s, text in one_trial(trial, trial % 8, trial % 4 != 3)
    ]


def of_docs(name: str) -> str:
    """The [markers] that the docs show for a program."""
    after = DOCS.read_text(encoding="utf-8").partition(f"**{name}** ")[2]
    return after.partition("[markers]\n")[2].partition("```")[0]


def check_trials(found: RecordingFile) -> None:
    trials = found.trials
    assert trials is not None
    won = [trial for trial in range(N_TRIALS) if trial % 4 != 3]
    assert (trials.start_ns // MS).tolist() == [2000 * trial + 100 for trial in won]
    assert (trials.go_ns // MS).tolist() == [2000 * trial + 400 for trial in won]
    assert (trials.end_ns // MS).tolist() == [2000 * trial + 1500 for trial in won]
    assert trials.direction_deg.tolist() == [45.0 * (trial % 8) for trial in won]
    assert "trials that failed, left out: 3" in found.warnings


@pytest.mark.parametrize("name", PROGRAMS)
def test_the_texts_of_each_program_are_trials(name: str, tmp_path: Path) -> None:
    events = of_program(name)
    task = Stream(1, name, "Markers", ["event"], 0, fmt="string")
    recording(tmp_path, (task, [BEGIN_S + at for at, _ in events], [[text] for _, text in events]))
    check_trials(read_by(tmp_path, PROGRAMS[name][1]))


@pytest.mark.parametrize("name", PROGRAMS)
def test_the_examples_of_the_docs_read_what_the_programs_send(name: str) -> None:
    markers = rules(**tomllib.loads("[markers]\n" + of_docs(name))["markers"])
    markers = markers.model_copy(update={"stream": ""})
    # The four targets of the docs, a quarter of a circle apart.
    events = [
        (2 * trial + at_s, text)
        for trial in range(N_TRIALS)
        for at_s, text in PROGRAMS[name][0](trial, trial % 4, trial % 3 != 2)
    ]
    trials, notes = coded_trials(markers, texts(events), None)
    assert trials is not None
    won = [trial for trial in range(N_TRIALS) if trial % 3 != 2]
    assert (trials.go_ns // MS).tolist() == [2000 * trial + 400 for trial in won]
    step_deg = 45.0 if name == "PsychoPy" else 90.0
    assert trials.direction_deg.tolist() == [step_deg * (trial % 4) for trial in won]
    assert "trials that failed, left out: 4" in notes


def test_codes_are_trials_as_texts_are(tmp_path: Path) -> None:
    events = of_program("MonkeyLogic")
    task = Stream(1, "ML", "Markers", ["code"], 0, fmt="int32")
    stamps_s = [BEGIN_S + at for at, _ in events]
    recording(tmp_path, (task, stamps_s, [[int(text) | 0xFF00] for _, text in events]))
    check_trials(read_by(tmp_path, "bits = 255\n" + PROGRAMS["MonkeyLogic"][1]))


@pytest.mark.parametrize("rate_hz", [50, 0])
def test_sampled_states_are_trials_when_they_change(rate_hz: int, tmp_path: Path) -> None:
    names = ["TargetCode", "Feedback", "ResultCode"]
    now, rows = dict.fromkeys(names, 0), []
    events = sorted(
        ((at, *text.split()) for at, text in of_program("BCI2000")), key=lambda event: event[0]
    )
    stamps_s = (BEGIN_S + np.arange(N_TRIALS * 100) / 50).tolist()
    for at_s in stamps_s:
        while events and events[0][0] <= at_s - BEGIN_S + 1e-6:
            _, state, value = events.pop(0)
            now[state] = int(value)
        rows.append([now[name] for name in names])
    states = Stream(1, "BCI2000", "States", names, rate_hz, fmt="int16")
    noise = Stream(2, "eeg", "EEG", ["e"], 50, fmt="int16")
    values = np.random.default_rng(0).integers(0, 9, (len(rows), 1))
    recording(tmp_path, (states, stamps_s, rows), (noise, stamps_s, values.tolist()))
    found = read_by(tmp_path, PROGRAMS["BCI2000"][1])
    check_trials(found)
    assert {one.source for one in found.markers} == {"BCI2000"}, "a signal is no state"


WRONG = {
    "start = 8": r"no marker '8' \(start\) in this file; it holds: 9 \(×36\), 18 \(×36\), 20",
    'start = "trial {number}"': r"no marker 'trial {number}' \(start\)",
    "start = 9\ngo = [7, 8]": r"no marker '7', '8' \(go\)",
    "start = 9\nsuccess = 1": r"no marker '1' \(success\)",
    'start = 9\nstream = "other"': r"no markers of 'other' in this file; it holds those of 'ML'",
    "start = true": "markers.start = True: .*expected a code, such as 9, or a text",
    'start = ""': "an empty text",
    'start = "go {angle}"': r"no placeholder {angle}: expected {direction}",
    'start = "{target} {target}"': "once each",
    'start = 9\nsuccess = "hit {target}"': "{target}, which no start, go, end or direction tells",
    "start = 9\ntargets = 8": "targets needs {target}",
    "stat = 9": "unknown key 'markers.stat': did you mean 'start'",
    "go = 9": "no 'markers.start', which is needed",
    "start = []": "markers.start",
    "start = 9\nbits = -1": "markers.bits = -1",
}  # fmt: skip


@pytest.fixture(scope="module")
def codes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("codes")
    events = of_program("MonkeyLogic")
    task = Stream(1, "ML", "Markers", ["code"], 0, fmt="string")
    recording(folder, (task, [BEGIN_S + at for at, _ in events], [[text] for _, text in events]))
    return folder


@pytest.mark.parametrize("markers", WRONG)
def test_mistakes_are_named_in_one_line(markers: str, codes: Path) -> None:
    with pytest.raises(SessionError, match=WRONG[markers]) as refused:
        read_by(codes, f"end = 18\n{markers}")
    assert "\n" not in str(refused.value)
    assert str(refused.value).count("recipe.toml") == 1


def test_markers_on_another_clock_and_files_without_spikes_say_so(tmp_path: Path) -> None:
    task = Stream(1, "ML", "Markers", ["code"], 0, fmt="int32")
    recording(tmp_path, (task, [9e8, 9e8 + 1], [[9], [18]]))
    with pytest.raises(SessionError, match="no markers: 'ML' was stamped from .* two clocks"):
        read_by(tmp_path, "start = 9\nend = 18\n")
    (tmp_path / "day1.xdf").write_bytes(xdf(task.header(), task.samples([1.0, 2.0], [[9], [18]])))
    assert read_by(tmp_path, "start = 9\nend = 18\n").spikes is None
    with pytest.raises(SessionError, match="no spikes: no stream of type Spikes"):
        draft_recipe(tmp_path / "day1.xdf", "day1.xdf")


def test_keys_of_another_kind_of_recipe_are_refused(codes: Path) -> None:
    for text, reason in (
        ('[spikes]\narray = "a"', "unknown key 'spikes'.* Valid: file, markers, outputs"),
        ("", r"needs \[markers\]"),
        ('[[outputs]]\nchannels = ["a"]', "analog inputs of Blackrock files"),
        (
            '[[outputs]]\nchanels = ["a"]',
            "unknown key 'outputs.0.chanels': did you mean 'channels'",
        ),
    ):
        (codes / "other.toml").write_text(f'file = "day1.xdf"\n{text}')
        with pytest.raises(SessionError, match=reason):
            load_recording(codes / "other.toml")


def test_a_draft_lists_the_markers_and_guesses(tmp_path: Path, codes: Path) -> None:
    draft = draft_recipe(codes / "day1.xdf", "day1.xdf").text
    assert "ML: 9 (×36), 18 (×36), 20 (×12), 96 (×9)" in draft
    (codes / "draft.toml").write_text(draft)
    trials = load_recording(codes / "draft.toml").trials
    assert trials is not None
    assert len(trials) == N_TRIALS
    for name in ("PsychoPy", "BCI2000"):
        events = of_program(name)
        task = Stream(1, name, "Markers", ["event"], 0, fmt="string")
        rows = [[text] for _, text in events]
        recording(tmp_path, (task, [BEGIN_S + at for at, _ in events], rows))
        (tmp_path / "draft.toml").write_text(draft_recipe(tmp_path / "day1.xdf", "day1.xdf").text)
        trials = load_recording(tmp_path / "draft.toml").trials
        assert trials is not None
        assert len(trials) == 9, name
    recording(tmp_path)
    with pytest.raises(SessionError, match="no markers of a task, so a recipe has nothing to say"):
        draft_recipe(tmp_path / "day1.xdf", "day1.xdf")


PLAIN = rules(start="start {target}", go="go", end="end", success="hit {target}", targets=4)


def test_an_outcome_may_come_late_and_must_be_the_trials_own() -> None:
    events = [(1, "start 1"), (2, "go"), (3, "end"), (3.5, "hit 1")]
    events += [(4, "start 2"), (5, "go"), (6, "end"), (6.5, "hit 1")]
    trials, notes = coded_trials(PLAIN, texts(events), None)
    assert trials is not None
    assert (trials.start_ns // S).tolist() == [1]
    assert notes[0] == "trials that failed, left out: 1"


def test_a_direction_after_the_end_is_that_of_no_trial_and_the_first_of_several_counts() -> None:
    cued = rules(start="start", end="end", direction="cue {direction}")
    events = [(1, "start"), (2, "cue 90"), (2.5, "cue 45"), (3, "end"), (3.5, "cue 10")]
    events += [(4, "start"), (5, "cue 20"), (6, "end"), (6.5, "cue 30")]
    trials, notes = coded_trials(cued, texts(events), None)
    assert trials is not None
    assert trials.direction_deg.tolist() == [90, 20]
    assert notes == ("trials with several directions, of which the first is used: 1",)


def test_a_trial_without_end_is_left_out_at_the_next_start() -> None:
    events = [(1, "start 1"), (2, "go"), (4, "start 2"), (5, "go"), (6, "end"), (6, "hit 2")]
    events += [(7, "start 3"), (8, "end"), (8, "hit 3"), (9, "go")]
    trials, notes = coded_trials(rules(**PLAIN.model_dump() | {"success": []}), texts(events), None)
    assert trials is not None
    assert (trials.start_ns // S).tolist() == [4]
    assert "trials without a start, an end or a go cue, left out: 2" in notes


def test_at_one_time_a_trial_ends_before_the_next_starts() -> None:
    events = [
        (0, "start 1"),
        (1, "go"),
        (2, "start 2"),
        (2, "hit 1"),
        (2, "end"),
        (3, "go"),
        (4, "end"),
    ]
    trials, _ = coded_trials(rules(**PLAIN.model_dump() | {"success": []}), texts(events), None)
    assert trials is not None
    assert (trials.end_ns // S).tolist() == [2, 4]
    both = rules(start="block {number}", end="block {number}")
    trials, _ = coded_trials(both, texts([(k, f"block {k}") for k in range(5)]), None)
    assert trials is not None
    assert (trials.start_ns // S).tolist() == [0, 1, 2, 3]


def test_an_exact_text_goes_before_a_placeholder() -> None:
    states = rules(start="TargetCode {target}", end="TargetCode 0")
    events = [(1, "TargetCode 3"), (2, "TargetCode 0"), (3, "TargetCode 4"), (4, "TargetCode 0")]
    trials, _ = coded_trials(states, texts(events), None)
    assert trials is not None
    assert (trials.start_ns // S).tolist() == [1, 3]


def test_a_trial_before_the_session_is_left_out() -> None:
    events = [(-1, "start 1"), (0, "go"), (0.5, "end"), (2, "start 1"), (3, "go"), (4, "end")]
    free = rules(**PLAIN.model_dump() | {"success": []})
    trials, notes = coded_trials(free, texts(events), None)
    assert trials is not None
    assert len(trials) == 1
    assert notes[0] == "trials that began before the session, left out: 1"


@pytest.mark.parametrize(("first", "n_targets"), [(0, 8), (1, 8), (0, 4), (1, 3)])
def test_numbers_of_targets_are_read_from_0_or_1_as_the_movement_shows(
    first: int, n_targets: int
) -> None:
    # The targets that tell both apart by themselves are never shown.
    shown = [1 + k % (n_targets - 1) for k in range(16)]
    degrees = [(number - first) * 360 / n_targets for number in shown]
    events = [(2 * k + at, f"{text}{number if at else ''}") for k, number in enumerate(shown)
              for at, text in ((0.0, "begin"), (0.4, "target "))]  # fmt: skip
    events += [(2 * k + 1.5, "end") for k in range(16)]
    numbered = rules(start="begin", end="end", go="target {target}", targets=n_targets)
    trials, notes = coded_trials(numbered, texts(events), reaches(degrees))
    assert trials is not None
    np.testing.assert_allclose(trials.direction_deg, degrees)
    assert any(f"indices from {first}, which fits where the reaches went" in note for note in notes)


def test_more_targets_than_there_are_is_refused() -> None:
    with pytest.raises(SessionError, match="{target} is 0 to 4, which does not number 4 targets"):
        coded_trials(
            rules(start="start {target}", end="end", targets=4),
            texts([(0, "start 0"), (1, "end"), (2, "start 4"), (3, "end")]),
            None,
        )


def test_many_texts_are_counted_with_their_numbers_open() -> None:
    markers = texts([(k, f"cue {k} at 4.5 cm") for k in range(40)] + [(50, "9"), (51, "9")])
    counts = counts_by_source(markers)
    assert counts == {"task": {"cue {number} at {number} cm": 40, "9": 2}}
    assert in_words({str(k): 1000 for k in range(14)}).endswith("11 (×1,000) and 2 more")
    assert "\n" not in in_words({"a\nb\x07" * 100: 1})


PATTERN = st.one_of(
    st.integers(-3, 20), st.text(max_size=8), st.booleans(), st.floats(), st.none(),
    st.sampled_from(["start {target}", "{direction}", "{number}{number}", "go {", "}{x}", "({"]),
    st.lists(st.sampled_from([9, 18, "go", "start {target}", "{number}"]), max_size=3),
)  # fmt: skip
TEXT = st.one_of(
    st.sampled_from(["9", "18", "20", "go", "start 1", "start 2", "hit 1", "end", "{target}"]),
    st.text(max_size=10), st.integers(-(2**40), 2**40).map(str),
)  # fmt: skip


@given(
    data=st.data(),
    events=st.lists(st.tuples(st.integers(-3, 40), TEXT), max_size=30),
    moves=st.booleans(),
)
def test_no_rules_and_no_markers_are_a_crash(
    data: st.DataObject, events: list[tuple[int, str]], moves: bool
) -> None:
    values = {
        key: data.draw(PATTERN)
        for key in ("start", "end", "go", "success", "failure", "direction", "bits", "targets")
        if key in ("start", "end") or data.draw(st.booleans())
    }
    if data.draw(st.booleans()):
        values["degrees"] = data.draw(st.dictionaries(TEXT, st.floats(-1e9, 1e9), max_size=3))
    behaviour = reaches([0.0, 90.0]) if moves else None
    with suppress(SessionError, ConfigError):
        trials, notes = coded_trials(
            rules(**values), texts([(at * 0.3, text) for at, text in events]), behaviour
        )
        assert trials is None or (trials.start_ns >= 0).all()
        assert all("\n" not in note for note in notes)


@given(
    starts=st.lists(st.integers(300, 5000), min_size=1, max_size=20),
    seed=st.integers(0, 1000),
    repeats=st.integers(1, 3),
)
def test_trials_are_found_to_the_nanosecond_in_any_order_of_markers(
    starts: list[int], seed: int, repeats: int
) -> None:
    begin_ns = np.cumsum(starts) * MS + np.random.default_rng(seed).integers(0, MS, len(starts))
    spans = [(int(at), int(at) + 50 * MS + 7, int(at) + 200 * MS + 3) for at in begin_ns]
    markers = [
        Marker(at + again * MS, "task", text)
        for span in spans
        for at, text in zip(span, ("9", "20", "18"), strict=True)
        for again in range(repeats)
    ]
    np.random.default_rng(seed).shuffle(markers)  # type: ignore[arg-type]
    ordered = [Marker(*one) for one in markers]
    trials, _ = coded_trials(rules(start=9, go=20, end=18), ordered, None)
    assert trials is not None
    found = zip(
        trials.start_ns.tolist(), trials.go_ns.tolist(), trials.end_ns.tolist(), strict=True
    )
    assert list(found) == spans


@settings(max_examples=12, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    rows=st.lists(st.lists(st.integers(-3, 9), min_size=2, max_size=2), max_size=12),
    rate_hz=st.sampled_from([0, 1, 50]),
    labels=st.sampled_from([["TargetCode", "Feedback"], ["", ""], ["a"], ["", "b\n"], ["x"] * 2]),
    fmt=st.sampled_from(["int16", "int32", "string", "float32"]),
)
def test_no_stream_is_a_crash(
    rows: list[list[int]], rate_hz: int, labels: list[str], fmt: str, tmp_path: Path
) -> None:
    task = Stream(1, "task", "Markers", labels, rate_hz, fmt=fmt)
    values: list[list[object]] = [[*row[: len(labels)]] for row in rows]
    recording(tmp_path, (task, (BEGIN_S + np.arange(len(rows))).tolist(), values))
    for markers in ("start = 1\nend = 0\n", 'start = "TargetCode {target}"\nend = "Feedback 0"\n'):
        with suppress(SessionError):
            found = read_by(tmp_path, markers)
            assert list(found.markers) == sorted(found.markers, key=lambda one: one.time_ns)
    with suppress(SessionError):
        (tmp_path / "recipe.toml").write_text(draft_recipe(tmp_path / "day1.xdf", "day1.xdf").text)
        load_recording(tmp_path / "recipe.toml")
