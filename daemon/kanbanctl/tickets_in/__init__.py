"""Tickets out of what people write: options, JSON Lines, CSV, Markdown checklists.

``jsonl``, ``csvfile`` and ``markdown`` cut a text into items, ``fields`` makes a ticket
of an item, ``batch`` checks a whole file before anything is sent. Nothing here opens a
file, reads a clock or speaks to the daemon.
"""
