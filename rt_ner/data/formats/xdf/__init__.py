"""XDF files, as LabRecorder writes them."""
