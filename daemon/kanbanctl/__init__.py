"""The command line: says to the daemon what a person typed, and shows the answer.

Every command is thin over one method of ``io.kanban`` and has a file of its name in
``commands``. ``client`` speaks, ``output`` and what it uses (``tables``, ``times``,
``wording``, ``jsonform``, ``views``) show, ``tickets_in`` reads files of tickets,
``failures`` says what each failure is worth as an exit code. Absent: asyncio, threads,
and any decision about tickets or workers; those are the daemon's.
"""
