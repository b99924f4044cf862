"""Open a recording of streams, of either format."""

from pathlib import Path

from rt_ner.core.errors import SessionError
from rt_ner.data.formats.streams.samples import RecordedStreams

RECORDINGS = (".xdf", ".nwb")


def recorded_streams(path: Path) -> RecordedStreams:
    """Return the streams of a recording.

    Raises
    ------
    SessionError
        If it is no recording of streams, or can't be read.

    """
    if path.suffix.lower() not in RECORDINGS:
        raise SessionError(f"{path}: expected a recording, {' or '.join(RECORDINGS)}")
    # pyxdf and h5py are extras, and both readers need what stands beside this.
    try:
        if path.suffix.lower() == ".nwb":
            from rt_ner.data.formats.nwb.live.reader import (  # noqa: PLC0415
                recorded_streams as nwb_streams,
            )

            return nwb_streams(path)
        from rt_ner.data.formats.xdf.reader import (  # noqa: PLC0415
            recorded_streams as xdf_streams,
        )

        return xdf_streams(path)
    except ImportError as error:
        raise SessionError(
            f"{path}: this needs another package ({error}): pip install 'rt-ner[formats]'"
        ) from error
    except (SessionError, OSError) as error:
        reason = str(error)
        raise SessionError(
            reason if reason.startswith(str(path)) else f"{path}: {reason}"
        ) from error
