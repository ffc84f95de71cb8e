"""Boards in memory."""

from kanban_ipc.control import NotFound, Refused
from kanband.core import journal
from kanband.store import sayings
from kanband.store.boards import ordered
from kanband.store.model.part import Part
from kanband.store.model.world import BoardRecord
from kanband.store.values import BoardRefusal


class Boards(Part):
    """Boards in memory; the world's dictionary has their order."""

    def add_board(
        self, name: str, *, position: int | None, wip_limit: int, now_ms: int
    ) -> Refused | bool:
        if name in self._world.boards:
            return sayings.board_exists(name)
        self._world.boards[name] = BoardRecord(wip_limit=wip_limit or None)
        self._order(ordered(list(self._world.boards), name, position))
        self._world.note(journal.board_added(name), now_ms)
        return True

    def edit_board(
        self,
        name: str,
        *,
        position: int | None,
        wip_limit: int | None,
        now_ms: int,
    ) -> NotFound | bool:
        board = self._world.boards.get(name)
        if board is None:
            return sayings.no_board(name)
        before = (list(self._world.boards), board.wip_limit)
        if position is not None:
            self._order(ordered(before[0], name, position))
        if wip_limit is not None:
            board.wip_limit = wip_limit or None
        changed = before != (list(self._world.boards), board.wip_limit)
        if changed:
            entry = journal.board_changed(name, position, wip_limit)
            self._world.note(entry, now_ms)
        return changed

    def rename_board(self, name: str, to: str, *, now_ms: int) -> BoardRefusal | bool:
        if name not in self._world.boards:
            return sayings.no_board(name)
        if name == to:
            return False
        if to in self._world.boards:
            return sayings.board_exists(to)
        self._world.boards = {
            to if each == name else each: board
            for each, board in self._world.boards.items()
        }
        for ticket in self._world.tickets.values():
            if ticket.new.board == name:
                ticket.move_to(to)
        self._world.note(journal.board_renamed(name, to), now_ms)
        return True

    def delete_board(self, name: str, *, now_ms: int) -> BoardRefusal | bool:
        if name not in self._world.boards:
            return sayings.no_board(name)
        own = sum(one.new.board == name for one in self._world.tickets.values())
        if own:
            return sayings.board_in_use(name, own)
        del self._world.boards[name]
        self._world.note(journal.board_deleted(name), now_ms)
        return True

    def _order(self, names: list[str]) -> None:
        self._world.boards = {name: self._world.boards[name] for name in names}
