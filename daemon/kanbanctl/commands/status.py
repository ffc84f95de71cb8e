"""``status``: is it well, what waits, who works."""

import click

from kanban_ipc.control.status import StatusCall, StatusReply
from kanbanctl import options
from kanbanctl.failures import Failure
from kanbanctl.parsing import Command
from kanbanctl.session import Session
from kanbanctl.views.queue import show_daemon, show_queue
from kanbanctl.views.workers import show_in_full, show_workers


@click.command("status", cls=Command)
@options.WORKERS
@click.option("-w", "--watch", "watched", is_flag=True, help="Go on until Ctrl-C.")
@click.pass_obj
def command(session: Session, *, workers: tuple[str, ...], watched: bool) -> int:
    """Show the daemon, the queue and the workers.

    With a WORKER only that one, its runs in full, and how it ended the last time.

    Exit code: 0 running, 3 nobody listens, 4 no answer.
    """
    if watched:
        from kanbanctl.watching import watch  # noqa: PLC0415 (start-up time)

        return watch(session, lambda: _show(session, workers))
    return _show(session, workers)


def _show(session: Session, workers: tuple[str, ...]) -> int:
    try:
        with session.client() as client:
            call = StatusCall(workers=list(workers))
            reply = client.call("Status", call, StatusReply)
    except Failure as failure:
        session.report(failure)
        return failure.status_exit_code
    output = session.output
    if output.as_json:
        output.reply(reply)
        return 0
    if not workers:
        show_daemon(output, reply.daemon)
        show_queue(output, reply.queue)
        output.line()
    show_workers(output, reply.workers)
    if workers:
        show_in_full(output, reply.workers)
    return 0
