"""What every part of the model needs: the world, and what wakes in it."""

from collections.abc import Sequence

from kanban_ipc.words import TicketState
from kanband.core.tickets import wait_of
from kanband.store.model.world import TicketRecord, World


class Part:
    """A part of the verbs, on a world."""

    def __init__(self, world: World) -> None:
        self._world = world

    def _wait(self, ticket: TicketRecord, due_ms: int | None, now_ms: int) -> None:
        ticket.waits_for = wait_of(due_ms, unmet=ticket.unmet, now_ms=now_ms)
        ticket.due_at_ms = due_ms if ticket.waits_for == "due" else None

    def _end_cooling(self, ticket: TicketRecord) -> None:
        ticket.cooling = ticket.due_at_ms = None
        ticket.waits_for = "depends" if ticket.unmet else None

    def _open_dependents(self, completed: Sequence[int]) -> bool:
        woke = False
        for ticket in self._world.tickets.values():
            news = [on for on in completed if ticket.depends.get(on) is False]
            for on in news:
                ticket.depends[on] = True
            if news and ticket.waits_for == "depends" and not ticket.unmet:
                ticket.waits_for = None
                woke = True
        return woke

    def _wake(self, released: Sequence[str]) -> bool:
        """For each place that became free, the best parked ticket of each lane; and
        the oldest, for the claim that takes the oldest.
        """
        woke = False
        oldest: dict[tuple[str, str, str], TicketRecord] = {}
        for ticket in self._world.tickets.values():
            repo = ticket.new.repo_path
            if ticket.waits_for == "repo" and repo is not None and repo in released:
                oldest.setdefault((repo, ticket.new.board, ticket.new.agent), ticket)
        for repo_path in released:
            best: dict[tuple[str, str], TicketRecord] = {}
            for ticket in self._world.tickets.values():
                if ticket.waits_for == "repo" and ticket.new.repo_path == repo_path:
                    lane = (ticket.new.board, ticket.new.agent)
                    other = best.setdefault(lane, ticket)
                    best[lane] = min(ticket, other, key=lambda one: (one.band, one.id))
            for ticket in best.values():
                ticket.waits_for = None
                woke = True
        for ticket in oldest.values():
            ticket.waits_for = None
        return woke


def enter(ticket: TicketRecord, state: TicketState, now_ms: int) -> None:
    """The ticket is in another state; what it waited for is forgotten."""
    ticket.state = state
    ticket.waits_for = ticket.cooling = None
    ticket.updated_at_ms = ticket.state_changed_at_ms = now_ms


def keep_places(ticket: TicketRecord, branch: str, worktree: str) -> None:
    """Where its work is, as far as a run said so."""
    ticket.branch = branch or ticket.branch
    ticket.worktree = worktree or ticket.worktree
