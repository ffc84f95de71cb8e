"""Decisions of the worker, pure: no clock, file, process or socket is known here."""
