"""``ask``: what the run that this is said in needs to be told."""

import click

from kanban_ipc.agent import AskCall
from kanbanctl.parsing import Command
from kanbanctl.session import Session
from kanbanctl.voice import Voice

YES_OR_NO = ("yes", "no")


@click.command("ask", cls=Command)
@click.argument("question")
@click.option("--choice", "choices", multiple=True, help="An answer. Several times.")
@click.option(
    "--permission",
    is_flag=True,
    help="To be allowed something: yes or no, unless there are choices.",
)
@click.pass_obj
def command(
    session: Session,
    *,
    question: str,
    choices: tuple[str, ...],
    permission: bool,
) -> None:
    """Ask people something, and then end.

    For agents, inside a run. Nobody answers meanwhile: end at once, with any exit
    status. The ticket then needs input; when it is answered, the agent is started
    again in the same directory, with KANBAN_QUESTION and KANBAN_ANSWER set.
    """
    voice = Voice(session)
    call = AskCall(
        token=voice.run.token,
        question=question,
        choices=list(choices or (YES_OR_NO if permission else ())),
        kind="permission" if permission else "clarification",
    )
    voice.call("Ask", call)
