"""Run the whole pipeline on one computer, with each part in its own process, as in the rig."""

import json
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch

from offline_training.demo.listener import Listener
from offline_training.demo.live_score import LiveScore, score_live
from offline_training.figures.report import draw_report
from offline_training.settings import TrainSettings
from offline_training.training import save_trained, train_bundle
from rt_ner.bundle.bundle import Bundle
from rt_ner.bundle.manifest import named_scores
from rt_ner.bundle.storage import check_writable, load_bundle
from rt_ner.core.atomic_files import replace_file
from rt_ner.core.clock import NS_PER_S
from rt_ner.core.contract.kinds import Kind, source_id_of
from rt_ner.core.contract.outputs import kind_of, names_of, stream_of
from rt_ner.data.loading import load_session
from rt_ner.data.session.session import Session
from rt_ner.lsl.streams import quiet_liblsl
from rt_ner.offline.decoding import decode_session
from rt_ner.offline.held_out.proof import Trained
from rt_ner.system.processes import ChildProcess, child_process
from rt_ner.system.scheduling import no_garbage_collection
from rt_ner.terminal.options import recipe_arguments
from rt_ner.terminal.progress import Progress

_SIMULATE_S, _CONNECT_S, _END_S = 120.0, 120.0, 10.0


@dataclass(frozen=True)
class DemoPlan:
    """Plan of a demo; ``out`` is the folder for the results."""

    session_file: Path | None
    recipe: Path | None
    area: str | None
    out: Path
    settings: TrainSettings
    device: torch.device
    with_view: bool


@dataclass(frozen=True, eq=False)
class DemoResult:
    """Results of a demo."""

    session: Session
    trained: Trained
    live: LiveScore
    picture: Path

    def summary(self) -> dict[str, object]:
        """Return the scores and latencies as JSON values."""
        manifest = self.trained.bundle.manifest
        comparison = self.live.comparison
        live = {"r2": comparison.r2(), "path_r2": comparison.path_r2()}
        return {
            "session": self.session.name,
            "area": self.session.area,
            "offline": manifest.model_dump(mode="json")["scores"],
            "live": {
                **named_scores(live, manifest.decoded_outputs),
                "identical_to_offline": self.live.identical_to_offline,
                "bins": self.live.n_bins,
                "dropped": self.live.n_dropped,
                "missed_deadlines": self.live.n_missed,
            },
            "latency_us": self.live.latency_us,
            "train_s": round(self.trained.train_s, 1),
            "picture": str(self.picture),
        }


def run_demo(plan: DemoPlan, progress: Progress, warn: Callable[[str], None]) -> DemoResult:
    """Simulate or load a session, train, and decode its held-out trials live from a replay."""
    quiet_liblsl()
    bundle_folder = plan.out / "bundle"
    check_writable(bundle_folder, overwrite=True)
    session_file = plan.session_file or _simulate(plan)
    session = load_session(session_file, plan.area, tell=warn, recipe=plan.recipe)
    trained = train_bundle(session, plan.settings, plan.device, progress, warn)
    save_trained(trained, bundle_folder, overwrite=True)
    bundle = load_bundle(bundle_folder)
    session = session.only(names_of(bundle.manifest.decoded_outputs))
    live = _decode_live(session_file, session, bundle, plan, progress)
    result = DemoResult(session, trained, live, plan.out / "demo.png")
    replace_file(result.picture, _drawn(result))
    summary = json.dumps(result.summary(), indent=2) + "\n"
    replace_file(plan.out / "demo.json", summary.encode())
    return result


def _drawn(result: DemoResult) -> bytes:
    live = result.live.comparison
    subtitle = (
        f"decoded live over LSL; {kind_of(live.labels.outputs)} R² {live.r2():.2f}, "
        f"shuffled control {result.trained.bundle.manifest.scores.shuffled_r2:.2f}"
    )
    title = f"rt-ner: {result.session.name} {result.session.area}, held-out trials"
    return draw_report(live, title, subtitle)


def _simulate(plan: DemoPlan) -> Path:
    plan.out.mkdir(parents=True, exist_ok=True)
    session_file = plan.out / "demo-session.npz"
    session_file.unlink(missing_ok=True)
    arguments = ["simulate", str(session_file), "--seed", str(plan.settings.seed)]
    with child_process(arguments, plan.out) as simulation:
        simulation.finish(_SIMULATE_S)
    return session_file


def _decode_live(
    session_file: Path, session: Session, bundle: Bundle, plan: DemoPlan, progress: Progress
) -> LiveScore:
    """Replay the held-out trials to a decoder, and record the streams of both processes."""
    begin_ns = int(session.trials.start_ns[bundle.manifest.training.n_train_trials])
    # Unique names, so that a demo on a lab's network never meets a rig's streams.
    tag = uuid.uuid4().hex[:8]
    replay_name, decoder_name = f"demo-replay-{tag}", f"demo-decoder-{tag}"
    view = "--view" if plan.with_view else "--no-view"
    decode = ["decode", str(plan.out / "bundle"), view, "--wait", str(_CONNECT_S)]
    decode += ["--source", source_id_of(replay_name, Kind.SPIKES), "--name", decoder_name]
    replay = ["replay", str(session_file), "--area", session.area, "--name", replay_name]
    replay += recipe_arguments(plan.recipe)
    replay += ["--held-out", str(plan.settings.held_out), "--wait-for", "spikes,markers,pushed"]
    with child_process(decode, plan.out) as decoder:
        output = stream_of(bundle.manifest.decoded_outputs)
        listener = Listener(decoder_name, decoder, output)
        with child_process(replay, plan.out) as source:
            listener.connect_replay(replay_name, source)
            _listen(
                listener,
                decoder,
                source,
                lambda part: progress("live decoding", part, None),
                session.end_ns - begin_ns,
            )
            source.finish(_END_S)
        decoder.interrupt()
        decoder.finish(_END_S)
    # From where the replay begins: a running normalisation depends on all that came before.
    offline = decode_session(bundle.model, session, begin_ns)
    return score_live(listener.heard(), offline, session, bundle.manifest.window, begin_ns)


def _listen(
    listener: Listener,
    decoder: ChildProcess,
    source: ChildProcess,
    progress: Callable[[float], None],
    duration_ns: int,
) -> None:
    """Listen until the replay has ended and no more velocities come."""
    first_s: float | None = None
    with no_garbage_collection():
        while not decoder.has_ended():
            stamp_s = listener.listen()
            if stamp_s is not None:
                first_s = stamp_s if first_s is None else first_s
                progress(min((stamp_s - first_s) * NS_PER_S / duration_ns, 1.0))
            elif listener.session_ended or source.has_ended():
                return
    decoder.finish(0.0)
