"""What a callable of kind ``python`` is written against.

    from kanban_worker.callable import Context, Later, Outcome, Work

    def resize(work: Work, context: Context) -> Outcome: ...

Everything else of this package may change between versions; these four do not without a
word in the changelog.
"""

from kanban_ipc.link import Work
from kanban_worker.agents.python import Context, Later, Outcome

__all__ = ["Context", "Later", "Outcome", "Work"]
