"""``agents``: the profiles, and what ``any`` means."""

import click

from kanban_ipc.control.service import AgentsCall, AgentsReply
from kanbanctl.parsing import Command
from kanbanctl.session import Session
from kanbanctl.views.configuration import show_agents


@click.command("agents", cls=Command)
@click.pass_obj
def command(session: Session) -> None:
    """Show the agent profiles, their programs and limits, and the default one.

    A program is looked for on the PATH of the daemon, which its workers inherit.
    """
    with session.client() as client:
        reply = client.call("Agents", AgentsCall(), AgentsReply)
    if session.as_json:
        session.output.reply(reply)
    else:
        show_agents(session.output, reply)
