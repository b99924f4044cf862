"""Writers of recordings: LabRecorder, to XDF, and our own, to NWB."""
