"""What the programs of kanband say to each other, and nothing else.

Three conversations, each a module or a package:

* ``link``: a worker and the daemon, over ZeroMQ (``frames`` is its codec);
* ``spawning``: the daemon and the spawner, over a Unix socket;
* ``control``: any client and the daemon, over Varlink (``io.kanban.varlink`` is
  the description, ``varlink`` the codec).

``words`` holds the states and classes all of them name, ``bounds`` every limit,
``layout`` the places on disk that more than one program reads, ``version`` which
kanband it is. There is no socket, clock, thread or file access here: only data and its
encoding.
"""
