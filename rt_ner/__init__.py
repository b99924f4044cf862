"""Real-time decoding of movement from spikes.

The public names below are loaded when they are first used, so that ``import rt_ner`` is quick and
needs neither LSL nor torch. Training is in `offline_training`.
"""

import os
from importlib import import_module
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

# ONNX Runtime reports its use to its maker unless it is told not to before it is loaded.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")

if TYPE_CHECKING:
    from rt_ner.bundle.bundle import Bundle as Bundle
    from rt_ner.bundle.storage import load_bundle as load_bundle
    from rt_ner.core.errors import BundleError as BundleError
    from rt_ner.core.errors import ConfigError as ConfigError
    from rt_ner.core.errors import RtNerError as RtNerError
    from rt_ner.core.errors import SessionError as SessionError
    from rt_ner.core.errors import StreamError as StreamError
    from rt_ner.data.loading import load_recording as load_recording
    from rt_ner.data.loading import load_session as load_session
    from rt_ner.data.loading import save_session as save_session
    from rt_ner.data.recordings import RecordingFile as RecordingFile
    from rt_ner.data.session.session import Session as Session
    from rt_ner.decoding.binning.voltage.settings import VoltageSettings as VoltageSettings
    from rt_ner.live.live_decoder import LiveDecoder as LiveDecoder
    from rt_ner.live.settings import DecodeSettings as DecodeSettings
    from rt_ner.live.states import Command as Command
    from rt_ner.live.states import State as State
    from rt_ner.offline.decoding import DecodedSession as DecodedSession
    from rt_ner.offline.decoding import decode as decode
    from rt_ner.recalibration.block import ClosedLoopBlock as ClosedLoopBlock
    from rt_ner.recalibration.block_file import load_block as load_block
    from rt_ner.recalibration.learning import recalibrate as recalibrate

_MODULES = {
    "Bundle": "rt_ner.bundle.bundle",
    "ClosedLoopBlock": "rt_ner.recalibration.block",
    "BundleError": "rt_ner.core.errors",
    "Command": "rt_ner.live.states",
    "ConfigError": "rt_ner.core.errors",
    "DecodedSession": "rt_ner.offline.decoding",
    "DecodeSettings": "rt_ner.live.settings",
    "LiveDecoder": "rt_ner.live.live_decoder",
    "RecordingFile": "rt_ner.data.recordings",
    "RtNerError": "rt_ner.core.errors",
    "Session": "rt_ner.data.session.session",
    "SessionError": "rt_ner.core.errors",
    "State": "rt_ner.live.states",
    "StreamError": "rt_ner.core.errors",
    "VoltageSettings": "rt_ner.decoding.binning.voltage.settings",
    "decode": "rt_ner.offline.decoding",
    "load_block": "rt_ner.recalibration.block_file",
    "load_bundle": "rt_ner.bundle.storage",
    "load_recording": "rt_ner.data.loading",
    "load_session": "rt_ner.data.loading",
    "recalibrate": "rt_ner.recalibration.learning",
    "save_session": "rt_ner.data.loading",
}
__all__ = ["__version__", *_MODULES]  # noqa: PLE0604 - names of strings


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module 'rt_ner' has no attribute '{name}'")
    value = getattr(import_module(_MODULES[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
