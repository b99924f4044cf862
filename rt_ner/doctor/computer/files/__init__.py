"""Read and write the files by which Linux is set."""
