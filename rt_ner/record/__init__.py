"""Record all streams of a session, to XDF with the real LabRecorder or to NWB."""
