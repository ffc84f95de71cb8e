"""The worker's side of kanband: from an assignment to its durable result.

``__main__`` starts one of three programs: a reaper of one run, the spawner, a
worker. ``shell`` does the I/O of a worker, ``agents`` knows each kind of agent,
``git`` the repositories, ``core`` decides without I/O. ``shim.py`` is a program of
its own that owns one agent's processes.
"""
