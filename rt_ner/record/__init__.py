"""Record: all streams of a session to XDF, by the real LabRecorder, in a process of its own."""
