"""Running a sweep: what is on disk is not done again, failures stop nothing, tables don't vary."""

import errno
import json
from pathlib import Path
from typing import Any

import pytest

from offline_training.engines.engine import InProcess, WorkersLostError
from offline_training.sweep.fitting.job import Job, Outcome, State, run_fit
from offline_training.sweep.plan.fits import Fit
from offline_training.sweep.progress import SweepProgress
from offline_training.sweep.results.locks import locked
from offline_training.sweep.results.tables import read_runs, read_scores
from offline_training.sweep.run import run_sweep
from offline_training.sweep.task_list import run_number, write_task_list
from rt_ner.core.errors import ConfigError
from rt_ner.terminal.progress import Bar
from tests.helpers.fake_fits import BAD_SEED, completions, run_here, score, sweep_in, table_bytes


class Display:
    """Keeps the last bar."""

    def show(self, bar: Bar) -> None:
        self.bar = bar

    def say(self, message: str) -> None:
        self.said = message


class Backwards(InProcess):
    """Runs the last task first, as another number of workers might."""

    def results(self, function: Any, tasks: Any) -> Any:
        return super().results(function, reversed([*tasks]))


def test_every_fit_has_a_result_and_a_row(tmp_path: Path) -> None:
    sweep = sweep_in(tmp_path)
    run_here(sweep)
    keys = {fit.key for fit in sweep.plan()}
    assert sweep.folder.done() == keys
    rows = read_scores(sweep.folder)
    assert {row["key"] for row in rows} == keys
    assert {row["settings.steps"] for row in rows} == {10, 20}
    assert all("seconds" not in name for row in rows for name in row)


def test_done_work_is_not_done_again(tmp_path: Path) -> None:
    sweep = sweep_in(tmp_path)
    run_here(sweep)
    run_here(sweep)
    more = sweep_in(tmp_path, seeds=(0, 1, 2))
    run_here(more)
    assert len(completions(more)) == len(set(completions(more))) == len(more.plan())


def test_the_table_does_not_depend_on_order_or_interruptions(tmp_path: Path) -> None:
    plain, other = sweep_in(tmp_path / "a"), sweep_in(tmp_path / "b")
    run_here(plain)
    run_fit(Job(str(other.folder.path), other.plan()[3], 60.0, {}, score))
    run_sweep(other, Backwards(), SweepProgress(Display(), other.fits_per_method()))
    run_here(other)
    assert table_bytes(plain) == table_bytes(other)


def test_a_failure_is_recorded_and_the_others_go_on(tmp_path: Path) -> None:
    sweep = sweep_in(tmp_path, seeds=(0, BAD_SEED))
    run_here(sweep)
    assert (len(sweep.folder.done()), len(sweep.folder.failed())) == (4, 4)
    failed = [run for run in read_runs(sweep.folder) if run["state"] == "failed"]
    assert {run["error"] for run in failed} == {"ValueError: this seed is bad"}
    assert "raise ValueError" in failed[0]["traceback"]
    run_here(sweep)
    assert len(completions(sweep)) == 4
    assert sweep.folder.forget_failures() == 4
    assert len(sweep.folder.failed()) == 0


def test_a_fit_that_another_process_has_is_left_to_it(tmp_path: Path) -> None:
    sweep = sweep_in(tmp_path)
    fit = sweep.plan()[0]
    job = Job(str(tmp_path), fit, 60.0, {}, score)
    with sweep.folder.claim(fit.key) as is_ours:
        assert is_ours
        assert run_fit(job) == Outcome(State.BUSY)
    assert run_fit(job).state == State.DONE
    assert [*(tmp_path / "running").iterdir()] == []


def test_a_lock_counts_the_processes_that_ended_within_it(tmp_path: Path) -> None:
    sweep = sweep_in(tmp_path)
    lock = tmp_path / "running" / "key.lock"
    lock.write_bytes(b"..")
    with locked(lock) as is_ours:
        assert is_ours
        assert sweep.folder.attempts("key") == 3
    assert sweep.folder.attempts("key") == 0


class Losing(InProcess):
    """An engine whose workers die of each fit with seed 1."""

    def results(self, function: Any, tasks: Any) -> Any:
        for task in tasks:
            if task.fit.seed != 1:
                yield task, function(task)
                continue
            with (Path(task.folder) / "running" / f"{task.fit.key}.lock").open("ab") as lock:
                lock.write(b".")
            yield task, WorkersLostError("lost")


def test_a_fit_that_ends_its_process_again_and_again_fails(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("offline_training.sweep.run._PAUSE_S", 0.0)
    sweep = sweep_in(tmp_path)
    run_sweep(sweep, Losing(), SweepProgress(Display(), sweep.fits_per_method()))
    assert (len(sweep.folder.done()), len(sweep.folder.failed())) == (4, 4)
    _, record = next(sweep.folder.records("failed"))
    assert "memory" in record["error"]


def test_a_full_disk_stops_the_sweep_and_keeps_what_is_done(tmp_path: Path) -> None:
    def fills(fit: Fit, session_file: Path) -> list[dict[str, Any]]:
        if fit.seed == 1:
            raise OSError(errno.ENOSPC, "No space left on device", "fit.json")
        return score(fit, session_file)

    sweep = sweep_in(tmp_path, fit=fills)
    with pytest.raises(OSError, match="No space left"):
        run_here(sweep)
    assert (len(sweep.folder.done()), len(sweep.folder.failed())) == (1, 0)


def test_other_versions_than_the_clients_are_refused_by_name(tmp_path: Path) -> None:
    job = Job(str(tmp_path), sweep_in(tmp_path).plan()[0], 60.0, {"torch": "1.0"}, score)
    with pytest.raises(ConfigError, match=r"torch is .* there and 1\.0 here"):
        run_fit(job)


def test_a_worker_that_does_not_see_the_folder_says_so(tmp_path: Path) -> None:
    job = Job(str(tmp_path / "none"), sweep_in(tmp_path).plan()[0], 60.0, {}, score)
    with pytest.raises(ConfigError, match="does not see"):
        run_fit(job)


def test_a_folder_that_is_no_sweep_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").write_text("do not touch")
    with pytest.raises(ConfigError, match="no sweep"):
        sweep_in(tmp_path)


def test_progress_counts_fits_of_earlier_runs_and_divides_the_time_by_the_workers(
    tmp_path: Path,
) -> None:
    display = Display()
    progress = SweepProgress(display, {"ner": 10})
    progress.n_at_once = 2
    for _ in range(4):
        progress.was_ended("ner")
    for _ in range(2):
        progress.ended("ner", Outcome(State.DONE, 60.0))
    assert (display.bar.count, display.bar.fraction) == ("6/10", 0.6)
    assert display.bar.left is not None
    assert display.bar.left() == "2:00 left"


def test_a_task_list_has_a_command_per_open_fit(tmp_path: Path) -> None:
    sweep = sweep_in(tmp_path / "out")
    run_fit(Job(str(sweep.folder.path), sweep.plan()[2], 60.0, {}, score))
    path = tmp_path / "tasks.txt"
    assert write_task_list(sweep, path) == 7
    numbers = [int(line.split()[-1]) for line in path.read_text().splitlines()]
    assert numbers == [0, 1, 3, 4, 5, 6, 7]
    with pytest.raises(ConfigError, match="there is no fit 8"):
        run_number(sweep.folder.path, 8)
    assert "done" in run_number(sweep.folder.path, 2)


# Optuna


def test_a_search_goes_on_after_an_interruption_as_without_it(tmp_path: Path) -> None:
    settings = {"latent_dim": [1, 2, 3, 4, 5], "steps": [10, 20, 30, 40]}
    more = {"search": "optuna", "combinations": 20, "settings": settings, "seeds": (0,)}
    whole, other = (sweep_in(tmp_path / name, 1, **more) for name in "ab")
    run_here(whole)
    calls = 0

    def interrupted(fit: Fit, session_file: Path) -> list[dict[str, Any]]:
        nonlocal calls
        calls += 1
        if calls == 11:
            raise OSError(errno.ENOSPC, "No space left on device", "fit.json")
        return score(fit, session_file)

    broken = sweep_in(tmp_path / "b", 1, interrupted, **more)
    with pytest.raises(OSError, match="No space"):
        run_here(broken)
    # The journal's last line is cut off, as by a power cut.
    journal = tmp_path / "b" / "optuna" / "ner.journal"
    journal.write_bytes(journal.read_bytes() + b'{"op_code": 4, "wor')
    run_here(other)
    assert table_bytes(whole) == table_bytes(other)
    assert len(completions(other)) == len(set(completions(other)))


def test_a_search_without_settings_to_choose_is_refused(tmp_path: Path) -> None:
    sweep = sweep_in(tmp_path, methods=("wiener",), search="optuna", combinations=4)
    with pytest.raises(ConfigError, match="needs a method with settings"):
        run_here(sweep)


def test_a_damaged_result_is_named(tmp_path: Path) -> None:
    sweep = sweep_in(tmp_path)
    run_here(sweep)
    path = tmp_path / "fits" / f"{sweep.plan()[0].key}.json"
    assert json.loads(path.read_bytes())["format"] == 1
    path.write_bytes(b"")
    with pytest.raises(ConfigError, match=path.name):
        run_here(sweep)
