"""Decisions: pure functions over tables. No clock, no randomness, no I/O."""
