"""The report says what happened in a recording, and holds nothing that could run."""

import base64
import re
from datetime import UTC, datetime
from hashlib import sha256
from html.parser import HTMLParser
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from rt_ner.core.errors import RtNerError, SessionError

pytest.importorskip("pyxdf")
from rt_ner.cli import build_app
from rt_ner.record.processes import report_process
from rt_ner.record.rig_events import Happened, RigEvent, RigEventFile
from rt_ner.report.figures.drawing.plot import Axis
from rt_ner.report.page.document import in_order, page_of
from rt_ner.report.page.sections.overview import overview_of
from rt_ner.report.reading.electrodes import Electrodes
from rt_ner.report.reading.session import Session, read_session
from rt_ner.report.reading.streams import Wanted
from rt_ner.task.scores import bit_rate, machine_scores, score_block
from rt_ner.task.settings import Layout, Selection, TaskSettings
from tests.helpers.recorded_sessions import (
    BEGIN_S,
    PlayedTask,
    decoder_streams,
    task_streams,
    write_session,
)
from tests.helpers.xdf_files import Stream, chunk, xdf

EVIL = '</p><script>alert(1)</script><img src="http://x/y" onerror="alert(2)">\x07'
LABELS = ["elec001", "elec<b>2", "elec003"]
PLAYED = PlayedTask()


def recording(folder: Path, **about: object) -> Path:
    return write_session(folder, decoder_streams(LABELS, EVIL), task_streams(PLAYED), **about)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return recording(tmp_path_factory.mktemp("r"))


@pytest.fixture(scope="module")
def session(path: Path) -> Session:
    return read_session(path)


class Tags(HTMLParser):
    """The elements of a page, and all that they would load or run."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.loads: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.loads += [
            f"{name}={value}"
            for name, value in attrs
            if name in ("src", "href", "style") or name.startswith("on")
        ]


def test_scores_are_the_task_s_own(session: Session) -> None:
    assert session.task
    assert session.task.whole.score == score_block(PLAYED.machine.trials)
    n_choices = PLAYED.settings.n_choices
    assert n_choices
    assert session.task.whole.bit_rate_bps == bit_rate(PLAYED.machine.trials, n_choices)
    assert [block.decoder for block in session.task.blocks] == [1, 2]
    assert sum(block.score.trials for block in session.task.blocks) == 6


def test_clicks_are_scored_as_the_task_scores_them_and_block_by_block(tmp_path: Path) -> None:
    settings = TaskSettings(
        layout=Layout.GRID, selection=Selection.CLICK, trials=12, timeout_s=1.0, seed=1
    )
    played = PlayedTask(settings)
    path = write_session(tmp_path, decoder_streams(LABELS, "n"), task_streams(played))
    session = read_session(path)
    assert session.task
    own, whole, blocks = machine_scores(played.machine), session.task.whole, session.task.blocks
    outcomes = [(bool(one.selected), one.success) for one in played.machine.trials]
    assert {(True, True), (True, False), (False, False)} == set(outcomes)
    assert whole.bit_rate_bps == own["bitrate_bps"]
    assert whole.false_clicks_per_min == own["false_clicks_per_min"] > 0
    assert len(blocks) == 2, "a swap"
    minutes = [(one.trials[-1].end_ns - one.trials[0].go_ns) / 60e9 for one in blocks]
    n_false = sum(one.false_clicks_per_min * m for one, m in zip(blocks, minutes, strict=True))
    assert n_false == pytest.approx(played.machine.n_false_clicks)
    page = page_of([session]).decode()
    assert "6 × 6 cells of 3.3 cm, by clicks" in page
    assert "false clicks / min" in page
    assert f"{blocks[1].false_clicks_per_min:.2f}" in page


def test_states_losses_swaps_and_latency_are_those_of_the_loop(session: Session) -> None:
    stays = [(stay.state, round(stay.length_s, 1)) for stay in session.stays]
    assert stays == [("RUNNING", 6.2), ("STALE", 0.8), ("WARMING", 0.5), ("RUNNING", 4.5)]
    timing = session.timing
    assert timing
    assert timing.totals["missing"] == 10
    assert timing.lost["missing"][0].tolist() == [int((BEGIN_S + 3.0) * 1e9)]
    assert timing.swaps_ns == [int((BEGIN_S + 4.5) * 1e9)]
    found = overview_of(session)
    assert found.median_ms == pytest.approx(0.5, abs=1e-3)
    assert found.largest_ms == pytest.approx(0.5, abs=1e-3)
    assert isinstance(session.electrodes, Electrodes)
    assert session.electrodes.named(session.electrodes.silent) == ["elec003"]
    assert session.electrodes.rate_hz[0] == pytest.approx(550 / 11.98)


def test_the_page_runs_and_loads_nothing_whatever_a_recording_holds(session: Session) -> None:
    page = page_of([session]).decode()
    found = Tags(page)
    assert found.tags.isdisjoint({"script", "img", "iframe", "object", "link", "b2", "form"})
    assert all(load.startswith("href=data:image/png;base64,") for load in found.loads)
    assert "alert(1)" in page, "the notice is there, as text"
    style = re.search("<style>(.*?)</style>", page, re.DOTALL)
    assert style
    digest = base64.b64encode(sha256(style[1].encode()).digest()).decode()
    assert f"default-src 'none'; style-src 'sha256-{digest}'; img-src data:" in page
    for said in ("67 %", "10 missing", "STALE once", "Another bundle", "Silent: elec003"):
        assert said in page


def test_nwb_gives_the_same_page(path: Path, session: Session, tmp_path: Path) -> None:
    pytest.importorskip("pynwb")
    from rt_ner.data.formats.xdf.reader import recorded_streams
    from tests.helpers.live_nwb import write_live

    nwb = tmp_path / path.with_suffix(".nwb").name
    write_live(recorded_streams(path), nwb)
    pages = [page_of([one]).decode() for one in (session, read_session(nwb))]
    # Only NWB says when recording began.
    pages = [re.sub(r"began [\d: -]+ UTC|start unknown", "", page) for page in pages]
    pages = [page.replace(".nwb", ".xdf").replace("\ufffd", "?") for page in pages]
    parts = [re.sub(r"Notices and commands.*?</section>", "", page) for page in pages]
    written = [re.sub(r"Written by.*", "", part) for part in parts]
    assert written[0] == written[1]


def test_a_recording_without_decoder_or_task_says_what_is_missing(tmp_path: Path) -> None:
    task = read_session(write_session(tmp_path, task_streams(PLAYED)))
    assert any("No decoder was recorded" in line for line in task.missing)
    assert "of 6 trials succeeded" in page_of([task]).decode()
    decoder = read_session(write_session(tmp_path, decoder_streams(LABELS, "n")))
    assert any("No task was recorded" in line for line in decoder.missing)
    assert "10 missing" in page_of([decoder]).decode()
    raster = Stream(1, "amp", "Spikes", ["a", "b"], 1000, fmt="int16")
    stamps_s = [BEGIN_S + n / 1000 for n in range(1, 101)]
    source = [raster.header(), raster.samples(stamps_s, [[1, 0]] * 100)]
    alone = read_session(write_session(tmp_path, source))
    assert isinstance(alone.electrodes, Electrodes)
    assert alone.electrodes.named(alone.electrodes.silent) == ["b"]
    assert "No decoder was recorded" in page_of([alone]).decode()


def test_spikes_that_cover_only_a_part_need_attention(tmp_path: Path) -> None:
    """A source that stopped, or fell behind, is not something to train on unseen."""
    raster = Stream(90, "amp", "Spikes", ["a", "b"], 1000, fmt="int16")
    stamps_s = [BEGIN_S + n / 1000 for n in range(1, 1001)]
    source = [raster.header(), raster.samples(stamps_s, [[1, 0]] * 1000)]
    page = page_of([read_session(write_session(tmp_path, source, task_streams(PLAYED)))]).decode()
    assert re.search(r"Spikes were recorded for [\d.]+ s of [\d.]+ s: the source stopped", page)
    whole = page_of([read_session(write_session(tmp_path, source))]).decode()
    assert "Spikes were recorded for" not in whole


def test_another_rig_s_streams_are_told_and_can_be_chosen(tmp_path: Path) -> None:
    other = decoder_streams(LABELS, "n", name="other", seconds=2.0, first=21)
    path = write_session(tmp_path, decoder_streams(LABELS, "n"), other)
    assert "The report is of the decoder dec; the recording also holds other" in str(
        read_session(path).missing
    )
    assert read_session(path, Wanted("other")).length_s < 2.5
    assert read_session(path, Wanted("third")).timing is None


def test_damage_is_told_and_a_file_without_samples_is_an_error(path: Path, tmp_path: Path) -> None:
    cut = tmp_path / path.name
    cut.write_bytes(path.read_bytes()[:-2000])
    assert "Damaged: " in page_of([read_session(cut)]).decode()
    with pytest.raises(SessionError, match="without samples"):
        read_session(write_session(tmp_path, [], run=2))
    (tmp_path / "x.xdf").write_text("no")
    with pytest.raises(SessionError, match=r"x\.xdf: not XDF"):
        read_session(tmp_path / "x.xdf")
    with pytest.raises(SessionError, match=r"expected a recording, \.xdf or \.nwb"):
        read_session(tmp_path / "x.csv")


def test_several_sessions_are_a_history_of_one_animal(path: Path, tmp_path: Path) -> None:
    louder = decoder_streams(["elec001", "new", "elec<b>2"], "n")
    later = read_session(write_session(tmp_path, louder, task_streams(PLAYED), run=2))
    before = read_session(path)
    page = page_of([later, before]).decode()
    assert "M: 2 sessions" in page
    assert page.index("brain, run 1") < page.index("brain, run 2")
    assert isinstance(later.electrodes, Electrodes)
    assert isinstance(before.electrodes, Electrodes)
    assert later.electrodes.changes_since(before.electrodes) == {
        "silent now": ["elec<b>2"],
        "not in the earlier session": ["new"],
    }
    other = read_session(recording(tmp_path, subject="N"))
    with pytest.raises(SessionError, match="recordings of M, N: expected those of one animal"):
        page_of([before, other])


def test_the_command_leaves_out_what_it_can_t_read(path: Path, tmp_path: Path) -> None:
    out, bad = tmp_path / "day.html", tmp_path / "bad.xdf"
    bad.write_text("no")
    done = CliRunner().invoke(build_app(), ["report", str(path), str(bad), "--out", str(out)])
    assert done.exit_code == 0, done.output
    assert "bad.xdf: not XDF" in out.read_text(encoding="utf-8")
    failed = CliRunner().invoke(build_app(), ["report", str(bad), "--out", str(out)])
    assert isinstance(failed.exception, SessionError)


def test_a_report_that_fails_is_a_notice(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    class Failing:
        def __init__(self, *_: object, **__: object) -> None:
            pass

        def finish(self, _: float) -> None:
            raise RtNerError("ended with code 2")

        def end(self) -> None:
            pass

    told: list[str] = []
    monkeypatch.setattr(report_process, "ChildProcess", Failing)
    path = tmp_path / "a.xdf"
    report_process.write_report([path], tmp_path / "a.html", told.append, in_background=True)
    assert "no session report: ended with code 2" in told[-1]
    assert f"rt-ner report {path}" in told[-1]


def test_the_start_is_read_from_either_format(path: Path, tmp_path: Path) -> None:
    copy = tmp_path / path.name
    copy.write_bytes(path.read_bytes())
    session = dated(copy, "2026-01-02T10:00:00+0200")
    assert session.started_at == datetime(2026, 1, 2, 8, tzinfo=UTC)
    assert "began 2026-01-0" in page_of([session]).decode()


def dated(path: Path, begin: str) -> Session:
    """The session of a recording, with this begin in its file."""
    info = f"<info><version>1.0</version><datetime>{begin}</datetime></info>"
    path.write_bytes(b"XDF:" + chunk(1, info.encode()) + path.read_bytes()[len(xdf()) :])
    return read_session(path)


def test_runs_keep_their_order_when_the_clock_was_set_back_between_them(tmp_path: Path) -> None:
    streams = task_streams(PLAYED)
    first = dated(write_session(tmp_path, streams), "2026-10-25T02:50:00+0200")
    second = dated(write_session(tmp_path, streams, run=2), "2026-10-25T01:55:00+0200")
    assert in_order([second, first]) == [first, second]


def rig_event(recording: str, at_s: float, kind: Happened, of: str, text: str) -> RigEvent:
    return RigEvent(
        kind=kind, of=of, text=text, time_ns=int((BEGIN_S + at_s) * 1e9),
        at=datetime(2026, 1, 2, 8, tzinfo=UTC), recording=recording,
    )  # fmt: skip


def test_what_happened_to_the_rig_is_shown_at_its_time(tmp_path: Path) -> None:
    path = recording(tmp_path)
    events = RigEventFile(tmp_path / "sub-M_ses-day1_rig.jsonl")
    events.add(rig_event("", -20.0, Happened.DIED, "source", "before it all"))
    events.add(rig_event(path.name, 5.0, Happened.FROZEN, "task", "does nothing <b>"))
    events.add(rig_event(path.name, 5e4, Happened.BACK, "task", "much later"))
    session = read_session(path)
    assert [time_ns for time_ns, _ in session.rig.events] == [int((BEGIN_S + 5) * 1e9), None]
    page = page_of([session]).decode()
    assert "The rig, task: frozen once, at 0:0" in page
    assert "does nothing &lt;b&gt;" in page
    assert page.index("before it all") > page.index("The rig while nothing was recorded")
    (tmp_path / "sub-M_ses-day1_rig.jsonl").write_bytes(b"{}\n")
    assert "1 lines of sub-M_ses-day1_rig.jsonl can't be read" in read_session(path).damage


@given(st.floats(-1e6, 1e6), st.floats(1e-6, 1e6))
def test_an_axis_has_a_few_ticks_in_its_range(low: float, span: float) -> None:
    axis = Axis(low, low + span, "rate (spikes/s)")
    values = [value for value, _ in axis.marks()]
    assert len(values) <= 8
    assert all(low - 1e-6 * span <= value <= low + 1.000001 * span for value in values)
