"""``reset-failed``: give workers that are FATAL another chance, and resolve doubts."""

import click

from kanban_ipc.control.workers import ResetFailedCall, WorkersReply
from kanban_ipc.words import DoubtWord
from kanbanctl import options
from kanbanctl.parsing import Command
from kanbanctl.session import Session
from kanbanctl.views.workers import show_workers


@click.command("reset-failed", cls=Command)
@options.WORKERS
@click.option("--end", is_flag=True, help="UNKNOWN: its process may be ended.")
@click.option("--disown", is_flag=True, help="UNKNOWN: that process is another's.")
@click.pass_obj
def command(
    session: Session,
    *,
    workers: tuple[str, ...],
    end: bool,
    disown: bool,
) -> int:
    """Start FATAL workers again: those named, or all.

    A named worker that is UNKNOWN is looked at again. If its process still cannot be
    verified, it is for you to look at it and to say what it is. For example:
    kanbanctl reset-failed worker-1 --end

    Runs go on in either case; whoever has the worker's name next takes them over.
    """
    if end and disown:
        raise click.UsageError("--end is for a process of ours, --disown for another's")
    if (end or disown) and not workers:
        raise click.UsageError("name the worker whose process you have looked at")
    doubt: DoubtWord = "end" if end else "disown" if disown else "look"
    with session.client(patient=end) as client:
        call = ResetFailedCall(worker_ids=list(workers), doubt=doubt)
        reply = client.call("ResetFailed", call, WorkersReply)
    if session.as_json:
        session.output.reply(reply)
    elif reply.workers:
        show_workers(session.output, reply.workers)
    else:
        session.output.line("No worker is FATAL.")
    return int(any(worker.state == "UNKNOWN" for worker in reply.workers))
