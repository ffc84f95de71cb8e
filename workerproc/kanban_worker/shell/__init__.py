"""The worker's I/O: link, slots, runs, shims, files."""
