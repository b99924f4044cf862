"""Find what is wrong with the streams on the network: names that are taken, sources that differ."""

from collections.abc import Sequence

import pylsl

from rt_ner.bundle.bundle import Bundle
from rt_ner.core.contract.kinds import DECODER_KINDS, TASK_KINDS, Kind, source_id_of
from rt_ner.decoding.joining.joined_stream import JoinedStream
from rt_ner.live.settings import DecodeSettings, live_binner
from rt_ner.lsl.discovery import metadata_of
from rt_ner.lsl.spikes.header import read_spike_stream
from rt_ner.rig.checks.files import Findings
from rt_ner.rig.file.layout import Rig
from rt_ner.rig.file.settings import SourceKind
from rt_ner.rig.plan.part import DECODER, SOURCE, TASK

_SOURCE_KINDS = (Kind.SPIKES, Kind.EVENTS, Kind.BROADBAND, Kind.KINEMATICS)


def name_findings(
    rig: Rig, findings: Findings, seen: Sequence[pylsl.StreamInfo], running: Sequence[str]
) -> None:
    """Note which names of the rig's streams are taken, but for those of parts that run already."""
    settings = rig.settings
    used: dict[str, tuple[str, tuple[Kind, ...]]] = {
        DECODER: (settings.decoder.published_as, DECODER_KINDS)
    }
    if settings.task.enabled:
        used[TASK] = (settings.task.name, TASK_KINDS)
    if settings.source.kind is not SourceKind.AMPLIFIER:
        used[SOURCE] = (settings.source.published_as, _SOURCE_KINDS)
    for part, (name, kinds) in used.items():
        ids = {source_id_of(name, kind) for kind in kinds}
        # A stream that has just ended stays visible, but does not answer.
        others = [each for each in seen if each.source_id() in ids and metadata_of(each)]
        if others and part not in running:
            findings.lines.append(
                f"the name '{name}' is taken: host {others[0].hostname()} publishes "
                f"'{others[0].source_id()}'. Stop that program, or set name under [{part}]"
            )


def amplifier_findings(
    rig: Rig,
    findings: Findings,
    seen: Sequence[pylsl.StreamInfo],
    bundle: Bundle | None,
    decode: DecodeSettings | None,
) -> None:
    """Note if an amplifier's stream is missing, or does not fit the bundle."""
    if rig.settings.source.kind is not SourceKind.AMPLIFIER:
        return
    wanted = rig.settings.source.spikes
    infos = [_one_of(source_id, seen, findings) for source_id in wanted]
    found = [info for info in infos if info is not None]
    if len(found) < len(wanted) or bundle is None or decode is None:
        return
    with findings.noting():
        shapes = tuple(read_spike_stream(info, decode.input.kind) for info in found)
        stream = JoinedStream(wanted, shapes) if len(wanted) > 1 else shapes[0]
        live_binner(stream, bundle.model, decode)


def _one_of(
    source_id: str, seen: Sequence[pylsl.StreamInfo], findings: Findings
) -> pylsl.StreamInfo | None:
    """Return the full metadata of the stream with this source_id, if it is there and answers."""
    found = [described for info in seen if (described := _described(info, source_id))]
    if len(found) == 1:
        return found[0]
    there = ", ".join(sorted(f"'{info.source_id()}'" for info in seen)) or "none"
    problem = f"{len(found)} streams have" if found else "no stream has"
    findings.lines.append(
        f"{problem} the source_id '{source_id}' of [source]; on the network: {there}. Start the "
        "source's program, or correct source_id"
    )
    return None


def _described(info: pylsl.StreamInfo, source_id: str) -> pylsl.StreamInfo | None:
    return metadata_of(info) if info.source_id() == source_id else None
