"""``kanband --doctor``: an installation looked at from outside, daemon or no daemon.

A process of its own, which the daemon starts for ``Doctor`` and ``kanbanctl`` where no
daemon answers: so a check that takes long (every page of the store, every line of the
journal) delays no run. It reads and changes nothing. Each module holds checks of one
kind and says of everything that is wrong which command mends it; ``examination`` puts
them together. Absent: what only a living daemon knows (``methods.doctor``).
"""

from kanband.shell.doctor.examination import examine

__all__ = ["examine"]
