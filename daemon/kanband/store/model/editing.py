"""``edit``, ``comment`` and ``delete`` in memory."""

from collections.abc import Sequence

import msgspec

from kanban_ipc.control import Deleted, NotFound, TicketComment, TicketEdit
from kanban_ipc.words import Author
from kanband.core import journal
from kanband.core.editing import Edited, circle, edited
from kanband.core.priority import band, of_number
from kanband.store import sayings
from kanband.store.editing import gives_up_turn, refused_by_itself, wait_after
from kanband.store.model.part import Part
from kanband.store.model.world import BoardRecord, TicketRecord
from kanband.store.values import EditRefusal, Moved, Removed


class Editing(Part):
    """``edit``, ``comment`` and ``delete`` in memory."""

    def edit(
        self, ticket_ids: Sequence[int], edit: TicketEdit, *, now_ms: int
    ) -> list[Moved | EditRefusal]:
        return [self._edit(number, edit, now_ms) for number in ticket_ids]

    def _edit(
        self, ticket_id: int, edit: TicketEdit, now_ms: int
    ) -> Moved | EditRefusal:
        ticket = self._world.tickets.get(ticket_id)
        if ticket is None:
            return sayings.not_found(ticket_id)
        outcome = edited(ticket.shown(), edit)
        if isinstance(outcome, str):
            return sayings.impossible(ticket_id, outcome)
        if refusal := self._refusal(ticket, outcome):
            return refusal
        woke = bool(outcome.changed) and self._change(ticket, outcome, now_ms)
        return Moved(ticket=self._world.shown(ticket), woke=woke)

    def _refusal(self, ticket: TicketRecord, outcome: Edited) -> EditRefusal | None:
        if refusal := refused_by_itself(ticket.shown(), outcome):
            return refusal
        added = sorted(set(outcome.new.depends_on) - set(ticket.depends))
        for number in added:
            if number not in self._world.tickets:
                reason = sayings.unknown_dependency(number)
                return sayings.impossible(ticket.id, reason)
        tickets = self._world.tickets
        way = circle(ticket.id, added, lambda one: sorted(tickets[one].depends))
        return sayings.circular(ticket.id, way) if way else None

    def _change(self, ticket: TicketRecord, outcome: Edited, now_ms: int) -> bool:
        before, new = ticket.shown(), outcome.new
        assert new.priority_number is not None
        assert new.max_retries is not None
        ticket.depends = {
            on: ticket.depends.get(on, self._world.tickets[on].state == "completed")
            for on in new.depends_on
        }
        wait, due = wait_after(before, outcome, unmet=ticket.unmet, now_ms=now_ms)
        ticket.new = msgspec.structs.replace(new, priority_number=None, depends_on=[])
        ticket.band = band(of_number(new.priority_number))
        ticket.priority_number = new.priority_number
        ticket.max_retries = new.max_retries
        ticket.actual_duration_s = outcome.actual_duration_s
        ticket.waits_for, ticket.due_at_ms, ticket.cooling = wait, due, None
        ticket.updated_at_ms = now_ms
        self._world.boards.setdefault(new.board, BoardRecord())
        self._world.note(
            journal.edited(
                before, outcome.changed, max_retries=new.max_retries, due_at_ms=due
            ),
            now_ms,
        )
        woke = ticket.claimable
        if gives_up_turn(before, outcome, wait):
            assert before.repo_path is not None
            woke |= self._wake([before.repo_path])
        return woke

    def comment(
        self, ticket_ids: Sequence[int], body_md: str, *, author: Author, now_ms: int
    ) -> list[TicketComment | NotFound]:
        return [self._comment(one, body_md, author, now_ms) for one in ticket_ids]

    def _comment(
        self, ticket_id: int, body_md: str, author: Author, now_ms: int
    ) -> TicketComment | NotFound:
        ticket = self._world.tickets.get(ticket_id)
        if ticket is None:
            return sayings.not_found(ticket_id)
        self._world.comments_made += 1
        made = TicketComment(
            id=self._world.comments_made,
            ticket_id=ticket_id,
            author=author,
            body_md=body_md,
            created_at_ms=now_ms,
        )
        self._world.comments.append(made)
        ticket.updated_at_ms = now_ms
        self._world.note(journal.commented(ticket_id, made.id, author), now_ms)
        return made

    def delete(
        self, ticket_ids: Sequence[int], *, now_ms: int
    ) -> list[Removed | EditRefusal]:
        return [self._delete(number, now_ms) for number in ticket_ids]

    def _delete(self, ticket_id: int, now_ms: int) -> Removed | EditRefusal:
        world = self._world
        ticket = world.tickets.get(ticket_id)
        if ticket is None:
            return sayings.not_found(ticket_id)
        if ticket.run_id is not None:
            return sayings.held_from_deleting(ticket_id, ticket.run_id)
        dependents = [
            one.id for one in world.tickets.values() if ticket_id in one.depends
        ]
        if dependents:
            return sayings.depended_on(ticket_id, sorted(dependents))
        runs = [run.id for run in world.runs.values() if run.ticket_id == ticket_id]
        del world.tickets[ticket_id]
        world.keys = {key: of for key, of in world.keys.items() if of != ticket_id}
        world.comments = [one for one in world.comments if one.ticket_id != ticket_id]
        for run_id in runs:
            del world.runs[run_id]
            world.logs.pop(run_id, None)
        world.note(journal.deleted(ticket.shown()), now_ms)
        woke = False
        if ticket.in_line and ticket.new.repo_path is not None:
            woke = self._wake([ticket.new.repo_path])
        deleted = Deleted(
            ticket_id=ticket_id,
            title=ticket.new.title,
            runs=list(runs),
            branch=ticket.branch,
            worktree=ticket.worktree,
        )
        return Removed(deleted=deleted, woke=woke)
