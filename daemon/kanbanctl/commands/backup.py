"""``backup``: a copy of the store."""

import click

from kanban_ipc.control.upkeep import BackupCall, BackupReply
from kanbanctl.argument_types import new_file
from kanbanctl.parsing import Command
from kanbanctl.session import Session
from kanbanctl.wording import plural, size


@click.command("backup", cls=Command)
@click.argument("file", type=new_file)
@click.pass_obj
def command(session: Session, *, file: str) -> None:
    """Copy the store to FILE, which must not exist, while everything goes on.

    The copy is one moment of the store; it is on the disk and was checked when this
    returns. It holds tickets, runs and the journal; branches are in their
    repositories, what agents wrote is in runs/. To put it back, with the daemon down:
    kanband --restore FILE
    """
    call = BackupCall(path=file)
    with session.client(patient=True) as client:
        reply = client.call("Backup", call, BackupReply)
    if session.as_json:
        session.output.reply(reply)
        return
    session.output.line(
        f"{reply.path}: {size(reply.size_bytes)}, {plural(reply.tickets, 'ticket')}, "
        f"the journal up to {reply.last_seq}; checked."
    )
