"""The daemon: ``core`` decides, ``store`` remembers, ``shell`` does."""
