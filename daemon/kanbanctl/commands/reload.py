"""``reload``: the configuration again."""

import click

from kanban_ipc.control.service import ReloadCall, ReloadReply
from kanbanctl.parsing import Command
from kanbanctl.session import Session
from kanbanctl.views.configuration import show_reloaded


@click.command("reload", cls=Command)
@click.pass_obj
def command(session: Session) -> None:
    """Have kanband read its configuration again, and show what changed.

    Runs under way keep what they were begun with. A configuration with a fault is
    refused, and the one in force goes on. SIGHUP to the daemon does the same.
    """
    with session.client() as client:
        reply = client.call("Reload", ReloadCall(), ReloadReply)
    if session.as_json:
        session.output.reply(reply)
    else:
        show_reloaded(session.output, reply)
