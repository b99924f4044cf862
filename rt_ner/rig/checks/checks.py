"""List all that is wrong with a rig, or with a step of its day, before anything starts."""

from collections.abc import Sequence

import pylsl

from rt_ner.rig.checks.files import (
    Findings,
    bundle_findings,
    computer_findings,
    place_findings,
    session_findings,
    settings_findings,
)
from rt_ner.rig.checks.page import page_findings
from rt_ner.rig.checks.streams import amplifier_findings, name_findings
from rt_ner.rig.file.layout import Rig
from rt_ner.rig.plan.steps import Step


def findings_of(
    rig: Rig,
    seen: Sequence[pylsl.StreamInfo],
    running: Sequence[str] = (),
    step: Step | None = None,
) -> list[str]:
    """Return all that is wrong, one line each.

    Parameters
    ----------
    rig
        The rig.
    seen
        The streams on the network.
    running
        Names of the parts that run already and are to be taken over.
    step
        The step of the day that is to begin; None: the whole rig, with its decoder.

    Returns
    -------
    list[str]
        One line for each problem, with the remedy.

    """
    findings = Findings()
    decode = settings_findings(rig, findings)
    place_findings(rig, findings)
    computer_findings(rig, findings, step)
    uses_bundle = step not in (Step.CALIBRATE, Step.TRAIN)
    bundle = bundle_findings(rig, findings) if uses_bundle else None
    session_findings(rig, findings, bundle, decode)
    if step in (None, Step.CALIBRATE, Step.DECODE):
        name_findings(rig, findings, seen, running)
        amplifier_findings(rig, findings, seen, bundle, decode)
    findings.lines += page_findings(rig.settings.page, running)
    return findings.lines
