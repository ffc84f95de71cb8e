"""One file for each command, with its name; each has a ``command``.

A new command needs its file here and its name in ``cli.TOPICS``.
"""
