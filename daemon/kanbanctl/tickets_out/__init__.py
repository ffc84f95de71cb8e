"""Tickets as people write them, so that ``tickets_in`` reads the same tickets again.

``portable`` makes of tickets what does not depend on their numbers; ``jsonl``,
``csvfile`` and ``markdown`` write that. Nothing here opens a file or speaks to the
daemon.
"""
