"""What writes a recording: LabRecorder to XDF, or rt-ner itself to NWB."""
