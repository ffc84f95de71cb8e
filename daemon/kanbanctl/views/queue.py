"""The daemon and the queue, in a few lines."""

from kanban_ipc.control.queue import BoardQueue, QueueInfo
from kanban_ipc.control.status import DaemonInfo
from kanbanctl import times
from kanbanctl.output import Output
from kanbanctl.tables import Cell, cells
from kanbanctl.views.counts import COLUMNS, counts
from kanbanctl.wording import listed, plural


def show_daemon(output: Output, daemon: DaemonInfo) -> None:
    """A line, and its problems."""
    healthy = Cell("healthy", "good") if daemon.healthy else Cell("NOT HEALTHY", "bad")
    output.flowing(
        Cell(f"kanband {daemon.version}", "strong"),
        Cell(daemon.state, "good" if daemon.state == "running" else "warn"),
        healthy,
        Cell(f"up {times.duration(daemon.uptime_s)}"),
        Cell(daemon.mode, "faint"),
        Cell(f"pid {daemon.pid}", "faint"),
    )
    for problem in daemon.problems:
        style = "warn" if daemon.healthy else "bad"
        output.paragraphs(f"! {problem}", style, indent="  ")


def show_queue(output: Output, queue: QueueInfo) -> None:
    """A line of counts."""
    waiting = f" ({queue.waiting:,} waiting)" if queue.waiting else ""
    output.flowing(
        Cell("queue PAUSED" if queue.paused else "queue", "strong"),
        Cell(f"{queue.backlog:,} in the backlog" if queue.backlog else ""),
        Cell(f"{queue.ready:,} ready{waiting}"),
        Cell(f"{queue.in_progress:,} in progress"),
        Cell(f"{queue.blocked:,} blocked", "warn" if queue.blocked else ""),
        Cell(f"{queue.review:,} in review"),
        Cell(f"{queue.done:,} done"),
        Cell(f"{plural(queue.active_workers, 'worker')} connected"),
        Cell(_paused_boards(queue.paused_boards), "warn"),
    )
    for each in queue.cooling:
        row = f", {each.in_a_row} times in a row" if each.in_a_row > 1 else ""
        output.paragraphs(
            f"! {each.provider} cools down until {times.local(each.until_ms)} (rate "
            f"limit{row}); its tickets wait. At once: kanbanctl queue resume "
            f"--provider {each.provider}",
            "warn",
            indent="  ",
        )


def _paused_boards(names: list[str]) -> str:
    if not names:
        return ""
    return f"PAUSED {plural(len(names), 'board').split()[1]}: {listed(names)}"


def show_boards(output: Output, queue: QueueInfo, boards: list[BoardQueue]) -> None:
    """A table of counts by board; a pause of the whole queue is one of every board."""
    output.table(
        COLUMNS,
        [
            cells(
                board.board,
                *counts(board),
                _paused_cell(queue, board),
            )
            for board in boards
        ],
    )


def _paused_cell(queue: QueueInfo, board: BoardQueue) -> Cell:
    if queue.paused:
        return Cell("all", "warn")
    return Cell("paused", "warn") if board.paused else Cell("no")
